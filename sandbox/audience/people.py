"""Viewers, drawn per market: the same number is the same person in every run."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.audience.curves import Drawing, busy

POPULATION: Final = 20_000
"""Viewers a market; the busiest come back often, most of them rarely."""
RETURNING: Final = 1.6
MINORS: Final = 0.06
AGE_UNTOLD: Final = 0.03

INTERESTS: Final = Drawing({
    "beauty": 9, "books": 2, "cars": 3, "comedy": 10, "crafts": 5, "dance": 7, "education": 4, "family": 5,
    "fashion": 10, "fitness": 5, "food": 10, "gaming": 8, "home": 5, "music": 9, "outdoors": 3, "pets": 5,
    "sports": 6, "tech": 6, "travel": 6,
})  # fmt: skip
GENDERS: Final = Drawing({"female": 51, "male": 46, "other": 1, "": 2})
AGE_BANDS: Final = Drawing({"18-24": 36, "25-34": 33, "35-44": 17, "45-54": 9, "55+": 5})
AGENTS: Final = {
    "android": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/129.0.6668.100 Mobile Safari/537.36",
    "ios": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.6 Mobile/15E148 Safari/604.1",
    "web": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/129.0.0.0 Safari/537.36",
}


@dataclass(frozen=True, slots=True)
class Audience:
    """A market's viewers. `weight`: its share of the traffic, before the hour of day is looked at."""

    country: str
    time_zone: str
    weight: float
    android_share: float


MARKETS: Final = (
    Audience("ID", "Asia/Jakarta", 30, 0.88),
    Audience("US", "America/New_York", 18, 0.42),
    Audience("GB", "Europe/London", 16, 0.48),
    Audience("TH", "Asia/Bangkok", 14, 0.72),
    Audience("DE", "Europe/Berlin", 10, 0.62),
    Audience("SA", "Asia/Riyadh", 9, 0.58),
    Audience("BR", "America/Sao_Paulo", 2, 0.82),
    Audience("JP", "Asia/Tokyo", 1, 0.34),
)


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    country: str
    age_band: str
    gender: str
    interests: tuple[str, ...]
    app_platform: str
    is_minor: bool
    taste: int
    """Seeds what this person likes, so that the same video meets the same reaction."""

    def as_viewer(self) -> dict[str, Any]:
        """The edge's `viewer`: what is not known is left out."""
        facts = {
            "id": self.id,
            "country": self.country,
            "age_band": self.age_band,
            "gender": self.gender,
            "interests": list(self.interests),
            "app_platform": self.app_platform,
        }
        told = {name: value for name, value in facts.items() if value}
        return {**told, "is_minor": True} if self.is_minor else told

    def likes(self, target: str) -> bool:
        """Whether the feed would have chosen this target for this person: about half of all, always the same."""
        return random.Random(f"{self.taste}/{target}").random() < 0.5


def person(audience: Audience, number: int) -> Person:
    """The viewer of this number in this market."""
    rng = random.Random(f"{audience.country}/{number}")
    minor = rng.random() < MINORS
    untold = minor or rng.random() < AGE_UNTOLD
    mobile = "android" if rng.random() < audience.android_share else "ios"
    return Person(
        id=f"{audience.country.lower()}-{number:05d}",
        country=audience.country,
        age_band="" if untold else AGE_BANDS.draw(rng),
        gender=GENDERS.draw(rng),
        interests=tuple(sorted({INTERESTS.draw(rng) for _ in range(rng.randint(1, 4))})),
        app_platform="web" if rng.random() < 0.06 else mobile,
        is_minor=minor,
        taste=rng.getrandbits(32),
    )


def traffic(markets: tuple[Audience, ...], now: datetime, least: float) -> dict[str, float]:
    """Each market's traffic at this moment, by its own hour of day. A market of weight w averages w over a day."""
    shares = {}
    for audience in markets:
        local = now.astimezone(ZoneInfo(audience.time_zone))
        shares[audience.country] = audience.weight * busy(local.hour + local.minute / 60, least)
    return shares


def passer_by(rng: random.Random, audience: Audience) -> Person:
    """Somebody who opens the app now."""
    return person(audience, int(POPULATION * rng.random() ** RETURNING))
