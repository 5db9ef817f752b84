"""Your offers: coupons that were given, and the code that brings another."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from coupons import offers
from coupons.models import Offer, OfferStatus
from promote.front.doors import AdvertiserRequest, advertiser
from promote.refusals import Refusal

MOST_OVER = 20


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        error_messages={"required": gettext_lazy("Type the code, as it was given to you.")},
        widget=forms.TextInput(
            attrs={"class": "input", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@advertiser
def page(request: AdvertiserRequest) -> HttpResponse:
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            offer = offers.redeem_code(account=request.account, code=form.cleaned_data["code"], now=timezone.now())
        except Refusal as refusal:
            form.add_error("code", refusal.detail)
        else:
            messages.success(request, _("It is yours: %(offer)s.") % {"offer": offers.wording(offer)})
            return redirect("pages:offers")
    return _page(request, form, status=422 if form.errors else 200)


def _page(request: AdvertiserRequest, form: CodeForm, *, status: int) -> HttpResponse:
    now = timezone.now()
    own = Offer.objects.filter(account=request.account)
    usable = list(own.usable(now).order_by("expires_at", "id"))
    ready = {offer.id for offer in usable}
    rest = [offer for offer in own.order_by("-granted_at", "-id")[: MOST_OVER + len(ready)] if offer.id not in ready]
    for offer in rest:
        offer.status = offer.status_at(now)  # past its expiry before anybody swept it
    shown = {
        "form": form,
        "usable": usable,
        "in_use": [offer for offer in rest if offer.status == OfferStatus.IN_USE],
        "over": [offer for offer in rest if offer.status != OfferStatus.IN_USE][:MOST_OVER],
    }
    return render(request, "pages/offers.html", shown, status=status)
