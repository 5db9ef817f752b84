"""What DOKU's payers see: their wallet's page, OVO's page that links an account, and how to transfer."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from sandbox.providers.doku.states import state_of
from sandbox.providers.plumbing import pages
from sandbox.providers.plumbing.server import Request, Response

if TYPE_CHECKING:
    from sandbox.providers.doku.doku import Doku


def page(doku: Doku, request: Request) -> Response:
    found = re.fullmatch(r"/(pay|link|how-to-pay)/(\w+)", request.path)
    answer = parse_qs(request.body.decode("utf-8", "replace")).get("answer", [""])[0]
    answer = answer if request.method == "POST" else ""
    if found is not None:
        if found[1] == "link" and (link := doku.store.kept(f"link:{found[2]}")):
            return _link(doku, link, answer)
        payment = doku.payment(found[2])
        if payment is not None and found[1] == "how-to-pay" and payment["way"] == "transfer":
            return _transfer(doku, payment, answer)
        if payment is not None and found[1] == "pay" and payment["way"] != "transfer":
            return _pay(doku, payment, answer)
    return pages.closed(404, provider="DOKU", title="There is no such page", text="No payment has this address.")


def _link(doku: Doku, link: dict[str, Any], answer: str) -> Response:
    if answer == "agree":
        code = secrets.token_hex(16)
        doku.store.keep(f"code:{code}", {"phone": link["phone"]})
        return pages.see_other(_with(link["successRegistrationUrl"], authCode=code))
    if answer == "decline":
        return pages.see_other(link["failedRegistrationUrl"])
    return pages.asks(
        provider="DOKU",
        title="Link your OVO account",
        text="Promote may ask this OVO account for the payment that you confirm next.",
        facts={"Phone": f"+{link['phone'][:4]} ••• {link['phone'][-3:]}"},
        choices={"agree": "Link and continue", "decline": "Don't link"},
        way_back=link["failedRegistrationUrl"],
        shop_urls=[link["successRegistrationUrl"], link["failedRegistrationUrl"]],
    )


def _pay(doku: Doku, payment: dict[str, Any], answer: str) -> Response:
    back = payment["return_url"]
    if state_of(payment) not in ("01", "06"):
        return _over(paid=state_of(payment) == "00", back=back)
    if answer in ("pay", "decline"):
        with doku.store.transaction():
            payment = doku.payment(payment["id"]) or payment
            if answer == "decline":
                doku.store.update(payment, status="05")
                doku.emit("debit.notify", {"payment": payment["id"]})
            elif state_of(payment) in ("01", "06"):
                doku.pay(payment)
        return pages.see_other(back)
    wallet = payment["way"]
    return pages.asks(
        provider="DOKU",
        title=f"Pay with {wallet}",
        text=f"Your {wallet} balance pays this at once.",
        facts={payment["title"]: _money(payment)},
        choices={"pay": "Pay", "decline": "Refuse the payment"},
        way_back=back,
        shop_urls=[back],
    )


def _transfer(doku: Doku, payment: dict[str, Any], answer: str) -> Response:
    if state_of(payment) != "01":
        return _over(paid=state_of(payment) == "00", back="")
    if answer == "pay":
        with doku.store.transaction():
            payment = doku.payment(payment["id"]) or payment
            if state_of(payment) == "01":
                doku.pay(payment)
        return _over(paid=True, back="")
    return pages.asks(
        provider="DOKU",
        title="How to pay",
        text="In your bank's app choose transfer to a virtual account. Here one press does what your bank would.",
        facts={"Virtual account": payment["account"]["virtualAccountNo"].strip(), "Amount": _money(payment)},
        choices={"pay": "Transfer as my bank would"},
        way_back="",
        shop_urls=[],
    )


def _over(*, paid: bool, back: str) -> Response:
    if paid:
        text = "This payment has been made. You can close this page."
        return pages.closed(200, provider="DOKU", title="Paid", text=text, way_back=back)
    text = "The time for this payment is over, or it was refused; nothing was taken."
    return pages.closed(410, provider="DOKU", title="This payment is over", text=text, way_back=back)


def _money(payment: dict[str, Any]) -> str:
    return f"Rp {int(payment['amount']['value'].partition('.')[0]):,}"


def _with(url: str, **query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
