"""The platform's word taken in: accounts, videos with their products, live rooms.

Each call is an upsert under the platform's own id. An update older than what we have changes nothing (`stale`), the
same update twice changes nothing either, and what changed is told to the rooms above through the outbox.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from promote import outbox
from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom, LiveState, Product, Video
from promote.refusals import FieldError, Invalid

Outcome = Literal["created", "updated", "stale"]
REVIEWED = {"caption", "cover_url", "music_title", "music_licence", "music_own_sound", "product_id"}
"""Fields whose change makes a new revision: what a reviewer looked at is no longer what would be shown."""
LINK = {"url", "title"}
"""Of a product: what a reviewer sees of it."""


Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Synced(Generic[Row]):
    """The row as it now stands, and what the call did to it."""

    row: Row
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Music:
    title: str
    licence: str
    own_sound: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """The product link in a video. `price_minor` in minor units of `currency` (ISO 4217)."""

    product_id: str
    title: str
    price_minor: int
    currency: str
    url: str
    in_stock: bool = True


def put_account(
    *,
    external_id: str,
    username: str,
    type: str,
    country: str,
    updated_at: datetime,
    birth_date: date | None = None,
    restricted: bool = False,
    language: str = "",
    timezone: str = "",
    followers: int | None = None,
) -> Synced[Account]:
    """Takes the platform's word on an account. Any country is taken, launched or not."""
    facts = {
        "username": username,
        "type": type,
        "country": country,
        "birth_date": birth_date,
        "restricted": restricted,
        "language": language,
        "timezone": timezone,
        "followers": followers,
    }
    with transaction.atomic():
        row, outcome, changed = _upsert(Account, external_id, facts, updated_at)
        if outcome == "updated" and changed:
            outbox.record("account_changed", {"account": str(row.id), "changed": sorted(changed)})
        return Synced(row, outcome)


def put_video(
    *,
    external_id: str,
    account: str,
    caption: str,
    visibility: str,
    status: str,
    duration_s: int,
    updated_at: datetime,
    music: Music | None = None,
    anchor: Anchor | None = None,
    cover_url: str = "",
    published_at: datetime | None = None,
) -> Synced[Video]:
    """Takes the platform's word on a video and the product in it. Raises Invalid where the account is unknown."""
    facts = {
        "account_id": _account_of(account),
        "caption": caption,
        "music_title": music.title if music else "",
        "music_licence": music.licence if music else "",
        "music_own_sound": music.own_sound if music else False,
        "visibility": visibility,
        "status": status,
        "duration_s": duration_s,
        "cover_url": cover_url,
        "published_at": published_at,
    }
    with transaction.atomic():
        current = Video.objects.select_for_update().filter(external_id=external_id).first()
        if current is not None and updated_at < current.source_updated_at:
            return Synced(current, "stale")
        facts |= _former(current, facts["account_id"])
        facts["product_id"], product_changed = _put_product(anchor, updated_at) if anchor else (None, set())
        row, outcome, changed = _upsert(Video, external_id, facts, updated_at)
        if changed & REVIEWED or product_changed & LINK:
            Video.objects.filter(id=row.id).update(revision=models.F("revision") + 1)
            row.refresh_from_db(fields=["revision"])
        if product_changed & LINK:
            outbox.record("link_changed", {"product": str(row.product_id), "but": str(row.id)})
        if outcome == "updated" and (changed or product_changed):
            _tell_target("video", row, changed | product_changed)
        return Synced(row, outcome)


def put_live(
    *, external_id: str, account: str, title: str, state: str, starts_at: datetime, updated_at: datetime, now: datetime
) -> Synced[LiveRoom]:
    """Takes the platform's word on a live room. An ended live stays ended. Raises Invalid for an unknown account."""
    facts = {"account_id": _account_of(account), "title": title, "state": state, "starts_at": starts_at}
    with transaction.atomic():
        current = LiveRoom.objects.select_for_update().filter(external_id=external_id).first()
        is_news = current is not None and updated_at >= current.source_updated_at
        if current is not None and is_news and current.state == LiveState.ENDED and state != LiveState.ENDED:
            raise Invalid([FieldError("state", "ended", _("This live has ended. A new broadcast is a new live."))])
        facts |= _former(current, facts["account_id"])
        row, outcome, changed = _upsert(LiveRoom, external_id, facts, updated_at)
        if outcome != "stale" and (changed or outcome == "created"):
            _stamp(row, now)
        if outcome == "updated" and changed:
            _tell_target("live", row, changed)
        return Synced(row, outcome)


def _stamp(live: LiveRoom, now: datetime) -> None:
    if live.state == LiveState.ON_AIR and live.on_air_at is None:
        live.on_air_at = now
    if live.state == LiveState.ENDED and live.ended_at is None:
        live.ended_at = now
    live.save(update_fields=["on_air_at", "ended_at"])


def _put_product(anchor: Anchor, updated_at: datetime) -> tuple[Any, set[str]]:
    """The product's id, and what changed of it. A product is shared by videos: each of them hears of a change."""
    facts = {
        "title": anchor.title,
        "price_minor": anchor.price_minor,
        "currency": anchor.currency,
        "url": anchor.url,
        "in_stock": anchor.in_stock,
    }
    row, outcome, changed = _upsert(Product, anchor.product_id, facts, updated_at)
    if outcome == "updated" and changed:
        for video in Video.objects.filter(product=row):
            _tell_target("video", video, changed)
    return row.id, changed if outcome == "updated" else set()


@outbox.subscribe("link_changed")
def on_link_changed(payload: dict[str, Any], now: datetime) -> None:
    """A product that leads elsewhere is another link in every video it stands in: each makes a new revision.

    Apart from the update itself, so that two updates of one product never wait for each other's videos.
    """
    others = Video.objects.filter(product_id=payload["product"]).exclude(id=payload["but"])
    for video in others.select_for_update().order_by("id"):
        Video.objects.filter(id=video.id).update(revision=models.F("revision") + 1)
        _tell_target("video", video, {"product_id"})


def _tell_target(kind: str, row: Video | LiveRoom, changed: set[str]) -> None:
    outbox.record("target_changed", {"kind": kind, "target": row.public_id, "changed": sorted(changed)})


def _former(current: Video | LiveRoom | None, account_id: Any) -> dict[str, Any]:
    """Whose it was until now: they are told that it moved, where a stranger is told nothing."""
    if current is None or current.account_id == account_id or current.account_id in current.former_account_ids:
        return {}
    return {"former_account_ids": [*current.former_account_ids, current.account_id]}


def _account_of(external_id: str) -> Any:
    found = Account.objects.filter(external_id=external_id).values_list("id", flat=True).first()
    if found is None:
        raise Invalid([FieldError("account", "not_found", _("No such account. Send the account first, then this."))])
    return found


def _upsert(
    model: type[Row], external_id: str, facts: dict[str, Any], updated_at: datetime
) -> tuple[Row, Outcome, set[str]]:
    """The row under this id after the update, what was done, and the names of the fields that differ."""
    objects = model._default_manager
    row = objects.select_for_update().filter(external_id=external_id).first()
    if row is None:
        try:
            with transaction.atomic():
                return objects.create(external_id=external_id, source_updated_at=updated_at, **facts), "created", set()
        except IntegrityError:
            # Somebody else created it in between; theirs is committed now, so ours is an update.
            row = objects.select_for_update().get(external_id=external_id)
    if updated_at < row.source_updated_at:  # type: ignore[attr-defined]
        return row, "stale", set()
    changed = {name for name, value in facts.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, facts[name])
    row.source_updated_at = updated_at  # type: ignore[attr-defined]
    row.save(update_fields=[*changed, "source_updated_at"])
    return row, "updated", changed
