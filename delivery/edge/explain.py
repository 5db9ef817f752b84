"""`?explain=1`, for ops: where each order went in the funnel of one decision. `&order=ord_…`: that one alone."""

from typing import Any

from delivery.edge.deciding import Page
from delivery.engine.index import Key, Listing, keys_of, names_of
from delivery.engine.vocabulary import GENDERS

MOST_ORDERS = 200


def explain(page: Page | None, *, order: str = "") -> list[dict[str, Any]]:
    """Those that fit first, then what kept the others out. Nothing for a viewer to whom nothing is shown.

    `order`: only that one, by its public id, however many there are.
    """
    if page is None:
        return []
    if order:
        row = page.index.of_order(order)
        return [{"order": order, "stage": "not_live"} if row is None else _explained(page, row)]
    targeted = page.targeted
    others = set(page.index.rows.values()) - set(targeted)
    return [_explained(page, row) for row in [*targeted, *sorted(others)][:MOST_ORDERS]]


def _explained(page: Page, row: int) -> dict[str, Any]:
    listing = page.index.listing(row)
    line: dict[str, Any] = {"order": listing.public_id, "stage": _stage(page, listing, row)}
    mu = float(page.index.columns.mu[row])
    if mu:
        line |= {"mu": mu, "rate": _rate(page, row)}
    held = page.auction
    if held is not None and row in held.rows:
        line["bid_micros"] = held.micros[held.rows.index(row)]
    return line


def _rate(page: Page, row: int) -> float:
    """What is expected: a young order's bid is drawn about it."""
    if page.told is not None and row in page.told:
        return page.told[row]
    columns = page.index.columns
    alpha, beta = float(columns.alpha[page.surface, row]), float(columns.beta[page.surface, row])
    return alpha / (alpha + beta)


def _stage(page: Page, listing: Listing, row: int) -> str:
    if row not in page.targeted:
        return _untargeted(page, listing)
    for slot, sale in page.sold.items():
        if sale.row == row:
            return f"shown in slot {slot}"
    if row in page.aside:
        return page.aside[row]
    if not page.index.columns.mu[row]:
        return "not_paced_yet"
    if row not in page.open:
        return "advertiser_on_page"
    held = page.auction
    return "outbid_or_below_floor" if held is not None and row in held.bidding else "below_reserve"


def _untargeted(page: Page, listing: Listing) -> str:
    viewer, keys = page.viewer, keys_of(listing)
    gender = viewer.gender if viewer.gender in GENDERS else "any"
    needed: list[Key] = [
        ("surface", page.asked.surface),
        ("country", viewer.country),
        ("age", viewer.age_band),
        ("gender", gender),
    ]
    for key in needed:
        if key not in keys:
            return f"not_for_this_{key[0]}"
    if viewer.id in names_of(listing):
        return "own_content"
    if not {*names_of(listing)}.isdisjoint(page.asked.exclude or ()):
        return "excluded"
    return "not_for_these_interests"
