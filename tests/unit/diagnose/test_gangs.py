"""What is a gang, and what runs pod by pod: a Job alone never waits for ever where one of its pods has room."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, PatchOp, StartsWhen
from tests.unit.diagnose.building import Raw, case_of, job, node, owned_by, pod, running
from tests.unit.diagnose.queues import cluster_queue, condition, holding, platform, quota

INDEXED = {"completionMode": "Indexed"}
GROUP = {"metadata": {"labels": {"scheduling.x-k8s.io/pod-group": "g"}}}
ROOM_FOR_ONE = [node("a", 4)]


def partly(bound: int, pods: int = 3, *, gpus: int = 4, template: Raw | None = None, **spec: Any) -> list[Raw]:
    """A Job, some pods of which run on `a`; the others wait."""
    above = job("train", pods, gpus=gpus)
    above["spec"] |= spec
    above["spec"]["template"] |= template or {}
    return [above, *(pod(f"train-{at}", "a" if at < bound else "", owner=above, gpus=gpus) for at in range(pods))]


def admitted(bound: int, pods: int = 3, *, said: tuple[Raw, ...] = (), **spec: Any) -> list[Raw]:
    """The same let in by Kueue."""
    whole, workload = holding("train", "cq", pods, flavor="a", ran=False, gpus=4)
    workload["status"]["conditions"] += said
    whole["spec"] |= spec
    own = [pod(f"train-{at}", "a" if at < bound else "", owner=whole, gpus=4) for at in range(pods)]
    flavors = {"a": {}}
    return [*platform(cluster_queue("cq", quota("a", 64)), flavors=flavors), whole, workload, *own]


NOT_READY = condition("PodsReady", "False", "WaitForStart")
CASES: dict[str, tuple[list[Raw], str, bool]] = {
    "a job alone": ([*ROOM_FOR_ONE, *partly(1)], "gpu-all-in-use", False),
    "a job alone, its pods have ranks": ([*ROOM_FOR_ONE, *partly(1, **INDEXED)], "gpu-all-in-use", False),
    "a job alone, none of it runs": (
        [*ROOM_FOR_ONE, *running("x", "a", gpus=4), *partly(0)],
        "gpu-all-in-use",
        False,
    ),
    "a job alone, not one pod of which has room": ([*ROOM_FOR_ONE, *partly(0, gpus=5)], "insufficient-gpu", True),
    "as many pods as a node may run": ([node("a", 8, amounts={"pods": "1"}), *partly(1)], "too-many-pods", False),
    "a scheduler of groups": ([*ROOM_FOR_ONE, *partly(0, template=GROUP)], "gang-partially-placed", True),
    "let in by Kueue, ranks": ([*ROOM_FOR_ONE, *admitted(1, **INDEXED)], "gang-partially-placed", True),
    "let in by Kueue, no ranks": ([*ROOM_FOR_ONE, *admitted(1)], "gang-partially-placed", False),
    "Kueue waits for all of it": ([*ROOM_FOR_ONE, *admitted(1, said=(NOT_READY,))], "gang-partially-placed", True),
}


@pytest.mark.parametrize(("objects", "cause", "never"), CASES.values(), ids=CASES)
def test_only_what_is_of_use_together_is_a_gang(objects: list[Raw], cause: str, never: bool) -> None:
    found = explain(case_of(objects))
    assert found.cause == cause
    assert (found.start is not None and found.start.never) is never
    if not never and cause != "gang-partially-placed":
        assert found.verdict is CauseVerdict.WAITING


def test_its_own_pods_end_and_make_room_for_the_next() -> None:
    found = explain(case_of([*ROOM_FOR_ONE, *partly(1)]))
    first = found.remedies[0]
    assert first.patch is not None
    assert first.patch.op is PatchOp.WAIT
    assert first.summary == "wait: its pods run 1 at a time, and the next starts when one of them ends"
    assert not any("parallelism" in each.summary for each in found.remedies)


def test_what_ends_running_pods_or_asks_for_less_work_says_so_and_stands_behind_what_loses_nothing() -> None:
    others = [node("a", 8), *running("x", "a", gpus=4)]
    found = explain(case_of([*others, *admitted(1, 2, **INDEXED)]))
    waits, fewer = (next(each for each in found.remedies if each.patch and each.patch.op is op) for op in
                    (PatchOp.WAIT, PatchOp.RESUBMIT))  # fmt: skip
    assert found.remedies.index(waits) < found.remedies.index(fewer)
    assert fewer.summary == ("submit with parallelism 2 → 1 and completions 2 → 1 (this ends 1 pod of it that runs)")
    none_runs = explain(case_of([*others, *admitted(0, 2)]))
    fewer = next(each for each in none_runs.remedies if each.patch and each.patch.op is PatchOp.RESUBMIT)
    assert fewer.patch is not None
    assert fewer.patch.body == {"spec": {"parallelism": 1}}
    assert fewer.summary == "submit with parallelism 2 → 1"


def test_what_of_a_jobset_is_done_needs_no_pods_any_more() -> None:
    parts = [{"name": name, "replicas": 1, "template": {"spec": job(name)["spec"]}} for name in ("driver", "workers")]
    whole: Raw = job("train") | {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet"}
    whole["spec"] = {"replicatedJobs": parts}
    done, runs = (job(f"train-{name}-0") for name in ("driver", "workers"))
    for each in (done, runs):
        each["metadata"]["ownerReferences"] = [owned_by(whole)]
    worker = pod("train-workers-0-0", "a", owner=runs)
    assert explain(case_of([*ROOM_FOR_ONE, whole, done, runs, worker], "jobset/train")).cause == "unknown"
    done["status"] = {"succeeded": 1, "conditions": [condition("Complete")]}
    assert explain(case_of([*ROOM_FOR_ONE, whole, done, runs, worker], "jobset/train")).cause == "none"


def test_a_part_of_a_jobset_that_comes_after_another_waits_for_that() -> None:
    parts: list[Raw] = [{"name": name, "template": {"spec": job(name)["spec"]}} for name in ("prep", "learn")]
    parts[1]["dependsOn"] = [{"name": "prep", "status": "Complete"}]
    whole: Raw = job("train") | {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet"}
    whole["spec"] = {"replicatedJobs": parts}
    prep = job("train-prep-0")
    prep["metadata"] |= {
        "ownerReferences": [owned_by(whole)],
        "labels": {"jobset.sigs.k8s.io/replicatedjob-name": "prep"},
    }
    objects = [*ROOM_FOR_ONE, whole, prep, pod("train-prep-0-0", "a", owner=prep)]
    found = explain(case_of(objects, "jobset/train"))
    assert (found.cause, found.verdict) == ("jobset-waits-for-earlier", CauseVerdict.WAITING)
    assert found.remedies[0].tried.starts is StartsWhen.LATER
    parts[1]["dependsOn"][0]["status"] = "Ready"
    prep["status"] = {"active": 1, "ready": 1}
    assert explain(case_of(objects, "jobset/train")).cause != "jobset-waits-for-earlier"
