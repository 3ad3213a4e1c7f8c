"""Attack rows 12, 13, 16 and 20 on what answers: secrets, paths, text that would be structure, and poison.

Every command that answers from a snapshot is asked, in several formats; row 4 is `test_canary_answers.py`.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from allotment.diagnose import by_hand
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.remedies.commands import command_of
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.observe.taking import snapshot_of_file
from allotment.observe.written import encode, unpacked
from tests.security.test_canary_answers import ANSWERING, OWN, calls, platforms, team
from tests.unit.cli.conftest import Ran, Run, home, run

__all__ = ["home", "run"]  # fixtures

Body = dict[str, Any]
NOW: Final = "2027-01-11T09:30:00Z"
SECRET: Final = "s3cr3t-xq"
LISTS: Final = ("table", "json", "yaml")
HOSTILE: Final = (
    "yes", "0x1", "null", "1e3", "two\nlines", "{{ .Values.x }}", "{% raw %}", "$(touch pwned)", "; touch pwned",
    "`touch pwned`", "' ; touch pwned #", '" ; touch pwned', "a && touch pwned", "> pwned", "-rf", "--all", "../../up",
    "/etc/passwd", "a b", "*", "~", "\x1b[31mred", "\u202egnp", "\x00", "",
)  # fmt: skip
"""Names that no API server stores, and a file may hold."""


def snapshot(objects: Iterable[Body], name: str = "cluster") -> Snapshot:
    gathered = Gathered()
    gathered.take_any(objects)
    source = Source(name=name, observed_at=NOW, objects=gathered.objects(), gaps=gathered.gaps)
    return Snapshot(taken_at=NOW, sources=(source,))


def world() -> list[Body]:
    return [*platforms(), *team(OWN, "mine", OWN)]


def saved(home: Path, objects: Iterable[Body], name: str = "cluster") -> Path:
    file = home / "asked.gz"
    file.write_bytes(encode(snapshot(objects, name)))
    return file


def answers(run: Run, file: Path, formats: Iterable[str] = LISTS) -> dict[tuple[str, ...], Ran]:
    empty = file.with_name("empty.gz")
    empty.write_bytes(encode(Snapshot(taken_at=NOW, sources=(Source(name="cluster", observed_at=NOW),))))
    return {
        (*call, "-o", form): run(*call, "-o", form)
        for words in ANSWERING
        for call in calls(words, file, empty)
        for form in formats
    }


# Row 12: secrets.


def with_secrets() -> list[Body]:
    """A secret wherever people put one."""
    found = world()
    applied = {"kubectl.kubernetes.io/last-applied-configuration": SECRET, "example.com/token": SECRET}
    for each in found:
        each["metadata"] = {**each["metadata"], "annotations": dict(applied), "managedFields": [{"manager": SECRET}]}
        for spec in (each.get("spec", {}), each.get("spec", {}).get("template", {}).get("spec", {})):
            for container in spec.get("containers", ()):
                container |= {
                    "env": [{"name": "TOKEN", "value": SECRET}],
                    "args": ["--token", SECRET],
                    "command": ["sh", "-c", f"login {SECRET}"],
                    "lifecycle": {"postStart": {"exec": {"command": [SECRET]}}},
                }
    where = {"namespace": OWN, "uid": "s"}
    found.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", **where}, "data": {"k": SECRET}})
    found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **where}, "data": {"k": SECRET}})
    return found


@pytest.mark.corpus
def test_secrets_are_in_no_file_and_no_answer(run: Run, home: Path) -> None:
    objects = with_secrets()
    assert json.dumps(objects).count(SECRET) > 40
    printed = home / "printed.json"
    printed.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), encoding="utf-8")
    file = home / "made.gz"
    run("snapshot", "from-objects", str(printed), "--out", str(file), "--taken-at", NOW).ok()
    assert SECRET not in unpacked(file.read_bytes()).decode()
    assert file.stat().st_mode & 0o077 == 0
    for call, done in answers(run, file).items():
        assert done.code == 0, call
        assert SECRET not in done.out + done.err, call


def test_a_refused_creation_shows_no_secret(run: Run, home: Path) -> None:
    """A case file holds what was sent as it was sent; the answer is about it, and does not repeat it."""
    manifest = next(each for each in with_secrets() if each["kind"] == "Job")
    manifest["metadata"]["name"] = "sent"
    subject = {"apiVersion": "batch/v1", "kind": "Job", "namespace": OWN, "name": "sent"}
    error = {"code": 403, "message": 'jobs.batch is forbidden: User "mia" cannot create resource "jobs"'}
    case = {"now": NOW, "objects": world(), "subject": subject, "submitted_by": "mia", "manifest": manifest}
    file = home / "case.json"
    file.write_text(json.dumps({**case, "submit_error": error}), encoding="utf-8")
    for form in LISTS:
        done = run("why", "job/sent", "-n", OWN, "--snapshot", str(file), "-o", form)
        assert "Traceback" not in done.err
        assert SECRET not in done.out + done.err
    assert SECRET not in unpacked(encode(snapshot_of_file(file.read_bytes()))).decode()


# Row 13: ids never become paths.


def renamed(objects: list[Body], old: str, new: str) -> list[Body]:
    """Every text that is this name, in keys too."""

    def over(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: over(each) for key, each in value.items()}
        if isinstance(value, list):
            return [over(each) for each in value]
        return new if value == old else value

    changed: list[Body] = over(objects)
    return changed


def test_no_name_leads_to_a_file(run: Run, home: Path) -> None:
    climbing = "../../../climbed"
    objects = renamed(renamed(world(), "mine", climbing), f"{OWN}-queue", "/tmp/../climbed")
    file = saved(home, objects, name=climbing)
    before = set(home.parent.rglob("*"))
    answers(run, file, ("table",))
    run("snapshot", "save", str(home / "again.gz"), "--snapshot", str(file)).ok()
    run("snapshot", "save", str(home / "view.gz"), "--snapshot", str(file), "--view", f"team:{OWN}").ok()
    assert run("snapshot", "save", str(home / "no.gz"), "--snapshot", str(file), "--view", "team:../../x").code == 3
    made = set(home.parent.rglob("*")) - before
    assert {each.name for each in made} == {"empty.gz", "again.gz", "view.gz"}


def test_a_refused_creation_s_file_is_called_as_an_object_can_be() -> None:
    for name in HOSTILE:
        target = Reference(api_version="batch/v1", kind="Job", namespace=OWN, name=name)
        empty = Snapshot(taken_at=NOW, sources=(Source(name="cluster", observed_at=NOW),))
        case = Case(empty, empty.sources[0], target, None)
        proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(PatchOp.RESUBMIT, {"a": name}))
        words = shlex.split(command_of(case, proposal))
        assert re.fullmatch(r"[a-z0-9][-a-z0-9.]*\.yaml", words[words.index("-f") + 1]), name


# Row 16: text stays text.

STUBS: Final = """
kubectl() { printf '%s\\0' kubectl "$@" $'\\x1e' >&3; cat >/dev/null; }
allot() { printf '%s\\0' allot "$@" $'\\x1e' >&3; }
while IFS= read -r -d '' line; do eval "$line" </dev/null; done
"""
"""What stands for both programs writes down how it was called."""


def called(lines: Iterable[str], folder: Path) -> list[list[str]]:
    """What a shell calls that is given these lines, each as it was printed; it may do nothing else."""
    folder.mkdir()
    log = folder.parent / "argv"
    with log.open("wb") as calls_:
        done = subprocess.run(
            ["bash", "-c", f"exec 3>&{calls_.fileno()}\n{STUBS}"],
            input="".join(f"{line}\0" for line in lines).encode(), cwd=folder, pass_fds=[calls_.fileno()],
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.stderr == b"", done.stderr
    assert done.stdout == b""
    assert not list(folder.iterdir()), "a name ran as a command"
    whole = log.read_bytes().decode().split("\x1e\0")
    return [each.split("\0")[:-1] for each in whole if each]


def test_the_stubs_would_see_a_name_that_runs(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ran as a command"):
        called(["kubectl delete pod x; touch pwned"], tmp_path / "one")


def test_commands_inside_sentences_are_quoted(tmp_path: Path) -> None:
    names = [name for name in HOSTILE if "\0" not in name]
    metas = [{"name": name, "namespace": name, "uid": "u"} for name in names]
    pods = snapshot({"apiVersion": "v1", "kind": "Pod", "metadata": meta} for meta in metas).sources[0].objects.pods
    lines = [
        line
        for pod in pods
        for line in (by_hand.logs_of(pod, pod.name), by_hand.deletion_of(pod), by_hand.why_of("pod", pod))
    ]
    found = called(lines, tmp_path / "shell")
    assert found == [shlex.split(line) for line in lines]
    assert [each[2] for each in found] == [f"pod/{name}" for name in names for _ in range(3)]


@pytest.mark.corpus
def test_hostile_names_come_out_as_they_went_in(run: Run, home: Path, tmp_path: Path) -> None:
    """In JSON and YAML, whatever a name looks like; no control character reaches a terminal; the hint runs nothing."""
    hints = []
    for name in HOSTILE:
        file = saved(home, renamed(world(), "mine", name))
        subject = run("why", "-A", "--snapshot", str(file), "-o", "json").json()["items"][0]["subject"]
        assert subject["name"] == name
        again = yaml.safe_load(run("why", "-A", "--snapshot", str(file), "-o", "yaml").ok())
        assert again["items"][0]["subject"]["name"] == name
        text = run("why", "-A", "--snapshot", str(file)).ok()
        assert not re.search("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e]", text)
        hints.append(text.partition("what would help: ")[2].rstrip("\n"))
    for words in called(hints, tmp_path / "shell"):
        assert words[:2] == ["allot", "why"]
        assert words[3:] == ["-n", OWN, "--snapshot", str(file)]


# Row 20: poison.

BIG: Final = "x" * 1_000_000
HUGE: Final = ("1e400", "1e999999999", "9" * 5000, "-5", "NaN", "Infinity", 10**30, float("inf"), -1, True, [], {})


def poison() -> list[Body]:
    """Objects made to stop whoever reads them, all of them in namespaces and queues of their own."""
    kueue, space = "kueue.x-k8s.io/v1beta2", "poison"
    template = {"spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]}}
    most = 2**31 - 1

    def thing(version: str, kind: str, name: str, place: str = space, **more: Any) -> Body:
        meta = {"name": name, "uid": f"p-{kind}-{name}", "creationTimestamp": "2027-01-11T08:00:00Z"}
        extra = more.pop("meta", {})
        return {"apiVersion": version, "kind": kind,
                "metadata": {**meta, **({"namespace": place} if place else {}), **extra}, **more}  # fmt: skip

    def owned(kind: str, name: str) -> Body:
        return {"ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"p-{kind}-{name}",
                                     "controller": True}]}  # fmt: skip

    deep: Any = {}
    for _ in range(3000):
        deep = {"a": deep}
    waiting = {"phase": "Pending", "containerStatuses": [
        {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": BIG}}}]}  # fmt: skip
    unscheduled = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": BIG}]
    odd = {"queueingStrategy": "Whatever", "stopPolicy": "Perhaps", "cohortName": "poison-a",
           "preemption": {"withinClusterQueue": "Sometimes", "reclaimWithinCohort": 7},
           "namespaceSelector": {"matchExpressions": [
               {"key": "a", "operator": "Near", "values": ["b"] * 5000}]}}  # fmt: skip
    amounts = [
        thing("v1", "Pod", f"amount-{number}", spec={"containers": [
            {"name": "c", "resources": {"requests": {"nvidia.com/gpu": amount, "cpu": amount}}}]})
        for number, amount in enumerate(HUGE)
    ]  # fmt: skip
    return [
        thing("v1", "Namespace", space, "", meta={"labels": {"team": space}}),
        thing("v1", "Pod", "annotated", meta={"annotations": {"kueue.x-k8s.io/note": BIG, "a": BIG},
                                              "labels": {"l": BIG}}, spec=template["spec"]),
        thing("v1", "Pod", "pulling", spec=template["spec"], status=waiting),
        thing("v1", "Pod", "nowhere", spec=template["spec"], status={"phase": "Odd", "conditions": unscheduled}),
        thing("v1", "Pod", "crowded", spec={"containers": template["spec"]["containers"] * 2000}),
        *amounts,
        *(thing("v1", "Event", f"e{number}", involvedObject={"kind": "Pod", "namespace": space, "name": "nowhere"},
                reason="FailedScheduling", message="0/1 nodes are available" + "x" * 900, lastTimestamp=NOW)
          for number in range(10_000)),
        *(thing(version, kind, "bare") for version, kind in (
            ("v1", "Pod"), ("batch/v1", "Job"), (kueue, "Workload"), (kueue, "LocalQueue"), ("apps/v1", "Deployment"),
            ("batch/v1", "CronJob"), ("v1", "ResourceQuota"), ("v1", "PersistentVolumeClaim"))),
        *(thing(version, kind, "bare", "") for version, kind in (
            ("v1", "Node"), (kueue, "ClusterQueue"), (kueue, "Cohort"), (kueue, "ResourceFlavor"))),
        thing("batch/v1", "Job", "legion", spec={"parallelism": most, "completions": most, "template": template}),
        thing("batch/v1", "Job", "wrong", spec={"parallelism": 10**30, "suspend": "maybe", "template": [template]}),
        thing("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "legion", spec={
            "replicas": most, "leaderWorkerTemplate": {"size": most, "workerTemplate": template}}),
        thing("ray.io/v1", "RayJob", "deep", spec=deep),
        thing(kueue, "Workload", "legion", spec={"queueName": "q", "podSets": [
            {"name": "main", "count": most, "template": template}]}),
        thing(kueue, "Workload", "prior", spec={"queueName": "q", "priority": float("inf"), "podSets": []}),
        thing(kueue, "LocalQueue", "q", spec={"clusterQueue": "poison"}),
        thing(kueue, "ClusterQueue", "poison", "", spec={**odd, "resourceGroups": [{
            "coveredResources": ["cpu"], "flavors": [{"name": f"f{number}", "resources": [
                {"name": "cpu", "nominalQuota": amount}]} for number, amount in enumerate(HUGE)]}]}),
        thing(kueue, "LocalQueue", "vast", spec={"clusterQueue": "vast"}),
        thing(kueue, "ResourceFlavor", "vast", "", spec={}),
        thing(kueue, "ClusterQueue", "vast", "", spec={"namespaceSelector": {}, "resourceGroups": [{
            "coveredResources": ["cpu", "nvidia.com/gpu"], "flavors": [{"name": "vast", "resources": [
                {"name": each, "nominalQuota": "9E"} for each in ("cpu", "nvidia.com/gpu")]}]}]}),
        thing("batch/v1", "Job", "vast", meta={"labels": {"kueue.x-k8s.io/queue-name": "vast"}},
              spec={"suspend": True, "parallelism": most, "completions": most, "template": template}),
        thing(kueue, "Workload", "job-vast", meta={"ownerReferences": [
                  {"apiVersion": "batch/v1", "kind": "Job", "name": "vast", "uid": "p-Job-vast", "controller": True}]},
              spec={"queueName": "vast", "podSets": [{"name": "main", "count": most, "template": template}]}),
        thing("v1", "Node", "vast", "", spec={}, status={
            "allocatable": {"cpu": "9E", "memory": "9E", "pods": "9E", "nvidia.com/gpu": "9E"},
            "capacity": {"cpu": "9E", "memory": "9E", "pods": "9E", "nvidia.com/gpu": "9E"},
            "conditions": [{"type": "Ready", "status": "True"}]}),
        thing(kueue, "Cohort", "poison-a", "", spec={"parentName": "poison-b"}),
        thing(kueue, "Cohort", "poison-b", "", spec={"parentName": "poison-a"}),
        thing("v1", "Node", "strange", "", spec={"taints": [{"key": "k", "effect": "NoBreath"}] * 2000},
              status={"allocatable": {"cpu": "1e400", "nvidia.com/gpu": "NaN"}, "conditions": "none"}),
        thing("apps/v1", "ReplicaSet", "ring", meta=owned("Deployment", "ring"), spec={"template": template}),
        thing("apps/v1", "Deployment", "ring", meta=owned("ReplicaSet", "ring"), spec={"template": template}),
        thing("apps/v1", "StatefulSet", "self", meta=owned("StatefulSet", "self"), spec={"template": template}),
        thing("v1", "Pod", "ringed", meta=owned("ReplicaSet", "ring"), spec=template["spec"]),
        thing("v1", "Pod", "selfish", meta=owned("StatefulSet", "self"), spec=template["spec"]),
        *(thing("apps/v1", "ReplicaSet", f"c{number}", meta=owned("ReplicaSet", f"c{number + 1}"), spec={})
          for number in range(2000)),
        thing("v1", "Pod", "chained", meta=owned("ReplicaSet", "c0"), spec=template["spec"]),
    ]  # fmt: skip


MOST_SECONDS: Final = 1.0
"""Of processor time that all poison may add to one answer."""


@pytest.mark.corpus
def test_poison_neither_breaks_nor_slows_an_answer_for_the_rest(run: Run, home: Path) -> None:
    clean, bad = home / "clean", home / "bad"
    took: dict[tuple[str, ...], list[float]] = {}
    told: dict[Path, Any] = {}
    for folder, objects in ((clean, world()), (bad, [*world(), *poison()])):
        folder.mkdir()
        file = saved(folder, objects)
        for words in ANSWERING:
            for number, call in enumerate(calls(words, file, file)):
                began = time.process_time()
                done = run(*call, "-o", "json")
                took.setdefault((*words, str(number)), []).append(time.process_time() - began)
                assert done.code == 0, f"{call}\n{done.err[-2000:]}"
                assert "mistake in Allotment" not in done.err
        told[folder] = run("why", "job/mine", "-n", OWN, "--snapshot", str(file), "-o", "json").json()
        told[folder].pop("unseen")
    assert told[clean] == told[bad]
    slow = {words: times for words, times in took.items() if times[1] > times[0] + MOST_SECONDS}
    assert not slow


@pytest.mark.corpus
def test_each_poisoned_object_has_an_answer(run: Run, home: Path) -> None:
    file = saved(home, [*world(), *poison()])
    words = """job/legion job/wrong job/bare job/vast pod/nowhere pod/pulling pod/ringed pod/chained pod/selfish
        workload/legion workload/job-vast leaderworkerset/legion deployment/ring rayjob/deep"""
    for name in (*words.split(), *(f"pod/amount-{number}" for number in range(len(HUGE)))):
        began = time.process_time()
        done = run("why", name, "-n", "poison", "--snapshot", str(file), "-o", "json")
        # One that could not be read at all is not there, and that is said.
        assert done.code in {0, 3}, f"{name}\n{done.err[-2000:]}"
        assert "mistake in Allotment" not in done.err, name
        assert time.process_time() - began < 5 * MOST_SECONDS, name
