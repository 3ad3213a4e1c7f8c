"""The server process: ``python -m allotment.api``. `allot up` starts it; a service manager may do so as well."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from allotment import wiring
from allotment.api.jobs import job_api
from allotment.api.serving import bound_socket, serve
from allotment.errors import AllotmentError
from allotment.model.platform import Platform
from allotment.operations.directory.loading import load
from allotment.operations.run.desk import Desk, ServerIdentity, Serving
from allotment.operations.run.local.backend import LOCAL, LocalBackend
from allotment.operations.run.local.recognising import DEFAULT_SLOTS, recognised
from allotment.ports.store import JobsStore
from allotment.wiring import running


def main(words: Sequence[str] | None = None) -> int:
    """Serve until a signal, or `allot down`, says otherwise; the exit code."""
    asked = _parsed(words)
    try:
        _serve(asked.platform, asked.slots, asked.store)
    except AllotmentError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201 (the process's log)
        return error.exit_code
    return 0


def _parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m allotment.api", description=__doc__)
    parser.add_argument("--platform", default="", help="platform directory; the example that comes along by default")
    parser.add_argument("--slots", type=int, default=None, help="slots that stand for accelerators where none is found")
    parser.add_argument("--store", default="", help="where jobs are kept: a path, or the address of a PostgreSQL")
    return parser.parse_args(words)


def _serve(named: str, slots: int | None, store: str) -> None:
    os.umask(0o077)
    directory = Path(named) if named else running.example_platform()
    platform = load(wiring.directory(directory), wiring.clock().now().date()).platform
    folder = running.server_folder(os.environ)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with wiring.store(store).writer(f"process {os.getpid()}") as jobs, bound_socket(folder / "server.sock") as bound:
        desk = _desk(platform, str(directory) if named else "", slots, jobs, folder)
        serve(job_api(desk), desk, bound)


def _desk(platform: Platform, directory: str, slots: int | None, store: JobsStore, folder: Path) -> Desk:
    inventory = running.machine_devices(DEFAULT_SLOTS if slots is None else slots).inventory()
    machine = recognised(running.machine().room(), inventory, platform.accelerators)
    local = LocalBackend(
        platform, machine, running.job_processes(folder / "launches"), running.job_folders(folder), wiring.clock()
    )
    identity = ServerIdentity(
        platform=platform.name,
        directory=directory,
        teams=tuple(team.name for team in platform.teams if team.offboarding is None),
        owner=running.user_name(),
        version=running.version(),
        pid=os.getpid(),
    )
    serving = Serving(
        local,
        advance=local.advance,
        busy=lambda: local.runs,
        fitted=local.fitted,
        told=local.told,
        check=local.check,
    )
    return Desk(
        identity, store, {LOCAL: serving}, running.code_shelf(folder / "code"), wiring.clock(), running.new_job_id
    )


if __name__ == "__main__":
    sys.exit(main())
