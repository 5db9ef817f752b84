"""Who visits the pages in these tests, and what no page may hold."""

import re
from html.parser import HTMLParser

from django.http import HttpResponse
from django.test import Client

from promote.accounts.models import Account, User
from tests.builders import a_user, an_account


def an_advertiser(**facts: object) -> Account:
    """An account whose owner can sign in."""
    account = an_account(**facts)
    account.user = a_user()
    account.save()
    return account


def signed_in(who: Account | User) -> Client:
    """A browser in which this person is signed in."""
    client = Client(SERVER_NAME="127.0.0.1")
    user = who.user if isinstance(who, Account) else who
    assert user is not None
    client.force_login(user)
    return client


def text_of(response: HttpResponse) -> str:
    """What a reader sees: the page without its tags, spaces as one."""
    body = re.sub(r"<(script|style|template)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", _Text.of(body))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    @classmethod
    def of(cls, body: str) -> str:
        parser = cls()
        parser.feed(body)
        return "".join(parser.parts)


class Inline(HTMLParser):
    """Collects what our policy (default-src 'self') would refuse to run or apply."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and "src" not in given:
            self.found.append("<script>")
        if tag == "style" or "style" in given:
            self.found.append(f"<{tag}> with style")
        self.found += [f"<{tag} {name}>" for name in given if name.startswith(("on", "hx-on"))]
        self.found += [f"{name}={value}" for name, value in attrs if (value or "").strip().startswith("javascript:")]
        self.found += [
            f"<{tag} {name}={value}>"
            for name, value in attrs
            if name in ("src", "href") and tag in ("script", "link", "img", "use", "iframe") and "//" in (value or "")
        ]


def inline_parts(response: HttpResponse) -> list[str]:
    parser = Inline()
    parser.feed(response.content.decode())
    return parser.found
