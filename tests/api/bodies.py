"""Bodies as a platform would send them, changed where a test says what matters."""

from typing import Any

T1 = "2026-11-24T08:00:00Z"
T2 = "2026-11-24T09:00:00Z"


def account_body(**facts: Any) -> dict[str, Any]:
    return {
        "username": "batik.by.sri",
        "type": "business",
        "country": "ID",
        "birth_date": "1990-05-17",
        "language": "id",
        "timezone": "Asia/Jakarta",
        "followers": 1200,
        "updated_at": T1,
        **facts,
    }


def video_body(account: str, **facts: Any) -> dict[str, Any]:
    return {
        "account": account,
        "caption": "Batik tulis, dari malam sampai celup",
        "music": {"title": "Gamelan", "licence": "commercial"},
        "visibility": "public",
        "status": "active",
        "duration_s": 21,
        "updated_at": T1,
        **facts,
    }


def anchor_body(**facts: Any) -> dict[str, Any]:
    return {
        "product_id": "sku-1",
        "title": "Selendang batik",
        "price": {"amount_minor": 24_900_000, "currency": "IDR"},
        "url": "https://shop.example/selendang",
        **facts,
    }


def live_body(account: str, **facts: Any) -> dict[str, Any]:
    return {"account": account, "title": "Kiln opening", "state": "on_air", "starts_at": T1, "updated_at": T1, **facts}
