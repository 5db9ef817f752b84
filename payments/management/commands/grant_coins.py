"""`manage.py grant_coins ACCOUNT COINS`: coins for trying things out, through the ledger like any other (api.md)."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from payments import wallet
from promote import ids
from promote.accounts.models import Account
from promote.commands import JsonCommand

MOST_COINS = 10_000_000


class Command(JsonCommand):
    help = "Grants coins to an account. For development only."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", metavar="ACCOUNT", help="the platform's external_id")
        parser.add_argument("coins", metavar="COINS", type=int)
        parser.add_argument("--reason", default="to try things out", help="as the wallet shows it (to try things out)")

    def work(self, *args: Any, account: str, coins: int, reason: str, **options: Any) -> dict[str, Any]:
        if settings.PROMOTE_ENV != "development":
            raise CommandError("grant_coins is for development only; in production finance grants coins in the admin.")
        if not 1 <= coins <= MOST_COINS:
            raise CommandError(f"COINS is a whole number from 1 to {MOST_COINS:,}.")
        owner = Account.objects.filter(external_id=account).first()
        if owner is None:
            raise CommandError(f"There is no account {account}.")
        key = f"grant_coins:{ids.new().hex}"
        lot = wallet.grant(account=owner, coins=coins, key=key, now=timezone.now(), reason=reason)
        free_coins = wallet.balance(account=owner).free_coins
        return {"account": owner.external_id, "lot": lot.public_id, "granted": lot.coins, "coins": free_coins}
