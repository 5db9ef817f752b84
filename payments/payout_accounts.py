"""The bank account that an advertiser names for what can't go back as it was paid: a transfer that a provider took.

Which payments those are, and who pays them back, is their gateway's to say (WantsAccount). Holder and number are sealed
(sealed_rows.py); their owner sees the last digits, and whoever of finance sends the money all of it. Our staff
looks at each withdrawal to such an account: the name has to be the payer's. Source: DESIGN.md 2, payments.md 6.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from payments import card_numbers, gateways, sealed_rows
from payments.gateways.base import NamedAccount, PaysNamedAccount, WantsAccount
from payments.models import PayoutAccount, TopUp
from promote import ids
from promote.accounts.models import Account
from promote.markets.models import PayoutBank
from promote.refusals import FieldError, Invalid

FIELD = "payout_account"
HOLDER_MOST = 50
"""Characters; 2C2P takes so many."""
_BETWEEN = re.compile(r"[\s\u2010-\u2015-]")
"""What people and banks write between the digits: spaces, and hyphens of every length."""
_CARD_DIGITS = 16


def carrier_of(top_up: TopUp) -> str:
    """The gateway that pays this payment back to a named account; empty where it goes back as it came.

    Raises NoSuchGateway.
    """
    gateway = gateways.named(top_up.gateway)
    return gateway.paid_to_named_by(top_up.method) if isinstance(gateway, WantsAccount) else ""


def can_pay(carrier: str) -> bool:
    return gateways.has_keys(carrier) and isinstance(gateways.named(carrier), PaysNamedAccount)


def banks_of(market_id: str) -> tuple[PayoutBank, ...]:
    """Where an account may be, by name."""
    return tuple(PayoutBank.objects.filter(market=market_id, enabled=True))


def read(given: NamedAccount | None, *, banks: Sequence[PayoutBank]) -> NamedAccount | None:
    """What was typed as it is kept: the number in digits alone. None where no bank is asked for, and none was named.

    Raises Invalid, which names every field that is wrong and quotes nothing of it.
    """
    if not banks:
        if given is None:
            return None
        told = _("No bank account is needed: these coins go back to what paid for them. Leave the account out.")
        raise Invalid([FieldError(FIELD, "not_needed", told)])
    if given is None:
        told = _(
            "Name a bank account of yours: some of these coins were paid by a transfer that can't go back by itself."
        )
        raise Invalid([FieldError(FIELD, "required", told)])
    found = _plain(given)
    bank = next((one for one in banks if one.code == found.bank), None)
    errors = [*_about_bank(found.bank, banks), *_about_holder(given.holder), *_about_number(found.number, bank)]
    if errors:
        raise Invalid(errors)
    return found


def keep(named: NamedAccount, *, account: Account, banks: Sequence[PayoutBank], now: datetime) -> PayoutAccount:
    """Writes down what `read` took, sealed."""
    bank, row_id = next(one for one in banks if one.code == named.bank), ids.new()
    return PayoutAccount.objects.create(
        id=row_id,
        account=account,
        market_id=bank.market_id,
        bank_code=bank.code,
        bank_name=bank.name,
        holder=sealed_rows.seal(named.holder, row_id=row_id),
        number=sealed_rows.seal(named.number, row_id=row_id),
        last_digits=named.number[-4:] if len(named.number) > 6 else named.number[-2:],
        named_at=now,
    )


def opened(row: PayoutAccount) -> NamedAccount:
    """The account in plain: for the provider that pays it, and for whoever of finance may see it. Raises SealBroken."""
    holder, number = (sealed_rows.opened(text, row_id=row.id) for text in (row.holder, row.number))
    return NamedAccount(row.bank_code, holder, number)


def is_same(row: PayoutAccount | None, given: NamedAccount | None) -> bool:
    """Whether a request that comes again names the account that it named."""
    if row is None or given is None:
        return row is None and given is None
    return opened(row) == _plain(given)


def _plain(given: NamedAccount) -> NamedAccount:
    return NamedAccount(given.bank.strip(), " ".join(given.holder.split()), _BETWEEN.sub("", given.number))


def _about_bank(code: str, banks: Sequence[PayoutBank]) -> Iterator[FieldError]:
    if not code:
        yield FieldError(f"{FIELD}.bank", "required", _("Choose the bank that the account is with."))
    elif code not in {bank.code for bank in banks}:
        told = _("Choose one of these banks, by its code: %(known)s.") % {"known": ", ".join(map(str, banks))}
        yield FieldError(f"{FIELD}.bank", "invalid_choice", told)


def _about_holder(holder: str) -> Iterator[FieldError]:
    field, name = f"{FIELD}.holder", " ".join(holder.split())
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for letter in holder):
        yield FieldError(field, "invalid", _("The holder's name has a character that can't be read: type it anew."))
    elif not any(letter.isalpha() for letter in name):
        yield FieldError(field, "required", _("Write the holder's name as the bank has it."))
    elif len(name) > HOLDER_MOST:
        told = _("At most %(most)s characters: shorten the name as the bank does.") % {"most": HOLDER_MOST}
        yield FieldError(field, "max_length", told)
    else:
        yield from _about_cards(field, name)


def _about_number(number: str, bank: PayoutBank | None) -> Iterator[FieldError]:
    field = f"{FIELD}.number"
    if not number:
        yield FieldError(field, "required", _("Write the account's number."))
    elif not re.fullmatch(r"[0-9]+", number):
        yield FieldError(
            field, "invalid", _("An account number has digits only, 0 to 9; spaces and hyphens may be left in.")
        )
    elif bank is not None and not bank.min_digits <= len(number) <= bank.max_digits:
        yield FieldError(field, "invalid", _length(bank))
    elif len(number) == _CARD_DIGITS:
        yield from _about_cards(field, number)


def _about_cards(field: str, text: str) -> Iterator[FieldError]:
    """A card has sixteen digits, or they stand in a name: an account number may add up as one by chance."""
    try:
        card_numbers.refuse({field: text})
    except Invalid as refusal:
        yield from refusal.errors


def _length(bank: PayoutBank) -> str:
    if bank.min_digits == bank.max_digits:
        told = ngettext(
            "An account number of %(bank)s has %(count)s digit.",
            "An account number of %(bank)s has %(count)s digits.",
            bank.max_digits,
        )
        return told % {"bank": bank.name, "count": bank.max_digits}
    told = str(_("An account number of %(bank)s has from %(least)s to %(most)s digits."))
    return told % {"bank": bank.name, "least": bank.min_digits, "most": bank.max_digits}
