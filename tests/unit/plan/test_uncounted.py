"""Running work that would drop out of Kueue's accounts: what holds a flavor, which step would lose it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.manifest import ObjectKey
from allotment.plan.changes import Action, Blocked, Delete, Update, WarningCode
from allotment.plan.uncounted import InUse, gives_up, holdings, in_use, reserved, told, uncounted
from allotment.plan.verdict import Accepted, Disputed, Verdict
from tests.unit.plan import objects
from tests.unit.plan.test_settle import live, made

GPU = "nvidia.com/gpu"


def queue(name: str, *flavors: str, resources: Sequence[str] = (GPU,), status: Any = None) -> dict[str, Any]:
    quotas = [{"name": resource, "nominalQuota": "8"} for resource in resources]
    groups = [{"coveredResources": list(resources), "flavors": [{"name": f, "resources": quotas} for f in flavors]}]
    body = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "metadata": {"name": name}}
    return {**body, "spec": {"resourceGroups": groups}, **({"status": status} if status else {})}


def workload(
    name: str, queue: str, flavor: str, amount: object = "4", *, count: int = 1, finished: bool = False
) -> dict[str, Any]:
    assignment = {"name": "main", "count": count, "flavors": {GPU: flavor}, "resourceUsage": {GPU: amount}}
    status: dict[str, Any] = {"admission": {"clusterQueue": queue, "podSetAssignments": [assignment]}}
    status["conditions"] = [{"type": "Finished", "status": "True"}] if finished else []
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload", "metadata": {"name": name, "namespace": queue},
        "status": status,
    }  # fmt: skip


WAITING = {"metadata": {"name": "waiting", "namespace": "cv"}, "status": {"conditions": []}}
FRESH = {"metadata": {"name": "fresh", "namespace": "cv"}}


@pytest.mark.parametrize(
    ("body", "amounts"),
    [
        pytest.param(workload("train", "cv", "a100"), [4], id="admitted"),
        pytest.param(workload("train", "cv", "a100", finished=True), [], id="ended"),
        pytest.param(workload("train", "cv", "a100", "0"), [], id="holds nothing of it"),
        pytest.param(workload("train", "cv", "a100", "2k"), [2000], id="in Kubernetes' notation"),
        pytest.param(workload("train", "cv", "a100", "many"), [1], id="an amount only the server can read"),
        pytest.param(WAITING, [], id="waits"),
        pytest.param(FRESH, [], id="without status"),
    ],
)
def test_what_a_workload_holds(body: dict[str, Any], amounts: list[int]) -> None:
    assert [one.amount for one in holdings([body])] == amounts


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(queue("cv", "a100"), queue("cv", "a100", "h100"), False, id="more"),
        pytest.param(queue("cv", "a100", "h100"), queue("cv", "h100", "a100"), False, id="another order"),
        pytest.param(queue("cv", "a100"), queue("cv", "a100-reserved"), True, id="renamed"),
        pytest.param(queue("cv", "a100", resources=("cpu", GPU)), queue("cv", "a100"), True, id="a resource less"),
        pytest.param(queue("cv", "a100"), {"metadata": {"name": "cv"}}, True, id="nothing left"),
    ],
)
def test_which_changes_give_something_up(before: dict[str, Any], after: dict[str, Any], expected: bool) -> None:
    assert gives_up(before, after) is expected


def test_the_sentence_names_the_largest_and_counts_the_rest() -> None:
    work = [workload(f"job-{index}", "cv", "a100", str(index), count=index) for index in range(1, 8)]
    assert told(holdings(work)) == (
        "28 nvidia.com/gpu in a100 by cv/job-7 (7 pods), cv/job-6 (6 pods), cv/job-5 (5 pods), cv/job-4 (4 pods), "
        "cv/job-3 (3 pods) and 2 more"
    )


def test_who_may_not_list_workloads_learns_the_sum() -> None:
    status = {"flavorsReservation": [{"name": "a100", "resources": [{"name": GPU, "total": "4"}]}]}
    assert (
        told(reserved(queue("cv", "a100", status=status))) == "4 nvidia.com/gpu in a100 by work that you may not list"
    )


class TestLosses:
    def test_use_stands_against_every_queue_that_gives_the_flavor_up(self) -> None:
        pairs = [(queue(name, "old"), queue(name, "new")) for name in ("cv", "nlp")]
        found = in_use(pairs, (), holdings([workload("train", "nlp", "old")]))
        assert all(found.lost_by(before, after) for before, after in pairs)

    def test_a_queue_that_keeps_the_flavor_loses_nothing(self) -> None:
        pairs = [(queue("cv", "old"), queue("cv", "new")), (queue("nlp", "old"), queue("nlp", "old", "new"))]
        found = in_use(pairs, (), holdings([workload("train", "nlp", "old")]))
        assert not any(found.lost_by(before, after) for before, after in pairs)

    def test_what_is_lost_already_is_not_lost_again(self) -> None:
        pair = (queue("cv", "new"), queue("cv", "newer"))
        found = in_use([pair], (), holdings([workload("train", "cv", "old")]))
        assert not found.lost_by(*pair)
        assert found.kept_by("old"), "but its flavor is in use"

    def test_work_of_a_queue_that_goes_is_drained_first(self) -> None:
        found = in_use([], ["cv"], holdings([workload("train", "cv", "old")]))
        assert not found.kept_by("old")

    @given(
        st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 3)), max_size=8),
        st.sets(st.sampled_from("xyz")),
        st.sets(st.sampled_from("xyz")),
    )
    def test_nothing_counted_is_ever_lost_unseen(
        self, work: list[tuple[str, str, int]], before: set[str], after: set[str]
    ) -> None:
        """What the queues count before and after adds up, once what is said to be lost is added."""
        held = tuple(holdings(workload(f"w{i}", name, flavor, str(n)) for i, (name, flavor, n) in enumerate(work)))
        pairs = [(queue(name, *before), queue(name, *after)) for name in "ab"]
        found = in_use(pairs, (), held)
        counted = [one for one in held if one.flavor in before]
        kept = [one for one in held if one.flavor in after & before]
        assert sorted(map(str, counted)) == sorted(map(str, [*kept, *found.losing]))
        assert set(uncounted((after for _, after in pairs), held)) >= set(found.losing)


class TestPlan:
    OLD, NEW = objects.flavor("a100"), objects.flavor("a100-reserved")

    def plan(self, *held: dict[str, Any], verdict: Verdict | None = None, allow: bool = False) -> Any:
        desired = objects.manifests(
            self.NEW, objects.kueue("ClusterQueue", "cv", queue("cv", "a100-reserved")["spec"], team="cv")
        )
        before = objects.kueue("ClusterQueue", "cv", queue("cv", "a100")["spec"], team="cv")
        (key,) = (item.key for item in desired if item.key.kind == "ClusterQueue")
        after = next(item.body for item in desired if item.key == key)
        answer = verdict or Accepted({**live(before), "spec": after["spec"]}, ())
        used = in_use([(before.body, after)], (), holdings(held))
        bodies = live(self.OLD), live(self.NEW), live(before)
        return made(desired, *bodies, verdicts={key: answer}, in_use=used, allow_uncounted=allow)

    def test_a_flavor_nobody_uses_goes(self) -> None:
        plan = self.plan()
        assert [type(change) for change in plan.changes] == [Update, Delete]

    @pytest.mark.parametrize(
        "verdict", [None, Disputed((("kubectl", ".spec.resourceGroups"),))], ids=["ours", "contested"]
    )
    def test_a_flavor_in_use_stays(self, verdict: Verdict | None) -> None:
        plan = self.plan(workload("train", "cv", "a100"), verdict=verdict)
        assert [type(change) for change in plan.changes] == [Blocked, Blocked]
        assert [change.wanted for change in plan.changes] != [Action.UPDATE, Action.UPDATE]
        for change in plan.changes:
            assert "4 nvidia.com/gpu in a100 by cv/train (1 pod)" in change.what
            assert "--allow-uncounted" in change.fix

    def test_unless_it_is_asked_for(self) -> None:
        plan = self.plan(workload("train", "cv", "a100"), allow=True)
        assert [type(change) for change in plan.changes] == [Update, Delete]
        said = {warning.key: warning for warning in plan.warnings}
        assert {key.kind for key in said} == {"ClusterQueue", "ResourceFlavor"}
        assert {warning.code for warning in said.values()} == {WarningCode.UNCOUNTED}

    def test_nothing_in_use_is_the_default(self) -> None:
        assert not InUse().kept_by("a100")
        assert ObjectKey("", "Node", "", "n") not in {warning.key for warning in self.plan().warnings}
