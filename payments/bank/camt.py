"""ISO 20022 statements (camt.053, any version): booked entries, those of a batch one by one.

Read by defusedxml: a document type, an external entity or a bomb is refused before anything of it is expanded.
"""

from collections.abc import Iterator
from datetime import date
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.utils.translation import gettext_lazy as _

from payments.bank.rows import Row, unreadable
from payments.gateways.amounts import to_minor


def read(raw: bytes, *, number: str) -> Iterator[Row]:
    """The rows of our account `number`. Raises Invalid (`file`) where it is another's, or no camt.053."""
    root = _parsed(raw)
    statements = list(_all(root, "BkToCstmrStmt/Stmt"))
    if not statements:
        raise unreadable(_("This XML holds no bank statement (camt.053). Export “camt.053” at the bank."))
    for statement in statements:
        account = _text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id")
        if _dense(account) != _dense(number):
            raise unreadable(_("This statement is of another account: %s.") % (account or "–"))
        for entry in _all(statement, "Ntry"):
            if (_text(entry, "Sts/Cd") or _text(entry, "Sts") or "BOOK") == "BOOK":
                yield from _rows(entry)


def _parsed(raw: bytes) -> Element:
    try:
        root: Element = fromstring(raw, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise unreadable(
            _("This XML declares a document type or entities, which no statement does. Refused.")
        ) from None
    except (ParseError, ValueError, LookupError):
        raise unreadable(_("This is no well-formed XML. Export the statement again.")) from None
    return root


def _rows(entry: Element) -> Iterator[Row]:
    """One row an entry, or one a transaction where the bank booked several together."""
    details = list(_all(entry, "NtryDtls/TxDtls"))
    amounts = [_amount_of(one) for one in details] if len(details) > 1 else []
    is_batch = any(amount is not None for amount in amounts)
    parts = list(zip(details, amounts, strict=True)) if is_batch else [((details or [entry])[0], _amount_of(entry))]
    total, currency = _money(entry, _amount_of(entry))
    own = _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
    rows = [
        Row(
            ref=_ref(own, _text(one, "Refs/AcctSvcrRef"), place if is_batch else 0),
            booked_on=_day(entry),
            amount_minor=_money(entry, amount)[0],
            currency=currency,
            text=_said(entry, one),
            payer=_text(one, "RltdPties/Dbtr/Pty/Nm") or _text(one, "RltdPties/Dbtr/Nm"),
            payer_account=_text(one, "RltdPties/DbtrAcct/Id/IBAN") or _text(one, "RltdPties/DbtrAcct/Id/Othr/Id"),
        )
        for place, (one, amount) in enumerate(parts, 1)
    ]
    if sum(row.amount_minor for row in rows) != total:
        raise unreadable(_("The payments of an entry do not add up to it. Ask the bank for another export."))
    yield from rows


def _day(entry: Element) -> date:
    booked = _text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm") or _text(entry, "ValDt/Dt")
    try:
        return date.fromisoformat(booked[:10])
    except ValueError:
        raise unreadable(_("An entry has no date of booking.")) from None


def _ref(own: str, of_payment: str, place: int) -> str:
    if of_payment and of_payment != own:
        return of_payment[:128]
    return f"{own[:120]}:{place}" if own and place else own[:128]


def _money(entry: Element, amount: Element | None) -> tuple[int, str]:
    """In minor units, and the currency; below 0 for a debit, and for a credit that is taken back."""
    if amount is None:
        raise unreadable(_("An entry, or a payment of one that holds several, has no amount."))
    currency = amount.get("Ccy", "")
    try:
        minor = to_minor((amount.text or "").strip(), currency)
    except ValueError as error:
        raise unreadable(str(error)) from None
    return (minor if _text(entry, "CdtDbtInd") == "CRDT" else -minor), currency


def _amount_of(element: Element) -> Element | None:
    """Of a transaction, in either place that versions have it."""
    places = (found for path in ("Amt", "AmtDtls/TxAmt/Amt") for found in _all(element, path))
    return next(places, None)


def _said(entry: Element, details: Element) -> str:
    paths = ("RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Ustrd", "Refs/EndToEndId")
    words = [(one.text or "").strip() for path in paths for one in _all(details, path)]
    words += [_text(entry, "AddtlNtryInf")]
    return "\n".join(dict.fromkeys(word for word in words if word))[:2000]


def _all(element: Element, path: str) -> Iterator[Element]:
    """By local names: each version of the message has a namespace of its own."""
    first, _slash, rest = path.partition("/")
    for child in element:
        if child.tag.rpartition("}")[2] == first:
            if rest:
                yield from _all(child, rest)
            else:
                yield child


def _text(element: Element, path: str) -> str:
    found = next(_all(element, path), None)
    return (found.text or "").strip() if found is not None else ""


def _dense(text: str) -> str:
    return "".join(text.split()).upper().lstrip("0")
