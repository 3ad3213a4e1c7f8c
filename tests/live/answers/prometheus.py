"""A real Prometheus on loopback with a history of ours in it, for tests of what is read from one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

from tests.loopback import free_port

Series = Iterable[tuple[str, Mapping[str, str] | tuple[tuple[str, str], ...], list[tuple[int, float]]]]
LONGEST_BLOCK = "192h"
"""By default the text is read anew for each two hours of it."""


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def write_history(file: Path, series: Series) -> int:
    """As OpenMetrics text; how many samples."""
    number, last = 0, ""
    with file.open("w", encoding="utf-8") as out:
        for name, labels, points in sorted(series, key=lambda each: each[0]):
            if name != last:
                out.write(f"# TYPE {name} gauge\n")
                last = name
            text = ",".join(f'{label}="{escaped(value)}"' for label, value in dict(labels).items())
            for at, value in points:
                out.write(f"{name}{{{text}}} {value} {at / 1000:.3f}\n")
            number += len(points)
        out.write("# EOF\n")
    return number


@contextmanager
def prometheus(tools: Mapping[str, Path], folder: Path, series: Series, port: int = 0) -> Iterator[str]:
    """The address of a server that has a history, at a port or any; it ends with the block."""
    history, data = folder / "history.txt", folder / "data"
    write_history(history, series)
    subprocess.run(
        [str(tools["promtool"]), "tsdb", "create-blocks-from", "openmetrics", "--quiet",
         f"--max-block-duration={LONGEST_BLOCK}", str(history), str(data)],
        check=True, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    history.unlink()
    configuration = folder / "prometheus.yml"
    configuration.write_text("global: {}\n", encoding="utf-8")
    port = port or free_port()
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [str(tools["prometheus"]), f"--config.file={configuration}", f"--storage.tsdb.path={data}",
         f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=50y"],
        stdout=log, stderr=subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/-/ready", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
