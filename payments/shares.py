"""Who gets what of an escrow at its end: pure arithmetic. Source: delivery.md 2, Settlement."""

from collections.abc import Sequence
from dataclasses import dataclass

from payments.lots import Taken
from promote.money import MICROS


@dataclass(frozen=True, slots=True)
class CouponShare:
    """A coupon's part of an order, from its campaign's ledger account."""

    campaign_account_id: int
    micros: int


@dataclass(frozen=True, slots=True)
class Funding:
    """What went into an escrow: the coupon's part, and the user's from their lots in the order they were taken."""

    coupon: CouponShare | None
    taken: Sequence[Taken]

    @property
    def coupon_micros(self) -> int:
        return self.coupon.micros if self.coupon else 0

    @property
    def lot_ids(self) -> set[int]:
        """The lots' ledger accounts."""
        return {part.ledger_account_id for part in self.taken}

    @property
    def user_micros(self) -> int:
        return sum(part.micros for part in self.taken)

    @property
    def micros(self) -> int:
        return self.coupon_micros + self.user_micros


@dataclass(frozen=True, slots=True)
class Settled:
    """What an order cost in the end: charged = coupon_spent + user_spent + rounding."""

    charged_micros: int
    coupon_spent_micros: int
    user_spent_coins: int
    refunded_coins: int
    coupon_returned_micros: int
    rounding_micros: int


def divide(funding: Funding, *, left_micros: int) -> Settled:
    """Splits an escrow of which `left_micros` are left. The coupon is spent first; the user's spend is rounded down to
    whole coins, and the fraction (`rounding`) is ours to give back.
    """
    charged = funding.micros - left_micros
    coupon_spent = min(charged, funding.coupon_micros)
    user_spent_coins, rounding = divmod(charged - coupon_spent, MICROS)
    refunded_coins, fraction = divmod(funding.user_micros - user_spent_coins * MICROS, MICROS)
    if fraction or not 0 <= left_micros <= funding.micros:
        raise ValueError(f"an escrow of {funding.micros} micros can't have {left_micros} left")
    return Settled(
        charged_micros=charged,
        coupon_spent_micros=coupon_spent,
        user_spent_coins=user_spent_coins,
        refunded_coins=refunded_coins,
        coupon_returned_micros=funding.coupon_micros - coupon_spent,
        rounding_micros=rounding,
    )


def back_to_lots(taken: Sequence[Taken], *, micros: int) -> list[Taken]:
    """`micros` back to where they were taken from, the last taken first, none getting more than it gave."""
    returned, to_return = [], micros
    for part in reversed(taken):
        share = min(part.micros, to_return)
        if share:
            returned.append(Taken(part.ledger_account_id, share))
            to_return -= share
    if to_return:
        raise ValueError(f"{to_return} micros more to return than were taken")
    return returned
