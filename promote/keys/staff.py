"""Members of staff and their roles. A role is a group; its permissions are given by name as rooms bring them."""

import secrets
from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from promote.accounts.models import User
from promote.refusals import FieldError, Invalid

LOOK = ("view_account", "view_video", "view_liveroom", "view_product")
ROLES: dict[str, tuple[str, ...]] = {
    "reviewer": (*LOOK, "view_order", "view_ordertransition", "view_review", "review_order", "end_order"),
    "finance": (
        *LOOK, "view_order", "view_ordertransition", "end_order", "settle_order", "change_account",
        "view_ledgeraccount", "view_journal", "view_transfer", "view_lot", "view_topup", "view_notice", "view_invoice",
        "view_gift", "change_notice", "view_fraudwarning", "view_refused", "view_savedmethod",
        "view_paymentreturn", "view_withdrawal", "view_withdrawalleg", "view_withdrawaltransition", "review_withdrawal",
        "view_reconciliation", "run_reconciliation", "view_providerline", "view_difference", "view_differencenote",
        "resolve_difference", "view_adjustment", "propose_adjustment", "decide_adjustment",
        "view_bankaccount", "add_bankaccount", "change_bankaccount", "view_bankstatement", "import_bankstatement",
        "view_bankline", "view_bankmatch", "propose_bankmatch", "decide_bankmatch",
        "view_bankpayout", "tell_bankpayout", "confirm_bankpayout",
        "view_payoutbank", "add_payoutbank", "change_payoutbank",
        "view_moneylimit", "add_moneylimit", "change_moneylimit", "view_limitpassed", "look_at_limitpassed",
        "view_unbilledhour", "view_finding", "add_finding", "view_chargereturn",
        "view_blockedsource", "add_blockedsource", "change_blockedsource", "view_staffviewer",
        "view_invoiceseries", "view_billingdetails", "view_seller", "add_seller", "change_seller",
    ),
    "coupons": (
        "view_account", "view_campaign", "add_campaign", "change_campaign", "fund_campaign", "grant_offer",
        "view_offer", "view_offertransition", "revoke_offer",
    ),
    "markets": (
        "view_taxrate", "add_taxrate", "change_taxrate", "view_moneylimit",
        "view_market", "add_market", "change_market", "view_paymentmethod", "add_paymentmethod", "change_paymentmethod",
        "view_prediction", "view_foreseen", "view_stretch",
        "view_payoutbank", "add_payoutbank", "change_payoutbank",
        "view_coinpack", "add_coinpack", "change_coinpack", "view_term", "add_term", "change_term",
    ),
    "support": (
        *LOOK, "view_order", "view_ordertransition", "view_review", "view_topup", "view_invoice", "view_offer",
        "view_notification", "view_lot", "view_message", "view_purchase", "view_fraudwarning", "view_refused",
        "view_paymentreturn", "view_withdrawal", "view_withdrawalleg", "view_withdrawaltransition", "view_moneylimit",
        "view_limitpassed", "view_shard", "view_pacingstate", "view_barrier", "view_poisonentry", "change_poisonentry",
        "view_unbilledhour", "view_finding", "view_chargereturn", "view_savedmethod",
        "view_blockedsource", "add_blockedsource", "change_blockedsource",
        "view_staffviewer", "add_staffviewer", "delete_staffviewer",
    ),
}  # fmt: skip


def create(*, username: str, roles: Iterable[str]) -> tuple[User, str]:
    """A member of staff and a password, shown once. Raises Invalid for an unknown role or a name taken."""
    chosen = list(dict.fromkeys(roles))
    unknown = [role for role in chosen if role not in ROLES]
    if unknown or not chosen:
        raise Invalid([FieldError("role", "invalid_choice", _("Name at least one role of: %s.") % ", ".join(ROLES))])
    password = secrets.token_urlsafe(15)
    with transaction.atomic():
        if not username.strip() or User.objects.filter(username=username).exists():
            raise Invalid([FieldError("username", "unique", _("This username is taken, or empty."))])
        user = User.objects.create_user(username=username, password=password, is_staff=True)
        user.groups.set([group_of(role) for role in chosen])
    return user, password


def group_of(role: str) -> Group:
    """The role's group, holding the permissions that the rooms have defined by now."""
    group, _is_new = Group.objects.get_or_create(name=role)
    group.permissions.set(Permission.objects.filter(Q(codename__in=ROLES[role])))
    return group
