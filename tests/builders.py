"""Builders: each makes one thing that is right in every way, changed where the test says what matters.

Grouped by room, ground first. A builder writes through the product's own use cases wherever there is one.
"""

import itertools
from datetime import UTC, date, datetime
from typing import Any

from promote.accounts.models import Account, User
from promote.catalogue.models import LiveRoom, Product, Video

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def a_number() -> int:
    """A number that no other call in this process gets."""
    return next(_numbers)


# --- ground ---------------------------------------------------------------------------------------------------------


def an_account(**facts: Any) -> Account:
    """An adult's business account in the US."""
    n = a_number()
    return Account.objects.create(
        **{
            "external_id": f"account-{n}",
            "username": f"seller{n}",
            "type": "business",
            "country": "US",
            "birth_date": date(1990, 5, 17),
            "source_updated_at": NOON,
            **facts,
        }
    )


def a_user(**facts: Any) -> User:
    """Somebody who can sign in with the password `correct horse battery`."""
    facts = {"username": f"user{a_number()}", "password": "correct horse battery", **facts}
    return User.objects.create_user(**facts)


def a_product(**facts: Any) -> Product:
    n = a_number()
    return Product.objects.create(
        **{
            "external_id": f"product-{n}",
            "title": "Batik scarf",
            "price_minor": 2_490,
            "currency": "USD",
            "url": f"https://shop.example/{n}",
            "source_updated_at": NOON,
            **facts,
        }
    )


def a_video(account: Account, *, anchor: dict[str, Any] | None = None, **facts: Any) -> Video:
    """A public video with commercial music; with `anchor` also a product link, of those facts."""
    n = a_number()
    return Video.objects.create(
        **{
            "external_id": f"video-{n}",
            "account": account,
            "caption": "Hand-drawn batik, from wax to dye",
            "music_title": "Gamelan",
            "music_licence": "commercial",
            "visibility": "public",
            "status": "active",
            "duration_s": 21,
            "product": a_product(**anchor) if anchor is not None else None,
            "source_updated_at": NOON,
            **facts,
        }
    )


def a_live(account: Account, **facts: Any) -> LiveRoom:
    """A live room that is on air."""
    return LiveRoom.objects.create(
        **{
            "external_id": f"live-{a_number()}",
            "account": account,
            "title": "Kiln opening, live",
            "state": "on_air",
            "starts_at": NOON,
            "source_updated_at": NOON,
            **facts,
        }
    )
