"""The processes that Promote is made of, and how each is called. The supervisor, tests and benches start these."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

from promote.config.celery import QUEUES

Escalation = Sequence[tuple[Signals, float]]
QUICK: Escalation = ((SIGTERM, 10), (SIGKILL, 5))
# A worker finishes the task in hand; what it can't finish is taken up by the next one.
PATIENT: Escalation = ((SIGTERM, 20), (SIGKILL, 5))


@dataclass(frozen=True, slots=True)
class Process:
    """A command, and the signals that end it, each with the seconds it is given."""

    name: str
    arguments: tuple[str, ...]
    escalation: Escalation = QUICK
    death_signal: Signals = SIGKILL
    """What the kernel sends it when the supervisor was killed: once for each thread of that, which no handler that
    sets an event survives; and the engines, which it needs to end well, are told at the same moment."""


_CELERY = ("celery", "-q", "-A", "promote.config.celery")


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def web(port: int) -> Process:
    """Pages, admin, REST, webhooks: Django under WSGI."""
    return Process("web", granian("promote.config.wsgi:application", "wsgi", port, "--blocking-threads", "4"))


def granian(target: str, interface: str, port: int, *more: str) -> tuple[str, ...]:
    listening = ("--host", "127.0.0.1", "--port", str(port))
    quiet = ("--workers", "1", "--respawn-failed-workers", "--log-level", "warning", "--no-ws")
    # Else a request that hangs, on an engine that has gone first, would keep it for ever.
    ending = ("--workers-kill-timeout", "8")
    return _python(
        "promote.config.start", "granian", "--interface", interface, *listening, *quiet, *ending, *more, target
    )


def edge(port: int, *, workers: int = 1) -> Process:
    """Decisions, events, live figures."""
    return Process("edge", _python("promote.config.edge", "--port", str(port), "--workers", str(workers)))


def workers() -> tuple[Process, ...]:
    """As a system has them: what may take minutes keeps waiting neither what is late after a second, nor a stop."""
    behind = tuple(queue for queue in QUEUES if queue not in ("delivery", "stops"))
    return worker(3, queues=behind), worker(2, queues=("delivery",), name="delivery"), stops()


def stops() -> Process:
    """One process, and no pool: its tasks take milliseconds."""
    return worker(1, "-P", "solo", queues=("stops",), name="stops")


def worker(concurrency: int = 3, *more: str, queues: Sequence[str] = QUEUES, name: str = "worker") -> Process:
    """One that takes everything, or some of it."""
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    taken = ("-Q", ",".join(queues), "-c", str(concurrency), "-n", f"{name}@%h", *more)
    # Its warning about root takes four lines at each start; the engines are what must not run as root.
    quiet = ("-W", "ignore:You're running the worker", "-m", "promote.config.start")
    arguments = (sys.executable, *quiet, *_CELERY, "worker", *taken, *alone, "-l", "WARNING")
    return Process(name, arguments, PATIENT)  # killed, it takes its pool along


def beat(data: Path) -> Process:
    """The clock. Its own notes of when it last rang lie in the data folder; it makes new ones where they are broken."""
    notes = ("-s", str(data / "beat"), "--pidfile=")
    return Process("beat", _python("promote.config.start", *_CELERY, "beat", *notes, "-l", "WARNING"))


def manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "manage.py", *arguments)


PROVIDERS = {
    "stripe": ("STRIPE", "stripe"),
    "paypal": ("PAYPAL", "paypal"),
    "doku": ("DOKU", "doku"),
    "2c2p": ("TWOC2P", "two_c_two_p"),
    "apple": ("APPLE", "app_store"),
    "google": ("GOOGLE_PLAY", "google_play"),
}
"""Development's payment providers, servers of their own outside the house: their variables' prefix, their module."""


def provider(name: str, *, port: int, data: Path, webhook_url: str) -> Process:
    """One of them but Stripe; it reads its keys from the environment, as Promote does."""
    module = PROVIDERS[name][1]
    place = ("--port", str(port), "--data", str(data / "providers"), "--webhook-url", webhook_url)
    return Process(name, _python(f"sandbox.providers.{module}", *place))


def stripe(*, port: int, data: Path, webhook_url: str, secrets: Sequence[str], secret_key: str) -> Process:
    """A debit's four days take half a minute there."""
    signing = [part for secret in secrets for part in ("--webhook-secret", secret)]
    place = ("--port", str(port), "--data", str(data / "stripe"), "--webhook-url", webhook_url)
    more = ("--secret-key", secret_key, "--debits-settle-after", "30")
    return Process("stripe", _python("sandbox.providers.stripe", *place, *signing, *more))


def phone(*, port: int, data: Path) -> Process:
    """A phone of the demo's people: what buys in the stores that are played here."""
    return Process("phone", _python("sandbox.phone", "--port", str(port), "--data", str(data)))


def demo(*, web_url: str, edge_url: str, data: Path, phone_url: str = "") -> Process:
    place = ("--url", web_url, "--edge", edge_url, "--data", str(data))
    more = ("--phone", phone_url) if phone_url else ()
    return Process("demo", _python("sandbox.demo", *place, *more))


def demo_going_on(*, web_url: str, edge_url: str, data: Path) -> Process:
    """The demo's platform after the demo was loaded: a short order anew, now and then."""
    loaded = demo(web_url=web_url, edge_url=edge_url, data=data)
    return Process(loaded.name, (*loaded.arguments, "--go-on"))


def audience(data: Path) -> Process:
    return Process("audience", _python("sandbox.audience", "--data", str(data)))
