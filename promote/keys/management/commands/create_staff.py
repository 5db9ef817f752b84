from typing import Any

from django.core.management.base import CommandParser

from promote.commands import JsonCommand
from promote.keys import staff


class Command(JsonCommand):
    help = "Makes a member of staff and shows the password, this once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--role", action="append", default=[], help=f"one or more of {', '.join(staff.ROLES)}")

    def work(self, *, username: str, role: list[str], **options: Any) -> dict[str, Any]:
        user, password = staff.create(username=username, roles=role)
        return {"username": user.username, "password": password, "roles": list(dict.fromkeys(role))}
