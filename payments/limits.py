"""Limits: how much an account may buy and withdraw in so long, and how often it may try. Decided and explained here.

The limits are rows (markets.MoneyLimit). A window always ends now, so that nothing can be doubled around midnight.
What is under way counts: unfinished payments may all be paid, so they use up the limit until they end. What was paid
elsewhere (a store) or late can't be refused any more: it is credited, and our staff hears of it (`tell_if_passed`).
Source: DESIGN.md 2, payments.md 6 (AML minimum).
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from payments.models import LimitPassed, TopUp, TopUpStatus, Withdrawal, WithdrawalStatus
from promote.accounts.models import Account, User
from promote.markets.models import Market, MoneyLimit
from promote.money import format_coins
from promote.refusals import FieldError, Invalid, Refusal, Text, WrongState

log = logging.getLogger(__name__)

Flow, Counts, Beyond = MoneyLimit.Flow, MoneyLimit.Counts, MoneyLimit.Beyond
_CAME_BACK = (WithdrawalStatus.FAILED, WithdrawalStatus.REFUSED)
_MOST_NAMED = 20
_ASKED_WITHIN = timedelta(minutes=15)
"""So often at least a provider is asked about what is open (polling.py)."""
_NOT_THEIRS = ("cancelled", "not_started")
"""Payments that came to nothing and say nothing against their payer."""
_UNPAID = (TopUpStatus.FAILED, TopUpStatus.EXPIRED)


class LimitReached(Refusal):
    """`limit` is the name of the limit, `left_coins` what is possible now (null where not coins are counted),
    `possible_at` when what was asked is possible again (null where it never is: it is more than the limit). Where
    coins are counted, `pending` are the purchases that are not finished and count until they end, or are cancelled.
    """

    code, status = "limit_reached", 409
    title = _("Limit reached")

    def __init__(self, standing: "Standing") -> None:
        at, limit = standing.possible_at, standing.limit
        left = standing.left if limit.counts == Counts.COINS else None
        super().__init__(
            extra={
                "limit": limit.name,
                "left_coins": left,
                "possible_at": at.isoformat().replace("+00:00", "Z") if at else None,
            },
            most=format_coins(limit.most) if left is not None else limit.most,
            left=format_coins(left or 0),
            span=_span(limit.window_s),
            at=_moment(at) if at else "",
        )
        self.sentence = _sentence(limit, left=left, is_ever=at is not None)


@dataclass(frozen=True, slots=True)
class Counted:
    """Something that counts against a limit until `free_at`."""

    amount: int
    free_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands with one limit. `possible_at` is when `asked` fits: now where it does, None for never."""

    limit: MoneyLimit
    left: int
    asked: int
    possible_at: datetime | None

    @property
    def fits(self) -> bool:
        return self.asked <= self.left


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is possible now: coins at most (None: no limit), and why no more."""

    left_coins: int | None
    refusal: LimitReached | None


def hold(account: Account) -> None:
    """In the caller's transaction, before anything else: purchases of one account begin one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"limits:{account.id.hex}"])


def check_top_up(*, account: Account, market: Market, coins: int, now: datetime) -> None:
    """Under `hold`: lets a purchase of so many coins begin. Raises LimitReached, which names what is unfinished."""
    try:
        _refuse(_standings(Flow.TOP_UP, account=account, market=market, coins=coins, now=now))
    except LimitReached as refusal:
        if refusal.extra["left_coins"] is not None:
            open_ = TopUp.objects.filter(account=account, status=TopUpStatus.PENDING).order_by("started_at")
            refusal.extra["pending"] = [one.public_id for one in open_[:_MOST_NAMED]]
        raise


def check_withdrawal(*, account: Account, market: Market, coins: int, now: datetime) -> bool:
    """Under the wallet's lock: whether our staff looks at a withdrawal of so many coins first. Raises LimitReached.

    The market's amount for review counts the day's withdrawals together: parts of a large one are looked at too.
    """
    standings = _standings(Flow.WITHDRAWAL, account=account, market=market, coins=coins, now=now)
    _refuse(standings)
    if not all(standing.fits for standing in standings):
        return True
    day = sum(one.amount for one in _withdrawals(account, Counts.COINS, window_s=86_400, now=now))
    return day + coins >= market.withdrawal_review_from_coins


def outlook(*, account: Account, market: Market, flow: MoneyLimit.Flow, now: datetime) -> Outlook:
    """What the account can buy or withdraw now; nothing is held."""
    limits = [one for one in _standings(flow, account=account, market=market, coins=1, now=now) if _binds(one)]
    blocked = _worst([one for one in limits if not one.fits])
    if blocked is not None:
        return Outlook(0, LimitReached(blocked))
    return Outlook(min((one.left for one in limits if one.limit.counts == Counts.COINS), default=None), None)


def tell_if_passed(*, top_up_ids: Collection[UUID]) -> None:
    """Purchases were credited that no limit could refuse: our staff hears of those that went over one. Once of each.

    Counted up to the moment each was paid, so that it does not matter when, or how often, this is asked.
    """
    rows = list(MoneyLimit.objects.filter(flow=Flow.TOP_UP))
    top_ups = list(TopUp.objects.filter(id__in=top_up_ids, status=TopUpStatus.PAID).select_related("account"))
    if not rows or not top_ups:
        return
    longest = timedelta(seconds=max(row.window_s for row in rows))
    bought = _bought({one.account_id for one in top_ups}, since=min(_paid_at(one) for one in top_ups) - longest)
    for top_up in top_ups:
        at = _paid_at(top_up)
        binding = _binding(rows, account=top_up.account, market_id=top_up.market_id, now=at)
        for limit in (one for one in binding if one.counts == Counts.COINS):
            since = at - timedelta(seconds=limit.window_s)
            coins = sum(coins for paid_at, coins in bought[top_up.account_id] if since < paid_at <= at)
            if coins > limit.most:
                facts = {"account": top_up.account, "limit": limit.name, "most": limit.most, "coins": coins, "at": at}
                LimitPassed.objects.get_or_create(top_up=top_up, defaults=facts)
                log.warning("top-up %s brings its account over the limit %s: %s coins", top_up, limit, coins)
                break


def _paid_at(top_up: TopUp) -> datetime:
    assert top_up.paid_at is not None  # a row that is paid has it, by CHECK
    return top_up.paid_at


def _bought(account_ids: Collection[UUID], *, since: datetime) -> Mapping[UUID, list[tuple[datetime, int]]]:
    """When each account paid for how many coins."""
    found: dict[UUID, list[tuple[datetime, int]]] = defaultdict(list)
    paid = TopUp.objects.filter(account__in=account_ids, status=TopUpStatus.PAID, paid_at__gt=since)
    for account_id, paid_at, coins in paid.values_list("account_id", "paid_at", "coins"):
        if paid_at is not None:
            found[account_id].append((paid_at, coins))
    return found


def looked_at(*, passed_id: int, note: str, by: User, now: datetime) -> None:
    """Our staff says what came of it. Raises Invalid without a note, WrongState where it was said before."""
    if not note.strip():
        raise Invalid([FieldError("note", "required", _("Say what you found."))])
    rows = LimitPassed.objects.filter(id=passed_id, seen_at=None)
    if not rows.update(seen_at=now, seen_by=by, note=note.strip()[:500]):
        raise WrongState


def _limits(flow: str, *, account: Account, market: Market, now: datetime) -> list[MoneyLimit]:
    rows = MoneyLimit.objects.filter(Q(market=market) | Q(market=None), flow=flow)
    return _binding(rows, account=account, market_id=market.pk, now=now)


def _binding(rows: Iterable[MoneyLimit], *, account: Account, market_id: str, now: datetime) -> list[MoneyLimit]:
    """Those that bind this account: the market's own, else the row of all others."""
    here = [row for row in rows if row.market_id in (None, market_id)]
    by_name = {row.name: row for row in sorted(here, key=lambda row: row.market_id is not None)}
    age = now - account.created_at
    return [
        row
        for row in by_name.values()
        if row.enabled and (row.younger_than_days is None or age < timedelta(days=row.younger_than_days))
    ]


def _standings(flow: str, *, account: Account, market: Market, coins: int, now: datetime) -> list[Standing]:
    look = _top_ups if flow == Flow.TOP_UP else _withdrawals
    return [
        _standing(
            limit,
            look(account, limit.counts, window_s=limit.window_s, now=now),
            asked=coins if limit.counts == Counts.COINS else 1,
            now=now,
        )
        for limit in _limits(flow, account=account, market=market, now=now)
    ]


def _standing(limit: MoneyLimit, counted: Sequence[Counted], *, asked: int, now: datetime) -> Standing:
    left = limit.most - sum(one.amount for one in counted)
    possible_at = now if asked <= left else None
    freed = left
    for one in sorted(counted, key=lambda one: one.free_at):
        freed += one.amount
        if possible_at is None and asked <= freed:
            possible_at = one.free_at
    return Standing(limit, max(0, left), asked, possible_at)


def _top_ups(account: Account, counts: str, *, window_s: int, now: datetime) -> list[Counted]:
    window = timedelta(seconds=window_s)
    mine = TopUp.objects.filter(account=account)
    if counts == Counts.TIMES:
        return _each(mine.filter(started_at__gt=now - window).values_list("started_at", flat=True), window)
    if counts == Counts.UNPAID:
        ended = mine.filter(status__in=_UNPAID, ended_at__gt=now - window).exclude(failure__in=_NOT_THEIRS)
        return _each(ended.values_list("ended_at", flat=True), window)
    paid = mine.filter(status=TopUpStatus.PAID, paid_at__gt=now - window).values_list("coins", "paid_at")
    done = [Counted(coins, at + window) for coins, at in paid if at is not None]
    open_ = mine.filter(status=TopUpStatus.PENDING).only("coins", "expires_at", "accepted_at")
    return done + [Counted(one.coins, _free_at(one, window, now=now)) for one in open_]


def _free_at(unfinished: TopUp, window: timedelta, *, now: datetime) -> datetime:
    """What the payer's bank still moves may be paid at any moment, and counts for the whole window from then on. What
    nobody can pay any more ends when its provider is asked next.
    """
    if unfinished.accepted_at is not None:
        return now + window
    return unfinished.expires_at if unfinished.expires_at > now else now + _ASKED_WITHIN


def _withdrawals(account: Account, counts: str, *, window_s: int, now: datetime) -> list[Counted]:
    window = timedelta(seconds=window_s)
    mine = Withdrawal.objects.filter(account=account)
    if counts == Counts.UNPAID:
        ended = mine.filter(status__in=_CAME_BACK, ended_at__gt=now - window)
        return _each(ended.values_list("ended_at", flat=True), window)
    recent = mine.filter(requested_at__gt=now - window)
    if counts == Counts.TIMES:
        return _each(recent.values_list("requested_at", flat=True), window)
    gone = recent.exclude(status__in=_CAME_BACK).values_list("coins", "requested_at")
    return [Counted(coins, at + window) for coins, at in gone]


def _each(times: Iterable[datetime | None], window: timedelta) -> list[Counted]:
    return [Counted(1, at + window) for at in times if at is not None]


def _refuse(standings: Sequence[Standing]) -> None:
    blocked = _worst([one for one in standings if _binds(one) and not one.fits])
    if blocked is not None:
        raise LimitReached(blocked)


def _binds(standing: Standing) -> bool:
    return standing.limit.beyond == Beyond.REFUSE


def _worst(blocked: Sequence[Standing]) -> Standing | None:
    """The one that blocks longest: who waits for it waits for all."""
    never = timezone.now() + timedelta(days=36_500)
    return max(blocked, key=lambda one: one.possible_at or never, default=None)


def _sentence(limit: MoneyLimit, *, left: int | None, is_ever: bool) -> Text:
    buys = limit.flow == Flow.TOP_UP
    if left is None:
        if limit.counts == Counts.UNPAID:
            return _("Too many payments came to nothing within {span}. You can try again at {at}.")
        if buys:
            return _("You began {most} purchases within {span}, which is the most. You can buy again at {at}.")
        return _("You withdrew {most} times within {span}, which is the most. You can withdraw again at {at}.")
    if not is_ever:
        if buys:
            return _("At most {most} can be bought within {span}. Now you can buy up to {left}.")
        return _("At most {most} can be withdrawn within {span}. Now you can withdraw up to {left}.")
    if not left:
        if buys:
            return _(
                "At most {most} can be bought within {span}, and so many were; payments that are not finished count "
                "until they end: go on with them, or cancel them, in your wallet. You can buy again at {at}."
            )
        return _("At most {most} can be withdrawn within {span}, and so many were. You can withdraw again at {at}.")
    if buys:
        return _(
            "At most {most} can be bought within {span}; payments that are not finished count until they end: go on "
            "with them, or cancel them, in your wallet. Now you can buy up to {left}; so many as you asked for are "
            "possible at {at}."
        )
    return _(
        "At most {most} can be withdrawn within {span}. Now you can withdraw up to {left}; so many as you asked for "
        "are possible at {at}."
    )


def _span(seconds: int) -> str:
    """`2 days`, `24 hours`, `10 minutes`: the largest unit that it is more than one of."""
    if seconds > 86_400 and not seconds % 86_400:
        return ngettext("%d day", "%d days", seconds // 86_400) % (seconds // 86_400)
    if not seconds % 3600:
        return ngettext("%d hour", "%d hours", seconds // 3600) % (seconds // 3600)
    return ngettext("%d minute", "%d minutes", seconds // 60) % (seconds // 60)


def _moment(at: datetime) -> str:
    """In the reader's zone where a page has one, else UTC; up to the next minute."""
    local = timezone.localtime(at + timedelta(seconds=59))
    return f"{date_format(local, 'j N Y H:i')} {local.tzname()}"
