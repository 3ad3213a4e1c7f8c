"""A PostgreSQL of its own, on loopback, from Debian's package; gone when the tests are."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.live.debian import install
from tests.loopback import free_port

_QUICK = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
"""Nobody pulls the plug of a test; a killed client leaves the same."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        programs: folder of its programs.
        data: folder of its data.
        settings: options of the server's command line.
    """

    programs: Path
    data: Path
    port: int
    settings: str = _QUICK

    def address(self, database: str) -> str:
        return f"postgresql://allot@127.0.0.1:{self.port}/{database}"

    def make(self, database: str) -> str:
        """A new database, whose language orders text as no byte does; its address."""
        sql = f"CREATE DATABASE {database} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        self.query(sql)
        return self.address(database)

    def control(self, *words: str) -> None:
        """pg_ctl, as the user whom the data belong to: the server refuses root."""
        _as_owner([str(self.programs / "pg_ctl"), "-D", str(self.data), "-w", "-l", str(self.data / "log"), *words])

    def start(self) -> None:
        self.control(
            "-o",
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' {self.settings}",
            "start",
        )

    def stop(self) -> None:
        self.control("-m", "fast", "stop")

    def alive(self) -> bool:
        """Whether it runs."""
        return (self.data / "postmaster.pid").exists()

    def replicated(self) -> Server:
        """A replica that follows it, and confirms each commit before anybody is told of it; promoted by `control`."""
        replica = replace(self, data=self.data.with_name("replica"), port=free_port())
        base = ["-D", str(replica.data), "-d", f"host=127.0.0.1 port={self.port} user=allot", "-R", "-c", "fast"]
        _as_owner([str(self.programs / "pg_basebackup"), *base])
        replica.start()
        self.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.query("SELECT pg_reload_conf()")
        return replica

    def query(self, sql: str) -> str:
        """What a statement gives, as text."""
        argv = [self.programs / "psql", "-qXtA", "-v", "ON_ERROR_STOP=1", "-d", self.address("postgres"), "-c", sql]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def programs() -> Path | None:
    """The newest installed ones."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    return found[-1].parent if found else None


def installed() -> Path | None:
    """The programs, installed first where that may be done; None where it may not."""
    if programs() is None:
        install("postgresql")
    return programs()


@contextmanager
def running(folder: Path, settings: str = _QUICK) -> Iterator[Server]:
    """A server from the programs in a folder."""
    with tempfile.TemporaryDirectory(prefix="allotment-pg-") as parent:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(parent, owner.pw_uid, owner.pw_gid)
        server = Server(folder, Path(parent) / "data", free_port(), settings)
        setting_up = ["-D", str(server.data), "-U", "allot", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        _as_owner([str(folder / "initdb"), *setting_up])
        server.start()
        try:
            yield server
        finally:
            if server.alive():
                server.stop()


def _as_owner(argv: Sequence[str]) -> None:
    drop = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        argv,
        check=False,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        **drop,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]}: {done.stdout.decode(errors='replace')[-2000:]}")
