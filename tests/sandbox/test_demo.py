"""The demo and the audience against a live system: real web, edge, worker and clock."""

import json
import stat
import subprocess
import sys

from django.contrib.auth import authenticate
from django.test import Client
from django.utils import timezone

from orders import lifecycle
from orders.models import EndReason, Order, Status
from promote.accounts.models import Account, User
from promote.catalogue.models import LiveRoom, Video
from promote.config import processes
from promote.eligibility import BROWSER, assess
from promote.keys import platform_keys
from sandbox.demo import catalogue, orders
from sandbox.demo.memory import Memory
from tests.api.journey import until
from tests.builders import an_order
from tests.harness.services import ROOT, World

NOT_PROMOTABLE = {
    "sari-selendang": "stock",
    "sari-tiga-gaya": "music",
    "sari-rumah-baru": "visibility",
    "clay-raku": "video_standing",
    "clay-handles": "music",
    "pine-barn": "visibility",
    "siam-elephant": "country",
    "lena-biwak": "music",
    "noura-maamoul": "music",
    "mo-kickflip": "age",
}


def called(world: World, module: str, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments, "--data", str(world.data)],
        cwd=ROOT, env=world.environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def load_demo(world: World) -> dict:
    return called(world, "sandbox.demo", "--url", world.web, "--edge", world.edge)


def put_catalogue() -> None:
    """The demo's accounts and videos, as a platform's server sends them."""
    client, key = Client(), platform_keys.create(name="test", scopes=["catalogue"], now=timezone.now())[1]
    for name, facts in catalogue.ACCOUNTS.items():
        put(client, key, f"accounts/{name}", facts)
    for account, videos in catalogue.VIDEOS.items():
        for name, facts in videos.items():
            put(client, key, f"videos/{name}", {"account": account, **facts})


def put(client: Client, key: str, path: str, facts: dict) -> None:
    body = {**facts, "updated_at": catalogue.SYNCED_AT}
    address = f"/api/v1/platform/{path}"
    answer = client.put(address, body, content_type="application/json", headers={"Authorization": f"Api-Key {key}"})
    assert answer.status_code == 201, answer.content


def statuses() -> dict[str, str]:
    targets = {target.id: target.external_id for model in (Video, LiveRoom) for target in model.objects.all()}
    return {targets[order.video_id or order.live_id]: order.status for order in Order.objects.all()}


def test_the_demo_has_every_state_an_order_can_be_in_and_a_second_run_changes_nothing(
    world: World, live_web, live_edge, celery_worker_process
):
    told = load_demo(world)

    found = statuses()
    assert found["clay-one-ball"] == Status.IN_REVIEW
    assert found["siam-drop"] == Status.REJECTED
    assert found["lena-packliste"] == Status.CANCELLED
    assert found["sari-lelang"] == Status.DELIVERING
    assert found["clay-opening"] == Status.SCHEDULED
    assert len([wanted for wanted in orders.ORDERS if found[wanted.target] == Status.DELIVERING]) >= 6
    rejected = Order.objects.get(video__external_id="siam-drop").reviews.get()
    assert (rejected.place_start_s, rejected.place_end_s) == (11, 16)
    assert rejected.remedy == orders.REJECTED_FOR["remedy"]
    for login in told["logins"]:
        assert authenticate(username=login["username"], password=login["password"]) is not None
    assert stat.S_IMODE((world.data / "demo.json").stat().st_mode) == 0o600

    before = (Order.objects.count(), Account.objects.count(), User.objects.count(), Video.objects.count())
    memory = (world.data / "demo.json").read_text()
    assert load_demo(world) == told
    assert (world.data / "demo.json").read_text() == memory
    assert (Order.objects.count(), Account.objects.count(), User.objects.count(), Video.objects.count()) == before

    counts = called(world, "sandbox.audience", "--minutes", "0.2", "--viewers-per-second", "30")["counts"]
    assert counts["decisions"] > 50
    assert counts["impression"] > 0, counts
    assert counts["view_2s"] <= counts["impression"]


def test_whoever_comes_late_still_sees_a_short_order_run(world: World, live_web, live_edge, celery_worker_process):
    load_demo(world)
    short = {wanted.target for wanted in orders.SHORT}

    def alive() -> list[Order]:
        return list(Order.objects.filter(status=Status.DELIVERING, video__external_id__in=short))

    assert len(alive()) == len(short)
    for order in alive():
        lifecycle.end(order_id=order.id, reason=EndReason.OPS, by=None, now=timezone.now())
    video = Video.objects.get(external_id=orders.SHORT[-1].target)
    undecided = an_order(video.account, video, now=timezone.now())
    Memory(world.data).put("orders", orders.SHORT[-1].name, undecided.public_id)
    before = Order.objects.count()

    going_on = processes.demo_going_on(web_url=world.web, edge_url=world.edge, data=world.data)
    process = subprocess.Popen([*going_on.arguments, "--every", "0.5"], cwd=ROOT, env=world.environment)
    try:
        until(lambda: len(alive()) == orders.ALIVE, within_s=90, what="short orders are alive again")
        again = Order.objects.latest("placed_at")
        lifecycle.end(order_id=again.id, reason=EndReason.OPS, by=None, now=timezone.now())
        until(lambda: len(alive()) == orders.ALIVE, within_s=90, what="another one is placed when one is over")
        assert again.video_id not in {order.video_id for order in alive()}, "they take turns"
        process.terminate()
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
    undecided.refresh_from_db()
    assert undecided.status == Status.DELIVERING, "a look that got no further is gone on with"
    assert Order.objects.count() == before + orders.ALIVE, "no more than it takes"


def test_the_demos_videos_can_be_promoted_or_say_why_not(db):
    put_catalogue()
    reasons = {}
    for video in Video.objects.select_related("account", "product"):
        failed = assess(account=video.account, target=video, caller=BROWSER, now=timezone.now()).failed
        reasons[video.external_id] = ",".join(check.code for check in failed)
    assert {name: why for name, why in reasons.items() if why} == NOT_PROMOTABLE


def test_no_order_of_the_demo_wants_what_cannot_be():
    targets = {name for videos in catalogue.VIDEOS.values() for name in videos} | set(catalogue.LIVES)
    for wanted in orders.ORDERS:
        assert wanted.target in targets - set(NOT_PROMOTABLE)
        assert wanted.hours * 3600 >= orders.LIMITS["duration_min_s"]
        assert wanted.coins >= orders.LIMITS["budget_min_per_day_coins"]
        assert wanted.account in orders.COINS
