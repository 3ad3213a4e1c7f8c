"""How long a command takes to start, and a server to its first answer: what every call and every restart pays.

    python -m benchmarks.start [--times 20]

`allot --help` and `allot --version` are processes of their own, from their start to their end. A server is timed from
the start of its process to its first answer on its socket, in a folder of its own: once with a store that it makes, and
from then on as it is after a restart. Each is started once before anything is timed, so that files are read. The bar:
the median of `allot --help` within 200 ms, that of a restarted server within 2 s; the exit code says if it was met.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import SocketWay
from allotment.errors import AllotmentError

HELP_WITHIN = 0.2
SERVER_WITHIN = 2.0
"""Seconds."""
_ALLOT = Path(sys.executable).with_name("allot")
_LOOKED_AGAIN = 0.005
"""Seconds between two looks whether a server answers."""
_PATIENCE = 300.0


@dataclass(frozen=True)
class Measured:
    """How long something took.

    Attributes:
        seconds: of each time.
        within: that the median has to keep to; None where nothing is asked of it.
    """

    what: str
    seconds: tuple[float, ...]
    within: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def met(self) -> bool:
        return self.within is None or self.median <= self.within

    def row(self) -> str:
        bar = "" if self.within is None else f"{1000 * self.within:.0f} {'met' if self.met else 'missed'}"
        return f"| {self.what} | {1000 * self.median:.0f} | {1000 * max(self.seconds):.0f} | {bar} |"


def command(*words: str) -> Callable[[], float]:
    """Times one call of the command line."""

    def timed() -> float:
        began = time.monotonic()
        subprocess.run([_ALLOT, *words], check=True, capture_output=True)
        return time.monotonic() - began

    return timed


def server(folder: Path) -> float:
    """Seconds to the first answer of a server that keeps what it has in a folder; it is ended again."""
    state = folder / "state"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALLOTMENT_")}
    environment |= {"XDG_STATE_HOME": str(state), "KUBECONFIG": str(folder / "no-kubeconfig")}
    with (folder / "server.log").open("ab") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "allotment.api", "--slots", "4"], env=environment, stdout=log, stderr=log, cwd="/"
        )
    try:
        _answered(process, state, folder / "server.log")
        return time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_PATIENCE)


def _answered(process: subprocess.Popen[bytes], state: Path, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        for found in state.rglob("server.sock"):
            try:
                RemoteServer(SocketWay(found)).status()
            except AllotmentError:
                continue
            return
        time.sleep(_LOOKED_AGAIN)
    raise SystemExit(f"the server has not come up:\n{log.read_text(encoding='utf-8')}")


def measured(times: int, place: Path) -> Iterable[Measured]:
    """Each thing that starts, so many times."""

    def several(call: Callable[[], float]) -> tuple[float, ...]:
        call()
        return tuple(call() for _ in range(times))

    yield Measured("`allot --help`", several(command("--help")), HELP_WITHIN)
    yield Measured("`allot --version`", several(command("--version")))
    number = iter(range(times + 1))

    def new() -> float:
        folder = place / f"new-{next(number)}"
        folder.mkdir()
        return server(folder)

    yield Measured("a server with a new store, to its first answer", several(new))
    again = place / "again"
    again.mkdir()
    yield Measured("a server with a store, to its first answer", several(lambda: server(again)), SERVER_WITHIN)


def main() -> int:
    """Print the table; 1 where the bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="that each is started")
    asked = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {asked.times} times each")
    print("| | median, ms | worst, ms | bar, ms |\n|---|---:|---:|---:|")
    met = True
    with tempfile.TemporaryDirectory(prefix="allotment-start-") as place:
        for each in measured(asked.times, Path(place)):
            print(each.row(), flush=True)
            met &= each.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
