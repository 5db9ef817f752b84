"""The house's own commands, called as an operator would: `manage.py each` takes them a line at a time."""

import asyncio
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any, Self

HOUSE = Path(__file__).resolve().parent.parent.parent


class Failed(Exception):
    """The command said no. Its words are for whoever runs the demo; `answer` is the object it printed, if any."""

    def __init__(self, words: str, answer: dict[str, Any]) -> None:
        self.answer = answer
        super().__init__(words)


class Commands:
    """One process for all of them, started with the first; `close` ends it."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "PROMOTE_DATA": str(folder.resolve())}
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def run(self, name: str, *arguments: object) -> dict[str, Any]:
        """The command's answer. Raises Failed with what it said."""
        async with self._one_at_a_time:
            process = self._process = self._process or await self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{shlex.join([name, *map(str, arguments)])}\n".encode())
            line = await process.stdout.readline()
            if not line:
                code = await process.wait()
                raise Failed(f"manage.py each ended with the exit code {code} at {name}; what it said is above", {})
        told = json.loads(line)
        if not told["ok"]:
            raise Failed(f"manage.py {name}: {told['said']}", told["answer"])
        return dict(told["answer"])

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "manage.py", "each", env=self._environment, cwd=HOUSE,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
            self._process = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
