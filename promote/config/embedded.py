"""The engines of a data folder: whoever needs them first starts them, everybody else attaches.

Where DATABASE_URL or REDIS_URL is unset, real PostgreSQL and Redis run as children of one process, the *owner*: the
supervisor of `script/server`, or a `manage.py` command for its own length. Files in PROMOTE_DATA/engines:

    owner.lock    locked by the owner for life; the kernel unlocks it when it dies, however it dies
    users.lock    shared by those who attached; an owner that is only a command waits for them before it stops
    state.json    written once the engines answer: who the owner is, and all the addresses
    secrets.json  the passwords of the database's roles
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from promote.config.binaries import NoEngine
from promote.config.engines import Engines, Needs, Note, write_private

SERVER = "script/server"


class OwnedByServer(NoEngine):
    """A server already runs on this data folder."""


@dataclass(frozen=True, slots=True)
class State:
    pid: int
    owner: str
    """`script/server`, or the command that owns the engines for its own length."""
    environment: dict[str, str]


@contextlib.contextmanager
def owned(*, data: Path, needs: Needs, note: Note) -> Iterator[Engines]:
    """The engines as the supervisor has them. Waits for a command that owns them to finish. Raises OwnedByServer."""
    home = _home(data)
    with (home / "owner.lock").open("a") as lock:
        said = False
        while not _try_lock(lock, fcntl.LOCK_EX):
            state = _state(home)
            if state and state.owner == SERVER:
                raise OwnedByServer(
                    f"A server (process {state.pid}) already runs on {data}. "
                    "Stop it first, or choose another folder with --data DIR."
                )
            if state and not said:
                said = True
                note(f"waiting for `{state.owner}` (process {state.pid}), which is using the engines")
            time.sleep(0.1)
        with _started(data=data, needs=needs, owner=SERVER, note=note) as engines:
            yield engines


@contextlib.contextmanager
def attached(*, data: Path, needs: Needs, owner: str, start: bool, note: Note) -> Iterator[dict[str, str]]:
    """The addresses of the engines that run on this folder; where none do and `start` is set, we own them meanwhile.

    Raises NoEngine.
    """
    home = _home(data)
    with (home / "owner.lock").open("a") as lock, (home / "users.lock").open("a") as users:
        while True:
            if _try_lock(lock, fcntl.LOCK_EX):
                if not start:
                    raise NoEngine(f"No engines run on {data}. Start them with script/server, or set DATABASE_URL.")
                with _started(data=data, needs=needs, owner=owner, note=note) as engines:
                    yield engines.environment()
                    _wait_for(users, note)
                return
            # Not taken while an owner that has finished is stopping its engines: then it is our turn to start some.
            if _try_lock(users, fcntl.LOCK_SH):
                state = _state(home)
                if state:
                    yield _enough(state.environment, needs, data)
                    return
                fcntl.flock(users, fcntl.LOCK_UN)
            time.sleep(0.05)


def server_on(data: Path) -> State | None:
    """The server that runs on this folder, if one does."""
    try:
        with (data / "engines/owner.lock").open("a") as lock:
            if _try_lock(lock, fcntl.LOCK_SH):
                return None
    except OSError:
        return None
    state = _state(data / "engines")
    return state if state and state.owner == SERVER else None


def publish(*, data: Path, owner: str, environment: Mapping[str, str]) -> None:
    """Tell those who attach where everything is. For the owner only."""
    state = State(pid=os.getpid(), owner=owner, environment=dict(environment))
    write_private(data / "engines/state.json", json.dumps(asdict(state)))


@contextlib.contextmanager
def _started(*, data: Path, needs: Needs, owner: str, note: Note) -> Iterator[Engines]:
    state = data / "engines/state.json"
    state.unlink(missing_ok=True)
    engines = Engines(data=data, needs=needs)
    engines.start(note)
    try:
        publish(data=data, owner=owner, environment=engines.environment())
        yield engines
    finally:
        state.unlink(missing_ok=True)
        engines.stop()


def _wait_for(users: IO[str], note: Note) -> None:
    if not _try_lock(users, fcntl.LOCK_EX):
        note("waiting for others who use the engines that this command started")
        fcntl.flock(users, fcntl.LOCK_EX)


def _enough(environment: dict[str, str], needs: Needs, data: Path) -> dict[str, str]:
    for needed, name in ((needs.postgres, "DATABASE_URL"), (needs.redis, "REDIS_URL")):
        if needed and name not in environment:
            raise NoEngine(f"The server on {data} was started with its own {name}: set the same here.")
    return environment


def _home(data: Path) -> Path:
    home = data / "engines"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NoEngine(
            f"Can't make the data folder {home}: {error.strerror}. Choose another with PROMOTE_DATA."
        ) from error
    if home.stat().st_uid != os.geteuid():
        raise NoEngine(f"The data folder {data} belongs to another user. Choose another with PROMOTE_DATA or --data.")
    return home


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _state(home: Path) -> State | None:
    try:
        return State(**json.loads((home / "state.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
