from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from promote.commands import JsonCommand
from promote.keys import platform_keys
from promote.keys.models import Scope


class Command(JsonCommand):
    help = "Makes a key for a platform's server and shows it, this once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="whose key it is, as it will stand in the admin")
        parser.add_argument("--scope", action="append", default=[], help=f"one or more of {', '.join(Scope.values)}")

    def work(self, *, name: str, scope: list[str], **options: Any) -> dict[str, Any]:
        key, text = platform_keys.create(name=name, scopes=scope, now=timezone.now())
        return {"key": text, "name": key.name, "scopes": key.scopes}
