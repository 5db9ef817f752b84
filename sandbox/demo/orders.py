"""The orders that a newcomer finds: one in every state, most of them alive for minutes, two for hours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

End = Literal["in_review", "run", "reject", "cancel", "live"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order to be placed, and what becomes of it. It costs `coins` and lasts `hours` (0.05 is three minutes)."""

    name: str
    account: str
    target: str
    objective: str
    coins: int
    hours: float
    end: End
    audience: Mapping[str, Any] = field(default_factory=lambda: {"automatic": True})
    link: tuple[str, str] | None = None
    with_offer: bool = False


REJECTED_FOR: Final = {
    "policy": "misleading",
    "place_start_s": 11,
    "place_end_s": 16,
    "reason": "The phone that is dropped is in another case than the one in your shop, as its camera ring shows.",
    "remedy": "Show the fall with the case that you sell, or say in the caption which one it is.",
}

ORDERS: Final = (
    Wanted("mugs, by voucher", "clay.and.kiln", "clay-moon-mug", "product_clicks", 120, 0.1, "run", with_offer=True),
    Wanted("batik from wax to dye", "rumah.sari", "sari-parang", "product_clicks", 150, 0.15, "run"),
    Wanted("a small one that is soon spent", "rumah.sari", "sari-lilin", "video_views", 50, 0.05, "run"),
    Wanted("coffee people in their kitchens", "northpine.coffee", "pine-pour-over", "website_visits", 100, 0.1, "run",
           audience={"age_bands": ["25-34", "35-44", "45-54"], "interests": ["food", "home", "crafts"]},
           link=("https://northpine.example.com/pour-over", "learn_more")),
    Wanted("kabsa finds its followers", "noura.bakes", "noura-kabsa", "followers", 100, 0.15, "run"),
    Wanted("the yellowing test", "siamcase", "siam-yellow", "video_views", 60, 0.1, "run",
           audience={"age_bands": ["18-24", "25-34"]}),
    Wanted("first crack, all day", "northpine.coffee", "pine-first-crack", "video_views", 600, 24, "run"),
    Wanted("the mountain, this evening", "lena.geht.rauf", "lena-watzmann", "followers", 200, 6, "run"),
    Wanted("waits for a reviewer: you", "clay.and.kiln", "clay-one-ball", "video_views", 80, 0.1, "in_review"),
    Wanted("the wrong case", "siamcase", "siam-drop", "followers", 60, 0.1, "reject"),
    Wanted("thought better of it", "lena.geht.rauf", "lena-packliste", "followers", 50, 0.1, "cancel"),
    Wanted("the auction, on air", "rumah.sari", "sari-lelang", "live_viewers", 120, 0.15, "live"),
    Wanted("the kiln opening, before it starts", "clay.and.kiln", "clay-opening", "live_viewers", 100, 0.15, "live"),
)  # fmt: skip

SHORT: Final = tuple(wanted for wanted in ORDERS if wanted.end == "run" and wanted.hours < 1)
ALIVE: Final = 2
"""So many of the short ones run at any time while the server does, for whoever comes late."""

COINS: Final = {
    "rumah.sari": 3_000, "clay.and.kiln": 1_500, "northpine.coffee": 1_200,
    "siamcase": 800, "lena.geht.rauf": 300, "noura.bakes": 900,
}  # fmt: skip
"""Granted to each account in the beginning, and again once it can't pay for its next demo order."""

OFFERS: Final = (("clay.and.kiln", 40, 14), ("rumah.sari", 60, 30), ("northpine.coffee", 25, 7))
"""Vouchers: account, coins, days. Those not used by an order above wait for the newcomer."""

LIMITS: Final = {
    "duration_min_s": 180,
    "duration_default_s": 360,
    "budget_min_per_day_coins": 50,
    "packages_coins": [50, 100, 300, 1000],
    "reserve_micros": {
        "video_views": 20_000, "website_visits": 20_000, "followers": 20_000,
        "product_clicks": 30_000, "live_viewers": 30_000,
    },
}  # fmt: skip
"""The demo's market facts: minutes instead of hours, so that an order's whole life can be watched, and a reserve that
goes with the prices which the audience's other buyers pay."""

LOGINS: Final = (
    ("rumah.sari", "sari", "Rumah Sari, batik seller in Indonesia: orders running, one live on air, a voucher to use"),
    ("clay.and.kiln", "clay", "Clay and Kiln, ceramics creator in Britain: an order in review, a live to come"),
    ("northpine.coffee", "northpine", "Northpine Coffee, roaster in the US: an order for website visits"),
    ("siamcase", "siam", "Siamcase, phone cases in Thailand: a rejected order, with what would mend it"),
    ("lena.geht.rauf", "lena", "Lena geht rauf, hiker in Germany: an order for hours, one cancelled"),
    ("reef.and.wax", "reef", "Reef and Wax, surf wax in Australia: tops up by a PayPal that is saved"),
    ("maple.stitch", "maple", "Maple Stitch, embroidery in Canada: tops up by card or PayPal"),
)
STAFF: Final = (
    ("demo-reviewer", "reviewer", "Reviewer: decides what may be shown"),
    ("demo-finance", "finance", "Finance: ledger, top-ups, invoices"),
    ("demo-finance-2", "finance", "Finance, the second person: approves what the first proposed"),
)
