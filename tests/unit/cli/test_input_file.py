"""The file of a question: by ``--file``, or as earlier calls named it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import ROOT, Run

BORROWING = str(ROOT / "examples" / "scenarios" / "borrowing.jsonl")
TRAINING = str(ROOT / "examples" / "placements" / "training-eastus.jsonl")
WHEN = ("--at", "4h", "--runs", "10", "--submissions", "none", "-o", "csv")
CHANGE = ("--change", "weight:nlp=2", "--until", "2h", "-o", "csv")
WHATIF = ("whatif", "--change", "weight:nlp=2")


@pytest.mark.parametrize(
    ("command", "file", "earlier", "rest"),
    [
        ("when", BORROWING, (BORROWING,), ("nlp-011", *WHEN)),
        ("whatif", BORROWING, ("--snapshot", BORROWING), CHANGE),
        ("whatif", BORROWING, (BORROWING,), CHANGE),
        ("capacity", TRAINING, (TRAINING,), ("-o", "csv")),
    ],
)
def test_earlier_forms_answer_the_same_with_a_hint(
    run: Run, command: str, file: str, earlier: tuple[str, ...], rest: tuple[str, ...]
) -> None:
    now, then = run(command, "--file", file, *rest), run(command, *earlier, *rest)
    assert now.ok() == then.ok() != ""
    assert f"is named with --file: --file {file}" in then.err
    assert "hint:" not in now.err


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (("when", "--at", "4h"), "--at is about a scenario, and no file is named"),
        (("when", "nlp-011", "--learn-from", "20"), "--learn-from is about a scenario, and no file is named"),
        (("when", "--file", BORROWING, "--budget", "1s"), "--budget is about a cluster, and a file is named"),
        (("when", "--file", BORROWING, "-n", "nlp"), "-n is about a cluster, and a file is named"),
        (("capacity", "--policy", "fgd"), "--policy is about a scenario, and no file is named"),
        (("capacity", "nlp-011"), "'nlp-011' is no number of GPUs"),
        (("capacity", "--file", TRAINING, "-A"), "-A is about a cluster, and a file is named"),
        (("whatif", "--file", BORROWING, "more", *CHANGE), "more: one file, and no further words"),
        (("whatif", "--snapshot", BORROWING, "more", *CHANGE), "more: one file, and no further words"),
        (("simulate",), "no file is named"),
        (("simulate", "a.jsonl", "--file", "b.jsonl"), "a.jsonl and --file b.jsonl name one thing"),
        (("capacity", "--file", TRAINING, "more"), "more: one file, and no further words"),
        (("whatif", *CHANGE), "--until is about a scenario, and no file is named"),
        (("whatif", "--file", BORROWING, "--snapshot", BORROWING, *CHANGE), "name one thing"),
    ],
)
def test_a_call_that_names_none_says_how(run: Run, call: tuple[str, ...], says: str) -> None:
    ran = run(*call)
    assert ran.code == 2
    assert says in ran.err


@pytest.mark.parametrize(
    "call",
    [("when",), ("when", "nlp-011"), ("when", "job/nlp-011"), ("capacity",), ("capacity", "8xa100"), WHATIF],
    ids=" ".join,
)
def test_a_call_without_a_file_asks_the_cluster(run: Run, call: tuple[str, ...]) -> None:
    ran = run(*call)
    assert ran.code == 3
    assert "no kubeconfig" in ran.err


def test_simulate_takes_its_file_either_way_without_a_hint(run: Run) -> None:
    word, named = run("simulate", BORROWING, "-o", "csv"), run("simulate", "--file", BORROWING, "-o", "csv")
    assert word.ok() == named.ok() != ""
    assert word.err == named.err == ""


SCENARIO_IS = "this is a queueing scenario: it does not say which pod runs on which node"
PLACEMENT_IS = "this is a placement scenario: it has nodes and pods, but no queues"
QUEUES = "queueing scenarios (JSON Lines with clusterQueues and workloads)"
PODS_ON_NODES = "placement scenarios (JSON Lines with nodes and the pods on them)"
TO_CAPACITY = "`allot capacity --file FILE` takes it"
TO_QUEUEING = "`allot simulate`, `allot whatif` and `allot when` take it, as --file FILE"
TO_SIMULATE = "`allot simulate --file FILE` takes it"
TO_BOTH = "`allot simulate` and `allot capacity` take it, both as --file FILE --nodes NODES"
PHILLY = "timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-09 07:01:55,60,1,60,nlp\n"
SWF = str(ROOT / "examples" / "traces" / "small.swf")


@pytest.mark.parametrize(
    ("call", "file", "told"),
    [
        pytest.param(("simulate",), TRAINING, (PLACEMENT_IS, QUEUES, TO_CAPACITY), id="simulate, pods on nodes"),
        pytest.param(WHATIF, TRAINING, (PLACEMENT_IS, QUEUES, TO_CAPACITY), id="whatif, pods on nodes"),
        pytest.param(("when",), TRAINING, (PLACEMENT_IS, QUEUES, TO_CAPACITY), id="when, pods on nodes"),
        pytest.param(("capacity",), BORROWING, (SCENARIO_IS, PODS_ON_NODES, TO_QUEUEING), id="capacity, queues"),
        pytest.param(WHATIF, SWF, ("a trace (Standard", QUEUES, TO_SIMULATE), id="whatif, SWF"),
        pytest.param(("when",), SWF, ("a trace (Standard", QUEUES, TO_SIMULATE), id="when, SWF"),
        pytest.param(("capacity",), SWF, ("a trace (Standard", PODS_ON_NODES, TO_SIMULATE), id="capacity, SWF"),
        pytest.param(WHATIF, "philly.csv", ("a trace (Philly's CSV)", QUEUES, TO_SIMULATE), id="whatif, Philly"),
        pytest.param(("when",), "philly.csv", ("a trace (Philly's CSV)", QUEUES, TO_SIMULATE), id="when, Philly"),
        pytest.param(
            ("capacity",), "philly.csv", ("a trace (Philly", PODS_ON_NODES, TO_SIMULATE), id="capacity, Philly"
        ),
        pytest.param(WHATIF, "pods.csv", ("an openb pod list", QUEUES, TO_BOTH), id="whatif, pod list"),
        pytest.param(("when",), "pods.csv", ("an openb pod list", QUEUES, TO_BOTH), id="when, pod list"),
        pytest.param(WHATIF, "notes.txt", ("no scenario and no trace", "# Notes", QUEUES), id="whatif, other text"),
        pytest.param(("when",), "notes.txt", ("no scenario and no trace", "# Notes", QUEUES), id="when, other text"),
        pytest.param(
            ("capacity",), "notes.txt", ("no scenario and no trace", PODS_ON_NODES), id="capacity, other text"
        ),
        pytest.param(
            ("simulate",), "notes.txt", ("no scenario and no trace", "Philly's CSV"), id="simulate, other text"
        ),
        pytest.param(("when",), "empty.txt", ("it is empty", QUEUES), id="when, an empty file"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_takes_it(
    run: Run, home: Path, call: tuple[str, ...], file: str, told: tuple[str, ...]
) -> None:
    for name, text in (
        ("philly.csv", PHILLY),
        ("pods.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"),
        ("notes.txt", "# Notes\n"),
        ("empty.txt", ""),
    ):
        (home / name).write_text(text, encoding="utf-8")

    ran = run(*call, "--file", file)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("error:") == 1
    for each in told:
        assert each in ran.err


@pytest.mark.parametrize(
    ("call", "ends"),
    [
        pytest.param(
            ("capacity", "--shape", "1"),
            ["1 node: 1 GPU, 1 used, 0 free", "fragment 0 GPUs by 1 typical shape of 1 pod"],
            id="capacity",
        ),
        pytest.param(("simulate", "--policy", "fgd"), ["percent of 1 GPU on 1 node; seed 0"], id="simulate"),
    ],
)
def test_one_of_a_thing_is_singular(run: Run, home: Path, call: tuple[str, ...], ends: list[str]) -> None:
    (home / "nodes.csv").write_text("sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,1,T4\n", encoding="utf-8")
    header = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec"
    (home / "pods.csv").write_text(f"{header}\np0,4000,8192,1,1000,\n", encoding="utf-8")

    told = run(*call, "--file", "pods.csv", "--nodes", "nodes.csv").ok().splitlines()

    assert told[-len(ends) :] == ends


def test_one_job_left_out_of_a_trace_is_singular(run: Run, home: Path) -> None:
    (home / "two.csv").write_text(f"{PHILLY}2017-10-09 07:01:55,60,0,60,nlp\n", encoding="utf-8")

    assert "1 of 2 jobs is left out: 1 asks for nothing" in run("simulate", "two.csv", "--capacity", "1").ok()


@pytest.fixture
def folders(home: Path) -> Path:
    """A home with a folder and a platform directory, which are no files."""
    (home / "folder").mkdir()
    (home / "acme").mkdir()
    (home / "acme" / "platform.yaml").write_text("kind: Platform\n", encoding="utf-8")
    return home


FILELESS = [
    ("when", "--file"),
    ("whatif", *CHANGE, "--file"),
    ("simulate",),
    ("capacity", "--file"),
    ("conformance", "kueue"),
    ("conformance", "placement"),
    ("compare", "b.json"),
    ("compare",),
]


@pytest.mark.parametrize("call", FILELESS, ids=" ".join)
@pytest.mark.parametrize(
    ("named", "code", "says"),
    [
        pytest.param("missing", 3, "there is no file missing", id="missing"),
        pytest.param("-", 3, "standard input is not read", id="standard input"),
        pytest.param("folder", 1, "folder is a folder", id="a folder"),
        pytest.param("acme", 1, "acme is a platform directory", id="a platform directory"),
    ],
)
def test_what_is_no_file_is_said_by_every_command(
    run: Run, folders: Path, call: tuple[str, ...], named: str, code: int, says: str
) -> None:
    (folders / "b.json").write_text(run("simulate", BORROWING, "-o", "json").ok(), encoding="utf-8")
    ran = run(*call, named, *(["b.json"] if call == ("compare",) else []))
    assert ran.code == code
    assert says in ran.err
    assert "permissions" not in ran.err


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize("command", ["when", "capacity"])
@pytest.mark.parametrize("form", ["as the first word", "with --file"])
@pytest.mark.parametrize(
    ("named", "code", "says"),
    [
        pytest.param("missing.jsonl", 3, "there is no file missing.jsonl", id="missing"),
        pytest.param("./missing", 3, "there is no file missing", id="a path of this folder"),
        pytest.param("-", 3, "there is no file -", id="standard input is none"),
        pytest.param("~/missing.yaml", 3, "missing.yaml", id="in the home folder"),
        pytest.param("nowhere/missing", 3, "there is no file nowhere/missing", id="in a folder that is not there"),
        pytest.param("-", 3, "standard input is not read", id="and it is said why"),
        pytest.param("folder", 1, "folder is a folder", id="a folder"),
        pytest.param("acme", 1, "acme is a platform directory", id="a platform directory"),
        pytest.param("a" * 300, 1, "cannot be read", id="a name that no file system takes"),
        pytest.param("/dev/null", 1, "/dev/null is no regular file", id="a device"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_every_form(
    run: Run, command: str, form: str, named: str, code: int, says: str
) -> None:
    ran = run(command, *([named] if form == "as the first word" else ["--file", named]))
    assert ran.code == code
    assert says in ran.err


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        pytest.param("weight:nlp=much", 3, "there is no file missing.jsonl", id="a value that cannot be"),
        pytest.param("policy:none", 3, "there is no file missing.jsonl", id="no such policy"),
        pytest.param("job:also-missing.jsonl", 3, "there is no file missing.jsonl", id="no such file of jobs"),
        pytest.param("nonsense", 2, "'nonsense' is no change", id="no change at all: the call itself is wrong"),
    ],
)
def test_the_scenario_file_comes_before_what_a_change_says(run: Run, change: str, code: int, says: str) -> None:
    ran = run("whatif", "--file", "missing.jsonl", "--change", change)
    assert ran.code == code
    assert says in ran.err


@pytest.mark.parametrize("call", [("whatif", *CHANGE), ("simulate",)])
def test_where_no_job_is_taken_a_bare_word_is_a_file(run: Run, call: tuple[str, ...]) -> None:
    ran = run(call[0], "nlp-011", *call[1:])
    assert ran.code == 3
    assert "there is no file nlp-011" in ran.err
    assert "a bare word is a job" not in ran.err
