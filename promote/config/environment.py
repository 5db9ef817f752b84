"""The environment that settings read, completed before Django looks: engines, development secrets, addresses.

In production nothing is made up: what is missing is for settings to refuse.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from promote.config import development, embedded
from promote.config.engines import Needs, Note

ROOT = Path(__file__).resolve().parent.parent.parent
# A command that must not reach an engine gets addresses that lead nowhere.
NOWHERE = {
    "DATABASE_URL": "postgresql://promote_app@/promote?host=/nonexistent",
    "REDIS_URL": "unix:///nonexistent/redis.sock",
    "CELERY_BROKER_URL": "redis+socket:///nonexistent/redis.sock",
}


def data_folder() -> Path:
    return Path(os.environ.get("PROMOTE_DATA") or ROOT / "var").resolve()


@contextlib.contextmanager
def completed(*, owner: str, note: Note, engines: bool = True, start: bool = True) -> Iterator[None]:
    """Fill in what is unset for this process, for as long as it needs the engines. Raises NoEngine."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promote.config.settings")
    data = data_folder()
    os.environ["PROMOTE_DATA"] = str(data)
    if os.environ.get("PROMOTE_ENV", "development") == "production":
        yield
        return
    needs = Needs.of(os.environ)
    with contextlib.ExitStack() as stack:
        found: dict[str, str] = {}
        if not engines:
            found = NOWHERE
        elif needs.postgres or needs.redis:
            found = stack.enter_context(
                embedded.attached(data=data, needs=needs, owner=owner, start=start, note=note),
            )
        own = development.secrets_of(data) | development.unreachable_providers(os.environ)
        for name, value in {**own, **found}.items():
            os.environ.setdefault(name, value)
        yield
