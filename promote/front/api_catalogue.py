"""What platform servers send: accounts, videos with their products, live rooms, one at a time. Source: api.md."""

from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from promote.accounts.models import Account, AccountType
from promote.catalogue import sync
from promote.catalogue.models import Licence, LiveRoom, LiveState, Standing, Video, Visibility
from promote.rest import scopes
from promote.rest.fields import (
    CountryField,
    CurrencyField,
    ExternalIdField,
    InstantField,
    Shape,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictDateField,
    StrictIntegerField,
    WebAddressField,
)
from promote.rest.views import Door

MAX_INTEGER = 2**31 - 1


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$", "maxLength": 16})
class LanguageField(StrictCharField):
    """A language tag: `en`, `pt-BR`, `zh-Hant`."""

    default_error_messages = {"language": _("A language is a tag as in BCP 47: en, pt-BR.")}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        parts = text.split("-")
        if not (2 <= len(parts[0]) <= 3 and text.isascii() and all(part.isalnum() for part in parts)):
            self.fail("language")
        return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@extend_schema_field({"type": "string", "maxLength": 64, "examples": ["Asia/Jakarta"]})
class TimeZoneField(StrictCharField):
    default_error_messages = {"timezone": _("A time zone is a name as in the IANA list: Asia/Jakarta.")}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text not in _zones():
            self.fail("timezone")
        return text


class AccountIn(Shape):
    username = StrictCharField(max_length=128)
    type = StrictChoiceField(choices=AccountType.choices)
    country = CountryField()
    birth_date = StrictDateField(required=False, allow_null=True)
    restricted = StrictBooleanField(required=False, allow_null=True)
    language = LanguageField(required=False, allow_null=True, max_length=16)
    timezone = TimeZoneField(required=False, allow_null=True, max_length=64)
    followers = StrictIntegerField(required=False, allow_null=True, min_value=0)
    updated_at = InstantField()


class MusicIn(Shape):
    title = StrictCharField(max_length=300, allow_blank=True)
    licence = StrictChoiceField(choices=Licence.choices)
    own_sound = StrictBooleanField(required=False, allow_null=True)


class PriceShape(Shape):
    amount_minor = StrictIntegerField(min_value=0)
    currency = CurrencyField()


class AnchorIn(Shape):
    product_id = ExternalIdField()
    title = StrictCharField(max_length=300)
    price = PriceShape()
    url = WebAddressField()
    in_stock = StrictBooleanField(required=False, allow_null=True)


class VideoIn(Shape):
    account = ExternalIdField(help_text=_("The account's external id."))
    caption = StrictCharField(max_length=5000, allow_blank=True)
    music = MusicIn(required=False, allow_null=True)
    visibility = StrictChoiceField(choices=Visibility.choices)
    status = StrictChoiceField(choices=Standing.choices)
    anchor = AnchorIn(required=False, allow_null=True)
    duration_s = StrictIntegerField(min_value=0, max_value=MAX_INTEGER)
    cover_url = WebAddressField(required=False, allow_null=True)
    published_at = InstantField(required=False, allow_null=True)
    updated_at = InstantField()


class LiveIn(Shape):
    account = ExternalIdField(help_text=_("The account's external id."))
    title = StrictCharField(max_length=300)
    state = StrictChoiceField(choices=LiveState.choices)
    starts_at = InstantField()
    updated_at = InstantField()


STALE = _("This update was older than what we have: nothing was changed.")


class AccountRead(AccountIn):
    id = serializers.CharField()
    external_id = serializers.CharField()


class VideoRead(VideoIn):
    id = serializers.CharField()
    external_id = serializers.CharField()
    revision = serializers.IntegerField()


class LiveRead(LiveIn):
    id = serializers.CharField()
    external_id = serializers.CharField()
    on_air_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class AccountSynced(AccountRead):
    stale = serializers.BooleanField(help_text=STALE)


class VideoSynced(VideoRead):
    stale = serializers.BooleanField(help_text=STALE)


class LiveSynced(LiveRead):
    stale = serializers.BooleanField(help_text=STALE)


def put_account(external_id: str, facts: dict[str, Any], now: datetime) -> sync.Synced[Account]:
    return sync.put_account(external_id=external_id, **_given(facts))


def put_video(external_id: str, facts: dict[str, Any], now: datetime) -> sync.Synced[Video]:
    music, anchor = facts.pop("music", None), facts.pop("anchor", None)
    return sync.put_video(
        external_id=external_id,
        music=sync.Music(**_given(music)) if music else None,
        anchor=_anchor(**_given(anchor)) if anchor else None,
        **_given(facts),
    )


def put_live(external_id: str, facts: dict[str, Any], now: datetime) -> sync.Synced[LiveRoom]:
    return sync.put_live(external_id=external_id, now=now, **facts)


def _given(facts: dict[str, Any]) -> dict[str, Any]:
    """Without the nulls, which say the same as leaving a field out."""
    return {name: value for name, value in facts.items() if value is not None}


def _anchor(*, price: dict[str, Any], **facts: Any) -> sync.Anchor:
    return sync.Anchor(price_minor=price["amount_minor"], currency=price["currency"], **facts)


def read_account(account: Account) -> dict[str, Any]:
    return {
        "id": account.public_id,
        "external_id": account.external_id,
        "username": account.username,
        "type": account.type,
        "country": account.country,
        "birth_date": account.birth_date,
        "restricted": account.restricted,
        "language": account.language or None,
        "timezone": account.timezone or None,
        "followers": account.followers,
        "updated_at": account.source_updated_at,
    }


def read_video(video: Video) -> dict[str, Any]:
    product = video.product
    return {
        "id": video.public_id,
        "external_id": video.external_id,
        "account": video.account.external_id,
        "caption": video.caption,
        "music": {"title": video.music_title, "licence": video.music_licence, "own_sound": video.music_own_sound}
        if video.music_licence
        else None,
        "visibility": video.visibility,
        "status": video.status,
        "anchor": product
        and {
            "product_id": product.external_id,
            "title": product.title,
            "price": {"amount_minor": product.price_minor, "currency": product.currency},
            "url": product.url,
            "in_stock": product.in_stock,
        },
        "duration_s": video.duration_s,
        "cover_url": video.cover_url or None,
        "published_at": video.published_at,
        "updated_at": video.source_updated_at,
        "revision": video.revision,
    }


def read_live(live: LiveRoom) -> dict[str, Any]:
    return {
        "id": live.public_id,
        "external_id": live.external_id,
        "account": live.account.external_id,
        "title": live.title,
        "state": live.state,
        "starts_at": live.starts_at,
        "on_air_at": live.on_air_at,
        "ended_at": live.ended_at,
        "updated_at": live.source_updated_at,
    }


EXTERNAL_ID = OpenApiParameter(
    "external_id",
    str,
    OpenApiParameter.PATH,
    description="The platform's own id of it.",
    examples=[OpenApiExample("A seller", value="sri")],
)


class Accounts(Door):
    permission_classes = [scopes("catalogue")]

    @extend_schema(
        operation_id="put_account",
        parameters=[EXTERNAL_ID],
        request=AccountIn,
        responses={200: AccountSynced, 201: AccountSynced},
    )
    def put(self, request: Request, external_id: str) -> Response:
        ExternalIdField.check_path(external_id)
        synced = put_account(external_id, AccountIn.read(request), timezone.now())
        return _answer(synced, read_account(synced.row))


class Videos(Door):
    permission_classes = [scopes("catalogue")]

    @extend_schema(
        operation_id="put_video",
        parameters=[EXTERNAL_ID],
        request=VideoIn,
        responses={200: VideoSynced, 201: VideoSynced},
    )
    def put(self, request: Request, external_id: str) -> Response:
        ExternalIdField.check_path(external_id)
        synced = put_video(external_id, VideoIn.read(request), timezone.now())
        return _answer(synced, read_video(synced.row))


class Lives(Door):
    permission_classes = [scopes("catalogue")]

    @extend_schema(
        operation_id="put_live",
        parameters=[EXTERNAL_ID],
        request=LiveIn,
        responses={200: LiveSynced, 201: LiveSynced},
    )
    def put(self, request: Request, external_id: str) -> Response:
        ExternalIdField.check_path(external_id)
        synced = put_live(external_id, LiveIn.read(request), timezone.now())
        return _answer(synced, read_live(synced.row))


def _answer(synced: sync.Synced[Any], members: dict[str, Any]) -> Response:
    status = 201 if synced.outcome == "created" else 200
    return Response({**members, "stale": synced.outcome == "stale"}, status=status)
