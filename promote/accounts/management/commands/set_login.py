from typing import Any

from django.core.management.base import CommandParser

from promote.accounts import logins
from promote.commands import JsonCommand


class Command(JsonCommand):
    help = "Lets an advertiser's account sign in on the web, and shows the password, this once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", help="the platform's external_id of the account")
        parser.add_argument("username", help="the name to sign in with")

    def work(self, *, account: str, username: str, **options: Any) -> dict[str, Any]:
        user, password = logins.give(account=account, username=username)
        return {"account": account, "username": user.username, "password": password}
