"""What a scenario file may say: a mistake is named with its field and the way out, and changes no answer silently."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from allotment.errors import InputError
from allotment.scenarios.parsing import Fields, SomeFields, parsed
from allotment.scenarios.placement.reading import read_placement
from allotment.scenarios.reading import read_scenario
from allotment.scheduling.queueing.inputs import FungibilityPolicy

QUEUEING: dict[str, Any] = {
    "id": "two",
    "env": {
        "wakeupDelay": 1000,
        "evictionLatency": 0,
        "idleCycles": 4,
        "maxCyclesPerInstant": 0,
        "maxCyclesTotal": 0,
        "statusDelay": 0,
    },
    "fairSharing": {"enabled": True, "preemptionStrategies": ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]},
    "flavors": [{"name": "a", "taints": [{"key": "gpu", "effect": "NoSchedule"}]}, {"name": "b"}],
    "clusterQueues": [
        {
            "name": "nlp",
            "cohort": "all",
            "queueingStrategy": "StrictFIFO",
            "preemption": {"withinClusterQueue": "LowerOrNewerEqualPriority", "reclaimWithinCohort": "Any"},
            "flavorFungibility": {"whenCanBorrow": "Borrow", "whenCanPreempt": "Preempt"},
            "resourceGroups": [
                {
                    "coveredResources": ["cpu"],
                    "flavors": [
                        {"flavor": "a", "resources": {"cpu": {"nominal": 4, "borrowingLimit": 2, "lendingLimit": 4}}},
                        {"flavor": "b", "resources": {"cpu": {"nominal": 4}}},
                    ],
                }
            ],
        }
    ],
    "workloads": [
        {
            "name": "w",
            "uid": "w",
            "clusterQueue": "nlp",
            "priority": 0,
            "createdAt": 0,
            "runtime": 10,
            "podSets": [
                {
                    "name": "main",
                    "count": 2,
                    "minCount": 1,
                    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": ""}],
                    "requiredAffinity": [[{"key": "gen", "operator": "Gt", "values": ["²"]}]],
                }
            ],
        }
    ],
    "x-note": "from the meeting of May",
}

PLACEMENT: dict[str, Any] = {
    "id": "one",
    "nodes": [{"name": "n", "allocatable": {"cpu": 4000}, "images": {"trainer": 1_000_000}}],
    "pods": [{"name": "p", "hostPorts": [8080, {"port": 53, "protocol": "UDP"}], "images": ["trainer"]}],
    "nominated": [{"name": "q", "nominatedNodeName": "n", "start": 0}],
    "namespaces": {"default": {"team": "nlp"}},
}


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with another value at a path such as `clusterQueues.0.name`."""
    result = copy.deepcopy(document)
    *way, last = path.split(".")
    place: Any = result
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    return result


def test_the_documents_as_they_stand_are_taken() -> None:
    read_scenario(QUEUEING)
    read_placement(PLACEMENT)


QUEUE = "clusterQueues.0"
GROUP = f"{QUEUE}.resourceGroups.0"
PART = "workloads.0.podSets.0"
REFUSED: dict[str, tuple[str, object, str, str]] = {
    "the name of v1beta2": (f"{QUEUE}.cohortName", "all", "clusterQueues[0].cohortName is not a field", "'cohort'"),
    "misspelt": (f"{GROUP}.flavors.0.resources.cpu.borrowLimit", 1, "borrowLimit is not a field", "'borrowingLimit'"),
    "nothing like it": (f"{QUEUE}.zone", "x", "clusterQueues[0].zone is not a field", "a note of your own begins with"),
    "of a job": ("workloads.0.podSet", [], "workloads[0].podSet is not a field", "'podSets'"),
    "of the file": ("cluster_queues", [], "cluster_queues is not a field", "'clusterQueues'"),
    "another's word": (
        f"{QUEUE}.preemption.withinClusterQueue",
        "Any",
        "is 'Any', not one of Never",
        "scenario format",
    ),
    "another's word, too": (
        f"{QUEUE}.preemption.reclaimWithinCohort",
        "LowerOrNewerEqualPriority",
        "not one of Never, LowerPriority, Any",
        "'LowerPriority'",
    ),
    "no strategy": (f"{QUEUE}.queueingStrategy", "FIFO", "is 'FIFO', not one of StrictFIFO", "scenario format"),
    "in the wrong order": (
        "fairSharing.preemptionStrategies",
        ["LessThanInitialShare", "LessThanOrEqualToFinalShare"],
        "fairSharing.preemptionStrategies is",
        "scenario format",
    ),
    "no effect": ("flavors.0.taints.0.effect", "NoScheduling", "is 'NoScheduling', not one of", "'NoSchedule'"),
    "no operator": (f"{PART}.requiredAffinity.0.0.operator", "Greater", "not one of In, NotIn", "scenario format"),
    "a limit without a cohort": (f"{QUEUE}.cohort", "", "borrowingLimit is set without a cohort", "drop the limit"),
    "lends more than it has": (
        f"{GROUP}.flavors.0.resources.cpu.lendingLimit",
        5,
        "lendingLimit is 5, more than the nominal 4",
        "lend at most",
    ),
    "a resource too few": (f"{GROUP}.coveredResources", ["cpu", "memory"], "resources are cpu", "each of its covered"),
    "a flavor twice": (f"{GROUP}.flavors.1.flavor", "a", "a second 'a'", "once in a queue"),
    "a resource twice": (f"{GROUP}.coveredResources", ["cpu", "cpu"], "a second 'cpu'", "once in a queue"),
    "a queue that is not there": (
        "workloads.0.clusterQueue",
        "qq",
        "workloads[0].clusterQueue is 'qq', not one of the clusterQueues",
        "name one of nlp",
    ),
    "a queue that is nearly there": ("workloads.0.clusterQueue", "nlpp", "is 'nlpp', not one of", "'nlp'"),
    "a node where there are none": (
        "events",
        [{"kind": "cordon", "t": 0, "node": "n"}],
        "events[0].node is 'n', not one of the nodes",
        "there are no nodes",
    ),
    "a time with its unit": (
        "workloads.0.runtime",
        "1h",
        "runtime is '1h', not a whole number of milliseconds",
        "write 3600000",
    ),
    "a delay with its unit": ("env.wakeupDelay", "1.5s", "not a whole number of milliseconds", "write 1500"),
    "no time at all": ("workloads.0.runtime", "long", "not a whole number of milliseconds", "#scenario-files"),
    "memory with its unit": (f"{PART}.requests", {"memory": "64Gi"}, "memory and ephemeral-storage in MiB", "format"),
    "quota with its unit": (f"{GROUP}.flavors.0.resources.cpu.nominal", "4k", "cpu in milli-CPU", "scenario format"),
    "no run time": ("workloads.0.runtime", None, "workloads[0].runtime is missing", "a whole number of milliseconds"),
    "no queue": ("workloads.0.clusterQueue", None, "clusterQueue is missing", "add it, a name"),
    "no groups": (f"{QUEUE}.resourceGroups", None, "resourceGroups is missing", "add it, a list"),
    "no environment": ("env", None, "env is missing", "add it, an object"),
    "no effect given": ("flavors.0.taints.0.effect", None, "effect is missing", "one of NoSchedule"),
    "no kind of event": ("events", [{"t": 0}], "events[0].kind is missing", "one of nodeDown"),
    "a field of the file without a name": ("", 1, "'' is not a field of the scenario format", "take it away"),
    "a field without a name": (f"{QUEUE}.", 1, "clusterQueues[0][''] is not a field", "take it away"),
    "a field of a union without a name": ("workloads.0.", 1, "workloads[0][''] is not a field", "take it away"),
    "a resource without a name": (f"{PART}.requests", {"": 1}, "podSets[0].requests[''] has no name", "take it away"),
    "a label without a name": ("flavors.0.nodeLabels", {"": "x"}, "nodeLabels[''] has no name", "take it away"),
    "a smallest count of none": (f"{PART}.minCount", 0, "minCount is 0 of 2 pods", "at least 1"),
    "a smallest count of more": (f"{PART}.minCount", 3, "minCount is 3 of 2 pods", "at most count"),
}


@pytest.mark.parametrize(("path", "value", "what", "fix"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_is_named(path: str, value: object, what: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(changed(QUEUEING, path, value))
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_two_smallest_counts_are_one_too_many() -> None:
    part = QUEUEING["workloads"][0]["podSets"][0]
    with pytest.raises(InputError, match=r"podSets\[1\].minCount is a second one"):
        read_scenario(changed(QUEUEING, "workloads.0.podSets", [part, {**part, "name": "other"}]))


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("pods.0.image", "trainer", "pods[0].image is not a field"),
        ("pods.0.hostPorts.1.prot", "UDP", "pods[0].hostPorts[1].prot is not a field"),
        ("pods.0.hostPorts.0", True, "pods[0].hostPorts[0] is True"),
        ("nodes.0.", 1, "nodes[0][''] is not a field"),
        ("nodes.0.allocatable.", 1, "nodes[0].allocatable[''] has no name"),
        ("nominated.0.node", "n", "nominated[0].node is not a field"),
        ("nominated.0.nominatedNodeName", "m", "nominated[0].nominatedNodeName is 'm', not one of the nodes"),
    ],
)
def test_a_mistake_in_a_placement_is_named(path: str, value: object, what: str) -> None:
    with pytest.raises(InputError) as caught:
        read_placement(changed(PLACEMENT, path, value))
    assert caught.value.what.startswith(what)


def test_words_of_v1beta1_mean_what_kueue_takes_them_for() -> None:
    (queue,) = read_scenario(QUEUEING).state.cluster_queues
    assert {queue.when_can_borrow, queue.when_can_preempt} == {FungibilityPolicy.MAY_STOP_SEARCH}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("", "0.20"),
        ("v0.19.2", "0.19"),
        ("0.18.1", "0.18"),
        ("main@ff69552e79 (v0.20.0-devel-377, 2026-08-22)", "0.20"),
        ("RHBOK 1.4.0", "1.4"),
        ("main", "0.20"),
    ],
)
def test_the_version_is_the_one_that_is_named(text: str, version: str) -> None:
    assert read_scenario({**QUEUEING, "kueue": text}).settings.version == version


def test_what_others_wrote_may_hold_more() -> None:
    class Strict(Fields):
        name: str

    class Open(SomeFields):
        name: str

    assert parsed({"name": "n", "further": 1}, Open).name == "n"
    with pytest.raises(InputError, match="further is not a field"):
        parsed({"name": "n", "further": 1}, Strict)


ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    1.0,
    0.5,
    math.nan,
    1 << 62,
    "",
    "x",
    "\ud800",
    [],
    [None],
    ["a"],
    {"x-a": 1},
)
EVENTS = [
    {"kind": "quota", "t": 1, "clusterQueue": "nlp", "flavor": "a", "resource": "cpu", "borrowingLimit": "unlimited"},
    {"kind": "evict", "t": 2, "workload": "w", "grace": 1},
]


def places(value: object, path: str = "") -> Iterator[str]:
    """The path of everything in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        place = f"{path}.{key}" if path else str(key)
        yield place
        yield from places(item, place)


@pytest.mark.parametrize(
    ("document", "read"),
    [({**QUEUEING, "events": EVENTS}, read_scenario), (PLACEMENT, read_placement)],
    ids=["queueing", "placement"],
)
def test_whatever_cannot_be_is_explained(document: dict[str, Any], read: Callable[[dict[str, Any]], object]) -> None:
    """Types are gone through twice, by msgspec and for the message: what the one refuses the other has to explain."""
    refused = []
    for place in places(document):
        for value in ODD:
            try:
                read(changed(document, place, value))
            except InputError as error:
                refused.append(error.what)
    assert len(refused) > 300
    assert not [what for what in refused if "cannot be read" in what]
