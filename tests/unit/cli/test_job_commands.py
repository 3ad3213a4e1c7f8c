"""`allot job check` and `allot template`: exit codes, streams, and documents."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import pytest

from allotment import wiring
from allotment.adapters.files.tree import read_tree
from allotment.cli.commands.run.first_jobs import PREFIX
from allotment.cli.commands.run.serving import server_words
from allotment.cli.commands.run.store import store_place
from allotment.cli.commands.run.submitting import RunFlags, document_of
from allotment.cli.shell.session import Session
from allotment.diagnose.causes import BY_ID
from allotment.model.source import SourceTree
from allotment.operations.run.local.recognising import DEFAULT_SLOTS
from allotment.spec.jobs.lint import RULES
from allotment.spec.jobs.load import load_jobs
from allotment.spec.load import load_platform
from allotment.spec.schema import KINDS
from allotment.wiring import running
from tests.unit.cli.conftest import ACME, ROOT, Run, home, run

__all__ = ["home", "run"]  # fixtures

NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
ON = ("--platform", str(ACME))
WARNED = "kind: Job\nname: first\nteam: nlp\nrun: {script: a.py, env: {API_KEY: hunter22}}\nmaxRunTime: 30m\n"


def test_a_template_passes_as_it_stands(run: Run) -> None:
    made = run("template", "new", "train", "--team", "nlp", "--set", "name=mine")
    checked = run("job", "check", "-", *ON, "-o", "json", typed=made.ok())
    told = checked.json()
    assert (told["kind"], told["warnings"]) == ("JobCheck", [])
    (job,) = told["jobs"]
    assert (job["name"], job["job"]["team"], job["job"]["priority"]) == ("mine", "nlp", "exploratory")


def test_the_example_passes(run: Run) -> None:
    done = run("job", "check", str(ROOT / "examples" / "jobs" / "job.yaml"), *ON, "--strict")
    assert done.ok().splitlines()[1].split()[:3] == ["train-small", "training", "nlp"]
    assert done.err == ""


def test_the_examples_of_make_up_leave_room_for_a_job_of_ones_own(run: Run) -> None:
    told = run("job", "check", str(ROOT / "examples" / "jobs" / "first" / "jobs.yaml"), *ON, "--strict", "-o", "json")
    asked = {each["name"]: each["job"]["resources"] for each in told.json()["jobs"]}
    assert all(name.startswith(PREFIX) for name in asked), "whoever sees one knows that it is none of his"
    devices = {
        name.removeprefix(PREFIX): (each["accelerators"] or {"count": 0})["count"] for name, each in asked.items()
    }
    first, later = devices["train-llm"] + devices["detector"], devices["train-llm"] + devices["ranker"]
    assert first < DEFAULT_SLOTS < first + devices["ranker"], "the ranker has something to wait for"
    assert later < DEFAULT_SLOTS, "and a slot with its part of the machine is free once it runs"
    # What names no CPU has the part of one slot, and there would be none left.
    assert all(each["cpu"] == "50m" for name, each in asked.items() if not devices[name.removeprefix(PREFIX)])


def test_warnings_have_place_and_word_and_fail_only_if_they_shall(run: Run, home: Path) -> None:
    Path("a.py").touch()
    Path("job.yaml").write_text(WARNED, encoding="utf-8")
    done = run("job", "check", "job.yaml", *ON)
    assert done.code == 0
    assert done.err.startswith("job.yaml:4:27: warning: run.env.API_KEY: ")
    assert "[secret-in-plain-sight]" in done.err
    assert "hunter22" not in done.err + done.out
    assert run("job", "check", "job.yaml", *ON, "--strict").code == 1
    (warning,) = run("job", "check", "job.yaml", *ON, "-o", "json").json()["warnings"]
    assert (warning["word"], warning["line"], warning["job"]) == ("secret-in-plain-sight", 4, "first")


@pytest.mark.parametrize(
    ("script", "says"),
    [("trian.py", 'no script "trian.py" in the folder'), ("python train.py --epochs 3", "as lists")],
)
def test_a_script_that_is_not_there_is_an_error_as_at_submit(run: Run, home: Path, script: str, says: str) -> None:
    Path("train.py").touch()
    text = f"kind: Job\nname: first\nteam: nlp\nrun: {script}\nmaxRunTime: 30m\n"
    Path("job.yaml").write_text(text, encoding="utf-8")
    checked = run("job", "check", "job.yaml", *ON)
    assert (checked.code, checked.out, says in checked.err) == (1, "", True)
    run("job", "check", "-", *ON, typed=text).ok()
    assert says in run("submit", "job.yaml", "--dry-run=client", *ON).err
    Path("job.yaml").write_text(text.replace(script, "train.py"), encoding="utf-8")
    run("job", "check", "job.yaml", *ON).ok()


def test_problems_are_told_all_at_once(run: Run, home: Path) -> None:
    Path("one.yaml").write_text("kind: Job\nname: X\n", encoding="utf-8")
    Path("two.yaml").write_text("kind: Jbo\n", encoding="utf-8")
    done = run("job", "check", "one.yaml", "two.yaml", *ON)
    assert (done.code, done.out) == (1, "")
    assert [line.split(": ")[0] for line in done.err.splitlines() if ": error: " in line] == [
        "one.yaml:1:1",
        "one.yaml:2:1",
        "two.yaml:1:1",
    ]
    assert "error: 2 job files have 3 errors" in done.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("job", "check", "nowhere.yaml", *ON), 3, "there is no file nowhere.yaml"),
        (("job", "check"), 2, "missing argument"),
        (("job", "check", "job.yaml"), 2, "no platform directory is named"),
        (("template", "show", "trian"), 3, 'did you mean "train"?'),
        (("template", "new", "train", "--set", "x"), 2, "--set has no value"),
        (("template", "new", "train", "--set", "x=y"), 2, "no parameter"),
        (("template", "new", "train", "--set", "lr=1", "--set", "lr=2"), 2, "twice"),
        (("schema", "jbos"), 2, "jbos"),
    ],
)
def test_wrong_calls(run: Run, home: Path, words: tuple[str, ...], code: int, says: str) -> None:
    Path("job.yaml").write_text(WARNED, encoding="utf-8")
    done = run(*words)
    assert (done.code, done.out) == (code, "")
    assert says in done.err


def test_hostile_input_does_not_reach_the_terminal(run: Run, home: Path) -> None:
    for name, data in (("a.yaml", b"\xff\xfe\x00"), ("b.yaml", b'kind: Job\nname: "\\e[31m"\n\x1b]0;x\x07: 1\n')):
        Path(name).write_bytes(data)
        done = run("job", "check", name, *ON)
        assert done.code == 1
        assert "\x1b" not in done.err
        assert "Traceback" not in done.err


def test_what_follows_the_script_arrives_as_it_was_typed() -> None:
    words = ("😀", "\u2028 x", "1.30", "no", "", "{{ x }}", "a\nkind: Team", '"')
    text = document_of(RunFlags("Ein Skript.py", words, gpus=2, env=("A=b=c", "B=")), "nlp")
    (found,) = load_jobs(SourceTree({"flags": text}), load_platform(read_tree(ACME)).platform, NOW)
    assert found.job.program.argv == ("python", "Ein Skript.py", *words)
    assert found.job.program.environment == {"A": "b=c", "B": ""}
    assert found.job.devices == 2


def test_what_the_lists_say(run: Run) -> None:
    assert "fine-tune" in run("template", "list", "-o", "name").ok().split()
    told = run("template", "show", "sweep", "-o", "json").json()
    assert (told["kind"], told["name"]) == ("JobTemplate", "sweep")
    assert {"name": "trials", "type": "count", "default": "20", "description": "How many are drawn."} in told[
        "parameters"
    ]
    assert run("schema", "job").json()["title"] == "Allotment job file"
    assert "ALLOTMENT_CHECKPOINT_DIR" in run("explain", "job.checkpoint").ok()
    assert run("explain", "job").code == 0


def test_a_warning_s_word_is_explained(run: Run) -> None:
    assert "look like an idle GPU" in run("explain", "few-cpus").ok()
    told = run("explain", "few-cpus", "-o", "json").json()
    assert (told["kind"], told["word"]) == ("Trap", "few-cpus")
    assert run("explain", "few-cpsu").code == 3


def test_no_word_means_two_things() -> None:
    words = {rule.word for rule in RULES}
    assert not words & (set(BY_ID) | {kind.lower() for kind in KINDS})
    assert all("-" in word for word in words), "a field begins with a kind, and no kind has a dash"


@pytest.mark.parametrize(
    ("said", "handed_on"),
    [
        ({}, ["--loopback"]),
        (
            {"ALLOTMENT_STORE": "postgresql://allot@db.example/jobs"},
            ["--loopback", "--store", "postgresql://allot@db.example/jobs"],
        ),
        ({"ALLOTMENT_STORE": "jobs.db"}, ["--loopback", "--store", "{here}/jobs.db"]),
        ({"ALLOTMENT_NOTICES": "n.yaml"}, ["--loopback", "--notices", "{here}/n.yaml"]),
        ({"ALLOTMENT_LISTEN": "127.0.0.1:9"}, ["--listen", "127.0.0.1:9"]),
        ({"ALLOTMENT_LISTEN": "none"}, []),
    ],
)
def test_a_server_is_started_with_the_store_and_the_files_that_its_user_means(
    said: dict[str, str], handed_on: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`allot store` asks there: the two may not mean different ones."""
    monkeypatch.chdir(tmp_path)
    session = Session({"HOME": str(tmp_path), **said}, "allot")
    assert server_words(session) == [each.format(here=tmp_path) for each in handed_on]


@pytest.mark.parametrize(
    ("named", "words", "meant"),
    [
        ("", ("--loopback", "--store", "postgresql://allot@db.example/jobs", "--listen", "x"), "postgresql://allot@db"),
        ("", ("--loopback",), "allotment.db"),
        ("", None, "allotment.db"),
        ("own.db", ("--store", "postgresql://allot@db.example/jobs"), "own.db"),
    ],
)
def test_the_store_that_is_read_beside_a_server_is_its_own(
    named: str, words: tuple[str, ...] | None, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = SimpleNamespace(
        service=SimpleNamespace(status=lambda: SimpleNamespace(pid=7)),
        started_with=lambda pid: words if pid == 7 else None,
    )
    monkeypatch.setattr(running, "job_server", lambda _: server)
    monkeypatch.setattr(wiring, "store", lambda text: text or "allotment.db")
    session = Session({"HOME": str(tmp_path), **({"ALLOTMENT_STORE": named} if named else {})}, "allot")
    assert str(store_place(session)).startswith(meant)
