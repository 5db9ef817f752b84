"""The launch facts, from `data/markets.json` into rows. Used once, by a data migration; then the admin edits them."""

import json
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "data" / "markets.json"
SURFACES_IN_APP = {"apple": ["ios"], "google": ["android"]}
GATEWAYS = {
    "apple": "apple",
    "google": "google",
    "card": "stripe",
    "direct_debit": "stripe",
    "paypal": "paypal",
    "paypal_reference": "paypal",
    "dana": "doku",
    "ovo": "doku",
    "doku_bank_transfer": "doku",
    "offline_bank_transfer": "bank_transfer",
    "rabbit_line_pay": "2c2p",
    "2c2p_bank_transfer": "2c2p",
    "truemoney": "2c2p",
}
REMEDIES = {
    "misleading": "Say only what the product does, then ask for a new review.",
    "prohibited_product": "This product can't be promoted. Choose another video.",
    "restricted_product": "Show the licence or age notice that this product needs.",
    "adult": "Remove the sexual content, or choose another video.",
    "violence": "Remove the violent scene, or choose another video.",
    "dangerous_acts": "Remove the dangerous act, or choose another video.",
    "hate": "Remove what attacks people for who they are.",
    "intellectual_property": "Use only pictures, sounds and marks that are yours or licensed to you.",
    "personal_data": "Remove names, faces, addresses or numbers of people who did not agree.",
    "low_quality": "Upload a sharper picture and a clear sound.",
    "link_mismatch": "Make the link lead to what the video shows.",
    "minors": "Remove the scenes with children, or choose another video.",
    "other": "Read the reviewer's words, mend that, then place the order again.",
}


def rows(facts: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each model, by its name, as keyword arguments. Prices are rounded up to the minor unit."""
    markets, methods, packs = [], [], []
    for code, own in facts["markets"].items():
        markets.append(_market(code, own, facts))
        ways = facts["payment_methods"].get(code, facts["payment_methods"]["*"])
        methods += _methods(code, ways)
        surfaces = {"web"} | {s for way in ways["in_app"] for s in SURFACES_IN_APP[way]} | {"android"}
        packs += [
            {
                "market_id": code,
                "surface": surface,
                "coins": coins,
                "price_minor": -(-coins * own["price_of_100_coins_minor"] // 100),
                "product_id": f"coins_{coins}" if surface != "web" else "",
            }
            for surface in sorted(surfaces)
            for coins in facts["coin_packs"]
        ]
    return {"Market": markets, "PaymentMethod": methods, "CoinPack": packs, "Term": _terms(facts)}


def _market(code: str, own: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    def by_objective(key: str) -> dict[str, Any]:
        return {name: value for name, value in facts[key].items() if name != "note"}

    budget, hours = facts["budget"], facts["budget"]["duration_hours"]
    withdrawal = facts["withdrawal"]
    offered = [] if code in withdrawal["never_in"] else [s for s, yes in withdrawal["offered_on"].items() if yes]
    return {
        "code": code,
        "currency": own["currency"],
        "exponent": own["exponent"],
        "time_zone": own["time_zone"],
        "language": own["language"],
        "tax_name": own["tax"]["name"],
        "tax_percent": own["tax"]["percent"],
        "functions": [function for function, where in facts["launched"].items() if code in where],
        "objectives": facts["objectives"],
        "account_types": facts["account_types"],
        "minimum_age": facts["minimum_age"],
        "minimum_app_versions": facts["minimum_app_version"],
        "music_licences": facts["music_licences_allowed"],
        "budget_min_per_day_coins": budget["per_day_coins"]["min"],
        "budget_max_per_day_coins": budget["per_day_coins"]["max"],
        "order_max_coins": budget["per_order_max_coins"],
        "packages_coins": budget["packages_coins"],
        "duration_min_s": hours["min"] * 3600,
        "duration_max_s": hours["max"] * 3600,
        "duration_default_s": hours["default"] * 3600,
        "reserve_micros": by_objective("reserve_micros"),
        "objective_value": by_objective("objective_value"),
        "action_of_objective": facts["actions_per_objective"],
        "live_review": facts["review"]["live"],
        "review_deadline_s": facts["review_deadline_hours"] * 3600,
        "refund_within_s": facts["refund_within_minutes"] * 60,
        "pausing_allowed": facts["pausing_by_users"],
        "withdrawal_surfaces": offered,
    }


def _methods(code: str, ways: dict[str, list[str]]) -> list[dict[str, Any]]:
    known = [(method, True, SURFACES_IN_APP[method]) for method in ways["in_app"]]
    known += [(method, False, ["android", "web"]) for method in ways["other"]]
    return [
        {
            "market_id": code,
            "code": method,
            "in_app": in_app,
            "gateway": GATEWAYS[method],
            "surfaces": surfaces,
            "position": position,
        }
        for position, (method, in_app, surfaces) in enumerate(known)
    ]


def _terms(facts: dict[str, Any]) -> list[dict[str, Any]]:
    lists = {"interest": "interests", "call_to_action": "calls_to_action", "policy": "policy_codes"}
    return [
        {
            "kind": kind,
            "code": code,
            "label": code.replace("_", " ").capitalize(),
            "remedy": REMEDIES[code] if kind == "policy" else "",
            "position": position,
        }
        for kind, key in lists.items()
        for position, code in enumerate(facts[key])
    ]


def read() -> dict[str, Any]:
    return json.loads(SOURCE.read_text())
