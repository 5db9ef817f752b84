"""The closed lists of delivery: surfaces, age bands, genders, types of event. What is stored is their places.

Source: api.md, The edge. Only ever append: a stored number keeps its meaning.
"""

SURFACES = ("feed", "shop", "live")
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55+")
"""Adults only: any other band is not one to whom a promotion is shown."""
GENDERS = ("female", "male", "other")
UNKNOWN = 255
"""Stored for a gender that the platform did not tell."""

IMPRESSION = "impression"
ACTIONS = (
    "view_2s",
    "view_6s",
    "complete",
    "profile_visit",
    "website_visit",
    "product_click",
    "follow",
    "live_enter",
    "live_minute",
    "share",
    "hide",
    "report",
)
"""`live_minute`: whoever entered stayed for a minute. As every type it counts once a token: it counts people who
stayed, not minutes."""
VIEWS = ("view_2s", "view_6s", "complete")
INTERACTIONS = ("profile_visit", "website_visit", "product_click", "follow", "live_enter", "share")
"""Whoever did one of these looked, however briefly (delivery.md 5: a focused view is 6 s or an interaction)."""
EVENT_TYPES = (IMPRESSION, *ACTIONS)
EVENT_CODES = {name: number for number, name in enumerate(EVENT_TYPES)}

SURFACES_OF_FUNCTION = {"video": ("feed",), "anchor": ("feed", "shop"), "live": ("feed", "live")}
"""Where an order of each function may be shown."""

LEAST_VISIBLE_MS = {"feed": 1000, "shop": 1000, "live": 1000}
"""How long half of it must have been seen, by surface, for an impression to be billed."""
LEAST_VISIBLE_SHARE = 0.5
