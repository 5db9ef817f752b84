"""The hosted payment page: what a payer sees at `/c/pay/{id}`, from the card form to the way back."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from sandbox.providers.plumbing import pages
from sandbox.providers.plumbing.server import Request, Response

from . import cards, checkout, debits, off_session, sessions
from .errors import ApiError
from .world import World

_FOLDER = Path(__file__).parent / "page"
_ASSETS = {"page.css": "text/css", "page.js": "text/javascript"}
_NO_MINOR_UNITS = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf",
                   "xof", "xpf"}  # fmt: skip
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "aud": "A$", "cad": "CA$", "brl": "R$", "krw": "₩"}
_SAVING = '<p class="quiet small">Your card is saved, and Promote may take future payments from it.</p>'
_FIELDS = ("email", "number", "expiry", "cvc", "name")


def answer(world: World, request: Request) -> Response:
    call = f"{request.method} {request.path}"
    if found := re.fullmatch(r"GET /assets/([a-z.]+)", call):
        return pages.asset(_FOLDER, found[1], _ASSETS)
    try:
        if found := re.fullmatch(r"(GET|POST) /c/pay/(\w+)", call):
            return _show(world, found[2]) if found[1] == "GET" else _pay(world, found[2], request)
        if found := re.fullmatch(r"POST /c/pay/(\w+)/kept", call):
            return _pay_with_kept(world, found[1], request)
        if found := re.fullmatch(r"POST /c/pay/(\w+)/debit", call):
            return _debit(world, found[1], request)
        if found := re.fullmatch(r"(GET|POST) /c/pay/(\w+)/challenge", call):
            return _challenge(world, found[2], request)
    except ApiError:
        pass
    return _closed(404, "There is no such page", "No payment has this address. Go back to the shop and try again.")


def _show(world: World, id_: str) -> Response:
    session = checkout.find(world, id_)
    if session["status"] != "open":
        return _over(session)
    if session["payment_method_types"] == [debits.TYPE]:
        return _debit_form(world, session)
    return _form(world, session, {}, {})


def _debit_form(world: World, session: dict[str, Any]) -> Response:
    accounts = "".join(
        f'<label><input type="radio" name="account" value="{account.number}"{" checked" if place == 0 else ""}>'
        f'<span><span class="figure">•••• {account.number[-4:]}</span> '
        f'<span class="quiet">{escape(account.note)}</span></span></label>'
        for place, account in enumerate(debits.ACCOUNTS)
    )
    return _page(
        200,
        "debit.html",
        session,
        id=session["id"],
        amount=escape(money(session["amount_total"], session["currency"])),
        items="".join(_item(item) for item in sessions.line_items(world, session["id"])["data"]),
        cancel=_cancel(session),
        accounts=accounts,
    )


def _debit(world: World, id_: str, request: Request) -> Response:
    typed = parse_qs(request.body.decode("utf-8", "replace"))
    if debits.accept(world, id_, typed.get("account", [""])[0]):
        session = checkout.find(world, id_)
        return Response(303, b"", {"Location": session["success_url"].replace("{CHECKOUT_SESSION_ID}", id_)})
    return _show(world, id_)


def _pay(world: World, id_: str, request: Request) -> Response:
    typed = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    session = checkout.find(world, id_)
    if session["status"] != "open":
        return _over(session)
    try:
        entered = cards.read(number=typed.get("number", ""), expiry=typed.get("expiry", ""), cvc=typed.get("cvc", ""))
    except cards.FieldProblem as problem:
        return _form(world, session, typed, {problem.field: str(problem)}, status=422)
    email, name = typed.get("email", "").strip()[:320] or None, typed.get("name", "").strip()[:200] or None
    outcome = checkout.pay(world, id_, entered, email=email, name=name)
    if outcome.state == "challenge":
        return Response(303, b"", {"Location": f"/c/pay/{id_}/challenge"})
    return _after(world, id_, outcome, typed)


def _pay_with_kept(world: World, id_: str, request: Request) -> Response:
    chosen = parse_qs(request.body.decode("utf-8", "replace")).get("method", [""])[0]
    outcome = checkout.pay_with_kept(world, id_, chosen)
    if outcome.state == "challenge":
        return Response(303, b"", {"Location": f"/c/pay/{id_}/challenge"})
    return _after(world, id_, outcome, {}) if outcome.state != "closed" else _show(world, id_)


def _challenge(world: World, id_: str, request: Request) -> Response:
    session = checkout.find(world, id_)
    intent = world.store.get("payment_intent", session["payment_intent"] or "")
    if session["status"] != "open" or intent is None or intent["status"] != "requires_action":
        return Response(303, b"", {"Location": f"/c/pay/{id_}"})
    if request.method == "POST":
        passed = parse_qs(request.body.decode("utf-8", "replace")).get("answer") == ["complete"]
        return _after(world, id_, checkout.answer_challenge(world, id_, passed=passed), {})
    method = world.store.get("payment_method", intent["payment_method"]) or {"card": {"last4": "", "brand": ""}}
    card = f"{method['card']['brand'].title()} •••• {method['card']['last4']}"
    amount = money(session["amount_total"], session["currency"])
    return _page(200, "challenge.html", session, card=escape(card), amount=escape(amount), id=id_)


def _after(world: World, id_: str, outcome: checkout.Outcome, typed: dict[str, str]) -> Response:
    session = checkout.find(world, id_)
    if outcome.state == "declined":
        return _form(world, session, typed, {"card": outcome.message}, status=402)
    if outcome.state == "paid":
        url = session["success_url"].replace("{CHECKOUT_SESSION_ID}", id_)
        return Response(303, b"", {"Location": url})
    return _over(session)


def _over(session: dict[str, Any]) -> Response:
    if session["status"] == "complete":
        text = "This payment has been made. You can close this page."
        return _closed(200, "You're all done here", text, session)
    text = "The time for this payment is over, and nothing was taken. Go back to the shop to start again."
    return _closed(410, "This page has expired", text, session)


def _form(
    world: World, session: dict[str, Any], typed: dict[str, str], problems: dict[str, str], status: int = 200
) -> Response:
    # A card number is never written back into a page.
    kept = {name: typed.get(name, "") for name in _FIELDS if name in ("email", "name")}
    kept["email"] = kept["email"] or (session["customer_details"] or {}).get("email") or ""
    values = {f"value_{name}": escape(value) for name, value in kept.items()}
    for name in (*_FIELDS, "card"):
        problem = problems.get(name)
        values[f"problem_{name}"] = _problem(name, problem) if problem else ""
        values[f"invalid_{name}"] = f'aria-invalid="true" aria-describedby="problem-{name}"' if problem else ""
    items = sessions.line_items(world, session["id"])["data"]
    return _page(
        status,
        "checkout.html",
        session,
        amount=escape(money(session["amount_total"], session["currency"])),
        items="".join(_item(item) for item in items),
        cancel=_cancel(session),
        kept=_kept(world, session),
        saving=_SAVING if _is_saved(world, session) else "",
        cards="".join(_card(card) for card in cards.TEST_CARDS),
        **values,
    )


def _kept(world: World, session: dict[str, Any]) -> str:
    mine = off_session.kept_for(world, session)
    if not mine:
        return ""
    buttons = "".join(
        f'<button class="button" name="method" value="{method["id"]}">Pay with '
        f"{escape(method['card']['brand'].title())} •••• {method['card']['last4']}</button>"
        for method in mine
    )
    return f'<form method="post" action="/c/pay/{session["id"]}/kept" id="kept"><h2>Your cards</h2>{buttons}</form>'


def _is_saved(world: World, session: dict[str, Any]) -> bool:
    return bool(world.store.kept(session["id"]).get("payment_intent_data", {}).get("setup_future_usage"))


def _problem(name: str, message: str) -> str:
    role = ' role="alert"' if name == "card" else ""
    return f'<p class="problem" id="problem-{name}"{role}>{escape(message)}</p>'


def _item(item: dict[str, Any]) -> str:
    count = f' <span class="quiet">× {item["quantity"]}</span>' if item["quantity"] > 1 else ""
    price = escape(money(item["amount_total"], item["currency"]))
    return f'<li><span>{escape(item["description"])}{count}</span><span class="figure">{price}</span></li>'


def _cancel(session: dict[str, Any]) -> str:
    if not session["cancel_url"]:
        return ""
    return f'<a class="back" href="{escape(session["cancel_url"])}" id="cancel">Cancel and go back</a>'


def _card(card: cards.TestCard) -> str:
    groups = " ".join(re.findall(r".{1,4}", card.number))
    return (
        f'<li><button type="button" class="fill" data-number="{groups}"><span class="figure">{groups}</span>'
        f"<span>{escape(card.note)}</span></button></li>"
    )


def _closed(status: int, title: str, text: str, session: dict[str, Any] | None = None) -> Response:
    way_back = ""
    if session is not None:
        url = session["success_url"] if session["status"] == "complete" else session["cancel_url"]
        if url:
            url = url.replace("{CHECKOUT_SESSION_ID}", session["id"])
            way_back = f'<a class="button" href="{escape(url)}">Back to Promote</a>'
    return _page(status, "closed.html", session, title=escape(title), text=escape(text), way_back=way_back)


def _page(status: int, name: str, session: dict[str, Any] | None, **values: str) -> Response:
    banner = pages.template(_FOLDER, "banner.html").substitute(provider="Stripe")
    html = pages.template(_FOLDER, name).substitute(values, banner=banner)
    return pages.html(status, html, shop_urls=[session["success_url"]] if session is not None else ())


def money(amount: int, currency: str) -> str:
    """`$9.90`, `IDR 16,000.00`, `¥150`."""
    digits = 0 if currency in _NO_MINOR_UNITS else 2
    whole, part = divmod(amount, 10**digits)
    figure = f"{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    return f"{_SIGNS[currency]}{figure}" if currency in _SIGNS else f"{currency.upper()} {figure}"
