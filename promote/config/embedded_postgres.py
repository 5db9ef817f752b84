"""A PostgreSQL 18 of our own: `initdb` and `postgres` as children, reached through a socket in a private folder."""

import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg2
from psycopg2 import sql

from promote.config import binaries, children
from promote.config.binaries import NoEngine

ADMIN, OWNER, APP = "promote_admin", "promote_owner", "promote_app"
DATABASE = "promote"
# Crash recovery of a large database takes its time; a start that shows no life sign for this long has failed.
START_PATIENCE_S = 600
_OLD_SESSIONS_S = 30
_FAST_STOP = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
_CLEAN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class Postgres:
    """One cluster: a folder for its data, a folder for its socket, the passwords of its three roles."""

    name = "postgres"

    def __init__(
        self,
        *,
        folder: Path,
        sockets: Path,
        log: Path,
        passwords: Mapping[str, str],
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.sockets = sockets
        self.log = log
        self.passwords = passwords
        self.options = dict(options or {})
        self.account = children.unprivileged_account(folder)
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, role: str, database: str = DATABASE) -> str:
        return f"postgresql://{role}:{self.passwords[role]}@/{database}?host={self.sockets}"

    def start(self, note: Callable[[str], None] = lambda _: None) -> None:
        """Create the cluster if there is none, start it and wait until it answers. Raises NoEngine."""
        children.private_folder(self.sockets, self.account)
        if not self.folder.exists():
            note("creating the database cluster")
            self._create()
        children.private_folder(self.folder, self.account)
        self._clear_the_way()
        until = time.monotonic() + _OLD_SESSIONS_S
        while True:
            self.process = self._spawn()
            try:
                self._wait(note)
                break
            except NoEngine as error:
                # A server that was killed leaves its sessions to end by themselves, within moments.
                if "pre-existing shared memory block" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.2)
        self._roles_and_database()

    def stop(self) -> None:
        """End every session, write a checkpoint, go."""
        if self.process is not None:
            children.stop(self.process, escalation=_FAST_STOP)

    def poll(self) -> int | None:
        """The exit code once it is gone, else None."""
        return self.process.poll() if self.process else 0

    def connect(self, role: str = ADMIN, database: str = DATABASE) -> "psycopg2.extensions.connection":
        connection = psycopg2.connect(self.url(role, database), connect_timeout=10)
        connection.autocommit = True
        return connection

    def _named(self, folder: Path) -> str:
        """How a program that starts inside this folder is told of it.

        The folders above may be closed to its account (a clone under /root, say): this link needs no way through them.
        """
        return "/proc/self/cwd" if self.account else str(folder)

    def _create(self) -> None:
        """Make the cluster beside its place and move it there once it is whole: a half-made one never stands there."""
        fresh = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        children.private_folder(fresh, self.account)
        self._initdb(fresh)
        fresh.rename(self.folder)

    def _initdb(self, folder: Path) -> None:
        programs = binaries.postgres_programs(self.account)
        password_file = self.sockets / f"initdb-{secrets.token_hex(8)}"
        password_file.touch(mode=0o600)
        password_file.write_text(self.passwords[ADMIN])
        if self.account:
            shutil.chown(password_file, self.account.uid, self.account.gid)
        arguments: list[str | Path] = [
            programs / "initdb",
            *("-D", self._named(folder), "-U", ADMIN, "-E", "UTF8", "--no-instructions"),
            # Sorting that is the same on every machine, whatever its C library.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
        ]
        try:
            with self.log.open("ab") as log:
                process = children.spawn(arguments, environment=_CLEAN, cwd=folder, account=self.account, output=log)
                code = process.wait()
        finally:
            password_file.unlink()
        if code != 0:
            raise NoEngine(f"initdb failed in {folder}:\n{tail(self.log)}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        programs = binaries.postgres_programs(self.account)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "128MB",
            "io_method": "sync",
            # A new file of the log is not written full of zeros first, which holds up all who commit meanwhile.
            "wal_init_zero": "off",
            # Disks no longer turn: with the default of 4 whole tables are read where some rows by their ids will do.
            "random_page_cost": "1.1",
            "log_min_messages": "warning",
            "log_line_prefix": "%m [%p] %u@%d ",
            "cluster_name": "promote",
            **self.options,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            return children.spawn(
                [programs / "postgres", "-D", self._named(self.folder), *settings],
                environment=_CLEAN,
                cwd=self.folder,
                account=self.account,
                output=log,
                death_signal=signal.SIGINT,
            )

    def _wait(self, note: Callable[[str], None]) -> None:
        assert self.process is not None
        began = said = time.monotonic()
        while True:
            try:
                self.connect(database="postgres").close()
                return
            except psycopg2.OperationalError as error:
                reason = str(error).strip().splitlines()[-1]
            now = time.monotonic()
            if self.process.poll() is not None:
                raise NoEngine(f"PostgreSQL stopped while starting:\n{tail(self.log)}")
            if now - began > START_PATIENCE_S:
                self.stop()
                raise NoEngine(f"PostgreSQL does not answer after {START_PATIENCE_S} s ({reason}):\n{tail(self.log)}")
            if now - said > 10:
                said = now
                note(f"PostgreSQL is still starting ({reason})")
            time.sleep(0.05)

    def _roles_and_database(self) -> None:
        """The owner of the schema, and the application's role, which owns nothing."""
        connection = self.connect(database="postgres")
        try:
            with connection.cursor() as cursor:
                for role in (OWNER, APP):
                    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
                    verb = "ALTER" if cursor.fetchone() else "CREATE"
                    cursor.execute(
                        sql.SQL(f"{verb} ROLE {{}} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {{}}").format(
                            sql.Identifier(role), sql.Literal(self.passwords[role])
                        )
                    )
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone() is None:
                    cursor.execute(
                        sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                    )
                cursor.execute(
                    sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(DATABASE)),
                )
                cursor.execute(
                    sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(APP)
                    ),
                )
        finally:
            connection.close()

    def _clear_the_way(self) -> None:
        """End a server that a killed parent left on our folder. Only called by the holder of the folder's lock."""
        pid_file = self.folder / "postmaster.pid"
        children.end_orphan(pid_file, program="postgres", folder=self.folder, sent=signal.SIGINT)
        # Another program may have its number by now, which PostgreSQL could take for itself and refuse to start.
        pid_file.unlink(missing_ok=True)


def tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
