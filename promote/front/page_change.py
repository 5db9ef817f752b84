"""Changing an order in review: audience, link and length. What it costs stays, and so does its place in the queue."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from analytics import foreseeing
from delivery.forecast import Estimate
from orders import amendments
from orders.amendments import NotInReview
from orders.models import Order
from orders.wishes import WEBSITE_VISITS, Wish
from promote.front import order_page, words
from promote.front.change_form import ChangeForm, as_it_is
from promote.front.doors import AdvertiserRequest, advertiser
from promote.refusals import Invalid


@require_http_methods(["GET", "HEAD", "POST"])
@advertiser
def page(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    found = _own(request, order_id)
    if request.method == "POST":
        return _change(request, found)
    if not amendments.may_change(found):
        messages.info(request, _("It is no longer in review, so it can't be changed any more."))
        return redirect("pages:order", found.public_id)
    form = ChangeForm(as_it_is(found), order=found)
    return render(request, "pages/order_change.html", _shown(found, form, _wish(found, form)))


@require_safe
@advertiser
def panel(request: AdvertiserRequest, order_id: str) -> HttpResponse:
    """What the choices at hand would bring, for htmx."""
    found = _own(request, order_id)
    form = ChangeForm(request.GET, order=found)
    wish = _wish(found, form)
    form.spare()
    return render(request, "pages/_change_panel.html", {**_shown(found, form, wish), "alone": True})


def _change(request: AdvertiserRequest, found: Order) -> HttpResponse:
    form = ChangeForm(request.POST, order=found)
    wish = _wish(found, form)
    if not amendments.may_change(found):
        return _too_late(request, found, form)
    if wish is None:
        return render(request, "pages/order_change.html", _shown(found, form, None), status=422)
    try:
        changed = amendments.amend(order_id=found.id, by=request.account, changes=form.changes(), now=timezone.now())
    except NotInReview:
        return _too_late(request, _own(request, found.public_id), form)
    except Invalid as refusal:
        form.take(refusal)
        return render(request, "pages/order_change.html", _shown(found, form, None), status=422)
    if changed.amendments > found.amendments:
        messages.success(request, _("Changed. Our reviewers see it as it is now."))
    else:
        messages.info(request, _("It is like this already; nothing had to be changed."))
    return redirect("pages:order", found.public_id)


def _too_late(request: AdvertiserRequest, found: Order, form: ChangeForm) -> HttpResponse:
    """It was decided while the form was open: it stays as it was, and what was chosen is not lost."""
    shown = {
        **_shown(found, form, None),
        "closed": True,
        "headline": order_page.headline(found),
        "repeat": order_page.repeat(found, **form.changes()) if form.is_valid() else "",
    }
    return render(request, "pages/order_change.html", shown, status=NotInReview.status)


def _wish(found: Order, form: ChangeForm) -> Wish | None:
    """The order as the form would have it. What the rules refuse lands beside its field."""
    if not form.is_valid():
        return None
    try:
        return amendments.wished(found, form.changes())
    except Invalid as refusal:
        form.take(refusal)
        return None


def _shown(found: Order, form: ChangeForm, wish: Wish | None) -> dict[str, Any]:
    visits = found.objective == WEBSITE_VISITS
    return {
        "order": found,
        "form": form,
        "function": found.function,
        "goal": words.OBJECTIVES[found.objective],
        "visits": visits,
        "wish": wish,
        "estimate": _estimate(found, wish) if wish else None,
        "slots": ["duration", "own_length", "audience", *(["website_url", "call_to_action"] if visits else [])],
    }


def _estimate(found: Order, wish: Wish) -> Estimate:
    return foreseeing.estimate(
        market=found.market,
        objective=found.objective,
        budget_coins=found.cost_coins,
        duration_s=wish.duration_s,
        audience=wish.audience,
        now=timezone.now(),
    )


def _own(request: AdvertiserRequest, order_id: str) -> Order:
    found = Order.objects.of(request.account).select_related("account", "market", "video__product", "live")
    return found.prefetch_related("reviews").find(order_id)
