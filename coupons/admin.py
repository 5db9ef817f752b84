"""Campaigns and offers in the admin: opened, funded, granted and revoked by their use cases."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coupons import campaigns, offers
from coupons.models import Campaign, Offer, OfferKind, OfferTransition
from promote import ids
from promote.accounts.models import Account, User
from promote.money import format_coins, micros_to_coins_floor
from promote.refusals import Invalid, NotFound, Refusal

FUND, GRANT, REVOKE = "coupons.fund_campaign", "coupons.grant_offer", "coupons.revoke_offer"


class CampaignForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Campaign
        fields = (
            "name", "kind", "coins", "percent", "cap_coins", "min_cost_coins", "market", "code", "max_offers",
            "offer_days", "starts_at", "ends_at",
        )  # fmt: skip
        labels = {
            "cap_coins": _("Cap, in coins"),
            "min_cost_coins": _("Least cost of an order, in coins"),
            "max_offers": _("Most offers"),
            "offer_days": _("Days an offer holds"),
            "starts_at": _("From"),
            "ends_at": _("Until"),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        wanted = {
            OfferKind.VOUCHER: ({"coins"}, {"percent", "cap_coins"}),
            OfferKind.DISCOUNT: ({"percent", "cap_coins"}, {"coins"}),
        }.get(cleaned.get("kind", ""), (set(), set()))
        for name in sorted(wanted[0]):
            if not cleaned.get(name):
                self.add_error(name, _("This kind of coupon needs it, above 0."))
        for name in sorted(wanted[1]):
            if cleaned.get(name) is not None:
                self.add_error(name, _("Leave this empty: it is for the other kind."))
        return cleaned


class FundForm(forms.Form):
    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    coins = forms.IntegerField(label=_("Coins"), min_value=1, max_value=campaigns.FUND_MOST_COINS)


class GrantForm(forms.Form):
    account = forms.CharField(label=_("Account"), help_text=_("The platform's id of the account, or its username."))
    expires_at = forms.SplitDateTimeField(
        label=_("Expires"),
        required=False,
        widget=AdminSplitDateTime(),
        help_text=_("Left empty, by the campaign's rule. UTC."),
    )

    def clean_account(self) -> Account:
        text = self.cleaned_data["account"].strip()
        found = Account.objects.filter(external_id=text).first()
        named = list(Account.objects.filter(username=text)[:2])
        if found is None and len(named) == 1:
            found = named[0]
        if found is None:
            raise forms.ValidationError(_("There is no such account, or more than one. Use the platform's id."))
        return found


class CampaignList(ChangeList):
    """Counts and sums for all campaigns of a page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        found = Campaign.objects.filter(pk__in=[row.pk for row in rows]).order_by()
        granted = dict(found.annotate(times=Count("offers")).values_list("pk", "times"))
        left, free = campaigns.balances_micros(rows), offers.free_coins_of(rows, timezone.now())
        for row in rows:
            row.figures = (left[row.pk], free[row.pk], granted[row.pk])
        self.result_list = rows


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = CampaignForm
    list_display = ("name", "gives", "code", "market", "left", "free", "granted", "starts_at", "ends_at")
    list_filter = ("kind", "market")
    search_fields = ("name", "code")
    ordering = ("-created_at",)
    change_form_template = "admin/coupons/campaign.html"

    @admin.display(description=_("Gives"))
    def gives(self, campaign: Campaign) -> str:
        return offers.wording(campaign)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CampaignList

    @admin.display(description=_("Left"))
    def left(self, row: Any) -> str:
        return format_coins(micros_to_coins_floor(row.figures[0]))

    @admin.display(description=_("Not promised"))
    def free(self, row: Any) -> str:
        return format_coins(max(0, row.figures[1]))

    @admin.display(description=_("Offers"))
    def granted(self, row: Any) -> int:
        return int(row.figures[2])

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        opened = campaigns.open_campaign(by=_staff(request), now=timezone.now(), **form.cleaned_data)
        obj.id, obj.ledger_account_id, obj.created_at = opened.id, opened.ledger_account_id, opened.created_at

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:campaign_id>/fund/", view(self.fund), name="coupons_campaign_fund"),
            path("<uuid:campaign_id>/grant/", view(self.grant), name="coupons_campaign_grant"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        campaign = context.get("original")
        if campaign is not None:
            left = micros_to_coins_floor(campaigns.balance_micros(campaign))
            free = max(0, offers.free_coins(campaign, timezone.now()))
            context["figures"] = [
                (_("Left"), format_coins(left)),
                (_("Not promised yet"), format_coins(free)),
                (_("Offers granted"), campaign.offers.count()),
            ]
            context["may_fund"], context["may_grant"] = request.user.has_perm(FUND), request.user.has_perm(GRANT)
        return super().render_change_form(request, context, *args, **kwargs)

    def fund(self, request: HttpRequest, campaign_id: Any) -> HttpResponse:
        """Coins from the platform's coupon expense into the campaign. A form sent twice moves them once."""
        campaign = self._find(request, campaign_id, FUND)
        form = FundForm(request.POST or None, initial={"key": ids.new().hex})
        if request.method == "POST" and form.is_valid():
            coins = form.cleaned_data["coins"]
            if _done(
                form,
                lambda: campaigns.fund(
                    campaign_id=campaign.id,
                    coins=coins,
                    key=form.cleaned_data["key"],
                    by=_staff(request),
                    now=timezone.now(),
                ),
            ):
                messages.success(request, _("%(coins)s put into it.") % {"coins": format_coins(coins)})
                return redirect("admin:coupons_campaign_change", campaign.id)
        return self._ask(request, campaign, form, title=_("Put coins in"), button=_("Put coins in"))

    def grant(self, request: HttpRequest, campaign_id: Any) -> HttpResponse:
        """An offer for one account, found in Your offers at once."""
        campaign = self._find(request, campaign_id, GRANT)
        form = GrantForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            account = form.cleaned_data["account"]
            if _done(
                form,
                lambda: offers.grant(
                    campaign_id=campaign.id,
                    account=account,
                    expires_at=form.cleaned_data["expires_at"],
                    by=_staff(request),
                    now=timezone.now(),
                ),
            ):
                messages.success(request, _("%(account)s has the offer now.") % {"account": account})
                return redirect("admin:coupons_campaign_change", campaign.id)
        return self._ask(request, campaign, form, title=_("Grant an offer"), button=_("Grant"))

    def _ask(self, request: HttpRequest, campaign: Campaign, form: forms.Form, **words: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            **words,
            "opts": self.model._meta,
            "media": self.media + form.media,
            "campaign": campaign,
            "gives": offers.wording(campaign),
            "form": form,
        }
        return render(request, "admin/coupons/ask.html", context, status=422 if form.errors else 200)

    def _find(self, request: HttpRequest, campaign_id: Any, permission: str) -> Campaign:
        if not (self.has_view_permission(request) and request.user.has_perm(permission)):
            raise PermissionDenied
        campaign = Campaign.objects.filter(id=campaign_id).first()
        if campaign is None:
            raise Http404
        return campaign


class Lines(admin.TabularInline):  # type: ignore[type-arg]
    model = OfferTransition
    fields = readonly_fields = ("at", "from_status", "to_status", "why", "by")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Offer)
class OfferAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("public_id", "account", "campaign", "gives", "state", "order_ref", "granted_at", "expires_at")
    list_filter = ("status", "kind", "by_code", "campaign")
    list_select_related = ("account", "campaign")
    search_fields = ("=account__username", "=account__external_id", "=order_ref")
    search_help_text = _("An offer's id (off_…), an order's, or an account's name or id.")
    ordering = ("-granted_at",)
    actions = ("revoke",)
    inlines = (Lines,)

    @admin.display(description=_("Gives"))
    def gives(self, offer: Offer) -> str:
        return offers.wording(offer)

    @admin.display(description=_("Status"), ordering="status")
    def state(self, offer: Offer) -> str:
        return str(offer.status_at(timezone.now()).label)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        try:
            return queryset.filter(id=ids.parse("off", search_term.strip())), False
        except NotFound:
            return super().get_search_results(request, queryset, search_term)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(REVOKE)

    @admin.action(description=_("Take back"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Offer]) -> None:
        for offer in queryset:
            try:
                offers.revoke(offer_id=offer.id, by=_staff(request), now=timezone.now())
            except Refusal as refusal:
                messages.error(request, f"{offer.public_id}: {refusal.detail}")
            else:
                messages.success(request, _("%(offer)s was taken back.") % {"offer": offer.public_id})


def _staff(request: HttpRequest) -> User:
    """Who is at the desk. The admin site let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def _done(form: forms.Form, work: Any) -> bool:
    """Runs a use case; where it refuses, the form says why."""
    try:
        work()
    except Invalid as refusal:
        for error in refusal.errors:
            form.add_error(error.field if error.field in form.fields else None, str(error.detail))
    except Refusal as refusal:
        form.add_error(None, refusal.detail)
    return not form.errors
