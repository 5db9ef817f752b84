"""Load: `wrk` where it is installed, else our own client; the same for everything in one run."""

import asyncio
import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from sandbox.http import Client

WRK = shutil.which("wrk")
# Each connection takes the next body of the file, round and round.
LUA = """
local bodies, at = {}, 0
function init(args)
  for line in io.lines("%(bodies)s") do bodies[#bodies + 1] = line end
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "%(authorization)s"
end
function request()
  at = at %% #bodies + 1
  return wrk.format("POST", nil, nil, bodies[at])
end
%(pause)s
function done(summary, latency, requests)
  io.write(string.format(
    'FIGURES {"requests": %%d, "seconds": %%f, "p50_ms": %%f, "p99_ms": %%f, "bad": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""
# Whole milliseconds is what wrk takes; their mean is what was asked for.
PAUSE = """
function delay() return math.floor(-%f * math.log(1 - math.random()) + math.random()) end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it: calls answered a second, half of them within p50, all but one in a hundred within p99."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bad: int

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds

    def figures(self) -> dict[str, float | int]:
        return {"per_s": round(self.per_s, 1), "p50_ms": round(self.p50_ms, 2), "p99_ms": round(self.p99_ms, 2),
                "requests": self.requests, "bad": self.bad}  # fmt: skip


def press(
    url: str, bodies: Sequence[str], *, authorization: str = "", connections: int, seconds: float, pause_ms: float = 0.0
) -> Load:
    """POSTs the bodies in turn, as fast as answers come, for so long. `pause_ms`: each connection waits so long before
    each call, in the mean, at random."""
    if WRK:
        return _by_wrk(WRK, url, bodies, authorization, connections, seconds, pause_ms)
    return asyncio.run(_by_ourselves(url, bodies, authorization, connections, seconds, pause_ms))


def _by_wrk(
    wrk: str, url: str, bodies: Sequence[str], authorization: str, connections: int, seconds: float, pause_ms: float
) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        file, script = Path(folder) / "bodies", Path(folder) / "press.lua"
        file.write_text("\n".join(bodies))
        pause = PAUSE % pause_ms if pause_ms else ""
        script.write_text(LUA % {"bodies": file, "authorization": authorization, "pause": pause})
        told = subprocess.run(
            [wrk, "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--latency", "-s", str(script), url],
            capture_output=True, text=True, check=True, timeout=seconds + 30,
        ).stdout  # fmt: skip
    (line,) = (line for line in told.splitlines() if line.startswith("FIGURES "))
    return Load(**json.loads(line.removeprefix("FIGURES ")))


async def _by_ourselves(
    url: str, bodies: Sequence[str], authorization: str, connections: int, seconds: float, pause_ms: float
) -> Load:
    parts = urlsplit(url)
    client = Client(f"{parts.scheme}://{parts.netloc}", {"Authorization": authorization} if authorization else {})
    raw = [body.encode() for body in bodies]
    at = iter(range(10**12))
    end = time.monotonic() + seconds

    async def call(_number: int) -> bool:
        if pause_ms:
            await asyncio.sleep(random.expovariate(1000 / pause_ms))
        answer = await client.call("POST", parts.path, raw[next(at) % len(raw)])
        return 200 <= answer.status < 300

    load = await each(call, clients=connections, until=lambda: time.monotonic() >= end)
    await client.close()
    return load


async def each(call: Callable[[int], Awaitable[bool]], *, clients: int, until: Callable[[], bool]) -> Load:
    """So many clients, each calling again as soon as it is answered. `call(n)` says whether the answer was good."""
    took: list[float] = []
    bad = 0
    numbers = iter(range(10**12))

    async def one() -> None:
        nonlocal bad
        while not until():
            begun = time.perf_counter()
            good = await call(next(numbers))
            took.append(time.perf_counter() - begun)
            bad += not good

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(one())
    seconds = time.perf_counter() - begun
    cuts = quantiles(took, n=100) if len(took) > 1 else [0.0] * 99
    return Load(len(took), seconds, cuts[49] * 1000, cuts[98] * 1000, bad)
