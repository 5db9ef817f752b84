"""A lean HTTP/1.1 client for asyncio: kept-alive connections, JSON, nothing else. The audience and the benches use it,
since what measures a server should cost less than what it measures."""

import asyncio
import json
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 15


class Unreachable(Exception):
    """Nobody answers there, or the answer broke off."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One server. As many connections as calls under way at a time, each used again."""

    def __init__(self, address: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(address)
        self.host = parts.hostname or "127.0.0.1"
        self.tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.port = parts.port or (443 if self.tls else 80)
        self._head = "".join(
            f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **(headers or {})}.items()
        )
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        return await self.call("POST", path, json.dumps(body, separators=(",", ":")).encode(), **headers)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, b"", **headers)

    async def call(self, method: str, path: str, body: bytes, **headers: str) -> Answer:
        """`headers` in Python's spelling: `idempotency_key="…"`. Raises Unreachable."""
        extra = "".join(f"{name.replace('_', '-').title()}: {value}\r\n" for name, value in headers.items())
        if method != "GET":
            kind = "" if "content_type" in headers else "Content-Type: application/json\r\n"
            extra += f"{kind}Content-Length: {len(body)}\r\n"
        message = f"{method} {path} HTTP/1.1\r\n{self._head}{extra}\r\n".encode() + body
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._send(message)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            raise Unreachable(f"{self.host}:{self.port} {error or type(error).__name__}") from error

    async def _send(self, message: bytes) -> Answer:
        while self._idle:
            reader, writer = self._idle.pop()
            if reader.at_eof() or writer.is_closing():
                writer.close()
                continue
            try:
                return await self._exchange(reader, writer, message)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                if isinstance(error, asyncio.IncompleteReadError) and error.partial:
                    raise
                continue  # the server had closed it while it was idle; nothing was answered
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=self.tls)
        return await self._exchange(reader, writer, message)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> Answer:
        kept = False
        try:
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            status, headers = _read_head(head)
            if "chunked" in headers.get("transfer-encoding", ""):
                body = await _read_chunks(reader)
            else:
                body = await reader.readexactly(int(headers.get("content-length", 0)))
            kept = headers.get("connection", "").lower() != "close"
            return Answer(status, headers, body)
        finally:
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.close()

    async def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split(" ", 2)[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(parts)
