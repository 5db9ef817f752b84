from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from delivery import invalid
from delivery.models import ChargeReturn, Finding, FoundReason
from orders.models import Order
from promote.accounts.models import User
from promote.commands import JsonCommand


class Command(JsonCommand):
    help = "Marks charges as invalid and returns them; without a reason: what a day shows, and what is waiting."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", choices=FoundReason.values)
        parser.add_argument("--since", metavar="TIME", help="2026-11-24T12:00:00Z")
        parser.add_argument("--until", metavar="TIME", help="not included")
        parser.add_argument("--order", metavar="ORDER", help="ord_…")
        parser.add_argument("--viewer", action="append", default=[], help="as the platform names them; again for more")
        parser.add_argument("--note", default="")
        parser.add_argument("--by", metavar="USERNAME", help="who found it")

    def work(self, *args: Any, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        if not options["reason"]:
            blocks = invalid.look_back(now=now)
            return {"hours": invalid.sweep(now=now), "blocks": blocks, "orders": invalid.give_back_due(now=now)}
        since, until = _time(options, "since"), _time(options, "until")
        finding = invalid.find(
            reason=FoundReason(options["reason"]),
            since=since,
            until=until,
            order_id=Order.id_from(options["order"]) if options["order"] else None,
            viewers=invalid.pseudonyms(options["viewer"], since=since, until=until),
            note=options["note"],
            by=_user(options["by"]),
            now=now,
        )
        invalid.give_back(finding_id=finding.id, now=now)
        return {"finding": str(finding), **_sums(finding)}


def _time(options: dict[str, Any], name: str) -> datetime:
    found = parse_datetime(options[name] or "")
    if found is None or found.tzinfo is None:
        raise CommandError(f"--{name} takes a time with its zone, such as 2026-11-24T12:00:00Z.")
    return found


def _user(name: str | None) -> User:
    found = User.objects.filter(username=name or "").first()
    if found is None:
        raise CommandError("--by names who found it: a user that exists.")
    return found


def _sums(finding: Finding) -> dict[str, int]:
    returns = list(ChargeReturn.objects.filter(finding=finding))
    return {
        "orders": len(returns),
        "impressions": sum(one.impressions for one in returns),
        "micros": sum(one.micros for one in returns),
        "coins": sum(one.coins for one in returns),
        "waiting": finding.charges.filter(returned=None).count(),
    }
