"""Who looks for us, in the admin: added with a note, and taken off again."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from delivery import staff
from delivery.models import StaffViewer
from promote.accounts.models import User
from promote.look_only import LookOnly
from promote.refusals import Invalid


class StaffViewerForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = StaffViewer
        fields = ("name", "note")

    def _post_clean(self) -> None:
        """The use case judges; what it refuses is told at its field, before anything is written."""
        if self.errors:
            return
        try:
            staff.check(name=self.cleaned_data["name"], note=self.cleaned_data["note"])
        except Invalid as refusal:
            for error in refusal.errors:
                self.add_error(error.field, str(error.detail))


@admin.register(StaffViewer)
class StaffViewerAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """To add one makes what they are shown free from then on; what was billed before is a Finding."""

    form = StaffViewerForm
    list_display = ("name", "note", "by", "at")
    list_select_related = ("by",)
    search_fields = ("name", "note")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("delivery.add_staffviewer")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("delivery.delete_staffviewer")

    def save_model(self, request: HttpRequest, obj: StaffViewer, form: Any, change: bool) -> None:
        assert isinstance(request.user, User)
        made = staff.add(**form.cleaned_data, by=request.user, now=timezone.now())
        # Django's log and its message name what was added.
        vars(obj).update(vars(made))
