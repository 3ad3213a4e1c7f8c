"""Attack row 4: what is saved for one team names nothing of another's, whatever is asked of it and in whatever format.

Commands are taken from the program: one that answers from a snapshot and is not asked here fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest

from allotment.cli.commands.ask import snapshot as snapshot_command
from allotment.cli.main import ENTRIES, cli
from allotment.cli.shell.lazy import LazyGroup
from allotment.model.observed.snapshot import Asker, Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.observe.written import encode, unpacked
from allotment.operations.directory.configuration import OUTPUT_FORMATS
from tests.unit.cli.conftest import Run, home, run

__all__ = ["home", "run"]  # fixtures

Body = dict[str, Any]
CANARY: Final = "xqcanary"
"""Stands in every name, label, image, uid and message of the other team."""
ATTACKERS: Final = ("zorro", "mergergone", "quux", "oidc:alice", "471147")
"""Words of an attacker: names of what is gone, of persons, and in fields that hold no names of objects."""
OWN: Final = "alpha"
OTHER: Final = f"{CANARY}-team"
NOW: Final = "2027-01-11T09:30:00Z"

ARGUMENTS: Final[dict[tuple[str, ...], tuple[tuple[str, ...], ...]]] = {
    ("why",): (("-A",), ("-n", OWN), ("job/mine", "-n", OWN), ("mine", "-A", "--no-remedies")),
    ("whatif",): (
        ("--change", f"quota:{OWN}/a100/nvidia.com/gpu=8"),
        ("--change", f"quota:{OWN}/a100/nvidia.com/gpu=0"),
        ("--change", "drain:node-0"),
        ("--change", "node-down:node-0", "--change", "add-node:node-1=node-0"),
        ("--change", "drop-node:node-0"),
    ),
    ("snapshot", "show"): (("FILE",),),
    ("snapshot", "diff"): (("EMPTY", "FILE"), ("FILE", "EMPTY")),
}
"""How a command is called, where `--snapshot FILE` and `-A` are not all of it."""
NO_ANSWER: Final = {
    ("snapshot", "save"): "writes the file that all others are asked of here",
    ("snapshot", "record"): "writes files of a cluster, as its asker sees it",
    ("snapshot", "from-objects"): "writes a file of what somebody printed",
}


def leaves(group: LazyGroup, words: tuple[str, ...]) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    for entry in group.entries:
        command = group.get_command(click.Context(group), entry.name)
        path = (*words, entry.name)
        if isinstance(command, LazyGroup):
            found |= leaves(command, path)
        elif command is not None:
            found[path] = command
    return found


def asked() -> dict[tuple[str, ...], click.Command]:
    """All commands that may answer from a snapshot: those of the folder, and those with the flag."""
    here = snapshot_command.__name__.rpartition(".")[0]
    of_the_folder = {entry.name for entry in ENTRIES if entry.target.startswith(f"{here}.")}
    return {
        words: command
        for words, command in leaves(cli, ()).items()
        if words[0] in of_the_folder or _takes_a_snapshot(command)
    }


def _takes_a_snapshot(command: click.Command) -> bool:
    return _has(command, "--snapshot")


def _has(command: click.Command, flag: str) -> bool:
    return any(isinstance(each, click.Option) and not each.hidden and flag in each.opts for each in command.params)


COMMANDS: Final = asked()
ANSWERING: Final = [words for words in COMMANDS if words not in NO_ANSWER]


def calls(words: tuple[str, ...], file: Path, empty: Path) -> list[list[str]]:
    told = ARGUMENTS.get(words, (("-A",) if _has(COMMANDS[words], "-A") else (),))
    names = {"FILE": str(file), "EMPTY": str(empty)}
    flag = ["--snapshot", str(file)] if _takes_a_snapshot(COMMANDS[words]) else []
    return [[*words, *(names.get(word, word) for word in more), *flag] for more in told]


@pytest.fixture(scope="module")
def whole() -> Snapshot:
    gathered = Gathered()
    theirs = team(OTHER, f"{CANARY}-job", f"{CANARY}-value")
    gathered.take_any([*platforms(), *team(OWN, "mine", OWN), *theirs, *attackers()])
    assert not gathered.gaps
    source = Source(name="cluster", observed_at=NOW, objects=gathered.objects())
    return Snapshot(taken_at=NOW, asker=Asker(user=f"{CANARY}-admin"), sources=(source,))


@pytest.fixture
def files(run: Run, home: Path, whole: Snapshot) -> tuple[Path, Path, Path]:
    """The whole, what team alpha may see of it, and one in which nothing is."""
    everything, view, empty = home / "whole.gz", home / "view.gz", home / "empty.gz"
    everything.write_bytes(encode(whole))
    empty.write_bytes(encode(Snapshot(taken_at=NOW, sources=(Source(name="cluster", observed_at=NOW),))))
    run("snapshot", "save", str(view), "--snapshot", str(everything), "--view", f"team:{OWN}").ok()
    return everything, view, empty


def test_every_command_that_answers_is_asked() -> None:
    for words in ANSWERING:
        assert words in ARGUMENTS or _takes_a_snapshot(COMMANDS[words]), f"say in ARGUMENTS how to call {words}"
    assert COMMANDS.keys() >= NO_ANSWER.keys() | ARGUMENTS.keys()


def test_the_file_holds_no_name_of_another_team(files: tuple[Path, Path, Path]) -> None:
    everything, view, _ = files
    before, after = (unpacked(each.read_bytes()).decode() for each in (everything, view))
    for word in (CANARY, *ATTACKERS):
        assert word in before, word
        assert word not in after, word


@pytest.mark.parametrize("words", ANSWERING, ids=" ".join)
def test_no_answer_names_another_team_s_objects(
    run: Run, files: tuple[Path, Path, Path], words: tuple[str, ...]
) -> None:
    _, view, empty = files
    for call in calls(words, view, empty):
        for form in OUTPUT_FORMATS:
            done = run(*call, "-o", form)
            assert done.code == 0, f"{call} -o {form}\n{done.err}"
            assert not named(done.out + done.err), f"{call} -o {form}"


@pytest.mark.parametrize("words", ANSWERING, ids=" ".join)
def test_nor_with_any_of_its_switches(run: Run, files: tuple[Path, Path, Path], words: tuple[str, ...]) -> None:
    """One that does not go with a file, or with the call, may refuse."""
    _, view, empty = files
    for switch in switches(COMMANDS[words]):
        for form in ("table", "json"):
            done = run(*calls(words, view, empty)[0], *switch, "-o", form)
            assert done.code != 1, f"{switch}: {done.err}"
            assert not named(done.out + done.err), f"{switch} -o {form}"


def switches(command: click.Command) -> Iterator[tuple[str, ...]]:
    """Its own flags, and the words of its choices; those of every command are left out."""
    for each in command.params:
        if not isinstance(each, click.Option) or each.hidden or not each.expose_value:
            continue
        if isinstance(each.type, click.Choice):
            yield from ((each.opts[0], str(word)) for word in each.type.choices)
        elif each.is_flag and each.opts[0] not in {"-A", "--no-headers"}:
            yield (each.opts[0],)


def test_the_whole_does_name_them(run: Run, files: tuple[Path, Path, Path]) -> None:
    """So that the canaries are where answers look: else nothing could be found in what was saved for a team."""
    everything, _, empty = files
    seen = {words for words in ANSWERING for call in calls(words, everything, empty) if CANARY in run(*call).out}
    assert seen >= {("why",), ("who",), ("snapshot", "diff")}


def test_a_near_miss_is_not_told_what_was_meant(run: Run, files: tuple[Path, Path, Path]) -> None:
    everything, view, _ = files
    near = f"{CANARY[:-1]}-job"
    assert CANARY in run("why", f"job/{near}", "--snapshot", str(everything)).err
    done = run("why", f"job/{near}", "--snapshot", str(view))
    assert done.code == 3
    assert CANARY not in done.out + done.err


def named(text: str) -> list[str]:
    return [word for word in (CANARY, *ATTACKERS) if word in text]


def attackers() -> list[Body]:
    """Another namespace, with a word of its own in every field that is kept of what is nobody's and of others."""
    kueue, dra, space = "kueue.x-k8s.io/v1beta2", "resource.k8s.io/v1", "zorro-prod"
    size = {"cpu": "1", "nvidia.com/gpu": "1", "quux.example/dev": "1"}
    spec = {
        "nodeName": "node-0",
        "priority": 100,
        "preemptionPolicy": "quuxPolicy",
        "containers": [{"name": "quux", "image": "quux/zorro:1", "resources": {"requests": size}}],
    }
    flavors = [{"name": "quuxflavor", "resources": [{"name": "quux.example/fpga", "nominalQuota": "3"}]}]
    groups = [{"coveredResources": ["quux.example/fpga"], "flavors": flavors}]
    queue = {"cohortName": "quuxcohort", "resourceGroups": groups, "admissionChecks": ["quuxcheck"]}
    odd = [{"type": "quuxType", "status": "True", "reason": "quuxReason", "message": "quux of zorro"}]
    term = {"matchExpressions": [{"key": "quuxkey", "operator": "In", "values": ["zorro-zone"]}]}
    volume = {
        "capacity": {"storage": "1Gi"},
        "storageClassName": "quuxclass",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }
    result = {"request": "quuxrequest", "driver": "gpu.nvidia.com", "pool": "node-0", "device": "gpu-0"}
    taints = [{"key": f"x/{space}", "value": space, "effect": "PreferNoSchedule"}]
    said = "Preempted by zorro-prod/mergergone-9 for oidc:alice, zorroprod, a-b-c-d-e-f-g-h-i-j-k-l-zorro-prod"
    reports = [("kubelet", "X"), ("job-controller", "Y"), ("default-scheduler", "Preempted")]
    return [
        body("v1", "Namespace", meta(space, "", {"team": "zorro"}), spec={}),
        body(kueue, "ClusterQueue", meta("zorroqueue", ""), spec=queue, status={"conditions": odd}),
        body(kueue, "LocalQueue", meta("quuxqueue", space), spec={"clusterQueue": "zorroqueue"}),
        body(kueue, "Cohort", meta("zorro", ""), spec={"parentName": "quuxparent"}),
        body(kueue, "ResourceFlavor", meta("zorro-prod", ""), spec={"nodeLabels": {"pool": space}}),
        body("storage.k8s.io/v1", "StorageClass", meta("zorro-prod", ""), provisioner="x.zorro-prod.example"),
        body("scheduling.k8s.io/v1", "PriorityClass", meta("quuxurgent", ""), value=5),
        body("v1", "Node", meta("zorro-prod-1", "", {"pool": space}), spec={"taints": taints}),
        body("v1", "Pod", meta("quux-0", space), spec=spec, status={"phase": "quuxPhase", "conditions": odd}),
        body("v1", "PersistentVolume", meta("quuxvolume", "", {"x": "quux"}), spec=volume),
        body(dra, "ResourceClaim", meta("quuxclaim", space), spec={},
             status={"allocation": {"devices": {"results": [result]}}}),
        *(body("v1", "Event", meta(f"mine.{at + 2}", OWN), reason=reason, message=said, lastTimestamp=NOW,
               source={"component": component}, involvedObject={"kind": "Job", "namespace": OWN, "name": "mine"})
          for at, (component, reason) in enumerate(reports)),
        body("v1", "Event", meta("quux.1", space), reason="X", message="471147 oidc:alice", lastTimestamp=NOW,
             involvedObject={"kind": "Pod", "namespace": space, "name": "quux-0"}),
    ]  # fmt: skip


def platforms() -> list[Body]:
    """What is nobody's, and names the other team nevertheless."""
    node = meta("node-0", "", {"allotment.dev/accelerator": "a100", "allotment.dev/dedicated": OTHER})
    size = {"cpu": "64", "memory": "512Gi", "nvidia.com/gpu": "8", "pods": "110"}
    ready = {"type": "Ready", "status": "True"}
    flavor = meta("a100", "") | {"uid": "flavor"}
    return [
        body("v1", "Node", node, spec={}, status={"allocatable": size, "capacity": size, "conditions": [ready]}),
        body("kueue.x-k8s.io/v1beta2", "ResourceFlavor", flavor, spec={}),
        body("kueue.x-k8s.io/v1beta2", "Cohort", meta("pool", ""), spec={}),
    ]


def team(name: str, job: str, label: str) -> list[Body]:
    """A namespace with a queue, a job that runs, one that waits, and what stands around them."""
    labels = {"team": name, "kueue.x-k8s.io/queue-name": f"{name}-queue", "experiment": label}
    size = {"requests": {"cpu": "4", "nvidia.com/gpu": "4"}, "limits": {"nvidia.com/gpu": "4"}}
    image = f"registry.example/{name}/{label}:1"
    template: Body = {
        "metadata": {"labels": labels},
        "spec": {"restartPolicy": "Never", "containers": [{"name": label, "image": image, "resources": size}]},
    }
    kueue = "kueue.x-k8s.io/v1beta2"
    flavors = [
        {"name": "a100", "resources": [{"name": each, "nominalQuota": "4"} for each in ("cpu", "nvidia.com/gpu")]}
    ]
    quota = {"coveredResources": ["cpu", "nvidia.com/gpu"], "flavors": flavors}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": name}}
    waits = [
        {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": f"behind {OTHER}/{CANARY}-job"}
    ]
    usage = {"cpu": "4", "nvidia.com/gpu": "4"}
    admission = {
        "clusterQueue": name,
        "podSetAssignments": [
            {"name": "main", "count": 1, "flavors": dict.fromkeys(usage, "a100"), "resourceUsage": usage}
        ],
    }
    admitted = [{"type": each, "status": "True", "reason": "Admitted"} for each in ("QuotaReserved", "Admitted")]
    pod_sets = [{"name": "main", "count": 1, "template": template}]
    run_name = f"{job}-runs"
    found = [
        body("v1", "Namespace", meta(name, "", {"team": name, "kubernetes.io/metadata.name": name}), spec={}),
        body(kueue, "ClusterQueue", meta(name, ""), spec={
            "cohortName": "pool", "namespaceSelector": selector, "resourceGroups": [quota]}),
        body(kueue, "LocalQueue", meta(f"{name}-queue", name), spec={"clusterQueue": name}),
        body("v1", "ResourceQuota", meta(f"{name}-quota", name), spec={"hard": {"pods": "5"}},
             status={"hard": {"pods": "5"}, "used": {"pods": "4"}}),
        body("v1", "PersistentVolumeClaim", meta(f"{name}-data", name, labels), spec={}, status={"phase": "Pending"}),
        body("v1", "ServiceAccount", meta(f"{name}-robot", name)),
    ]  # fmt: skip
    for each, status, suspend in ((job, {"conditions": waits}, True),
                                  (run_name, {"admission": admission, "conditions": admitted}, False)):  # fmt: skip
        owned = meta(each, name, labels)
        spec = {"suspend": suspend, "parallelism": 1, "template": template}
        found.append(body("batch/v1", "Job", owned, spec=spec, status={} if suspend else {"active": 1}))
        workload = meta(f"job-{each}", name) | {"ownerReferences": [owner(owned)]}
        spec = {"queueName": f"{name}-queue", "priority": 0, "podSets": pod_sets}
        found.append(body(kueue, "Workload", workload, spec=spec, status=status))
    owned = meta(run_name, name, labels)
    pod = meta(f"{run_name}-0", name, labels) | {"ownerReferences": [owner(owned)]}
    state = {"running": {"startedAt": NOW}}
    container = {"name": label, "image": image, "ready": True, "state": state}
    status = {"phase": "Running", "containerStatuses": [container]}
    found.append(body("v1", "Pod", pod, spec={**template["spec"], "nodeName": "node-0"}, status=status))
    about = {"kind": "Job", "namespace": name, "name": job, "uid": f"uid-{name}-{job}"}
    said = f"Preempted to accommodate {OTHER}/{CANARY}-job (UID: uid-{OTHER}-{CANARY}-job)"
    event = meta(f"{job}.1", name)
    found.append(body("v1", "Event", event, involvedObject=about, reason="Preempted", message=said, lastTimestamp=NOW))
    return found


def meta(name: str, namespace: str, labels: dict[str, str] | None = None) -> Body:
    place = {"namespace": namespace} if namespace else {}
    uid = f"uid-{namespace}-{name}"
    return {"name": name, **place, "uid": uid, "labels": labels or {}, "creationTimestamp": "2027-01-11T08:00:00Z"}


def owner(above: Body) -> Body:
    return {"apiVersion": "batch/v1", "kind": "Job", "name": above["name"], "uid": above["uid"], "controller": True}


def body(version: str, kind: str, metadata: Body, **more: Any) -> Body:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
