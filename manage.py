#!/usr/bin/env python
"""Django's commands. With DATABASE_URL or REDIS_URL unset they use the engines of PROMOTE_DATA, started if needed."""

import signal
import sys
from types import FrameType

try:
    from promote.config import environment
    from promote.config.binaries import NoEngine
except ModuleNotFoundError as missing:
    sys.exit(
        f"manage.py: {missing.name} is not installed for {sys.executable}. script/server or script/test makes .venv;"
        " then call .venv/bin/python manage.py"
    )

# These look at files alone.
WITHOUT_ENGINES = {"help", "check", "collectstatic", "compilemessages", "makemessages", "spectacular", "version"}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def terminated(signum: int, _: FrameType | None) -> None:
    sys.exit(128 + signum)


def main() -> None:
    arguments = sys.argv[1:]
    command = arguments[0] if arguments else "help"
    offline = command in WITHOUT_ENGINES or command.startswith("-") or {"-h", "--help", "--dry-run"} & set(arguments)
    # So that engines which this command started are stopped in order.
    signal.signal(signal.SIGTERM, terminated)
    try:
        with environment.completed(owner=f"manage.py {command}", note=say, engines=not offline):
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except NoEngine as error:
        sys.exit(f"manage.py: {error}")


if __name__ == "__main__":
    main()
