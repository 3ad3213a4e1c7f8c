"""`allot why`: what people read and what programs do, of explanations built by hand; the call, of small case files."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from allotment import wiring
from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.cli.commands.ask import why_view
from allotment.cli.commands.ask.why_view import duration, why_all_text, why_text
from allotment.diagnose.causes import BY_ID
from allotment.diagnose.unseen import WORK
from allotment.errors import ForbiddenError, UnreachableError
from allotment.model.explanation import (
    CauseVerdict,
    Confidence,
    ContributingCause,
    Doer,
    Evidence,
    Explanation,
    FlavorTried,
    Layer,
    Patch,
    PatchOp,
    QueuePosition,
    Remedy,
    RemedyKind,
    StartsWhen,
    StartWindow,
    Tried,
)
from allotment.model.manifest import ObjectKey
from allotment.model.observed.base import ObjectMeta, Reference
from allotment.model.observed.snapshot import Gap, Objects, Snapshot, Source
from allotment.model.observed.work import CronJob, CronJobSpec
from allotment.operations.ask import answering_again
from allotment.operations.ask.explaining import ExplainedWaiting, PodsAtWork, WhyAll, why_all
from allotment.operations.directory.configuration import OUTPUT_FORMATS
from allotment.ports.kube import Endpoint
from allotment.reports.documents.explanation_of_waiting import explanation_of_waiting, explanations_document
from allotment.reports.documents.form import versioned
from tests.unit.cli.conftest import Run

NOW = "2027-01-11T09:30:00Z"
JOB = Reference(api_version="batch/v1", kind="Job", namespace="nlp", name="train")
QUEUE = Reference(api_version="kueue.x-k8s.io/v1beta2", kind="ClusterQueue", name="nlp")
WAITS = ExplainedWaiting(
    Explanation(
        subject=JOB,
        observed_at=NOW,
        cause="quota-nominal",
        code="ALT-1301",
        layer=Layer.QUOTA,
        verdict=CauseVerdict.WAITING,
        confidence=Confidence.LIKELY,
        summary="8 GPUs asked, 3 of 16 free in nlp",
        facts={"asked": 8, "free": 3, "per_flavor": {"a100-spot": 1200}, "held": False, "lenders": ()},
        evidence=(Evidence(QUEUE, "status.flavorsUsage", 13, "in use"),),
        contributing=(ContributingCause("borrowing-limit", "nlp may not borrow"),),
        considered=False,
        position=QueuePosition("nlp", 2, 5),
        start=StartWindow("2027-01-11T10:00:00Z", "2027-01-11T12:00:00Z", 0.8),
        flavors=(FlavorTried("a100-spot", "too few free", "5 more needed"), FlavorTried("h100", "does not match")),
        remedies=(
            Remedy(
                RemedyKind.REDUCE_REQUEST,
                Doer.USER,
                "ask for 3 GPUs",
                JOB,
                Patch(PatchOp.RESUBMIT, {"spec": {"parallelism": 3}}),
                Tried(StartsWhen.NOW, displaces=("a job of another team",)),
                "kubectl replace -f x",
            ),
            Remedy(
                RemedyKind.WAIT_FOR_QUOTA,
                Doer.PLATFORM,
                "wait",
                patch=Patch(PatchOp.WAIT, {"until": "completed"}),
                tried=Tried(StartsWhen.LATER, StartWindow(start="2027-01-11T10:00:00Z", end="2027-01-11T12:00:00Z")),
            ),
        ),
        unseen=("nodes: forbidden",),
    ),
    "2027-01-10T05:30:00Z",
    100_800.0,
    "training",
    {"team": "nlp"},
)
GOLDEN = """\
job/train in nlp does not run: 8 GPUs asked, 3 of 16 free in nlp.
ALT-1301 quota-nominal, waiting: it runs by itself when something ends (likely, not certain)
created 1 d 4 h ago; not looked at yet; 2 of 5 ahead in nlp; starts between 2027-01-11T10:00:00Z and
  2027-01-11T12:00:00Z (80%); as of 2027-01-11T09:30:00Z

WHY
  asked       8
  free        3
  per flavor  a100-spot 1,200
  held        no

TRIED IN THIS ORDER
  FLAVOR OR NODE   WHY NOT          BY HOW MUCH
  a100-spot        too few free     5 more needed
  h100             does not match

SEEN IN
  clusterqueue/nlp status.flavorsUsage: 13 (in use)

ALSO TRUE
  borrowing-limit: nlp may not borrow

NOT SEEN
  nodes: forbidden

WHAT HELPS
  1. you: ask for 3 GPUs
     tried: it starts then; it takes from a job of another team
     kubectl replace -f x
  2. the platform team: wait
     it starts then, unless something else keeps it by then; starts between 2027-01-11T10:00:00Z and
       2027-01-11T12:00:00Z

more about it: allot explain ALT-1301"""


def bare(cause: str, summary: str, **more: Any) -> ExplainedWaiting:
    given = {"code": "", "layer": None, "verdict": None, "confidence": Confidence.UNSURE} | more
    return ExplainedWaiting(Explanation(JOB, NOW, cause, summary=summary, **given), "2027-01-11T09:29:00Z", 60.0)


NEVER = bare(
    "quota-larger-than-total", "64 GPUs asked, 48 at most", code="ALT-1302", start=StartWindow(never=True),
    verdict=CauseVerdict.MISCONFIGURED, confidence=Confidence.SURE, layer=Layer.QUOTA,
)  # fmt: skip


@pytest.mark.parametrize(
    ("found", "text"),
    [
        pytest.param(WAITS, GOLDEN, id="everything"),
        pytest.param(
            NEVER,
            "job/train in nlp does not run: 64 GPUs asked, 48 at most.\n"
            "ALT-1302 quota-larger-than-total, misconfigured: a person must change something\n"
            "created 1 min ago; as things are it never starts; as of 2027-01-11T09:30:00Z\n"
            "\nWHAT HELPS: nothing that was tried lets it start\n"
            "\nmore about it: allot explain ALT-1302",
            id="never",
        ),
        pytest.param(
            bare("unknown", "nothing that was seen keeps it"),
            "job/train in nlp does not run, and it cannot be told why: nothing that was seen keeps it.\n"
            "created 1 min ago; as of 2027-01-11T09:30:00Z",
            id="unknown",
        ),
        pytest.param(
            replace(bare("unknown", "nothing keeps it"), pods=PodsAtWork(4, 1)),
            "4 of 5 pods of job/train in nlp run, 1 waits, and it cannot be told why: nothing keeps it.\n"
            "created 1 min ago; as of 2027-01-11T09:30:00Z",
            id="one of five",
        ),
        pytest.param(
            replace(bare("quota-nominal", "the next is refused"), pods=PodsAtWork(5, 0)),
            "5 pods of job/train in nlp run, and more cannot: the next is refused.\n"
            "created 1 min ago; as of 2027-01-11T09:30:00Z",
            id="more is to come",
        ),
        pytest.param(
            bare("none", "it runs: 1 pod on a"),
            "job/train in nlp: it runs: 1 pod on a.\nas of 2027-01-11T09:30:00Z",
            id="none",
        ),
        pytest.param(
            replace(bare("none", "it has succeeded at 2027-01-11T09:29:00Z"), called="gang"),
            "gang (job/train in nlp): it has succeeded at 2027-01-11T09:29:00Z.\nas of 2027-01-11T09:30:00Z",
            id="by the name that its user knows",
        ),
    ],
)
def test_an_explanation_reads_like_this(found: ExplainedWaiting, text: str) -> None:
    assert click.unstyle(why_text(found, 100, None)) == text


def test_the_queues_of_this_machine_are_told_in_plain_words_and_clocks_as_clocks() -> None:
    said = "insufficient unused quota for memory in flavor machine, 3025346048 more needed"
    seen = (Evidence(WAITS.subject, "status.conditions[QuotaReserved].message", said),)
    explanation = replace(WAITS.explanation, evidence=seen, cause="schedule-not-due")
    for source, words in (("local", "2.82 GiB of memory short"), ("dev", said)):
        text = click.unstyle(why_text(replace(WAITS, explanation=explanation, source=source), 200, None))
        assert f"status.conditions[QuotaReserved].message: {words}\n" in text
        assert "waiting: it runs by itself when its time comes" in text


def test_every_cause_that_ends_by_the_clock_is_one() -> None:
    assert set(BY_ID) >= why_view._BY_THE_CLOCK


@pytest.mark.parametrize(
    ("more", "says", "never"),
    [
        ({"summary": "is a driver installed?"}, "is a driver installed?\n", "installed?."),
        ({"position": QueuePosition("nlp", 0, 4)}, "; first of 4 in nlp", "0 of 4"),
        ({"position": QueuePosition("nlp", 0, 1)}, "; alone in nlp", "ahead"),
        ({"position": QueuePosition("nlp", 3, 4)}, "; 3 of 4 ahead in nlp", "first"),
        ({"facts": {"host_port": 8080, "nodePorts": [30080], "imported": 1234}}, "host port  8080", "8,080"),
        ({"facts": {"host_port": 8080, "nodePorts": [30080], "imported": 1234}}, "imported   1,234", "30,080"),
    ],
)
def test_numbers_and_sentences_are_as_people_write_them(more: dict[str, Any], says: str, never: str) -> None:
    text = why_text(replace(WAITS, explanation=replace(WAITS.explanation, **more)), 100, 100)
    assert says in text
    assert never not in text


def test_a_long_table_is_cut_and_what_is_seen_is_told_once() -> None:
    flavors = tuple(FlavorTried(f"node-{at}", "too small") for at in range(40))
    evidence = (Evidence(JOB, "status", "so it says"),)
    found = bare("unknown", "x", flavors=flavors, evidence=evidence, facts={"message": "so it says"})
    text = click.unstyle(why_text(found, 100, None))
    assert text.count("node-") == 12
    assert "  and 28 more; -o json has them all" in text
    assert text.count("so it says") == 1
    assert "WHY\n" not in text
    assert len(explanation_of_waiting(found)["flavors"]) == 40


def test_the_document_has_the_form_that_is_promised() -> None:
    """Field by field as in the vocabulary of causes."""
    told = versioned(explanation_of_waiting(WAITS))
    job = {"apiVersion": "batch/v1", "kind": "Job", "namespace": "nlp", "name": "train"}
    assert {key: told[key] for key in ("apiVersion", "kind", "subject", "observedAt")} == {
        "apiVersion": "allotment.dev/v1", "kind": "Explanation", "subject": job, "observedAt": NOW,
    }  # fmt: skip
    assert (told["cause"], told["verdict"], told["confidence"]) == ("quota-nominal", "waiting", "likely")
    assert told["facts"] == {"asked": 8, "free": 3, "per_flavor": {"a100-spot": 1200}, "held": False, "lenders": []}
    queue = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "name": "nlp"}
    assert told["evidence"] == [
        {"object": queue, "field": "status.flavorsUsage", "value": 13, "says": "in use"},
    ]
    assert told["contributing"] == [{"cause": "borrowing-limit", "summary": "nlp may not borrow"}]
    assert told["considered"] is False
    assert told["position"] == {"queue": "nlp", "ahead": 2, "of": 5}
    assert told["start"] == {"from": "2027-01-11T10:00:00Z", "to": "2027-01-11T12:00:00Z", "confidence": 0.8}
    assert told["remedies"][0] == {
        "kind": "reduce-request",
        "who": "user",
        "summary": "ask for 3 GPUs",
        "target": job,
        "patch": {"op": "resubmit", "body": {"spec": {"parallelism": 3}}},
        "tried": {"starts": "now", "at": None, "displaces": ["a job of another team"]},
        "command": "kubectl replace -f x",
    }
    assert (told["remedies"][1]["target"], told["remedies"][1]["patch"]["op"]) == (None, "wait")
    assert versioned(explanation_of_waiting(NEVER))["start"] == {"never": True}


def test_what_is_done_outside_the_cluster_is_supposed() -> None:
    def told(kind: RemedyKind, op: PatchOp, starts: StartsWhen = StartsWhen.NOW) -> str:
        helps = Remedy(kind, Doer.PLATFORM, "do it", patch=Patch(op, {"key": "…"}), tried=Tried(starts))
        each = replace(WAITS, explanation=replace(WAITS.explanation, remedies=(helps,)))
        return click.unstyle(why_text(each, 100, 100)).partition("do it\n     ")[2].splitlines()[0]

    assert told(RemedyKind.FIX_IMAGE, PatchOp.SIGNAL) == "supposing that it is done: it starts then"
    assert told(RemedyKind.ADD_NODE, PatchOp.SIGNAL) == "tried: it starts then"
    unknown = told(RemedyKind.FIX_LABEL, PatchOp.SIGNAL, StartsWhen.NOT_SIMULATED)
    assert unknown == "not tried, and no command: what to write there is not known"


def test_what_could_not_be_read_is_told_by_why_it_could_not() -> None:
    lines = ("cohorts: forbidden", "nodes: forbidden", "pods of other namespaces: forbidden", "topologies: failed",
             "workloads of other namespaces: forbidden", "a: not reached", "b: nodes: forbidden")  # fmt: skip
    text = click.unstyle(why_all_text(WhyAll(NOW, "", (), lines), (), 100, ""))
    assert text.partition("NOT SEEN\n")[2].splitlines() == [
        "  cohorts, nodes: forbidden",
        "  pods, workloads of other namespaces: forbidden",
        "  topologies: failed",
        "  a: not reached",
        "  b: nodes: forbidden",
    ]


def test_what_has_failed_is_not_said_to_wait() -> None:
    failed = replace(WAITS, explanation=replace(WAITS.explanation, cause="job-failed"))
    assert why_all_text(WhyAll(NOW, "", (failed,), ()), (failed,), 100).startswith("1 waits or has failed in all")


def test_those_that_wait_are_grouped_by_cause() -> None:
    other = ExplainedWaiting(WAITS.explanation, waited=5.0)
    found = WhyAll(NOW, "", (WAITS, NEVER, other), ("nodes: forbidden",))
    text = click.unstyle(why_all_text(found, found.waiting, 100, " --snapshot f"))
    assert text.startswith(
        "3 wait in all namespaces, 2 causes\n\n2  quota-nominal (ALT-1301), waiting, longest 1 d 4 h\n"
    )
    assert "\n   nlp/train, nlp/train\n" in text
    assert "NOT SEEN\n  nodes: forbidden" in text
    assert text.endswith("\nwhat would help: allot why job/train -n nlp --snapshot f")
    told = explanations_document(found, found.waiting[:2])
    assert [(each["cause"], each["count"]) for each in told["groups"]] == [
        ("quota-nominal", 1), ("quota-larger-than-total", 1),
    ]  # fmt: skip
    assert (told["kind"], told["waiting"], len(told["items"])) == ("ExplanationList", 2, 2)
    assert why_all_text(WhyAll(NOW, "nlp", (), ()), (), 100) == "nothing waits in nlp"


def test_a_sentence_that_is_not_true_of_all_names_whom_it_is_about() -> None:
    rows = (bare("x", "the taint a keeps it"), bare("x", "the taint b keeps it"))
    assert "for example job/train: the taint a keeps it" in why_all_text(WhyAll(NOW, "", rows, ()), rows, 100)


def test_nothing_waits_is_said_only_of_what_was_read(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read is no answer; nor is a CronJob between two runs something that waits."""
    gaps = tuple(Gap(what=each, reason="forbidden") for each in (*WORK, "namespaces"))
    cron = CronJob(
        metadata=ObjectMeta(name="nightly", namespace="nlp", uid="c", creation_timestamp=NOW),
        spec=CronJobSpec(schedule="0 3 * * *"),
    )
    read = Source(name="k", namespaces=("nlp",), gaps=gaps, objects=Objects(cron_jobs=(cron,)))
    seen = Snapshot(taken_at=NOW, sources=(read,))
    found = why_all(seen, "")
    assert found.waiting == ()
    assert why_all_text(found, (), 100).startswith("nothing waits in the namespaces that could be read\n")
    assert why_all(seen, "nlp").unseen == (
        "pods of other namespaces: forbidden",
        "workloads of other namespaces: forbidden",
    )
    with pytest.raises(ForbiddenError, match="the namespace cv could not be looked into"):
        why_all(seen, "cv")
    nothing = Snapshot(taken_at=NOW, sources=(Source(name="k", gaps=gaps),))
    with pytest.raises(ForbiddenError, match="what waits could not be seen"):
        why_all(nothing, "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (61, "1 min 1 s"), (3_600, "1 h"), (90_061, "1 d 1 h"), (86_459, "1 d")],
)
def test_a_time_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


EVIL = "no\x1b[31m\x9b2J\u202esuch\nqueue"


def queued(name: str, space: str) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": space,
            "uid": f"{space}-{name}",
            "creationTimestamp": "2027-01-11T09:00:00Z",
            "labels": {"kueue.x-k8s.io/queue-name": EVIL, "team": space},
        },
        "spec": {
            "suspend": True,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x"}]}},
        },
    }


@pytest.fixture
def case(home: Path) -> Path:
    """A case file: a job whose queue label names nothing that there is, with what drives a terminal in it."""
    jobs = [queued(name, space) for name, space in (("train", "nlp"), ("train", "cv"), ("eval", "nlp"))]
    path = home / "case.json"
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("nlp", "cv", "empty")]
    path.write_text(json.dumps({"now": NOW, "objects": [*jobs, *spaces], "subject": {}}), encoding="utf-8")
    return path


@pytest.mark.parametrize("form", OUTPUT_FORMATS)
@pytest.mark.parametrize("words", [("eval",), ("-n", "nlp")], ids=" ".join)
def test_no_name_drives_the_terminal(run: Run, case: Path, words: tuple[str, ...], form: str) -> None:
    out = run("why", *words, "--snapshot", str(case), "-o", form).ok()
    assert "eval" in out
    assert not {"\x1b", "\x9b", "\u202e", "\x00", "\r"} & set(out)
    if form == "json":
        assert EVIL in json.dumps(json.loads(out), ensure_ascii=False).replace("\\u001b", "\x1b").replace("\\n", "\n")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("job/train", "-n", "nlp"), 0, ""),
        (("job.batch/eval",), 0, ""),
        (("train",), 2, "is the name of 2 objects"),
        (("evall", "-n", "nlp"), 3, "did you mean 'eval'"),
        (("train", "-n", "nlp", "-A"), 2, "contradict"),
        (("train", "--kubeconfig", "x"), 2, "name two things to ask"),
        (("train", "--context", "x"), 3, "the file holds no cluster x"),
        (("clusterqueue/nlp",), 2, "see allot queues"),
        (("no/x",), 2, "see allot gpus"),
        (("jbo/train",), 2, "did you mean 'job'"),
        (("persistentvolumeclaim/x",), 3, "there is no persistentvolumeclaim x"),
        (("-n", "nlpp"), 3, "did you mean 'nlp'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_calls_end_with_their_code(run: Run, case: Path, words: tuple[str, ...], code: int, says: str) -> None:
    done = run("why", *words, "--snapshot", str(case))
    assert done.code == code, done.err
    assert says in done.err


def test_of_a_sweep_the_trials_are_counted(run: Run, case: Path) -> None:
    held = json.loads(case.read_text(encoding="utf-8"))
    sweep = queued("rates--k7", "nlp")
    sweep["metadata"]["labels"] |= {"allotment.dev/job": "k7", "allotment.dev/part": "main"}
    sweep["spec"] |= {"completions": 6, "parallelism": 2, "backoffLimitPerIndex": 0}
    case.write_text(json.dumps({**held, "objects": [*held["objects"], sweep]}), encoding="utf-8")
    found = run("why", "k7", "--snapshot", str(case), "-o", "json").json()
    assert found["summary"].startswith("of 6 trials 2 wait, 4 are not made yet; ")
    assert (found["facts"]["trials"], found["contributing"][0]["cause"]) == (6, "sweep-at-once")


def test_a_list_is_chosen_from_and_names_are_what_why_takes(run: Run, case: Path) -> None:
    call = ("why", "--snapshot", str(case))
    assert run(*call, "-l", "team=cv", "-o", "name").ok() == "job/train -n cv\n"
    assert run(*call, "-n", "nlp", "-o", "name", "--limit", "1").ok() == "job/eval -n nlp\n"
    assert len(run(*call, "-o", "csv").ok().splitlines()) == 4
    assert run(*call, "--limit", "1").ok().startswith("3 wait in all namespaces; the first 1, 1 cause\n")
    assert run(*call, "-n", "empty").ok().startswith("nothing waits in empty")
    told = run(*call, "-A", "-o", "json").json()
    assert [len(group["subjects"]) for group in told["groups"]] == [3]
    assert run("why", "eval", "--no-remedies", "--snapshot", str(case), "-o", "json").json()["remedies"] == []


def test_a_cluster_is_asked_about_the_context_s_namespace(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = FakeKube()

    @contextmanager
    def connect(_kubeconfig: str, _context: str) -> Iterator[FakeKube]:
        yield server

    monkeypatch.setattr(wiring, "connect", connect)
    server.put(queued("here", "default"), queued("there", "nlp"))
    assert run("why", "-o", "name").ok() == "job/here -n default\n"
    assert run("why", "-n", "nlp", "-o", "name").ok() == "job/there -n nlp\n"
    assert run("why", "-A", "-o", "name").ok().splitlines() == ["job/here -n default", "job/there -n nlp"]
    assert run("why", "there").code == 3
    assert {call.verb for call in server.calls} <= {"get", "list"}, "nothing is written"


def test_several_clusters_give_one_answer_and_each_command_its_cluster(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = {name: named_server(name) for name in ("west", "east")}

    @contextmanager
    def connect(_kubeconfig: str, context: str) -> Iterator[FakeKube]:
        if context not in servers:
            raise UnreachableError("https://hpc does not answer")
        yield servers[context]

    monkeypatch.setattr(wiring, "connect", connect)
    servers["west"].put(queued("here", "nlp"), queued("twice", "nlp"))
    servers["east"].put(queued("there", "nlp"), queued("twice", "nlp"))
    both = ("--context", "west", "--context", "east", "--context", "hpc")
    listed = run("why", "-o", "name", *both)
    assert sorted(listed.ok().splitlines()) == [
        "job/here -n nlp --context west",
        "job/there -n nlp --context east",
        "job/twice -n nlp --context east",
        "job/twice -n nlp --context west",
    ]
    assert "hpc is not in the answer: https://hpc does not answer" in listed.err
    told = run("why", *both).ok()
    assert "nlp/there in east" in told
    assert "hpc: not reached" in told
    servers["east"].put(suspended("nightly", "nlp"))
    (act, *_) = run("why", "nightly", *both, "-o", "json").json()["remedies"]
    assert act["command"].startswith("kubectl --context=east patch cronjob.batch/nightly -n nlp ")
    twice = run("why", "twice", *both)
    assert (twice.code, "in east" in twice.err, "--context" in twice.err) == (2, True, True)
    for words in (("why", "there", "--watch"), ("books", "--fix", "lending")):
        refused = run(*words, *both)
        assert (refused.code, "name one --context" in refused.err) == (2, True)


def suspended(name: str, space: str) -> dict[str, Any]:
    job = queued(name, space)
    return {
        **job,
        "kind": "CronJob",
        "spec": {"schedule": "0 1 * * *", "suspend": True, "jobTemplate": {"spec": job["spec"]}},
    }


def named_server(name: str) -> FakeKube:
    class Named(FakeKube):
        def endpoint(self) -> Endpoint:
            return Endpoint(f"https://{name}", name)

    return Named()


class Leaving(FakeKube):
    """A server on which the job is changed at the third look, and gone at the fifth."""

    looks = 0

    def server(self) -> Any:
        self.looks += 1
        key = ObjectKey("batch", "Job", "nlp", "train")
        if self.looks == 3:
            self.merge_patch("batch/v1", key, {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "other"}}})
        if self.looks == 5:
            self.delete("batch/v1", key)
        return super().server()


def test_a_watched_answer_is_a_line_each_time_it_is_another_and_ends_with_its_subject(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube = Leaving()
    labels = {"kueue.x-k8s.io/queue-name": "none"}
    kube.put(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train", "namespace": "nlp", "labels": labels},
         "spec": {"suspend": True}},
        {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "LocalQueue",
         "metadata": {"name": "default", "namespace": "nlp"},
         "spec": {"clusterQueue": "nlp"}},
    )  # fmt: skip

    @contextmanager
    def connect(_kubeconfig: str, _context: str) -> Iterator[FakeKube]:
        yield kube

    monkeypatch.setattr(wiring, "connect", connect)
    monkeypatch.setattr(wiring, "clock", lambda: FixedClock(dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)))
    monkeypatch.setattr(answering_again, "LONGEST_SILENCE", 0.01)
    done = run("why", "job/train", "-n", "nlp", "--watch", "--no-remedies", "-o", "json")
    documents = [json.loads(line) for line in done.ok().splitlines()]
    assert {each["cause"] for each in documents} == {"queue-missing"}
    assert ["none" in documents[0]["summary"], "other" in documents[-1]["summary"]] == [True, True]
    assert "it is gone" in done.err


def test_a_file_is_not_watched(run: Run, case: Path) -> None:
    done = run("why", "--watch", "--snapshot", str(case))
    assert done.code == 2
    assert "a file does not change" in done.err


@pytest.mark.parametrize(
    ("verdict", "said"), [(CauseVerdict.WAITING, "starts it earlier"), (CauseVerdict.BROKEN, "lets it start")]
)
def test_where_nothing_helps_that_is_said(verdict: CauseVerdict, said: str) -> None:
    found = replace(NEVER, explanation=replace(NEVER.explanation, verdict=verdict))
    assert f"\nWHAT HELPS: nothing that was tried {said}\n" in click.unstyle(why_text(found, 100, None))
    assert "WHAT HELPS" not in click.unstyle(why_text(found, 100, None, tried=False))
    assert "WHAT HELPS" not in click.unstyle(why_text(bare("none", "it runs"), 100, None))
