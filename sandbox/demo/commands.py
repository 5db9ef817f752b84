"""The house's own commands, called as an operator would: `manage.py COMMAND … --json`."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parent.parent.parent
AT_ONCE = max(2, os.cpu_count() or 2)


class Failed(Exception):
    """The command said no. Its words are for whoever runs the demo; `answer` is the object it printed, if any."""

    def __init__(self, words: str, answer: dict[str, Any]) -> None:
        self.answer = answer
        super().__init__(words)


class Commands:
    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "PROMOTE_DATA": str(folder.resolve())}
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def run(self, name: str, *arguments: object) -> dict[str, Any]:
        """The command's answer. Raises Failed with what it said."""
        async with self._at_once:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(HOUSE / "manage.py"),
                name,
                *(str(argument) for argument in arguments),
                "--json",
                env=self._environment,
                cwd=HOUSE,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
        answer = _last_object(out.decode(errors="replace"))
        if process.returncode != 0:
            words = err.decode(errors="replace").strip().splitlines()
            said = words[-1] if words else f"exit code {process.returncode}"
            raise Failed(f"manage.py {name}: {said}", answer)
        return answer


def _last_object(text: str) -> dict[str, Any]:
    last = text.strip().rpartition("\n")[2]
    try:
        return dict(json.loads(last))
    except ValueError:
        return {}
