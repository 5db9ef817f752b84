"""What a notification says."""

import pytest

from promote.notifications.models import Notification
from promote.notifications.sentences import sentence


@pytest.mark.parametrize(
    ("kind", "facts", "said"),
    [
        ("order_settled", {"spent": 49, "coins": 1}, "“Mug” spent 49 coins. Back in your balance: 1 coin."),
        ("order_settled", {"spent": 1, "coins": 2680}, "“Mug” spent 1 coin. Back in your balance: 2,680 coins."),
        ("top_up_paid", {"coins": 1}, "Added to your balance: 1 coin."),
    ],
)
def test_one_coin_is_one_coin_and_many_are_grouped(kind, facts, said):
    assert sentence(Notification(kind=kind, payload={"title": "Mug", **facts})).endswith(said)
