import json
import shlex
import sys
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import connections


class Command(BaseCommand):
    """One start of Django for many commands: a script that sets a system up takes a second instead of a minute."""

    help = (
        "Runs each command that it reads from stdin, a line each, as `grant_coins ACCOUNT 500`; every answer is a line "
        'with one JSON object: {"ok": true, "answer": {…}} or {"ok": false, "said": "…", "answer": {…}}.'
    )

    def handle(self, *args: Any, **options: Any) -> None:
        failed = 0
        for line in sys.stdin:
            if line.strip():
                _mend_connections()
                told = _run(line)
                failed += not told["ok"]
                self.stdout.write(json.dumps(told, ensure_ascii=False))
                self.stdout.flush()
        if failed:
            sys.exit(1)


def _mend_connections() -> None:
    """A long wait for the next line may have outlived a connection."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _run(line: str) -> dict[str, Any]:
    out, err = StringIO(), StringIO()
    ok, said = True, ""
    try:
        name, *arguments = shlex.split(line)
        call_command(name, *arguments, "--json", stdout=out, stderr=err)
    except (CommandError, ValueError) as error:
        ok, said = False, str(error)
    except SystemExit as error:
        ok, said = not error.code, err.getvalue().strip()
    answer = _last_object(out.getvalue())
    return {"ok": True, "answer": answer} if ok else {"ok": False, "said": said, "answer": answer}


def _last_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text.strip().rpartition("\n")[2])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
