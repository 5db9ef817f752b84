"""`manage.py set_bank_account MARKET --bank BCA --number 888 --holder Promote`: where its payers transfer to."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from payments.models import BankAccount
from promote.commands import JsonCommand


class Command(JsonCommand):
    help = "Sets a market's bank account for offline transfers. How its CSV is read is set in the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("market", metavar="MARKET", help="a market's code")
        for name in ("bank", "number", "holder"):
            parser.add_argument(f"--{name}", required=True)

    def work(self, *args: Any, market: str, bank: str, number: str, holder: str, **options: Any) -> dict[str, Any]:
        account = BankAccount.objects.filter(market=market).first() or BankAccount(market_id=market)
        account.bank, account.number, account.holder = bank, number, holder
        try:
            account.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        account.save()
        return {"market": market, "bank": bank, "number": number, "holder": holder}
