"""What a container starts, started by a real shell: arguments arrive as they are, whatever they hold."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from allotment.adapters.local.packing import FolderPacker
from allotment.jobs.fetching import fetch_command
from allotment.jobs.kubernetes.environment import CODE, PACKAGE, PACKED, command, trial_lines
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.model.jobs.job import CodeFolder, StagedData, StagingTime
from allotment.model.quantity import Bytes
from tests.unit.jobs.kubernetes.test_hostile import HOSTILE, expanded
from tests.unit.jobs.kubernetes.work import GRID, job, program

pytestmark = pytest.mark.live


def test_a_trial_is_handed_its_lines_as_arguments(tmp_path: Path) -> None:
    given = [each for each in HOSTILE if "\n" not in each]
    for name, text in trial_lines([["--lr=1"], given]).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    order = WorkOrder("k7x2", job(program=program(argv=("printf", "%s|")), sweep=GRID))
    argv = [expanded(each).replace("/allotment/trials", str(tmp_path)) for each in command(order)]
    done = subprocess.run(argv, env={"JOB_COMPLETION_INDEX": "1"}, capture_output=True, text=True, check=True)
    assert done.stdout == "".join(f"{each}|" for each in given)


def test_packed_code_is_unpacked_and_the_program_starts_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "source" / "a b; id"
    folder.mkdir(parents=True)
    (folder / "train.sh").write_text('printf "%s|" "$@"; pwd; ls', encoding="utf-8")
    code = CodeFolder("source", "", Bytes(1 << 20))
    packed, unpacked = tmp_path / "packed", tmp_path / "code"
    packed.mkdir()
    unpacked.mkdir()
    with FolderPacker().pack(tmp_path, code) as tar:
        data = gzip.compress(tar.read(), mtime=0)
    (packed / PACKAGE).write_bytes(data)
    given = [each for each in HOSTILE if "\0" not in each]
    asked = job(program=program(argv=("sh", "train.sh", *given), code=code, working_directory="a b; id"))
    places = {PACKED: str(packed), CODE: str(unpacked)}
    argv = [expanded(each) for each in command(WorkOrder("k7x2", asked, code=data))]
    for place, here in places.items():
        argv = [each.replace(place, here) for each in argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == f"{''.join(f'{each}|' for each in given)}{unpacked}/a b; id\ntrain.sh\n"


WHOLE = bytes(range(256)) * 400


class Store(BaseHTTPRequestHandler):
    """Serves one file, with or without parts of it; what it was asked for is counted."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.asked.append(wanted)
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and "parts" in self.path else 0
        if begin >= len(WHOLE):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(WHOLE) - 1}/{len(WHOLE)}")
        self.send_header("Content-Length", str(len(WHOLE) - begin))
        self.end_headers()
        self.wfile.write(WHOLE[begin:])

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("kind", ["parts", "whole"])
@pytest.mark.parametrize("there", [None, b"", WHOLE[:5000], WHOLE])
def test_weights_on_a_claim_are_fetched_once_and_whole(tmp_path: Path, kind: str, there: bytes | None) -> None:
    """Whatever an earlier try left behind; whoever needs them next asks for nothing."""
    Store.asked.clear()
    place = tmp_path / "weights" / "llm"
    if there is not None:
        place.parent.mkdir()
        place.with_name("llm.allotment-part-k7x2").write_bytes(there)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        source = f"http://127.0.0.1:{server.server_port}/{kind}"
        argv = fetch_command(StagedData("https://x", "data", "llm", StagingTime.BEFORE), source, str(place))
        for _ in range(2):
            subprocess.run(argv, env={**os.environ, "ALLOTMENT_JOB_ID": "k7x2"}, check=True, capture_output=True)
            assert place.read_bytes() == WHOLE
        often = len(Store.asked)
        assert [each.name for each in place.parent.iterdir()] == ["llm"]
        subprocess.run(argv, env=os.environ, check=True, capture_output=True)
        assert len(Store.asked) == often <= 2
    finally:
        server.shutdown()
        server.server_close()
