"""Lending limits on a server: shown, written, put back exactly; somebody else's quota is left alone."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.errors import ConflictError, ForbiddenError
from allotment.model.manifest import ObjectKey
from allotment.model.observed.snapshot import Gap, Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.operations.ask.lending import BEFORE, act_on_lending, plan_lending

VERSION = "kueue.x-k8s.io/v1beta2"
GPU = "nvidia.com/gpu"


def queue(name: str, lending: str | None, nominal: str = "4") -> dict[str, Any]:
    quota = {"name": GPU, "nominalQuota": nominal, **({"lendingLimit": lending} if lending is not None else {})}
    group = {"coveredResources": [GPU], "flavors": [{"name": "a100", "resources": [quota]}]}
    return {
        "apiVersion": VERSION,
        "kind": "ClusterQueue",
        "metadata": {"name": name, "annotations": {"kept": "yes"}},
        "spec": {"cohortName": "all", "resourceGroups": [group]},
    }


def node(name: str, *, cordoned: bool = False) -> dict[str, Any]:
    offered = {GPU: "4"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"pool": "a100"}},
        "spec": {"unschedulable": cordoned},
        "status": {"capacity": offered, "allocatable": offered, "conditions": [{"type": "Ready", "status": "True"}]},
    }


FLAVOR = {
    "apiVersion": VERSION,
    "kind": "ResourceFlavor",
    "metadata": {"name": "a100"},
    "spec": {"nodeLabels": {"pool": "a100"}},
}


def seen(kube: FakeKube, *nodes: dict[str, Any]) -> Snapshot:
    gathered = Gathered()
    gathered.take_any([FLAVOR, *nodes, *kube.list(VERSION, "ClusterQueue")])
    return Snapshot(sources=(Source(name="dev", objects=gathered.objects()),))


def live(kube: FakeKube, name: str) -> dict[str, Any]:
    body = kube.get(VERSION, ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", name))
    assert body is not None
    found: dict[str, Any] = copy.deepcopy(dict(body))
    for field in ("resourceVersion", "generation", "managedFields"):
        found["metadata"].pop(field, None)
    return found


@pytest.fixture
def kube() -> FakeKube:
    server = FakeKube()
    for body in (queue("a", None), queue("b", "3")):
        server.create(body)
    return server


def test_limits_follow_twice_and_one_undo_restores_what_stood_first(kube: FakeKube) -> None:
    before = live(kube, "a"), live(kube, "b")
    for nodes in ((node("n"), node("m", cordoned=True)), (node("n", cordoned=True), node("m", cordoned=True))):
        plan = plan_lending(kube, seen(kube, *nodes), undo=False)
        assert plan.changes
        act_on_lending(kube, plan)
        assert plan_lending(kube, seen(kube, *nodes), undo=False).edits == ()
    assert _limits(kube, "a", "b") == ["0", "0"]
    act_on_lending(kube, plan_lending(kube, seen(kube), undo=True))

    assert (live(kube, "a"), live(kube, "b")) == before
    assert plan_lending(kube, seen(kube), undo=True).edits == ()


def _limits(kube: FakeKube, *names: str) -> list[str | None]:
    quotas = [live(kube, name)["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0] for name in names]
    return [quota.get("lendingLimit") for quota in quotas]


def _limit(kube: FakeKube, name: str, limit: str) -> None:
    """Somebody else sets a lending limit."""

    def edit(body: Any) -> dict[str, Any]:
        changed = copy.deepcopy(dict(body))
        changed["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0]["lendingLimit"] = limit
        return changed

    kube.edit(ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", name), edit)


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        pytest.param('{"before": "2", "written": "3"}', "", id="what was written stands"),
        pytest.param('{"before": "2", "written": "1"}', "is 3, and 1 was written", id="another limit stands"),
        pytest.param('{"before": "5", "written": "3"}', "a limit of 5, and the nominal quota is 4", id="above nominal"),
        pytest.param('{"before": "-1", "written": "3"}', "a limit of -1", id="negative"),
        pytest.param('{"before": "3500m", "written": "3"}', "no whole number", id="a part of a device"),
        pytest.param('{"before": "lots", "written": "3"}', "is not a quantity", id="no quantity"),
        pytest.param('"2"', "not what was written there", id="nothing of what was written"),
        pytest.param("[", "not what was written there", id="no JSON"),
    ],
)
def test_what_an_annotation_says_is_put_back_only_in_place_of_what_was_written(kept: str, why: str) -> None:
    server = FakeKube()
    body = queue("b", "3")
    body["metadata"]["annotations"][BEFORE] = f'{{"a100 {GPU}": {kept}}}'
    server.create(body)
    before = live(server, "b")
    if not why:
        act_on_lending(server, plan_lending(server, seen(server), undo=True))
        assert _limits(server, "b") == ["2"]
        assert BEFORE not in live(server, "b")["metadata"]["annotations"]
        return
    with pytest.raises(ConflictError) as refused:
        plan_lending(server, seen(server), undo=True)
    assert why in refused.value.why
    assert f"kubectl annotate clusterqueue b {BEFORE}-" in refused.value.fix
    assert live(server, "b") == before


def test_a_limit_that_somebody_sets_after_a_change_is_what_the_next_one_goes_back_to(kube: FakeKube) -> None:
    act_on_lending(kube, plan_lending(kube, seen(kube, node("n")), undo=False))
    _limit(kube, "b", "2")
    with pytest.raises(ConflictError, match="not to be trusted"):
        plan_lending(kube, seen(kube), undo=True)
    act_on_lending(kube, plan_lending(kube, seen(kube), undo=False))
    act_on_lending(kube, plan_lending(kube, seen(kube), undo=True))
    assert _limits(kube, "a", "b") == [None, "2"]


def test_a_limit_that_the_server_writes_shorter_is_still_ours() -> None:
    server = FakeKube()
    body = queue("b", "1k", "4k")
    body["metadata"]["annotations"][BEFORE] = f'{{"a100 {GPU}": {{"before": "2k", "written": "1000"}}}}'
    server.create(body)
    assert [each.after for each in plan_lending(server, seen(server), undo=True).changes] == ["2k"]


def test_when_capacity_is_back_the_limits_are_and_nothing_is_kept(kube: FakeKube) -> None:
    before = live(kube, "a"), live(kube, "b")
    act_on_lending(kube, plan_lending(kube, seen(kube, node("n")), undo=False))
    assert BEFORE in live(kube, "a")["metadata"]["annotations"]
    act_on_lending(kube, plan_lending(kube, seen(kube, node("n"), node("m")), undo=False))

    assert (live(kube, "a"), live(kube, "b")) == before


@pytest.mark.parametrize(
    ("manager", "labels", "named"),
    [
        pytest.param("helm", {}, "belongs to helm", id="a manager of server-side apply"),
        pytest.param("kubectl", {"kustomize.toolkit.fluxcd.io/name": "fleet"}, "belongs to Flux", id="Flux"),
    ],
)
def test_quota_that_somebody_else_applies_is_refused_before_anything_is_written(
    manager: str, labels: dict[str, str], named: str
) -> None:
    server = FakeKube()
    server.create(queue("a", None))
    theirs = queue("b", "3")
    theirs["metadata"]["labels"] = labels
    server.apply_as(manager, theirs)
    before = live(server, "a"), live(server, "b")

    with pytest.raises(ConflictError, match=named):
        plan_lending(server, seen(server, node("n")), undo=False)
    assert (live(server, "a"), live(server, "b")) == before


def test_limits_do_not_follow_what_was_not_seen(kube: FakeKube) -> None:
    gap = Gap(what="nodes", reason="forbidden")
    blind = Snapshot(sources=(msgspec.structs.replace(seen(kube).sources[0], gaps=(gap,)),))
    with pytest.raises(ForbiddenError, match="nodes could not be read"):
        plan_lending(kube, blind, undo=False)


def test_a_quota_in_the_wrong_unit_is_named_and_its_flavor_left_as_it_is(kube: FakeKube) -> None:
    kube.create(queue("c", None, "4Ki"))
    plan = plan_lending(kube, seen(kube, node("n")), undo=False)
    assert plan.edits == ()
    assert [(each.name, each.flavor) for each in plan.unclear] == [("c", "a100")]


def test_a_queue_that_changed_after_it_was_shown_is_refused(kube: FakeKube) -> None:
    plan = plan_lending(kube, seen(kube, node("n")), undo=False)
    key = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "a")
    kube.edit(key, lambda body: {**body, "spec": {**body["spec"], "stopPolicy": "Hold"}})

    with pytest.raises(ConflictError, match="changed in the meantime"):
        act_on_lending(kube, plan)
