"""Jobs on their way from files to a server: read, ordered, sent some at a time, each told by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from allotment import wiring
from allotment.adapters.files.tree import read_tree
from allotment.cli.commands.run import submitting
from allotment.cli.commands.run.handing import hand_in, tell_foreseen
from allotment.cli.commands.run.reading import JobTexts, by_flags, check_awaited, job_texts, loaded_jobs
from allotment.cli.commands.run.submitting import (
    COMMAND_LINE,
    RunFlags,
    WantedJobs,
    document_of,
    foreseen,
    handed_in,
    layers,
)
from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, CapacityError, InputError, NotFoundError, UnreachableError
from allotment.model.jobs.job import DependencyState, JobDependency
from allotment.model.jobs.run import JobState, Move, MoveCause
from allotment.ports.job_service import JobService, JobSubmission, SubmissionAnswer
from allotment.spec.jobs.load import InvalidJobFileError, JobDocument
from allotment.spec.load import load_platform
from allotment.spec.problems import Source
from tests.unit.api.test_service import World
from tests.unit.api.test_service import asked as served
from tests.unit.cli.conftest import ACME, Run, home, run
from tests.unit.operations.run.machine import job

__all__ = ["home", "run", "served"]  # fixtures

PLATFORM = load_platform(read_tree(ACME)).platform
JSON = OutputOptions("json", False, "", "", None)
JOB = "kind: Job\nname: first\nteam: nlp\nrun: {script: a.py}\n"


class Counting(World):
    """A server that tells how many jobs came together."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[int] = []
        take = self.desk.submit_all

        def counted(submissions: Sequence[JobSubmission]) -> tuple[SubmissionAnswer, ...]:
            self.together.append(len(submissions))
            return take(submissions)

        self.desk.submit_all = counted  # type: ignore[method-assign]


def document(name: str, *after: str, devices: int = 0) -> JobDocument:
    wanted = replace(job(devices=devices), name=name)
    wanted = replace(wanted, after=tuple(JobDependency(each, DependencyState.SUCCEEDED) for each in after))
    return JobDocument(wanted, Source("file", 0), frozenset())


def test_many_go_in_few_calls_and_what_waits_for_one_that_was_refused_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submitting, "_LONG", 1e9)
    world = Counting()
    documents = [document("last", "big"), document("third", "k0"), document("big", devices=99)]
    documents += [document(f"k{number}") for number in range(100)]
    wanted = WantedJobs(documents, {"file": Path()}, "local", "night")
    found = [each for some in handed_in(world.desk, wanted, print) for each in some]
    assert world.together == [10, 20, 40, 31, 1]
    refused = {each.job.name: answer.refused.what for each, answer in found if answer.refused}
    assert set(refused) == {"big", "last"}
    assert refused["last"] == "last was not submitted"
    third = next(answer.receipt for each, answer in found if each.job.name == "third")
    first = next(answer.receipt for each, answer in found if each.job.name == "k0")
    assert third is not None
    assert first is not None
    assert third.job.job.after[0].job == first.job.id
    again = [answer.receipt for some in handed_in(world.desk, wanted, print) for _, answer in some if answer.receipt]
    assert {each.job.id for each in again} == {answer.receipt.job.id for _, answer in found if answer.receipt}


def test_what_waits_for_a_job_that_is_nowhere_is_refused_at_its_place(
    home: Path, served: tuple[World, JobService]
) -> None:
    _, service = served
    one = service.submit(JobSubmission(job(), "local")).job
    text = "---\n".join(
        f"{JOB.replace('first', name)}after: {after}\n"
        for name, after in (("a", "nosuch"), ("b", "a"), ("c", "train"), ("d", f"[{one.id}, b, nowhere]"))
    )
    Path("a.py").touch()
    Path("jobs.yaml").write_text(text)
    found = job_texts(["jobs.yaml"])
    documents = loaded_jobs(Session({}), PLATFORM, found)
    with pytest.raises(InvalidJobFileError) as told:
        check_awaited(service, found, documents)
    assert [(each.line, each.what.split(" of team")[0]) for each in told.value.problems] == [
        (5, 'there is no job "nosuch"'),
        (23, 'there is no job "nowhere"'),
    ]


def test_a_dry_run_of_the_client_writes_what_it_has_checked(run: Run) -> None:
    Path("a.py").touch()
    Path("job.yaml").write_text(JOB + "after: elsewhere\n")
    words = ("submit", "job.yaml", "--dry-run=client", "--platform", str(ACME))
    done = run(*words, "-o", "yaml")
    assert "name: first\n" in done.ok()
    assert "whether there is elsewhere to wait for, the server knows alone: `--dry-run=server` tells" in done.err
    assert run(*words).ok().splitlines()[1].split()[:3] == ["first", "training", "nlp"]
    checked = run("job", "check", "job.yaml", "--platform", str(ACME))
    assert "whether there is elsewhere to wait for" in checked.err
    assert "`allot submit --dry-run=server` tells" in checked.err


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"team: nlp": "team: nobody"}, 3),
        ({"a.py}\n": "a.py}\nresources: {memory: 999Ti}\n"}, 7),
        ({"team: nlp": "team: nobody", "kind: Job": "kind: Job\nreplicas: -1"}, 1),
        ({"kind: Job": "kind: Job\nreplicas: -1"}, 1),
    ],
)
def test_a_file_ends_with_the_code_of_flags_that_say_the_same(run: Run, changed: dict[str, str], code: int) -> None:
    text = JOB
    for old, new in changed.items():
        text = text.replace(old, new)
    Path("a.py").touch()
    Path("job.yaml").write_text(text)
    assert run("submit", "job.yaml", "--dry-run=client", "--platform", str(ACME)).code == code


def test_a_dry_run_without_its_value_takes_no_file_for_it(run: Run) -> None:
    Path("job.yaml").write_text(JOB)
    for words in (("--dry-run", "job.yaml"), ("job.yaml", "--dry-run")):
        ran = run("submit", *words, "--platform", str(ACME))
        assert ran.code == 2
        assert "client" in ran.err
        assert "server" in ran.err
        assert "--dry-run" in ran.err


def test_layers_keep_the_order_of_the_file() -> None:
    documents = [document("c", "b"), document("a"), document("b", "a"), document("d")]
    assert [[each.job.name for each in layer] for layer in layers(documents)] == [["a", "d"], ["b"], ["c"]]


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    files = {
        "good.yaml": JOB,
        "slurm.sh": "#!/bin/bash\n#SBATCH -n 1\nsrun x\n",
        "pod.yaml": "apiVersion: batch/v1\nkind: Job\n",
        "words.yaml": JOB.replace("{script: a.py}", "python a.py --epochs 3"),
        "train.py": "import os\n\nprint(os.environ)\n",
        "bad.yaml": "kind: Job\nname: X\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for name in ("a.py", "data.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "text.yaml").write_text(JOB.replace("a.py", "data.txt"))
    session = Session({})
    paths = [str(tmp_path / each) for each in (*files, "none.yaml")]
    with pytest.raises(InvalidJobFileError) as caught:
        loaded_jobs(session, PLATFORM, job_texts(paths))
    told = {Path(each.file).name: each.what for each in caught.value.problems}
    assert set(told) == {"slurm.sh", "pod.yaml", "train.py", "bad.yaml", "none.yaml"}
    assert "Slurm" in told["slurm.sh"]
    assert "Kubernetes" in told["pod.yaml"]
    assert told["train.py"].endswith("is a script, and no job file")
    with pytest.raises(InvalidJobFileError) as caught:
        loaded_jobs(session, PLATFORM, job_texts([str(tmp_path / each) for each in ("words.yaml", "text.yaml")]))
    assert [each.field for each in caught.value.problems] == ["run.script", "run.script"]
    assert loaded_jobs(session, PLATFORM, job_texts([str(tmp_path / "good.yaml")]))
    with pytest.raises(NotFoundError):
        job_texts([str(tmp_path / "none.yaml")])


def test_problems_of_a_command_line_name_its_flags(tmp_path: Path) -> None:
    (tmp_path / "-a.py").write_text("")
    for flags, says, error in (
        (RunFlags("-a.py", name="My Job"), "--name", InputError),
        (RunFlags("-a.py", accelerator="z9"), "--accelerator", NotFoundError),
        (RunFlags("-a.py", priority="nosuch"), "--priority", NotFoundError),
        (RunFlags("-a.py", project="nosuch"), "--project", NotFoundError),
        (RunFlags("-a.py", gpus=100), "--gpus", CapacityError),
        (RunFlags("-a.py", cpu="9000"), "--cpu", CapacityError),
        (RunFlags("-a.py", cpu="much"), "--cpu", InputError),
        (RunFlags("b.py"), "the script", InputError),
    ):
        texts = JobTexts({COMMAND_LINE: document_of(flags, "nlp")}, {COMMAND_LINE: tmp_path})
        with pytest.raises(error, match=f"^{says}: "), by_flags():
            loaded_jobs(Session({}), PLATFORM, texts)
    nobody = JobTexts({COMMAND_LINE: document_of(RunFlags("-a.py"), "nosuch")}, {COMMAND_LINE: tmp_path})
    with pytest.raises(NotFoundError, match=r"^--team: "), by_flags():
        loaded_jobs(Session({}), PLATFORM, nobody)
    texts = JobTexts({COMMAND_LINE: document_of(RunFlags("-a.py"), "nlp")}, {COMMAND_LINE: tmp_path})
    (found,) = loaded_jobs(Session({}), PLATFORM, texts)
    assert found.job.program.argv == ("python", "./-a.py")


def test_ctrl_c_says_how_many_are_in_and_how_the_rest_comes(capsys: pytest.CaptureFixture[str]) -> None:
    world = Counting()
    counted = world.desk.submit_all

    def cut(submissions: Sequence[JobSubmission]) -> tuple[SubmissionAnswer, ...]:
        if world.together:
            raise KeyboardInterrupt
        return counted(submissions)

    world.desk.submit_all = cut  # type: ignore[method-assign]
    documents = [document(f"k{number}", devices=99 if number == 3 else 0) for number in range(30)]
    wanted = WantedJobs(documents, {"file": Path()}, "local", "night")
    done = hand_in(Session({}), world.desk, wanted, OutputOptions("name", False, "", "", None))
    told = capsys.readouterr()
    assert (done.code, len(done.receipts), len(told.out.splitlines())) == (130, 9, 9)
    assert "k3 was refused: " in told.err
    assert "interrupted: 9 of 30 jobs are in" in told.err
    assert "--key night" in told.err


@pytest.mark.parametrize("there", [True, False])
def test_where_nothing_can_be_in_it_is_said_what_does_not_answer(there: bool) -> None:
    """The back end alone, or the server: then nobody knows whether the job came."""
    world = Counting()

    def silent(*_: object) -> NoReturn:
        raise UnreachableError("hpc does not answer", fix="see to it")

    world.desk.submit_all = silent  # type: ignore[method-assign]
    if not there:
        world.desk.status = silent  # type: ignore[method-assign]
    wanted = WantedJobs([document("k1")], {"file": Path()}, "local", "night")
    with pytest.raises(UnreachableError) as told:
        hand_in(Session({}), world.desk, wanted, OutputOptions("name", False, "", "", None))
    assert (told.value.what == "hpc does not answer") is there
    assert ("--key night" in told.value.what) is not there


def test_of_several_jobs_each_is_foreseen_and_those_that_would_be_refused_are_named(
    served: tuple[World, JobService], capsys: pytest.CaptureFixture[str]
) -> None:
    _, service = served
    first, large = document("first"), document("large", devices=99)
    after = document("after", "first")
    answers = foreseen(service, WantedJobs([first, large, after], {"file": Path()}, "local"), lambda _: None)
    assert [(each.job.name, isinstance(answer, AllotmentError)) for each, answer in answers] == [
        ("first", False), ("large", True), ("after", False),
    ]  # fmt: skip
    code = tell_foreseen(Session({}), OutputOptions("table", False, "", "", None), answers, "USD")
    told = capsys.readouterr()
    assert code == answers[1][1].exit_code != 0  # type: ignore[union-attr]
    assert "file: large would be refused: " in told.err
    assert "1 of 3 jobs would be refused" in told.err
    assert "it waits for these first: first" in told.out
    with pytest.raises(AllotmentError):
        tell_foreseen(Session({}), OutputOptions("table", False, "", "", None), answers[1:2], "USD")


def test_with_json_what_was_refused_stands_in_the_document_as_errors(
    served: tuple[World, JobService], capsys: pytest.CaptureFixture[str]
) -> None:
    _, service = served
    documents = [document("good"), document("large", devices=99), document("after", "large")]
    wanted = WantedJobs(documents, {"file": Path()}, "local", "night")
    done = hand_in(Session({}), service, wanted, JSON)
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (done.code, found["kind"], [each["name"] for each in found["items"]]) == (7, "JobList", ["good"])
    large, after = found["refused"]
    assert (large["kind"], large["job"], large["team"], large["id"]) == ("Error", "large", "nlp", None)
    assert (large["exitCode"], large["reason"]) == (7, "quota or capacity")
    assert large["what"]
    assert large["fix"]
    assert "apiVersion" not in large
    assert (after["exitCode"], after["why"]) == (6, "it waits for large, which was refused")
    assert "large was refused: " in told.err


def test_with_json_a_dry_run_tells_what_would_be_refused_even_if_that_is_all(
    served: tuple[World, JobService], capsys: pytest.CaptureFixture[str]
) -> None:
    _, service = served
    documents = [document("large", devices=99), document("larger", devices=999)]
    answers = foreseen(service, WantedJobs(documents, {"file": Path()}, "local"), lambda _: None)
    assert tell_foreseen(Session({}), JSON, answers, "USD") == 7
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["items"]) == ("ForeseenJobList", [])
    assert [(each["job"], each["exitCode"]) for each in found["refused"]] == [("large", 7), ("larger", 7)]


@pytest.mark.parametrize("output", [OutputOptions("name", False, "", "", None), JSON], ids=lambda each: each.format)
def test_what_a_back_end_refuses_just_after_it_is_in_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], output: OutputOptions
) -> None:
    world = World()
    receipt = world.desk.submit(JobSubmission(document("k1").job, "local"))
    elsewhere = replace(receipt.job, backend="hpc")
    move = Move(elsewhere.history.moves[-1].at, JobState.REFUSED, MoveCause.REFUSED, 0, "no such partition")
    looks = iter([elsewhere, replace(elsewhere, history=elsewhere.history.become(move))])
    monkeypatch.setattr(world.desk, "find", lambda _: next(looks))
    monkeypatch.setattr(wiring, "clock", lambda: SimpleNamespace(sleep=lambda _: None, now=world.machine.clock.now))
    answer = SubmissionAnswer(replace(receipt, job=elsewhere), None)
    monkeypatch.setattr(world.desk, "submit_all", lambda _: (answer,))
    wanted = WantedJobs([document("k1")], {"file": Path()}, "hpc", "night")
    done = hand_in(Session({}), world.desk, wanted, output)
    assert (done.receipts, done.code) == ((), 7)
    told = capsys.readouterr()
    assert "was refused: no such partition" in told.err
    if output is JSON:
        found = json.loads(told.out)
        refused = [(each["id"], each["exitCode"], each["why"]) for each in found["refused"]]
        assert (found["items"], refused) == ([], [(elsewhere.id, 7, "no such partition")])


def test_with_json_jobs_that_are_in_are_told_though_ctrl_c_comes_just_after(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    receipt = world.desk.submit(JobSubmission(document("k1").job, "local"))
    answer = SubmissionAnswer(replace(receipt, job=replace(receipt.job, backend="hpc")), None)
    monkeypatch.setattr(world.desk, "submit_all", lambda _: (answer,))

    def cut(_: str) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(world.desk, "find", cut)
    with pytest.raises(KeyboardInterrupt):
        hand_in(Session({}), world.desk, WantedJobs([document("k1")], {"file": Path()}, "hpc", "night"), JSON)
    assert json.loads(capsys.readouterr().out)["items"][0]["id"] == receipt.job.id
