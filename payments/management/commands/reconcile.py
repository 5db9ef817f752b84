"""`manage.py reconcile [GATEWAY]`: compares the books with what the provider says, now."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from payments import reconciling
from payments.gateways.base import GatewayAway, GatewayRefused
from payments.models import Difference, DifferenceState
from promote.commands import JsonCommand


class Command(JsonCommand):
    help = "Compares our books with a provider's account (every provider's that gives a statement), from --days ago."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("gateway", nargs="?", help="stripe, …; left out: all of them")
        parser.add_argument("--days", type=int, default=reconciling.LOOK_BACK.days)

    def work(self, *, gateway: str | None, days: int, **_: Any) -> dict[str, Any]:
        now = timezone.now()
        runs = []
        for name in [gateway] if gateway else reconciling.speaking():
            try:
                runs.append(reconciling.reconcile(gateway=name, since=now - timedelta(days=days), now=now))
            except (GatewayAway, GatewayRefused) as error:
                raise CommandError(f"{name}: {error}") from None
        return {
            "runs": [{"gateway": run.gateway, "lines": run.lines, "new_differences": run.found} for run in runs],
            "open_differences": Difference.objects.filter(state=DifferenceState.OPEN).count(),
        }
