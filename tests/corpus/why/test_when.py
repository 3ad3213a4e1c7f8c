"""When, on the cases of why-bench: each that waits gets an answer, and never is what both emptied twins refuse."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from allotment.diagnose.emptied import emptied, with_flavors
from allotment.diagnose.explaining import explain
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import PatchOp, RemedyKind, StartsWhen
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.case_file import read_case
from allotment.operations.foresee.live.whatif import LiveWhatIfRequest, what_if_live
from allotment.operations.foresee.live.when import LiveWhenRequest, WaitingStart, when_live
from allotment.scheduling.snapshot.attempts import AttemptOutcome, attempt
from allotment.scheduling.snapshot.placement import FoundPlace, place, placement_view, template_pod
from allotment.scheduling.snapshot.queueing import queueing_view
from allotment.simulation.live.starts import StartWishes
from tests.unit.simulation.live.test_when import Ticking

pytestmark = pytest.mark.corpus

QUICK = StartWishes(futures=10, replay=False)
LEAST_RAISED = 2
"""Cases whose quota `why` would raise so that it starts."""


def snapshots(data: Path) -> Iterator[tuple[str, Snapshot]]:
    path = data / "why_bench" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    with gzip.open(path, "rt") as lines:
        for line in lines:
            case = json.loads(line)
            yield case["id"], read_case(case)


def starts_alone(source: Source, now: str, row: WaitingStart, name: str) -> bool:
    """Whether Kueue's twin admits it with nobody there, and the scheduler's places its pods in what flavors it may get.

    Asked otherwise than `EmptiedFleet` does: of a source without other Workloads and pods, one flavor after the other.
    """
    index = Index(source)
    workload = index.workloads[name]
    alone = msgspec.structs.replace(
        source, objects=msgspec.structs.replace(source.objects, workloads=(workload,), pods=())
    )
    view = queueing_view(alone, now)
    state = replace(
        view.state, cluster_queues=tuple(replace(each, stopped=False) for each in view.state.cluster_queues)
    )
    view = replace(view, state=state, absent={})
    if attempt(view, name).outcome is not AttemptOutcome.STARTS:
        return False
    if (
        not index.nodes
        or index.objects.karpenter_node_pools
        or "kube-system/cluster-autoscaler-status" in index.config_maps
    ):
        return True
    fleet = placement_view(emptied(index))
    flavors = [
        flavor.name for group in index.cluster_queues[row.queue].spec.resource_groups for flavor in group.flavors
    ]
    return all(
        any(
            isinstance(
                place(
                    fleet, template_pod(fleet, workload.namespace, "p", with_flavors(index, part.template, (flavor,)))
                ),
                FoundPlace,
            )
            for flavor in flavors
        )
        for part in workload.spec.pod_sets
    )


def test_all_that_wait_get_an_answer_and_never_is_what_emptied_twins_refuse(data: Path) -> None:
    answers: Counter[str] = Counter()
    wrong = []
    for name, snapshot in snapshots(data):
        found = when_live(snapshot, LiveWhenRequest(wishes=QUICK), Ticking())
        (source,) = snapshot.sources
        queued = {each.name for each in queueing_view(source, snapshot.taken_at).pending}
        told = 0
        for row in found.rows:
            assert (row.start is not None) + (row.never is not None) + (row.kept is not None) == 1, name
            told += bool(row.queue)
            answers["never" if row.never else "kept" if row.kept else str(row.start and row.start.basis)] += 1
            (key,) = [
                key
                for key in {*queued, *(each.key for each in source.objects.workloads)}
                if key.partition("/")[0] == row.subject.namespace
                and (key.endswith(f"/{row.subject.name}") or f"-{row.subject.name}-" in key)
            ][:1]
            if row.kept is None and starts_alone(source, snapshot.taken_at, row, key) is (row.never is not None):
                wrong.append(f"{name} {key}: never is {row.never}")
        assert told == len(queued), name
    assert not wrong, "\n".join(wrong)
    assert answers["never"] > 20
    assert answers["none"] + answers["history"] + answers["at-once"] + answers["limits"] > 10


def _numbers(steps: list[dict[str, str]]) -> bool:
    return all(step["path"].endswith("/nominalQuota") for step in steps)


def test_the_quota_that_why_would_raise_starts_the_job(data: Path) -> None:
    """A remedy of one command is a change of the other: both say that it starts now."""
    raised = 0
    for name, snapshot in snapshots(data):
        (source,) = snapshot.sources
        view = queueing_view(source, snapshot.taken_at)
        for each in view.pending:
            case = find_case(snapshot, f"workload/{each.name.partition('/')[2]}", each.name.partition("/")[0])
            for remedy in explain(case).remedies:
                now = remedy.tried.starts is StartsWhen.NOW
                if not now or remedy.kind is not RemedyKind.RAISE_QUOTA or remedy.patch is None:
                    continue
                if remedy.patch.op is not PatchOp.JSON or not _numbers(remedy.patch.body):
                    continue  # a flavor is added, and no number raised
                assert remedy.target is not None
                queue = case.index.cluster_queues[remedy.target.name]
                changes = []
                for step in remedy.patch.body:
                    _, _, _, group, _, flavor, _, resource, _ = step["path"].split("/")
                    of = queue.spec.resource_groups[int(group)].flavors[int(flavor)]
                    changes.append(f"quota:{queue.name}/{of.name}/{of.resources[int(resource)].name}={step['value']}")
                found = what_if_live(snapshot, LiveWhatIfRequest(tuple(changes), wishes=QUICK), Ticking())
                after = {row.change.job: row.change.starts_after for row in found.rows}
                assert after.get(each.name), f"{name}: {changes} does not start {each.name}"
                raised += 1
    assert raised >= LEAST_RAISED
