"""Reconciliation: what a provider says it took and paid back, compared with our top-ups and our clearing account.

Every line of the provider's account is stored once and posted once: fees and payouts leave the clearing account by it,
payments and what went back have theirs from elsewhere, so a line that we know nothing of leaves the clearing account
above or below what the provider says. Whatever differs is a row (differences.py), and so is a clearing account that
stays apart (clearing.py). Runs again change nothing.
Source: payments.md 1.1 (Stripe's clearing, completeness) and 1.3.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from payments import clearing, differences, fiat, gateways, ledger, providers
from payments.gateways import said
from payments.gateways.base import (
    Accounts,
    Answers,
    GatewayAway,
    GatewayRefused,
    Line,
    LineKind,
    PaidThere,
    PaymentState,
)
from payments.models import ProviderLine, Reconciliation, TopUp, TopUpStatus
from promote.accounts.models import User
from promote.refusals import Refusal

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=3)
"""A daily run looks so far back: a provider may book late. After days without one, as far as those would have."""
DAILY = timedelta(days=1)
ASKED_AGAIN_AFTER = (timedelta(days=7), timedelta(days=30), timedelta(days=90), timedelta(days=180))
"""A provider that lists nothing is asked for each payment so long afterwards too: money may have gone back by hand."""

_UNSAID = "No word of "
"""Before the payments, each with its refusal, of which the provider would not say what became."""
_FIAT_OF = {LineKind.PAYOUT: "bank", LineKind.FEE: "gateway_fees"}


class NoStatement(Refusal):
    code, title = "no_statement", "No statement"

    def __init__(self, gateway: str) -> None:
        super().__init__()
        self.sentence = f"“{gateway}” gives no statement here: it is unknown, has no keys, or tells by file only."


def reconcile(*, gateway: str, now: datetime, since: datetime | None = None, by: User | None = None) -> Reconciliation:
    """Reads the provider's account from `since` (three days ago, or what was missed) until now, books it, and compares.

    The run and its end are written, also where it fails. Raises NoStatement, GatewayAway, GatewayRefused.
    """
    provider = _speaking(gateway)
    since = since or _missed_since(gateway, now)
    run = Reconciliation.objects.create(gateway=gateway, since=since, until=now, started_at=now, by=by)
    try:
        lines, unsaid = _lines(gateway, since=since, until=now)
        with transaction.atomic():
            _one_at_a_time(gateway)
            _book(gateway, lines, now=now)
            compared, found = differences.compare(gateway=gateway, since=since, until=now, now=now)
            found += clearing.follow(
                gateway=gateway,
                lists_payouts=isinstance(provider, Accounts),
                cut=now - differences.BOOKED_WITHIN,
                now=now,
            )
            run.lines, run.compared, run.found, run.finished_at = len(lines), compared, found, now
            run.error = _UNSAID + "; ".join(unsaid)[:1900] if unsaid else ""
            run.save()
    except (GatewayAway, GatewayRefused) as error:
        _failed(run, str(error), now=now)
        raise
    except Exception as error:
        _failed(run, said.unreadable(error), now=now)
        raise
    if unsaid:
        log.error("reconciliation: %s did not say what became of %s payments", gateway, len(unsaid))
    if found:
        log.error("reconciliation: %s: %s new differences", gateway, found)
    return run


def reconcile_all(*, now: datetime) -> list[Reconciliation]:
    """Every provider that gives a statement; one that is away, or whose lines can't be booked, holds up no other."""
    runs = []
    for name in speaking():
        try:
            runs.append(reconcile(gateway=name, now=now))
        except (GatewayAway, GatewayRefused) as error:
            log.error("reconciliation: %s did not say: %s", name, error)
        except Exception:
            log.exception("reconciliation: %s can't be compared", name)
    return runs


def reconcile_asked(*, gateway: str, days: int, by: User | None, now: datetime) -> Reconciliation | None:
    """As `reconcile`, of the last `days`; where the provider does not say, its row has why."""
    try:
        return reconcile(gateway=gateway, since=now - timedelta(days=days), by=by, now=now)
    except (GatewayAway, GatewayRefused) as error:
        log.error("reconciliation: %s did not say: %s", gateway, error)
        return None


def speaking() -> list[str]:
    """The providers here that give a statement."""
    return [name for name in gateways.names() if isinstance(gateways.named(name), (Accounts, Answers))]


def _missed_since(gateway: str, now: datetime) -> datetime:
    """As if there had been a run each day: after an outage of days their payments are compared too."""
    was_compared = Q(error="") | Q(error__startswith=_UNSAID)
    whole = Reconciliation.objects.filter(was_compared, gateway=gateway, finished_at__isnull=False)
    last = whole.filter(until__gte=F("since") + LOOK_BACK).order_by("-until").first()
    since = now - LOOK_BACK
    return since if last is None else min(since, last.until + DAILY - LOOK_BACK)


def _failed(run: Reconciliation, why: str, *, now: datetime) -> None:
    Reconciliation.objects.filter(id=run.id).update(finished_at=now, error=why[:2000])


def _speaking(name: str) -> Accounts | Answers:
    try:
        found = gateways.named(name)
    except gateways.NoSuchGateway:
        raise NoStatement(name) from None
    if not isinstance(found, (Accounts, Answers)):
        raise NoStatement(name)
    return found


def _lines(gateway: str, *, since: datetime, until: datetime) -> tuple[list[Line], list[str]]:
    """What the provider lists of that time; where it lists nothing, what it answers for each payment of ours, and for
    which it would not. Raises GatewayAway, and GatewayRefused where it would not for any.
    """
    provider = _speaking(gateway)
    if isinstance(provider, Accounts):
        return list(provider.lines(since=since, until=until)), []
    lines: list[Line] = []
    unsaid: list[str] = []
    asked, refusal = 0, None
    for top_up in _asked_about(gateway, since=since, until=until).iterator():
        asked += 1
        try:
            lines += _of(gateway, provider, top_up)
        except GatewayRefused as error:
            refusal = error
            unsaid.append(f"{top_up}: {error}")
    if refusal is not None and len(unsaid) == asked:
        raise refusal
    return lines, unsaid


def _asked_about(gateway: str, *, since: datetime, until: datetime) -> QuerySet[TopUp]:
    """What was paid, went back, or ended unpaid here in that time, and what was paid so long before."""
    paid = Q(paid_at__gte=since, paid_at__lt=until)
    for moment in ("noticed_at", "done_at", "undone_at"):
        paid |= Q(**{f"returns__{moment}__gte": since, f"returns__{moment}__lt": until})
    for ago in ASKED_AGAIN_AFTER:
        paid |= Q(paid_at__gte=since - ago, paid_at__lt=until - ago)
    paid &= ~Q(payment_ref="")
    unpaid = Q(status__in=[TopUpStatus.FAILED, TopUpStatus.EXPIRED], ended_at__gte=since, ended_at__lt=until)
    return TopUp.objects.filter(paid | unpaid, gateway=gateway).exclude(provider_ref="").distinct()


def _of(gateway: str, provider: Answers, top_up: TopUp) -> list[Line]:
    """Of one that ended unpaid here nothing, unless it is paid there all the same."""
    there = providers.there(top_up)
    if top_up.status != TopUpStatus.PAID:
        fetched = providers.ask(gateway, lambda asked: asked.fetch(top_up.provider_ref))
        if fetched.state != PaymentState.PAID:
            return []
        there = PaidThere(top_up.provider_ref, fetched.payment_ref, top_up.ended_at or top_up.started_at)
    return providers.ask(gateway, lambda _: provider.lines_of(there))


def _one_at_a_time(gateway: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"reconcile:{gateway}"])


def _book(gateway: str, lines: Sequence[Line], *, now: datetime) -> None:
    """Stores lines that are new, and posts what only they tell: fees, payouts, and what is neither."""
    known = set(
        ProviderLine.objects.filter(gateway=gateway, ref__in=[line.ref for line in lines]).values_list("ref", flat=True)
    )
    new = {line.ref: line for line in lines if line.ref not in known}
    ProviderLine.objects.bulk_create(
        ProviderLine(
            gateway=gateway,
            ref=line.ref,
            kind=line.kind,
            at=line.at,
            amount_minor=line.amount_minor,
            fee_minor=line.fee_minor,
            currency=line.currency,
            payment_ref=line.payment_ref,
            subject=line.subject,
            method=line.method[:32],
            read_at=now,
        )
        for line in new.values()
    )
    ledger.post_many([entry for line in new.values() if (entry := _entry(gateway, line))], now=now)


def _entry(gateway: str, line: Line) -> ledger.Entry | None:
    account = f"clearing:{gateway}"
    movements = fiat.moved(line.currency, debit="gateway_fees", credit=account, amount_minor=line.fee_minor)
    if line.kind in _FIAT_OF:
        movements += fiat.moved(
            line.currency, debit=_FIAT_OF[line.kind], credit=account, amount_minor=-line.amount_minor
        )
    if not movements:
        return None
    return ledger.Entry("provider_line", f"line:{gateway}:{line.ref}", movements, line.subject[:160] or line.ref[:160])
