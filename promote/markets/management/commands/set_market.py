from typing import Any

from django.core.management.base import CommandError, CommandParser

from promote.commands import JsonCommand
from promote.markets import edit


class Command(JsonCommand):
    help = "Sets facts of a market: set_market GB duration_min_s=180 packages_coins='[50,100]'."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("code", help="a market's code, or several: ID,GB")
        parser.add_argument("facts", nargs="+", metavar="field=value", help="the value is JSON, or a plain text")

    def work(self, *, code: str, facts: list[str], **options: Any) -> dict[str, Any]:
        pairs = [fact.partition("=") for fact in facts]
        if any(not equals for _name, equals, _value in pairs):
            raise CommandError("A fact is written field=value.")
        named = {name: value for name, _equals, value in pairs}
        markets = edit.set_facts(codes=code.split(","), facts=named)
        return {"markets": {market.code: {name: getattr(market, name) for name in named} for market in markets}}
