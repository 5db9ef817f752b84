"""What payments does when something it hears of has happened: messages of the outbox, at least once each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from payments import invoices, limits, repayments
from payments.documents import mail
from payments.invoices import SettledOrder
from promote import ids
from promote.accounts.models import Account
from promote.markets.models import Market
from promote.outbox import subscribe, subscribe_many

_ABOUT = ("title", "function", "objective", "starts_at", "ended_at")


@subscribe_many("order_settled")
def bill_the_orders(payloads: Sequence[dict[str, Any]], now: datetime) -> None:
    accounts = Account.objects.in_bulk({UUID(payload["account"]) for payload in payloads})
    repayments.tell_all(owners=accounts, now=now)
    markets = Market.objects.in_bulk()
    orders = []
    for payload in payloads:
        account = accounts[UUID(payload["account"])]
        market = markets.get(payload.get("market") or account.country)
        if payload["spent_coins"] and market is not None:
            about = {name: payload[name] for name in _ABOUT if payload.get(name)}
            orders.append(SettledOrder(ids.public("ord", UUID(payload["order"])), account, market, about))
    invoices.issue_for_orders(orders, now=now)


@subscribe_many("top_up_paid")
def write_the_receipts(payloads: Sequence[dict[str, Any]], now: datetime) -> None:
    invoices.issue_receipts(top_up_ids={UUID(payload["top_up"]) for payload in payloads}, now=now)


@subscribe_many("top_up_paid")
def tell_of_limits_passed(payloads: Sequence[dict[str, Any]], now: datetime) -> None:
    limits.tell_if_passed(top_up_ids={UUID(payload["top_up"]) for payload in payloads})


@subscribe("document_issued")
def mail_the_document(payload: dict[str, Any], now: datetime) -> None:
    mail.send(invoice_id=UUID(payload["invoice"]), now=now)
