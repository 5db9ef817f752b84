"""Clearing accounts beside what providers' own lines add up to. One that stays apart is work for finance, as a row.

Apart is explained while it is under way: what we booked and the provider has not yet, and the other way round for coins
that are being withdrawn; and by open differences, which are work of their own. What is left is a difference of kind
`clearing`, one at a time for each provider and currency. Source: payments.md 1.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from payments import checkpoints, currencies, differences
from payments.models import Difference, DifferenceKind, DifferenceState, LedgerAccount, ProviderLine

_EXPLAINED = """
WITH line AS NOT MATERIALIZED (SELECT kind, subject, payment_ref, amount_minor, currency
                FROM payments_providerline WHERE gateway = %(gateway)s),
     part AS (
    -- We have booked it, the provider has not yet.
    SELECT t.currency, t.amount_minor AS minor FROM payments_topup t
     WHERE t.gateway = %(gateway)s AND t.status = 'paid' AND t.paid_at >= %(cut)s
       AND NOT EXISTS (SELECT FROM line WHERE line.payment_ref = t.payment_ref AND line.kind = 'payment')
    UNION ALL
    SELECT r.currency, -r.amount_minor FROM payments_paymentreturn r
     WHERE r.gateway = %(gateway)s AND r.state <> 'undone'
       AND CASE r.kind WHEN 'withdrawal' THEN r.done_at ELSE r.noticed_at END >= %(cut)s
       AND NOT EXISTS (SELECT FROM line WHERE line.subject = r.provider_ref)
    UNION ALL
    SELECT r.currency, r.amount_minor FROM payments_paymentreturn r
     WHERE r.gateway = %(gateway)s AND r.state = 'undone' AND r.undone_at >= %(cut)s
       AND EXISTS (SELECT FROM line WHERE line.subject = r.provider_ref AND line.kind IN ('refund', 'dispute'))
       AND NOT EXISTS (SELECT FROM line
                        WHERE line.subject = r.provider_ref AND line.kind IN ('refund_failed', 'dispute_won'))
    UNION ALL
    -- The provider has booked it; we do once it says that the money has arrived.
    SELECT line.currency, -line.amount_minor FROM line
      JOIN payments_paymentreturn r ON r.gateway = %(gateway)s AND r.provider_ref = line.subject
     WHERE r.kind = 'withdrawal' AND r.state = 'under_way'
    UNION ALL
    -- Some providers tell of fees and payouts by file alone; finance books these.
    SELECT a.currency, CASE WHEN a.debit_code = 'clearing:' || %(gateway)s THEN a.amount_minor ELSE -a.amount_minor END
      FROM payments_adjustment a
     WHERE a.state = 'approved' AND NOT %(lists_payouts)s
       AND (a.debit_code = 'clearing:' || %(gateway)s AND a.credit_code IN ('bank', 'gateway_fees')
         OR a.credit_code = 'clearing:' || %(gateway)s AND a.debit_code IN ('bank', 'gateway_fees'))
    UNION ALL
    SELECT d.ours_currency, d.ours_minor FROM payments_difference d
     WHERE d.gateway = %(gateway)s AND d.state = 'open' AND d.kind <> 'clearing' AND d.ours_currency <> ''
       AND NOT EXISTS (SELECT FROM payments_paymentreturn r WHERE r.gateway = d.gateway
                          AND r.provider_ref = d.subject AND r.kind = 'withdrawal' AND r.state = 'under_way')
    UNION ALL
    SELECT d.theirs_currency, -d.theirs_minor FROM payments_difference d
     WHERE d.gateway = %(gateway)s AND d.state = 'open' AND d.kind <> 'clearing' AND d.theirs_currency <> ''
)
SELECT currency, sum(minor)::bigint FROM part GROUP BY currency
"""


@dataclass(frozen=True, slots=True)
class Clearing:
    """A clearing account beside the provider's own balance, in minor units."""

    gateway: str
    currency: str
    ours_minor: int
    theirs_minor: int

    @property
    def apart_minor(self) -> int:
        return self.ours_minor - self.theirs_minor


def clearing(gateway: str | None = None) -> list[Clearing]:
    """Every clearing account, or a provider's: what we say it holds for us, and what its own lines add up to."""
    rows, accounts = ProviderLine.objects.all(), LedgerAccount.objects.filter(code__startswith="clearing:")
    if gateway is not None:
        rows, accounts = rows.filter(gateway=gateway), accounts.filter(code=f"clearing:{gateway}")
    sums = rows.values_list("gateway", "currency").annotate(amount=Sum("amount_minor"), fee=Sum("fee_minor"))
    said = {(name, currency): (amount or 0) - (fee or 0) for name, currency, amount, fee in sums}
    code_of = {number: code for code, number in currencies.NUMBERS.items()}
    ours = {
        (account.code.removeprefix("clearing:"), code_of[account.ledger]): -checkpoints.balance(account.id)
        for account in accounts
        if account.code
    }
    return [
        Clearing(name, currency, ours.get((name, currency), 0), said.get((name, currency), 0))
        for name, currency in sorted(ours.keys() | said.keys())
    ]


def follow(*, gateway: str, lists_payouts: bool, cut: datetime, now: datetime) -> int:
    """In the caller's transaction, after `differences.compare`: opens a row for each currency in which the provider's
    account is apart, follows the one that is open, and ends it once nothing is unexplained. How many new rows.

    What we booked since `cut` the provider may not have yet; one that does not list its payouts and fees has those that
    finance booked. A resolved row stays, and so does its reason: another is opened only where the account is apart by
    another amount than was resolved.
    """
    asked = {"gateway": gateway, "cut": cut, "lists_payouts": lists_payouts}
    return sum(_follow(one, unexplained, now=now) for one, unexplained in _unexplained(asked))


def _unexplained(asked: dict[str, Any]) -> Iterator[tuple[Clearing, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_EXPLAINED, asked)
        explained = dict(cursor.fetchall())
    for one in clearing(asked["gateway"]):
        yield one, one.apart_minor - explained.get(one.currency, 0)


def _follow(one: Clearing, unexplained: int, *, now: datetime) -> bool:
    """Whether a row is new."""
    rows = Difference.objects.select_for_update(of=("self",)).filter(
        gateway=one.gateway, kind=DifferenceKind.CLEARING, ours_currency=one.currency
    )
    row = rows.filter(state=DifferenceState.OPEN).first()
    should_be = one.ours_minor - unexplained
    if row is None:
        resolved = rows.filter(state=DifferenceState.RESOLVED).order_by("found_at").last()
        if not unexplained or unexplained == _apart(resolved):
            return False
        differences.open_row(
            one.gateway,
            differences.Found(
                DifferenceKind.CLEARING,
                f"{one.currency} {now:%Y-%m-%dT%H:%M:%S.%fZ}",
                now,
                ours_minor=one.ours_minor,
                ours_currency=one.currency,
                theirs_minor=should_be,
                theirs_currency=one.currency,
            ),
            now=now,
        )
        return True
    if not unexplained:
        differences.move(row, to=DifferenceState.GONE, reason=str(_("The account is not apart any more.")), now=now)
    elif (row.ours_minor, row.theirs_minor) != (one.ours_minor, should_be):
        row.ours_minor, row.theirs_minor = one.ours_minor, should_be
        row.save(update_fields=["ours_minor", "theirs_minor"])
        differences.move(row, to=DifferenceState.OPEN, reason=str(_("Still apart, by other sums.")), now=now)
    return False


def _apart(row: Difference | None) -> int | None:
    return None if row is None else (row.ours_minor or 0) - (row.theirs_minor or 0)
