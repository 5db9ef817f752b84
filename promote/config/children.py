"""Child processes that never outlive us: their own process group, an unprivileged account where we are root,
a death signal from the kernel should we be killed."""

import ctypes
import multiprocessing
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """The system account an engine runs as."""

    name: str
    uid: int
    gid: int


def unprivileged_account(folder: Path) -> Account | None:
    """The account to run an engine on this folder as; None where we are an ordinary user and run it as ourselves.

    PostgreSQL refuses to run as root, and needs an account that has a name. A folder that already belongs to
    somebody keeps its owner.
    """
    if os.geteuid() != 0:
        return None
    owner = folder.stat().st_uid if folder.exists() else 0
    for candidate in (owner, "promote", "postgres", "nobody"):
        if candidate == 0:
            continue
        try:
            found = pwd.getpwuid(candidate) if isinstance(candidate, int) else pwd.getpwnam(candidate)
        except KeyError:
            continue
        return Account(found.pw_name, found.pw_uid, found.pw_gid)
    raise RuntimeError("PostgreSQL does not run as root, and this system has no account promote, postgres or nobody.")


def private_folder(path: Path, account: Account | None) -> Path:
    """Make a folder which only that account (or we) can look into."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None and path.stat().st_uid != account.uid:
        os.chown(path, account.uid, account.gid)
    path.chmod(0o700)
    return path


def _dies_with(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    libc = _libc
    if libc is None:
        return None

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return before_exec


def spawn(
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    account: Account | None = None,
    output: int | IO[bytes] = subprocess.DEVNULL,
    errors: int | IO[bytes] = subprocess.STDOUT,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (a Ctrl-C in our terminal does not reach it).

    To be called from a thread that lives as long as the child should: the kernel sends the death signal when it ends.
    """
    return subprocess.Popen(
        [str(argument) for argument in arguments],
        env=dict(environment),
        cwd=cwd,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
        # Runs after the change of account, which would clear the signal.
        preexec_fn=_dies_with(os.getpid(), death_signal),  # noqa: PLW1509  (calls prctl and nothing else)
    )


def stop(process: subprocess.Popen[bytes], *, escalation: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, waiting its seconds, until the child is gone; then end what it left in its group."""
    for sent, patience_s in escalation:
        if process.poll() is not None:
            break
        process.send_signal(sent)
        try:
            process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            continue
    end_group(process.pid)
    process.wait()


def end_group(group: int) -> None:
    """Kill whatever is left of a child's process group (grandchildren that it did not take along)."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and group_members(group):
        time.sleep(0.02)


def group_members(group: int) -> list[int]:
    """The live processes of a group, zombies not counted."""
    members = []
    for process in psutil.process_iter(["pid", "status"]):
        try:
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == group:
                members.append(process.pid)
        except (ProcessLookupError, psutil.Error):
            continue
    return members


def end_orphan(pid_file: Path, *, program: str, folder: Path, sent: signal.Signals) -> None:
    """End the program named in the file if it is still at work in that folder, its parent having been killed.

    A number alone proves nothing: another process may have been given it since. Raises RuntimeError where it stays.
    """
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if process.name() != program or Path(process.cwd()) != folder.resolve():
            return
        process.send_signal(sent)
        process.wait(timeout=60)
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        return
    except (psutil.AccessDenied, psutil.TimeoutExpired) as error:
        raise RuntimeError(f"Another {program} still runs on {folder}: {error}") from error


def die_with_parent() -> None:
    """Of a process that another one of ours forked to work for it: the kernel kills it when that one has gone."""
    parent = multiprocessing.parent_process()
    if parent is None or _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent.pid:
        os._exit(1)


def adopt_orphans() -> None:
    """Have the grandchildren of a child that died come to us, so that they can be found and ended."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
