"""The pages' files as they are served: collected once a run, by whoever needs them first."""

import fcntl

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command

from tests.harness import door
from tests.harness.run import Run


def collect(run: Run) -> None:
    folder = run.folder / "static"
    with (run.folder / "static.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        link = run.data / "static"
        if not link.is_symlink():
            folder.mkdir(exist_ok=True)
            link.symlink_to(folder)
        if not (folder / "staticfiles.json").exists():
            call_command("collectstatic", interactive=False, verbosity=0)
    # Read anew: it may have been looked for before it was there.
    staticfiles_storage.hashed_files, staticfiles_storage.manifest_hash = staticfiles_storage.load_manifest()
    door.forget()
