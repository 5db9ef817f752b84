"""What ops block, in the admin: added with its reason, lifted, never changed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from delivery import blocked
from delivery.models import BlockedSource, FoundReason
from promote.accounts.models import User
from promote.look_only import LookOnly
from promote.refusals import Invalid, Refusal


class BlockForm(forms.ModelForm):  # type: ignore[type-arg]
    network = forms.CharField(required=False, help_text=BlockedSource._meta.get_field("network").help_text)

    class Meta:
        model = BlockedSource
        fields = ("agent", "network", "referrer", "reason", "note", "since", "until")

    def _post_clean(self) -> None:
        """The use case judges; what it refuses is told at its field, before anything is written."""
        asked: dict[str, Any] = {name: self.cleaned_data.get(name) for name in self.Meta.fields}
        if self.errors:
            return
        try:
            blocked.check(**asked, now=timezone.now())
        except Invalid as refusal:
            for error in refusal.errors:
                self.add_error(error.field, str(error.detail))


class InForce(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("in_force", _("In force")), ("over", _("Over or lifted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BlockedSource]) -> QuerySet[BlockedSource]:
        holds = Q(lifted_at=None) & (Q(until=None) | Q(until__gt=timezone.now()))
        if self.value() is None:
            return queryset
        return queryset.filter(holds if self.value() == "in_force" else ~holds)


@admin.register(BlockedSource)
class BlockedSourceAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """To add one blocks; what came from there before is returned by a run, back to `since`."""

    form = BlockForm
    list_display = (
        "at", "agent", "network", "referrer", "reason", "note", "since", "until", "by", "lifted_at", "lifted_by",
    )  # fmt: skip
    list_filter = (InForce, "reason")
    list_select_related = ("by", "lifted_by")
    search_fields = ("agent", "referrer", "note")
    actions = ("lift",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("delivery.add_blockedsource")

    def save_model(self, request: HttpRequest, obj: BlockedSource, form: Any, change: bool) -> None:
        facts = form.cleaned_data
        assert isinstance(request.user, User)
        reason = FoundReason(facts["reason"])
        made = blocked.add(**{**facts, "reason": reason}, by=request.user, now=timezone.now())
        # Django's log and its message name what was added.
        vars(obj).update(vars(made))

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("delivery.change_blockedsource")

    @admin.action(description=_("Lift"), permissions=["lift"])
    def lift(self, request: HttpRequest, sources: QuerySet[BlockedSource]) -> None:
        assert isinstance(request.user, User)
        for source in sources:
            try:
                blocked.lift(source_id=source.id, by=request.user, now=timezone.now())
            except Refusal as refusal:
                self.message_user(request, f"{source}: {refusal.detail}", messages.ERROR)
