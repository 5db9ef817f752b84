"""What ops block: agents, addresses and pages that no list of others knows, for as long as they say (delivery.md 5).

Asked for by every drain, so that a block holds for what is judged from then on, everywhere, within the second in which
a drain begins. What was billed before is found by the run that returns invalid charges (invalid.py).
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_network
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from delivery import addresses, referrers
from delivery.models import BlockedSource, FoundReason
from promote.accounts.models import User
from promote.refusals import FieldError, Invalid, Text, WrongState

_SAYS_ENOUGH = re.compile(r"[^* ]{4}")
_WIDEST = {4: 8, 6: 19}


class LiftedAlready(WrongState):
    sentence = _("This block was lifted already.")


class Sources:
    """What is blocked: agents by their words, addresses by the networks that hold them, pages by their hosts."""

    def __init__(self, agents: Iterable[str], networks: Iterable[str], hosts: Iterable[str] = ()) -> None:
        words = [".*?".join(map(re.escape, agent.split("*"))) for agent in agents]
        self._agents = re.compile("|".join(words), re.I | re.S) if words else None
        reaches = sorted(map(addresses.reach, networks))
        self._firsts = [first for first, _last in reaches]
        self._lasts: list[bytes] = []
        for _first, last in reaches:
            # Networks lie within each other or apart: who is past a wide one may still be in it.
            self._lasts.append(max(last, self._lasts[-1]) if self._lasts else last)
        self._hosts = frozenset(hosts)

    def __bool__(self) -> bool:
        return bool(self._agents or self._firsts or self._hosts)

    def has_agent(self, agent: str) -> bool:
        return self._agents is not None and self._agents.search(agent) is not None

    def has_address(self, address: str) -> bool:
        if not self._firsts or not (whole := addresses.whole(address)):
            return False
        place = bisect_right(self._firsts, whole) - 1
        return place >= 0 and whole <= self._lasts[place]

    def has_referrer(self, referrer: str) -> bool:
        return bool(self._hosts) and not self._hosts.isdisjoint(referrers.hosts_above(referrer))


def add(
    *,
    agent: str = "",
    network: str = "",
    referrer: str = "",
    reason: FoundReason,
    note: str,
    since: datetime | None = None,
    until: datetime | None = None,
    by: User,
    now: datetime,
) -> BlockedSource:
    """Blocks agents with these words, addresses of this network, or pages of this host, from now on. Raises Invalid."""
    network = check(
        agent=agent, network=network, referrer=referrer, reason=reason, note=note, since=since, until=until, now=now
    )
    return BlockedSource.objects.create(
        agent=agent.strip(),
        network=network or None,
        referrer=referrers.host(referrer),
        reason=reason,
        note=note.strip(),
        since=since,
        until=until,
        by=by,
        at=now,
    )


def check(
    *,
    agent: str,
    network: str,
    referrer: str,
    reason: str,
    note: str,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
) -> str:
    """The network as it is written in full, "" for none. Raises Invalid."""
    agent, network, referrer, wrong = agent.strip(), network.strip(), referrer.strip(), []
    if sum(map(bool, (agent, network, referrer))) != 1:
        wrong.append(FieldError("agent", "invalid", _("Name part of an agent, an address or a host, one of them.")))
    if agent and not _SAYS_ENOUGH.search(agent):
        wrong.append(FieldError("agent", "invalid", _("It needs four characters in a row: less is in too many.")))
    if referrer and "." not in referrers.host(referrer):
        wrong.append(FieldError("referrer", "invalid", _("This is no host of pages, such as ads.example.com.")))
    if reason not in FoundReason.values:
        wrong.append(FieldError("reason", "invalid_choice", _("Choose one of the reasons.")))
    if not note.strip():
        wrong.append(FieldError("note", "required", _("Say how it was found.")))
    if until is not None and until <= now:
        wrong.append(FieldError("until", "invalid", _("It has to end later than now.")))
    if since is not None and since >= now:
        wrong.append(FieldError("since", "invalid", _("It has to lie before now.")))
    if network:
        network, problem = _network(network)
        wrong += [FieldError("network", "invalid", problem)] if problem else []
    if wrong:
        raise Invalid(wrong)
    return network


def _network(text: str) -> tuple[str, Text]:
    """As it is written in full; and what is wrong with it."""
    try:
        network = ip_network(text)
    except ValueError as error:
        return text, _("This is no address and no network such as 198.51.100.0/24: %s.") % error
    if network.prefixlen < _WIDEST[network.version]:
        return text, _("This is too much of the whole net to block.")
    return str(network), ""


def lift(*, source_id: UUID, by: User, now: datetime) -> None:
    """Ends a block before its time. Raises LiftedAlready."""
    if not BlockedSource.objects.filter(id=source_id, lifted_at=None).update(lifted_at=now, lifted_by=by):
        raise LiftedAlready


def in_force(*, now: datetime) -> Sources:
    rows = BlockedSource.objects.filter(Q(until=None) | Q(until__gt=now), lifted_at=None).order_by("id")
    return _sources(tuple(rows.values_list("agent", "network", "referrer")))


def of(source: BlockedSource) -> Sources:
    return _sources(((source.agent, source.network, source.referrer),))


@lru_cache(maxsize=64)
def _sources(rows: tuple[tuple[str, str | None, str], ...]) -> Sources:
    return Sources(
        [agent for agent, _network, _host in rows if agent],
        [network for _agent, network, _host in rows if network],
        [host for _agent, _network, host in rows if host],
    )
