"""The installed programs: signals, pipes, terminals, names."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.cli.conftest import ACME

pytestmark = pytest.mark.corpus  # starts processes, which takes longer than unit tests may

BIN = Path(sys.executable).parent
ALLOT = str(BIN / "allot")
CALL = [ALLOT, "config", "view"]
REMOVE = "team remove cv --platform my-platform --keep-data-until 2099-01-31"
# A test run in the background inherits an ignored SIGINT.
AS_IN_A_TERMINAL = "import os, signal; signal.signal(2, signal.SIG_DFL); call = {}; os.execv(call[0], call)"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copytree(ACME, tmp_path / "my-platform")
    return tmp_path


def environment(place: Path, **more: str) -> dict[str, str]:
    # A worktree that shares another's environment tests itself.
    shared = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**shared, "HOME": str(place), "LANG": "C.UTF-8", "TERM": "xterm", **more}


def test_the_kubectl_plugin_calls_itself_kubectl_allot(place: Path) -> None:
    done = subprocess.run([BIN / "kubectl-allot", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: kubectl allot ")
    wrong = subprocess.run([BIN / "kubectl-allot", "qqqq"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "see `kubectl allot --help`" in wrong.stderr


def test_python_m_allotment(place: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "allotment", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("allot ")


def test_a_reader_that_goes_away_is_no_error(place: Path) -> None:
    writer = subprocess.Popen(
        [ALLOT, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(place), cwd=place
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.close()
    assert writer.wait(timeout=60) == 141
    assert writer.stderr.read() == b""
    writer.stderr.close()


def test_ctrl_c_ends_with_130_and_one_line(place: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", AS_IN_A_TERMINAL.format(CALL)],
        env=environment(place, XDG_CONFIG_HOME=str(slow_config(place))),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until_it_waits(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "error: interrupted\n"


def test_ctrl_c_while_modules_load_ends_with_130_and_nothing(place: Path) -> None:
    hangs = place / "hangs" / "click.py"
    hangs.parent.mkdir()
    hangs.write_text("import os\nos.open(os.environ['HANGS'], os.O_RDONLY)\n", encoding="utf-8")
    os.mkfifo(place / "pipe")
    path = os.pathsep.join([str(hangs.parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", AS_IN_A_TERMINAL.format([sys.executable, "-m", "allotment", "--version"])],
        env=environment(place, PYTHONPATH=path, HANGS=str(place / "pipe")),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until_it_waits(process.pid)
    process.send_signal(signal.SIGINT)
    assert (*process.communicate(timeout=60), process.returncode) == ("", "", 130)


@pytest.mark.parametrize(
    ("call", "streams", "code", "shown"),
    [
        pytest.param("validate my-platform", ">&-", 0, "", id="no standard output"),
        pytest.param("--help", ">&-", 0, "", id="no standard output for help", marks=pytest.mark.nightly),
        pytest.param("validate nowhere", ">&-", 3, "error: there is no directory nowhere", id="errors are told"),
        pytest.param("team list --platform my-platform -o name", "2>&-", 0, "cv\n", id="no standard error"),
        pytest.param("nonsense", "2>&-", 2, "", id="no standard error for an error", marks=pytest.mark.nightly),
        pytest.param(
            "team list --platform my-platform -o name",
            "<&-",
            0,
            "cv\n",
            id="no standard input",
            marks=pytest.mark.nightly,
        ),
        pytest.param(REMOVE, "<&-", 2, "there is no terminal to ask on", id="nobody to ask"),
        pytest.param("schema --out s.json", "<&- >&- 2>&-", 0, "", id="none at all"),
        pytest.param("schema", ">/dev/full", 1, "the output cannot be written: No space left", id="a full disk"),
        pytest.param(
            "--help",
            ">/dev/full",
            1,
            "the output cannot be written: No space left",
            id="for help, too",
            marks=pytest.mark.nightly,
        ),
        pytest.param("nonsense", "2>/dev/full", 2, "", id="nowhere to tell an error", marks=pytest.mark.nightly),
    ],
)
def test_streams_that_are_closed_or_full(place: Path, call: str, streams: str, code: int, shown: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m allotment {call} {streams}"],
        env=environment(place), cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert shown in said if shown else not said
    assert "Traceback" not in said
    assert "NoneType" not in said


def slow_config(place: Path) -> Path:
    """A configuration file that is never written: reading it waits."""
    folder = place / "config" / "allotment"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "config.yaml")
    return place / "config"


def wait_until_it_waits(pid: int) -> None:
    """Until the process sleeps in the kernel on the pipe (wchan names a wait for a partner)."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if "wait_for_partner" in Path(f"/proc/{pid}/wchan").read_text(encoding="ascii"):
            return
        time.sleep(0.02)
    pytest.skip("this kernel does not tell what a process waits for")


def test_a_terminal_without_utf8_is_no_reason_to_fail(place: Path) -> None:
    done = subprocess.run(
        [ALLOT, "team", "list", "--platform", "nowhere-é-日"],
        env=environment(place, PYTHONIOENCODING="latin-1"), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert b"there is no directory nowhere-\xe9-?" in done.stderr


def test_names_that_are_no_text_are_no_reason_to_fail(place: Path) -> None:
    words = [ALLOT.encode(), b"validate", b"\xff\xfe"]
    done = subprocess.run(words, env=environment(place), capture_output=True, check=False)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr


def on_a_terminal(place: Path, *args: str, typed: str = "", **more: str) -> tuple[int, str]:
    """Run with a terminal for all three streams."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [ALLOT, *args], stdin=follower, stdout=follower, stderr=follower, cwd=place, env=environment(place, **more),
        close_fds=True, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    if typed:
        os.write(leader, typed.encode())
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([leader], [], [], 0.2)
        if ready:
            try:
                chunk = os.read(leader, 65_536)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
        elif process.poll() is not None:
            break
    code = process.wait(timeout=10)
    os.close(leader)
    return code, shown.decode("utf-8", "replace").replace("\r\n", "\n")


def test_a_terminal_gets_colour(place: Path) -> None:
    code, shown = on_a_terminal(place, "validate", "my-platform")
    assert code == 0
    assert "\x1b[32m" in shown


@pytest.mark.parametrize(
    ("name", "value"), [("NO_COLOR", "1"), pytest.param("TERM", "dumb", marks=pytest.mark.nightly)]
)
def test_a_terminal_that_wants_no_colour_gets_none(place: Path, name: str, value: str) -> None:
    code, shown = on_a_terminal(place, "validate", "my-platform", **{name: value})
    assert code == 0
    assert "\x1b[" not in shown


def test_a_team_is_removed_when_its_name_is_typed(place: Path) -> None:
    call = ("team", "remove", "cv", "--platform", "my-platform", "--keep-data-until", "2099-01-31")
    before = (place / "my-platform" / "teams" / "cv.yaml").read_bytes()
    code, shown = on_a_terminal(place, *call, typed="yes\n")
    assert code == 1
    assert "team cv stays" in shown
    assert (place / "my-platform" / "teams" / "cv.yaml").read_bytes() == before
    code, shown = on_a_terminal(place, *call, typed="cv\n")
    assert code == 0
    assert "+  keepDataUntil: 2099-01-31" in shown.replace("\x1b[32m", "").replace("\x1b[0m", "")
    assert (place / "my-platform" / "teams" / "cv.yaml").read_bytes() != before


def test_no_input_on_a_terminal_asks_nothing(place: Path) -> None:
    code, shown = on_a_terminal(
        place, "team", "remove", "cv", "--platform", "my-platform", "--keep-data-until", "2099-01-31", "--no-input"
    )
    assert code == 2
    assert "--yes" in shown
