"""`manage.py grant_coins ACCOUNT COINS`: coins for trying things out, through the ledger like any other (api.md)."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments import wallet
from promote import ids
from promote.accounts.models import Account


class Command(BaseCommand):
    help = "Grants coins to an account. For development only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", metavar="ACCOUNT", help="the platform's external_id")
        parser.add_argument("coins", metavar="COINS", type=int)
        parser.add_argument("--reason", default="to try things out", help="as the wallet shows it (to try things out)")
        parser.add_argument("--json", action="store_true", help="one JSON object, last on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PROMOTE_ENV != "development":
            raise CommandError("grant_coins is for development only; in production finance grants coins in the admin.")
        if not 1 <= options["coins"] <= 10_000_000:
            raise CommandError("COINS is a whole number from 1 to 10,000,000.")
        account = Account.objects.filter(external_id=options["account"]).first()
        if account is None:
            raise CommandError(f"There is no account {options['account']}.")
        key = f"grant_coins:{ids.new().hex}"
        lot = wallet.grant(
            account=account, coins=options["coins"], key=key, now=timezone.now(), reason=options["reason"]
        )
        coins = wallet.balance(account=account).free_coins
        if options["json"]:
            answer = {"account": account.external_id, "lot": lot.public_id, "granted": lot.coins, "coins": coins}
            self.stdout.write(json.dumps(answer))
        else:
            self.stdout.write(f"{account.external_id}: {lot.coins} coins granted, {coins} in the balance.")
