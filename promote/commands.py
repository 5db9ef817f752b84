"""Commands that people and programs call: with `--json`, one JSON object is the last line on stdout."""

import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from promote.refusals import Invalid, Refusal


class JsonCommand(BaseCommand):
    """`work` does it and returns what to print.

    A Refusal or a CommandError becomes the exit code 1 and its sentence, words that make no sense the exit code 2; with
    `--json` either is an object too: `{"error": {"code", "detail"}}`.
    """

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        give_up: Callable[[str], NoReturn] = parser.error

        def error(message: str) -> NoReturn:
            if "--json" in sys.argv:
                self._tell_error("invalid", message)
            give_up(message)

        parser.error = error  # type: ignore[method-assign]  # argparse offers no other way to hear of it
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json = options.pop("json")
        try:
            result = self.work(**options)
        except Refusal as refusal:
            if as_json:
                self._tell_error(refusal.code, _sentence(refusal))
            raise CommandError(_sentence(refusal)) from None
        except CommandError as error:
            if as_json:
                self._tell_error("invalid", str(error))
            raise
        if as_json:
            self.stdout.write(json.dumps(result, default=str))
        else:
            for name, value in result.items():
                self.stdout.write(f"{name}: {value}")

    def work(self, *args: Any, **options: Any) -> dict[str, Any]:
        raise NotImplementedError

    def _tell_error(self, code: str, detail: str) -> None:
        self.stdout.write(json.dumps({"error": {"code": code, "detail": detail}}))


def _sentence(refusal: Refusal) -> str:
    if isinstance(refusal, Invalid):
        return " ".join(f"{error.field}: {error.detail}" for error in refusal.errors)
    return refusal.detail
