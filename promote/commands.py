"""Commands that people and programs call: with `--json`, one JSON object is the last line on stdout."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from promote.refusals import Invalid, Refusal


class JsonCommand(BaseCommand):
    """`work` does it and returns what to print. A Refusal becomes the exit code 1 and its sentence."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json = options.pop("json")
        try:
            result = self.work(**options)
        except Refusal as refusal:
            if as_json:
                self.stdout.write(json.dumps({"error": {"code": refusal.code, "detail": _sentence(refusal)}}))
            raise CommandError(_sentence(refusal)) from None
        if as_json:
            self.stdout.write(json.dumps(result, default=str))
        else:
            for name, value in result.items():
                self.stdout.write(f"{name}: {value}")

    def work(self, *args: Any, **options: Any) -> dict[str, Any]:
        raise NotImplementedError


def _sentence(refusal: Refusal) -> str:
    if isinstance(refusal, Invalid):
        return " ".join(f"{error.field}: {error.detail}" for error in refusal.errors)
    return refusal.detail
