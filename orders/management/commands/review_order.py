from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from orders import review
from orders.models import Order
from promote.accounts.models import User
from promote.commands import JsonCommand


class Command(JsonCommand):
    help = "Approves or rejects an order, as the review desk does."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("order", metavar="ORDER", help="ord_…")
        parser.add_argument("verdict", choices=["approve", "reject"])
        parser.add_argument("--policy", default="", help="what a rejection names; see the policy codes in the admin")
        parser.add_argument("--reason", default="", help="in place of the policy's own words")
        parser.add_argument("--remedy", default="", help="in place of the policy's own remedy")
        parser.add_argument("--place-start-s", type=int, help="where in the video it is, in seconds")
        parser.add_argument("--place-end-s", type=int)
        parser.add_argument("--by", required=True, metavar="USERNAME", help="the reviewer")

    def work(self, *args: Any, **options: Any) -> dict[str, Any]:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']}.")
        order_id, now = Order.id_from(options["order"]), timezone.now()
        if options["verdict"] == "approve":
            order = review.approve(order_id=order_id, by=by, now=now)
        else:
            grounds = {name: options[name] for name in ("policy", "reason", "remedy", "place_start_s", "place_end_s")}
            order = review.reject(order_id=order_id, by=by, now=now, **grounds)
        return {"order": order.public_id, "status": order.status, "refunded_coins": order.refunded_coins}
