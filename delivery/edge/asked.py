"""What `POST /v1/decide` is asked: its shape and bounds (api.md, The edge)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

BODY_MAX_BYTES = 256 * 1024
SLOTS_MAX = 50

Text = Annotated[str, Meta(min_length=1, max_length=256)]
Word = Annotated[str, Meta(max_length=64)]


class ViewerIn(msgspec.Struct):
    """Who looks. `consent`: whether they agreed to be shown what suits their person; `limited_tracking`: whether they
    asked their device not to be followed. Neither told counts as agreed."""

    id: Text
    country: Word | None = None
    age_band: Word | None = None
    gender: Word | None = None
    interests: Annotated[list[Word], Meta(max_length=100)] | None = None
    app_platform: Word | None = None
    is_minor: bool | None = None
    consent: bool | None = None
    limited_tracking: bool | None = None

    @property
    def is_limited(self) -> bool:
        """Shown only what is for anybody of their country and age, and forgotten with the day."""
        return self.consent is False or self.limited_tracking is True


class SlotIn(msgspec.Struct):
    floor_micros: Annotated[int, Meta(ge=0, le=10**12)] | None = None


class DecideIn(msgspec.Struct):
    viewer: ViewerIn
    surface: Literal["feed", "shop", "live"]
    slots: Annotated[list[SlotIn], Meta(min_length=1, max_length=SLOTS_MAX)]
    exclude: Annotated[list[Text], Meta(max_length=1000)] | None = None
    rates: Annotated[dict[str, dict[str, Annotated[float, Meta(ge=0, le=1)]]], Meta(max_length=1000)] | None = None


decoder = msgspec.json.Decoder(DecideIn)
