"""`script/server`: every process of Promote under one roof, from an empty folder to a page you can open."""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from promote.config import children, development, embedded, processes
from promote.config.binaries import NoEngine
from promote.config.engines import Engines, Needs
from promote.config.environment import ROOT
from promote.config.processes import Process
from promote.config.readable_log import ReadableLog
from promote.config.running import Running

LEAST_DISK_MB = 300
READY_WITHIN_S = 180


class CantGoOn(Exception):
    """Why the server stops here, in a sentence that says what to do."""


class Interrupted(BaseException):
    """Ctrl-C, or the signal to stop."""


def main() -> int:
    asked = _arguments()
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # not under nohup
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        Server(asked).run()
    except Interrupted:
        print("  ✓ Everything is stopped.")
        return 0
    except (CantGoOn, NoEngine) as error:
        print(f"\n  ✗ {error}", file=sys.stderr)
        return 1
    return 0


def _interrupt(signum: int, _: FrameType | None) -> None:
    raise Interrupted


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/server", description="Runs all of Promote on this machine.")
    parser.add_argument("--no-demo", dest="demo", action="store_false", help="the same system without data")
    parser.add_argument("--port", type=int, default=8000, help="of the pages and the API (8000)")
    parser.add_argument("--edge-port", type=int, default=8001, help="of decisions and events (8001)")
    parser.add_argument("--data", type=Path, help="where everything is kept (PROMOTE_DATA, else var/)")
    return parser.parse_args()


class Server:
    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.data: Path = (asked.data or Path(os.environ.get("PROMOTE_DATA") or ROOT / "var")).resolve()
        self.production = os.environ.get("PROMOTE_ENV", "development") == "production"
        self.web_url = os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{asked.port}"
        self.edge_url = os.environ.get("EDGE_URL") or f"http://127.0.0.1:{asked.edge_port}"
        self.engines: Engines | None = None
        self.running: list[Running] = []
        self.ports: dict[str, int] = {}
        """Of the payment providers that are played here."""

    def run(self) -> None:
        began = time.monotonic()
        self._check_place()
        self.log = ReadableLog(self.data / "log" / "promote.log")
        children.adopt_orphans()
        self.log.plain(f"Promote, with its data in {self.data}\n")
        with self._engines() as found, self._stopping():
            environment = self._environment(found)
            self._prepare(environment)
            self._start(environment)
            told = self._demo(environment) if self.asked.demo and not self.production else None
            self._tell(told, seconds=time.monotonic() - began)
            while True:
                time.sleep(0.5)
                if self.engines is not None:
                    self.engines.look_after(lambda text: self.log.line("promote", text))
                for process in self.running:
                    process.look_after()

    def _check_place(self) -> None:
        """What would fail later with a worse message."""
        for port, flag in ((self.asked.port, "--port"), (self.asked.edge_port, "--edge-port")):
            if not 0 < port < 65536:
                raise CantGoOn(f"{flag} {port} is no port. Choose one from 1024 to 65535.")
            try:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            except OSError as error:
                here = embedded.server_on(self.data)
                if here:
                    raise CantGoOn(f"Promote already runs here: {here.environment.get('PUBLIC_URL')}") from error
                raise CantGoOn(f"Port {port} can't be used: {error.strerror}. Choose another with {flag} N.") from error
        if self.asked.port == self.asked.edge_port:
            raise CantGoOn("The pages and the edge need two ports. Choose another with --edge-port N.")
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            free_mb = shutil.disk_usage(self.data).free // 1_000_000
        except OSError as error:
            message = f"Can't use the folder {self.data}: {error.strerror}. Choose another with --data DIR."
            raise CantGoOn(message) from error
        if free_mb < LEAST_DISK_MB:
            raise CantGoOn(
                f"Only {free_mb} MB are free where {self.data} lies; {LEAST_DISK_MB} MB are needed. "
                "Make room, or choose another place with --data DIR."
            )

    @contextlib.contextmanager
    def _engines(self) -> Iterator[dict[str, str]]:
        needs = Needs.of(os.environ)
        if self.production or not (needs.postgres or needs.redis):
            self._done("Engines: yours, by DATABASE_URL and REDIS_URL")
            yield {}
            return
        self._doing("Starting PostgreSQL and Redis")
        with embedded.owned(data=self.data, needs=needs, note=self._doing) as engines:
            self._done(
                "PostgreSQL and Redis answer" if needs.postgres and needs.redis else "The embedded engine answers"
            )
            self.engines = engines
            try:
                yield engines.environment()
            finally:
                self._doing("Stopping PostgreSQL and Redis")

    @contextlib.contextmanager
    def _stopping(self) -> Iterator[None]:
        try:
            yield
        finally:
            for once in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(once, signal.SIG_IGN)
            if self.running:
                self.log.plain("")
                self._doing("Stopping " + ", ".join(process.process.name for process in reversed(self.running)))
            for process in reversed(self.running):
                process.stop()

    def _environment(self, found: dict[str, str]) -> dict[str, str]:
        own = {} if self.production else development.secrets_of(self.data)
        places = {"PROMOTE_DATA": str(self.data), "PUBLIC_URL": self.web_url, "EDGE_URL": self.edge_url}
        settings = {"DJANGO_SETTINGS_MODULE": "promote.config.settings", "PYTHONUNBUFFERED": "1"}
        environment = {**own, **found, **os.environ, **places, **settings}
        bases = self._providers()
        environment |= bases
        if found:
            embedded.publish(data=self.data, owner=embedded.SERVER, environment={**found, **places, **bases})
        return environment

    def _providers(self) -> dict[str, str]:
        """A port for each payment provider that is played here: those of which no variable is set."""
        bases = {}
        for name, (prefix, _) in processes.PROVIDERS.items():
            if self.production or any(variable.startswith(f"{prefix}_") for variable in os.environ):
                continue
            self.ports[name] = self._kept_port(f"{name}.port")
            bases[f"{prefix}_API_BASE"] = f"http://127.0.0.1:{self.ports[name]}"
        return bases

    def _kept_port(self, name: str) -> int:
        """A free port, the one of last time where it still is: payment pages that are open in a browser stay valid. It
        is none of those that are wanted for something else, and may be free as yet."""
        note, taken = self.data / name, {self.asked.port, self.asked.edge_port, *self.ports.values()}
        last = int(note.read_text()) if note.exists() else 0
        for wanted in (last, *[0] * 10):
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", wanted))
                port: int = probe.getsockname()[1]
                if port not in taken:
                    note.write_text(str(port))
                    return port
        raise CantGoOn("No port is free for the payment sandbox.")

    def _prepare(self, environment: dict[str, str]) -> None:
        self._doing("Bringing the database up to date")
        self._command(
            processes.manage("migrate", "--no-input", "-v", "0"), environment, "The database can't be migrated"
        )
        self._done("The database is up to date")
        stamp, now = self.data / "static.stamp", _static_state()
        if not (self.data / "static").exists() or not stamp.exists() or stamp.read_text() != now:
            self._doing("Collecting the pages' files")
            collect = processes.manage("collectstatic", "--no-input", "-v", "0")
            self._command(collect, environment, "The pages' files can't be collected")
            stamp.write_text(now)
            self._done("The pages' files are in place")

    def _start(self, environment: dict[str, str]) -> None:
        wanted: list[Process] = []
        for name, port in self.ports.items():
            webhook_url = f"{self.web_url}/webhooks/{name}"
            if name != "stripe":
                wanted.append(processes.provider(name, port=port, data=self.data, webhook_url=webhook_url))
                continue
            stripe = processes.stripe(
                port=port,
                data=self.data,
                webhook_url=webhook_url,
                secrets=environment["STRIPE_WEBHOOK_SECRETS"].split(","),
                secret_key=environment["STRIPE_SECRET_KEY"],
            )
            wanted.append(stripe)
        wanted += [
            *processes.workers(),
            processes.web(self.asked.port),
            processes.edge(self.asked.edge_port),
            processes.beat(self.data),
        ]
        self._doing("Starting " + ", ".join(process.name for process in wanted))
        for process in wanted:
            self._run(process, environment)
        self._wait_until_ready()
        self._done("Web, edge, workers and clock answer")

    def _run(self, process: Process, environment: dict[str, str]) -> None:
        self.running.append(Running(process, environment=environment, cwd=ROOT, log=self.log))

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + READY_WITHIN_S
        missing = "no answer yet"
        while time.monotonic() < until:
            for process in self.running:
                if process.exit_code is not None:
                    name = process.process.name
                    raise CantGoOn(f"{name} ended while starting. Its last lines above say why.")
            ready, missing = _ready(f"http://127.0.0.1:{self.asked.port}/health/ready")
            if ready:
                return
            time.sleep(0.3)
        raise CantGoOn(f"Not everything answers after {READY_WITHIN_S} s: {missing}. The lines above may say why.")

    def _demo(self, environment: dict[str, str]) -> dict[str, Any]:
        self._doing("Loading the demo")
        # In a store, coins are bought by an app: the demo's phone, where both stores are played here.
        has_phone = {"apple", "google"} <= self.ports.keys()
        port = self._kept_port("phone.port") if has_phone else 0
        phone_url = f"http://127.0.0.1:{port}" if has_phone else ""
        demo = processes.demo(web_url=self.web_url, edge_url=self.edge_url, data=self.data, phone_url=phone_url)
        said = self._command(demo.arguments, environment, "The demo can't be loaded. --no-demo starts without it")
        self._done("The demo is loaded")
        self._run(processes.audience(self.data), environment)
        if has_phone:
            self._run(processes.phone(port=port, data=self.data), environment)
        going_on = processes.demo_going_on(web_url=self.web_url, edge_url=self.edge_url, data=self.data)
        self._run(going_on, environment)
        told: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
        return told

    def _tell(self, told: dict[str, Any] | None, *, seconds: float) -> None:
        lines = ["", f"Promote runs (ready after {seconds:.0f} s).", ""]
        lines += [
            f"  Pages        {self.web_url}/",
            f"  Admin        {self.web_url}/admin/",
            f"  API          {self.web_url}/api/v1/docs",
            f"  Edge         {self.edge_url}/v1/decide",
        ]
        if told:
            lines += ["", "  Who can sign in:"]
            wide = max((len(login["username"]) for login in told["logins"]), default=0)
            for login in told["logins"]:
                lines += [
                    f"    {login['username']:<{wide}}  {login['password']}   {login['url']}",
                    f"    {'':<{wide}}  {login['who']}",
                ]
            lines += ["", "  What to look at first:"]
            lines += [f"    {number}. {what}" for number, what in enumerate(told["look_first"], 1)]
        elif not self.production:
            lines += [
                "",
                "  It is empty. `.venv/bin/python manage.py create_staff NAME --role reviewer` makes a login.",
            ]
        lines += ["", "  Ctrl-C stops it all.", ""]
        self.log.plain("\n".join(lines))

    def _command(self, arguments: tuple[str, ...], environment: dict[str, str], otherwise: str) -> str:
        """Runs it to its end. What it says on stderr is shown as it comes; raises CantGoOn where it fails."""
        child = children.spawn(
            arguments, environment=environment, cwd=ROOT, output=subprocess.PIPE, errors=subprocess.PIPE
        )
        try:
            assert child.stdout is not None
            assert child.stderr is not None
            follower = self.log.follow("promote", child.stderr)
            said = child.stdout.read().decode("utf-8", "replace")
            follower.join()
            code = child.wait()
        finally:
            children.stop(child, escalation=processes.QUICK)
        if code:
            raise CantGoOn(f"{otherwise} (exit code {code}).\n{said[-2000:]}")
        return said

    def _doing(self, text: str) -> None:
        self.log.plain(f"  … {text}")

    def _done(self, text: str) -> None:
        self.log.plain(f"  ✓ {text}")


def _ready(url: str) -> tuple[bool, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  (our own loopback address)
            return answer.status == 200, ""
    except urllib.error.HTTPError as error:
        return False, error.read(500).decode("utf-8", "replace")
    except OSError as error:
        return False, str(error)


def _static_state() -> str:
    """Changes when a file of the pages or an installed package does."""
    found = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for file in sorted((ROOT / "static").rglob("*")):
        found.update(f"{file.relative_to(ROOT)} {file.stat().st_mtime_ns}".encode())
    return found.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
