"""The demo's platform server, and the apps of its users: both speak REST to the house."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from sandbox.http import Answer, Client

APP = {"x_app_platform": "android", "x_app_version": "20.10.0"}


class Refused(Exception):
    """The house said no to the demo, which is a fault in one of the two."""

    def __init__(self, call: str, answer: Answer) -> None:
        self.status = answer.status
        super().__init__(f"{call} was answered {answer.status}: {answer.body[:600].decode(errors='replace')}")


class Platform:
    """The server: knows everybody's content, may ask for its users' tokens."""

    def __init__(self, client: Client, key: str) -> None:
        self.client = client
        self.key = f"Api-Key {key}"

    async def bulk(self, lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Tells the house of accounts, videos and lives. Raises Refused where a line is not taken."""
        body = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
        answer = await self.client.call(
            "POST", "/api/v1/platform/bulk", body, authorization=self.key, content_type="application/x-ndjson"
        )
        results = [json.loads(line) for line in answer.body.splitlines()] if answer.status == 200 else []
        if not results or any(result["status"] == "invalid" for result in results):
            raise Refused("POST /api/v1/platform/bulk", answer)
        return results

    async def app_of(self, external_id: str) -> "App":
        path = f"/api/v1/platform/accounts/{external_id}/tokens"
        answer = await self.client.post(path, {"app_platform": "android"}, authorization=self.key)
        return App(self.client, f"Bearer {_body(path, answer)['access']}")


class App:
    """A user's app, signed in."""

    def __init__(self, client: Client, bearer: str) -> None:
        self.client = client
        self.bearer = bearer

    async def get(self, path: str) -> Any:
        return _body(path, await self.client.get(path, authorization=self.bearer, **APP))

    async def post(self, path: str, body: dict[str, Any], key: str | None = None) -> Any:
        headers = {"authorization": self.bearer, "idempotency_key": key or str(uuid4()), **APP}
        return _body(path, await self.client.post(path, body, **headers))


def _body(call: str, answer: Answer) -> Any:
    if answer.status not in (200, 201):
        raise Refused(call, answer)
    return answer.json()
