"""All state, in one SQLite file: what a real provider would remember when this process starts again."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    created INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_status ON objects (kind, json_extract(body, '$.status'));
CREATE INDEX IF NOT EXISTS objects_by_intent ON objects (kind, json_extract(body, '$.payment_intent'));
CREATE TABLE IF NOT EXISTS line_items (
    session TEXT NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (session, position));
CREATE TABLE IF NOT EXISTS private (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, created INTEGER NOT NULL, request TEXT,
    status INTEGER, body TEXT);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, due REAL NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'waiting', answer TEXT, last_at REAL);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT NOT NULL, path TEXT NOT NULL, headers TEXT NOT NULL,
    body TEXT NOT NULL, status INTEGER NOT NULL);
"""
_REQUESTS_KEPT = 1000


class Store:
    """One connection behind one lock: a request is one transaction, and they run one after another."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._db.execute("BEGIN IMMEDIATE")
                yield
                if self._depth == 1:
                    self._db.execute("COMMIT")
            except BaseException:
                if self._depth == 1:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # API objects

    def insert(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        sql = "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)"
        self.execute(sql, (body["id"], kind, body["created"], json.dumps(body)))
        return body

    def update(self, body: dict[str, Any], **changes: Any) -> dict[str, Any]:
        body.update(changes)
        self.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))
        return body

    def get(self, kind: str | None, id_: str) -> dict[str, Any] | None:
        rows = self.execute("SELECT kind, body FROM objects WHERE id = ?", (id_,))
        if not rows or (kind is not None and rows[0][0] != kind):
            return None
        return json.loads(rows[0][1])

    def find(
        self, kind: str, *, where: str = "1", values: tuple[Any, ...] = (), tail: str = ""
    ) -> list[dict[str, Any]]:
        """Objects of a kind, newest first unless `tail` says otherwise. `where` is SQL of ours, its values apart."""
        sql = f"SELECT body FROM objects WHERE kind = ? AND {where} {tail or 'ORDER BY seq DESC'}"  # noqa: S608
        return [json.loads(body) for (body,) in self.execute(sql, (kind, *values))]

    def place(self, id_: str) -> int | None:
        """Where an object stands in the order of making."""
        rows = self.execute("SELECT seq FROM objects WHERE id = ?", (id_,))
        return rows[0][0] if rows else None

    # what the API does not show: where a session's payment stands, what its metadata for the payment is

    def keep(self, id_: str, body: dict[str, Any]) -> None:
        self.execute("INSERT OR REPLACE INTO private (id, body) VALUES (?, ?)", (id_, json.dumps(body)))

    def kept(self, id_: str) -> dict[str, Any]:
        rows = self.execute("SELECT body FROM private WHERE id = ?", (id_,))
        return json.loads(rows[0][0]) if rows else {}

    # what was asked of us, for tests that check the wire

    def record(self, *, method: str, path: str, headers: dict[str, str], body: dict[str, Any], status: int) -> None:
        sql = "INSERT INTO requests (method, path, headers, body, status) VALUES (?, ?, ?, ?, ?)"
        with self.transaction():
            self.execute(sql, (method, path, json.dumps(headers), json.dumps(body), status))
            self.execute("DELETE FROM requests WHERE seq <= (SELECT max(seq) FROM requests) - ?", (_REQUESTS_KEPT,))
