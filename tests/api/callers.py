"""Callers of the API as api.md knows them: a platform's server, an app with a user's token, a browser."""

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from promote.accounts.models import Account
from promote.keys import jwt, platform_keys
from tests import builders


class Caller:
    """A client with headers of its own. Bodies are dicts sent as JSON; `raw` sends bytes as they are."""

    def __init__(self, client: Client | None = None, **headers: str) -> None:
        self.client = client or Client()
        self.headers = headers

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Any:
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in {**self.headers, **headers}.items()}
        content_type = headers.pop("Content-Type", "application/json")
        return self.client.generic(method, f"/api/v1{path}", content, content_type, headers=headers)

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def put(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        return self.ask("PUT", path, body, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        return self.ask("POST", path, body, **kwargs)

    def patch(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        return self.ask("PATCH", path, body, **kwargs)


def a_platform(*scopes: str) -> Caller:
    """A platform's server, with a key of these scopes."""
    _key, text = platform_keys.create(name="The platform", scopes=scopes or ("catalogue", "tokens"), now=timezone.now())
    return Caller(Authorization=f"Api-Key {text}")


def an_app(account: Account, *, app_platform: str | None = "android", version: str | None = "20.4.0") -> Caller:
    """An app signed in for `account`, whose token names its platform."""
    tokens = jwt.issue(account=account, app_platform=app_platform, now=timezone.now())
    headers = {"Authorization": f"Bearer {tokens.access}"}
    if app_platform:
        headers["X-App-Platform"] = app_platform
    if version:
        headers["X-App-Version"] = version
    return Caller(**headers)


def a_browser(account: Account, *, checks_csrf: bool = False) -> Caller:
    """A browser in which the account's person has signed in."""
    if account.user is None:
        account.user = builders.a_user()
        account.save(update_fields=["user"])
    client = Client(enforce_csrf_checks=checks_csrf)
    client.force_login(account.user)
    return Caller(client)


def problem(response: Any) -> dict[str, Any]:
    """The problem in an answer that must be one."""
    assert response["Content-Type"].startswith("application/problem+json"), response.content[:500]
    found = response.json()
    assert found["status"] == response.status_code
    assert {"type", "title", "status", "code", "detail"} <= found.keys()
    return found


def wrong_fields(response: Any) -> dict[str, str]:
    """`field: code` of an `invalid`."""
    found = problem(response)
    assert (found["status"], found["code"]) == (400, "invalid"), found
    return {error["field"]: error["code"] for error in found["errors"]}
