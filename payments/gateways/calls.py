"""Calls to providers without a library worth keeping: bounded in time and size, redirects not followed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from payments.gateways.base import GatewayAway

TIMEOUT_S = 8
MOST_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer below 500, and the JSON object in it."""

    status: int
    body: dict[str, Any]


def call(
    method: str, url: str, *, headers: Mapping[str, str], raw: bytes | None = None, auth: tuple[str, str] | None = None
) -> Answered:
    """One call. Raises GatewayAway: nobody there, too slow, failed on their side, or no JSON object came back."""
    answer, content = _send(method, url, headers=dict(headers), data=raw, auth=auth)
    if answer.status_code >= 500 or answer.status_code == 429:
        raise GatewayAway(f"{method} {_host(url)}: {answer.status_code}")
    if not content and answer.status_code == 204:
        return Answered(204, {})
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise GatewayAway(f"{method} {_host(url)}: {answer.status_code}, but no JSON object")
    return Answered(answer.status_code, body)


def post_text(url: str, text: str) -> str:
    """What a provider answers that speaks plain text. Raises GatewayAway."""
    answer, content = _send("POST", url, headers={"Content-Type": "text/plain"}, data=text.encode())
    if answer.status_code != 200:
        raise GatewayAway(f"POST {_host(url)}: {answer.status_code}")
    return content.decode("ascii", "replace")


def download(url: str) -> bytes:
    """A small file of a provider's. Raises GatewayAway where there is none."""
    answer, content = _send("GET", url)
    if answer.status_code != 200:
        raise GatewayAway(f"GET {_host(url)}: {answer.status_code}")
    return content


def _host(url: str) -> str:
    """What may be logged of an address: its path may hold a payer's token."""
    return urlsplit(url).netloc


def _send(method: str, url: str, **asked: Any) -> tuple[requests.Response, bytes]:
    try:
        with requests.request(method, url, timeout=TIMEOUT_S, allow_redirects=False, stream=True, **asked) as answer:
            return answer, _read(answer)
    except (requests.RequestException, OSError) as error:
        raise GatewayAway(f"{method} {_host(url)}: {type(error).__name__}") from error


def _read(answer: requests.Response) -> bytes:
    """The body; nothing where it is larger than any honest answer."""
    content = b""
    for part in answer.iter_content(64 * 1024):
        content += part
        if len(content) > MOST_BYTES:
            return b""
    return content


def compact(body: Mapping[str, Any]) -> bytes:
    """JSON without a space, as signatures are made of it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
