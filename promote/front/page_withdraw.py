"""Coins that go back to the payments they came from: where to and how long it takes, before anybody confirms.

What can't go back as it was paid goes to a bank account of its owner's, which is asked for beside the button. It comes
in the body alone: no address has a word of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from payments import leg_failures, payees, payout_accounts, wallet, withdrawals, withdrawing
from payments.gateways.base import NamedAccount, Payee
from payments.models import TopUp, Withdrawal, WithdrawalLeg
from payments.withdrawing import Plan
from promote.front.doors import AdvertiserRequest, advertiser
from promote.front.promote_form import new_key
from promote.front.words import LEG_STATES, WITHDRAWAL_NOTES, WITHDRAWAL_STATUSES, Pill
from promote.markets.models import PaymentMethod, PayoutBank
from promote.refusals import FieldError, Invalid, Refusal

SURFACE = "web"


class CoinsForm(forms.Form):
    coins = forms.IntegerField(
        label=_("How many coins?"),
        min_value=1,
        max_value=1_000_000_000,
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
        error_messages={"required": _("Say how many coins."), "invalid": _("Whole coins, as a number.")},
    )


class AccountForm(forms.Form):
    """The bank account that a plan needs. What is wrong with it is the use case's to say (`tell`)."""

    bank = forms.CharField(label=_("Bank"), required=False, widget=forms.Select(attrs={"class": "input"}))
    holder = forms.CharField(
        label=_("Account holder"),
        help_text=_("As the bank has it. It has to be who paid."),
        required=False,
        strip=False,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "name", "maxlength": "200"}),
    )
    number = forms.CharField(
        label=_("Account number"),
        required=False,
        widget=forms.TextInput(
            attrs={"class": "input", "inputmode": "numeric", "autocomplete": "off", "dir": "ltr", "maxlength": "64"}
        ),
    )

    def __init__(self, data: Mapping[str, str] | None, *, banks: Iterable[PayoutBank] = ()) -> None:
        super().__init__(data)
        choices = [("", _("Choose your bank")), *((one.code, one.name) for one in banks)]
        self.fields["bank"].widget.choices = choices

    @property
    def named(self) -> NamedAccount | None:
        """As it was typed; None where the form had no such fields."""
        if "bank" not in self.data:
            return None
        return NamedAccount(**{name: str(self.data.get(name, "")) for name in ("bank", "holder", "number")})

    def tell(self, errors: Iterable[FieldError]) -> None:
        """Beside the fields that they are about, else above them. The page opens at the first."""
        for error in errors:
            name = error.field.removeprefix(f"{payout_accounts.FIELD}.")
            self.add_error(name if name in self.fields else None, str(error.detail))
        if first := next((name for name in self.fields if self.has_error(name)), None):
            self.fields[first].widget.attrs["autofocus"] = True


@dataclass(frozen=True, slots=True)
class Leg:
    """A payment that gets money back, as the page of a withdrawal shows it."""

    leg: WithdrawalLeg
    method: PaymentMethod | None
    pill: Pill
    failure: str
    """Why it was not paid back, where it was not."""
    payees: Sequence[Payee]
    """The bank accounts that it goes to, where it came by transfer."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What comes back together, in one currency."""

    amount_minor: int
    currency: str
    exponent: int


def sums(parts: Iterable[tuple[TopUp, int]]) -> list[Sum]:
    """Of payments, and what goes back of each in minor units: a sum a currency, in their order."""
    found: dict[str, Sum] = {}
    for top_up, amount_minor in parts:
        before = found[top_up.currency].amount_minor if top_up.currency in found else 0
        found[top_up.currency] = Sum(before + amount_minor, top_up.currency, top_up.exponent)
    return list(found.values())


@require_http_methods(["GET", "HEAD", "POST"])
@advertiser
def ask(request: AdvertiserRequest) -> HttpResponse:
    """Asks how many; `?coins=` shows where just so many go, to be confirmed; sent, it is done, once."""
    given = request.POST if request.method == "POST" else request.GET
    form = CoinsForm(given) if "coins" in given else CoinsForm()
    coins = form.cleaned_data["coins"] if form.is_bound and form.is_valid() else None
    wrong: list[FieldError] = []
    try:
        if request.method == "POST" and coins:
            return redirect("pages:withdrawal", _sent(request, coins).public_id)
        plan = _plan(request, coins)
    except Invalid as refusal:
        wrong = [error for error in refusal.errors if error.field.startswith(payout_accounts.FIELD)]
        for error in refusal.errors if not wrong else ():
            form.add_error("coins", str(error.detail))
        plan = _plan(request, coins if wrong else None)
    except Refusal as refusal:
        if not (form.is_bound and refusal.extra.get("left_coins")):
            return _page(request, refusal=refusal, status=422 if request.method == "POST" else 200)
        form.add_error("coins", refusal.detail)
        plan = _plan(request, None)
    if not form.is_bound:
        form = CoinsForm(initial={"coins": plan.coins})
    shown = {
        "plan": plan,
        "sums": sums((part.top_up, part.price_minor) for part in plan.parts),
    }
    if form.is_bound and not form.errors:
        account = AccountForm(request.POST if request.method == "POST" else None, banks=plan.banks)
        account.tell(wrong)
        parts = [(part, payees.planned(part)) for part in plan.parts]
        return _page(request, status=422 if wrong else 200, parts=parts, account=account, confirming=True, **shown)
    return _page(request, status=422 if form.errors else 200, form=form, **shown)


def _plan(request: AdvertiserRequest, coins: int | None) -> Plan:
    return withdrawing.quote(account=request.account, surface=SURFACE, coins=coins, now=timezone.now())


def _sent(request: AdvertiserRequest, coins: int) -> Withdrawal:
    return withdrawals.request(
        account=request.account,
        surface=SURFACE,
        coins=coins,
        payout_account=AccountForm(request.POST).named,
        key=request.POST.get("key", "")[:255] or new_key(),
        now=timezone.now(),
    )


@require_safe
@advertiser
def withdrawal(request: AdvertiserRequest, withdrawal_id: str) -> HttpResponse:
    """One withdrawal, leg by leg."""
    found = withdrawals.get(account=request.account, public_id=withdrawal_id)
    legs = list(found.legs.select_related("returned__top_up__market", "payout_account"))
    markets = {leg.returned.top_up.market_id for leg in legs}
    methods = {(row.market_id, row.code): row for row in PaymentMethod.objects.filter(market__in=markets)}
    paid_to = payees.of_legs(legs)
    shown = [
        Leg(
            leg,
            methods.get((leg.returned.top_up.market_id, leg.returned.top_up.method)),
            LEG_STATES[leg.state],
            leg_failures.sentence(leg),
            paid_to.get(leg.public_id, []),
        )
        for leg in legs
    ]
    last = found.transitions.last()
    reason = last.why if last and found.status == "refused" else ""
    context = {
        "withdrawal": found,
        "pill": WITHDRAWAL_STATUSES[found.status],
        "note": WITHDRAWAL_NOTES[found.status],
        "legs": shown,
        "sums": sums((leg.returned.top_up, leg.returned.amount_minor) for leg in legs),
        "reason": reason,
    }
    return render(request, "pages/withdrawal.html", context)


def _page(request: AdvertiserRequest, *, status: int, **shown: object) -> HttpResponse:
    context = {"balance": wallet.balance(account=request.account, now=timezone.now()), "key": new_key(), **shown}
    return render(request, "pages/withdraw.html", context, status=status)
