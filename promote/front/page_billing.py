"""Whom an account's documents are made out to, and where they are mailed."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from payments import billing
from promote.front.doors import AdvertiserRequest, advertiser
from promote.refusals import Invalid


def _box(autocomplete: str) -> dict[str, str]:
    return {"class": "input", "autocomplete": autocomplete}


class BillingForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("Your company's as it is registered, or your own."),
        max_length=200,
        error_messages={"required": gettext_lazy("Say whom the invoices are for.")},
        widget=forms.TextInput(attrs=_box("organization")),
    )
    address = forms.CharField(
        label=gettext_lazy("Address (may stay empty)"),
        help_text=gettext_lazy("As it is to stand on paper, a line a line, with the country."),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={**_box("street-address"), "rows": 4}),
    )
    tax_id = forms.CharField(
        label=gettext_lazy("Tax number (may stay empty)"),
        help_text=gettext_lazy("Of your company, for example its VAT, GST or NPWP number."),
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs=_box("off")),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail (may stay empty)"),
        help_text=gettext_lazy("Each invoice, receipt and credit note is sent here as a PDF. Empty: none is."),
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs=_box("email")),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@advertiser
def page(request: AdvertiserRequest) -> HttpResponse:
    form = BillingForm(
        request.POST if request.method == "POST" else None, initial=billing.buyer(request.account).as_dict()
    )
    if request.method == "POST" and form.is_valid():
        try:
            billing.put(account=request.account, now=timezone.now(), **form.cleaned_data)
        except Invalid as refusal:
            for error in refusal.errors:
                form.add_error(error.field, str(error.detail))
        else:
            messages.success(request, _("Saved. Your documents say this from now on; those you have stay as they are."))
            return redirect("pages:invoices")
    return render(request, "pages/billing.html", {"form": form}, status=422 if form.errors else 200)
