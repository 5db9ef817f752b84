"""What payments does when something it hears of has happened: messages of the outbox, at least once each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from payments import invoices, repayments
from payments.documents import mail
from payments.models import TopUp
from promote import ids
from promote.accounts.models import Account
from promote.markets.models import Market
from promote.outbox import subscribe

_ABOUT = ("title", "function", "objective", "starts_at", "ended_at")


@subscribe("order_settled")
def bill_the_order(payload: dict[str, Any], now: datetime) -> None:
    account = Account.objects.get(id=UUID(payload["account"]))
    repayments.tell(owner=account.id, now=now)
    market = Market.objects.filter(code=payload.get("market") or account.country).first()
    if not payload["spent_coins"] or market is None:
        return
    invoices.issue_for_order(
        order_ref=ids.public("ord", UUID(payload["order"])),
        account=account,
        market=market,
        about={name: payload[name] for name in _ABOUT if payload.get(name)},
        now=now,
    )


@subscribe("top_up_paid")
def write_the_receipt(payload: dict[str, Any], now: datetime) -> None:
    top_up = TopUp.objects.select_related("account", "market").get(id=UUID(payload["top_up"]))
    invoices.issue_receipt(top_up=top_up, now=now)


@subscribe("document_issued")
def mail_the_document(payload: dict[str, Any], now: datetime) -> None:
    mail.send(invoice_id=UUID(payload["invoice"]), now=now)
