"""Pages for payers: what every stand-in's pages have in common, and the page that asks whether to pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from sandbox.providers.plumbing.server import Response

_FOLDER = Path(__file__).parent / "page"


@cache
def template(folder: Path, name: str) -> Template:
    """A provider's own, else the shared one of that name."""
    own = folder / name
    return Template((own if own.exists() else _FOLDER / name).read_text(encoding="utf-8"))


def asset(folder: Path, name: str, kinds: Mapping[str, str]) -> Response:
    if name not in kinds:
        return Response(404, b"", {"Content-Type": "text/plain"})
    own = folder / name
    content = (own if own.exists() else _FOLDER / name).read_bytes()
    return Response(200, content, {"Content-Type": f"{kinds[name]}; charset=utf-8"})


def style(name: str) -> Response:
    return asset(_FOLDER, name, {"page.css": "text/css"})


def html(status: int, page: str, *, shop_urls: Sequence[str] = ()) -> Response:
    """A page under a policy of its own. A form's answer may lead to the shop, so its addresses belong to it."""
    places = [urlsplit(url) for url in shop_urls if url]
    shops = "".join(sorted({f" {place.scheme}://{place.netloc}" for place in places}))
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self'{shops}"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(status, page.encode(), headers)


def asks(
    *,
    provider: str,
    title: str,
    text: str,
    facts: Mapping[str, str],
    choices: Mapping[str, str],
    way_back: str,
    shop_urls: Sequence[str],
) -> Response:
    """Title, facts in rows, a button for each choice (its `answer` in the form), and a link back to the shop."""
    rows = "".join(
        f'<li><span>{escape(name)}</span><span class="figure">{escape(value)}</span></li>'
        for name, value in facts.items()
    )
    buttons = "".join(
        f'<button class="button{"" if place == 0 else " plain"}" name="answer" value="{escape(name)}" '
        f'id="{escape(name)}">{escape(label)}</button>'
        for place, (name, label) in enumerate(choices.items())
    )
    page = template(_FOLDER, "asks.html").substitute(
        banner=banner(provider),
        provider=escape(provider),
        title=escape(title),
        text=escape(text),
        facts=rows,
        buttons=buttons,
        cancel=f'<a class="back" href="{escape(way_back)}" id="cancel">Cancel and go back</a>' if way_back else "",
    )
    return html(200, page, shop_urls=shop_urls)


def closed(status: int, *, provider: str, title: str, text: str, way_back: str = "") -> Response:
    page = template(_FOLDER, "closed.html").substitute(
        banner=banner(provider),
        title=escape(title),
        text=escape(text),
        way_back=f'<a class="button" href="{escape(way_back)}">Back to Promote</a>' if way_back else "",
    )
    return html(status, page, shop_urls=[way_back])


def see_other(url: str) -> Response:
    return Response(303, b"", {"Location": url})


def banner(provider: str) -> str:
    return template(_FOLDER, "banner.html").substitute(provider=escape(provider))
