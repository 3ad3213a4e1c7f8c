"""What of a folder of code stays behind is told where it is submitted, and so are secrets among flags."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from allotment.cli.commands.run import handing
from allotment.cli.commands.run.handing import taken
from allotment.cli.commands.run.left_behind import left_behind_notes
from allotment.cli.commands.run.reading import job_texts, loaded_jobs
from allotment.cli.commands.run.submitting import WantedJobs, foreseen
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, InputError
from allotment.model.jobs.job import CodeFolder
from allotment.model.quantity import Bytes
from allotment.ports.job_code import LeftBehind
from tests.unit.api.test_service import World
from tests.unit.cli.conftest import ACME, Run, home, run
from tests.unit.cli.test_submitting import JOB, PLATFORM

__all__ = ["home", "run"]  # fixtures

FOLDER = CodeFolder(".", ".allotignore", Bytes(1 << 20))
CANARY = "sk-canary0123456789canary"


def submitted(text: str) -> tuple[World, list[str]]:
    """The server, and what was told, of a job file in the current folder."""
    Path("job.yaml").write_text(text)
    found = job_texts(["job.yaml"])
    world, told = World(), list[str]()
    wanted = WantedJobs(loaded_jobs(Session({}), PLATFORM, found), found.folders, "local")
    ((_, answer),) = foreseen(world.desk, wanted, told.append)
    if isinstance(answer, AllotmentError):
        raise answer
    before, told = told, []
    taken(world.desk, wanted, told.append)
    assert told == before
    return world, told


def test_a_secret_in_a_git_project_never_reaches_the_server_and_that_is_told(home: Path) -> None:
    """A member of a team may read its ConfigMaps, in which code lies on Kubernetes, and none of its Secrets."""
    Path("a.py").touch()
    Path(".env").write_text(f"WANDB_API_KEY={CANARY}\n")
    Path("data").mkdir()
    Path("data/x").touch()
    Path(".gitignore").write_text(".env\ndata/\n")
    world, told = submitted(JOB)
    (packed,) = world.shelf.kept.values()
    assert CANARY.encode() not in packed
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert {".env", "data"}.isdisjoint(archive.getnames())
        assert {"a.py", ".gitignore"} <= set(archive.getnames())
    assert [each.split(":")[0] for each in told] == [
        "left behind, as such files hold credentials",
        "left behind, as .gitignore names it",
    ]
    assert "`run.secrets`" in told[0]
    assert "`!.env` in .allotignore" in told[0]
    Path(".allotignore").write_text("!.env")
    world, told = submitted(JOB)
    assert told == []
    assert CANARY.encode() in b"".join(world.shelf.kept.values())


def test_checkpoints_of_before_stay_where_the_jobs_own_are_to_lie(home: Path) -> None:
    """Every project that ever ran has such a folder."""
    for name in ("a.py", "out/ckpt/last.pt", "ckpt/last.pt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path(".allotignore").write_text("!out/ckpt/\n")
    text = JOB + "checkpoint: ./out/ckpt\n"
    world, told = submitted(text)
    (packed,) = world.shelf.kept.values()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert {each for each in archive.getnames() if "ckpt" in each} == {"ckpt", "ckpt/last.pt"}
    (note,) = told
    assert note.startswith("left behind: out/ckpt/, as the job's own checkpoints lie there")
    Path("out/ckpt/last.pt").unlink()
    world, told = submitted(text)
    assert told == [], "it held nothing"
    with tarfile.open(fileobj=io.BytesIO(next(iter(world.shelf.kept.values())))) as archive:
        assert "out/ckpt" not in archive.getnames()


def test_a_script_where_checkpoints_are_to_lie_is_refused(home: Path) -> None:
    Path("ckpt").mkdir()
    Path("ckpt/a.py").touch()
    with pytest.raises(InputError, match="would not travel") as told:
        submitted(JOB.replace("script: a.py", "script: ckpt/a.py") + "checkpoint: ckpt\n")
    assert told.value.fix == "name another folder as the checkpoint's"


@pytest.mark.parametrize(
    ("files", "changed", "said"),
    [
        ({".gitignore": "a.py"}, "", ".gitignore names a.py"),
        ({".gitignore": "/src/", "src/a.py": ""}, "script: ./src/./a.py", ".gitignore names src/"),
        ({".gitignore": "a.py", ".allotignore": ""}, "", ""),
        ({".gitignore": "b.py"}, "", ""),
        ({".ssh/a.py": ""}, "script: .ssh/a.py", ".ssh/ is named as what holds credentials"),
    ],
)
def test_a_script_that_would_stay_behind_is_refused(home: Path, files: dict[str, str], changed: str, said: str) -> None:
    for name, text in {"a.py": "", **files}.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    text = JOB.replace("script: a.py", changed or "script: a.py")
    if not said:
        submitted(text)
        return
    with pytest.raises(InputError, match="would not travel with the job") as told:
        submitted(text)
    assert told.value.why == said
    assert ".allotignore" in told.value.fix


def test_some_of_what_stays_behind_is_named_first_what_a_script_may_read() -> None:
    by_git = (
        ".cache/",
        "conf/local/x.yaml",
        "data/",
        *(f"z{number}" for number in range(4)),
        "\x1b.txt",
        "config.yaml",
    )
    (told,) = left_behind_notes(LeftBehind(by_git=by_git), FOLDER)
    assert "names it: \\x1b.txt, config.yaml, data/, z0, z1 and 4 more;" in told
    (told,) = left_behind_notes(LeftBehind(credentials=(".aws/", "a/key.pem")), CodeFolder(".", "", Bytes(1)))
    assert ".aws/, a/key.pem;" in told
    assert "in an ignore file (`code.ignoreFile`)" in told
    assert list(left_behind_notes(LeftBehind(), FOLDER)) == []


@pytest.mark.parametrize(
    ("words", "warned"),
    [
        ((f"--env=API_KEY={CANARY}",), ["--env API_KEY: warning: the value of API_KEY looks like a secret"]),
        (("--env=API_KEY",), ["--env API_KEY: warning: the value of API_KEY looks like a secret"]),
        (("--", f"--key={CANARY}"), ["an argument of the script: warning: an argument looks like a secret"]),
        (("--env=LR=3e-4", "--", "--epochs", "3"), []),
    ],
)
def test_a_secret_among_flags_is_warned_of_as_in_a_job_file(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], warned: list[str]
) -> None:
    Path("a.py").touch()
    monkeypatch.setenv("API_KEY", CANARY)
    server = SimpleNamespace(status=lambda: SimpleNamespace(directory=str(ACME), teams=("nlp",)))
    monkeypatch.setattr("allotment.cli.commands.run.serving.service_of", lambda *_, **__: server)

    def stop(*_: object) -> None:
        raise AllotmentError("far enough")

    monkeypatch.setattr(handing, "taken", stop)
    ran = run("run", "a.py", "--team=nlp", *words)
    assert "far enough" in ran.err
    lines = [line for line in ran.err.splitlines() if "[secret-in-plain-sight]" in line]
    assert [line.split(", and")[0] for line in lines] == warned
    assert ran.err.count("fix: in a job file: ") == len(warned)
    assert CANARY not in ran.err
