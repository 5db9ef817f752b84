"""Engines of a bench's own, fresh and gone afterwards, with Django of this process and its children on them."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.running import Say
from promote.config import development
from promote.config.engines import Engines, Needs

HOUSE = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def private(say: Say, *, postgres: Mapping[str, str] | None = None) -> Iterator[Engines]:
    """A migrated PostgreSQL and a Redis until the block is left. `postgres` are settings other than the embedded ones.

    To be entered before this process has set up Django.
    """
    folder = Path(tempfile.mkdtemp(prefix="promote-bench-"))
    folder.chmod(0o711)  # the engines' own account passes through
    (folder / "engines").mkdir()
    engines = Engines(data=folder, needs=Needs(postgres=True, redis=True))
    assert engines.postgres is not None
    engines.postgres.options.update(postgres or {})
    say(f"starting engines of our own in {folder}")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        engines.start(say)
        stack.callback(engines.stop)
        os.environ.update(
            {
                "DJANGO_SETTINGS_MODULE": "promote.config.settings",
                "PROMOTE_ENV": "development",
                "PROMOTE_DATA": str(folder),
                **engines.environment(),
                **development.secrets_of(folder),
            }
        )
        _migrate()
        yield engines


def _migrate() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
