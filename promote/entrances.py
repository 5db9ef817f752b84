"""Entrances: where in the platform's apps the door to Promote is, step by step (DESIGN.md 2)."""

from dataclasses import asdict, dataclass
from typing import Any

from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom, LiveState

TO_CENTRAL = {
    "business": ("business_suite", ("profile", "menu", "settings_and_privacy", "business_suite", "promote", "central")),
    "creator": ("creator_tools", ("profile", "menu", "settings_and_privacy", "creator_tools", "promote", "central")),
    "personal": ("settings", ("profile", "menu", "settings_and_privacy", "promote", "central")),
}
WITH_OFFER = ("your_offers", ("central", "your_offers", "redeem", "choose_video"))
BEFORE_LIVE = ("go_live_panel", ("plus", "live", "go_live_panel", "promote"))
ON_AIR = ("more_page", ("live_room", "more", "promote"))


@dataclass(frozen=True, slots=True)
class Entrance:
    """A door: the surface it is on, and the way there from the app's first screen."""

    surface: str
    path: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "path": list(self.path)}


def to_central(account: Account) -> list[Entrance]:
    """The doors that an account sees: by its type, and through Your Offers."""
    doors = [TO_CENTRAL[account.type]] if account.type in TO_CENTRAL else []
    return [Entrance(*door) for door in [*doors, WITH_OFFER]]


def to_live(live: LiveRoom) -> list[Entrance]:
    """The door beside a live: in the Go Live panel before, in the “…” page while on air, none after."""
    door = {LiveState.SCHEDULED: BEFORE_LIVE, LiveState.ON_AIR: ON_AIR}.get(LiveState(live.state))
    return [Entrance(*door)] if door else []


def to_target(account: Account, target: object) -> list[Entrance]:
    return [*to_live(target), *to_central(account)] if isinstance(target, LiveRoom) else to_central(account)
