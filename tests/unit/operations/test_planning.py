"""Planning against the fake server: which requests are sent, and what the plan says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.model import labels
from allotment.model.manifest import Body, Manifests, ObjectKey
from allotment.operations.change.planning import PlanSettings, plan_for_empty
from allotment.plan.changes import Action, Blocked, Conflict, Update, WarningCode
from allotment.ports.kube import Answer, RefusedError
from tests.by_day import by_day
from tests.unit.operations.world import TODAY, World, failing, held
from tests.unit.plan import objects
from tests.unit.plan.objects import PLATFORM

QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")
SPACE = ObjectKey("", "Namespace", "", "cv")


def relabelled(body: dict[str, Any], **found: str) -> dict[str, Any]:
    metadata = {**body["metadata"], "labels": {**body["metadata"]["labels"], **found}}
    return {**body, "metadata": metadata}


def test_the_second_plan_is_empty_and_sends_no_write() -> None:
    world, desired = World(), objects.platform("cv", "nlp")
    world.settle(desired)
    world.forget()
    plan = world.plan(desired)
    assert plan.empty
    assert plan.unchanged == len(desired.objects)
    assert not [call for call in world.kube.calls if call.verb not in {"get", "list"}]


def test_planning_changes_nothing() -> None:
    world = World()
    world.settle(objects.platform("cv"))
    before = world.state()
    world.plan(objects.platform("nlp"))
    assert world.state() == before


def test_the_plan_for_an_empty_cluster_needs_no_server() -> None:
    desired = objects.platform("cv")
    offline = plan_for_empty(desired, PlanSettings(PLATFORM, TODAY))
    assert [change.key for change in offline.changes] == [change.key for change in World().plan(desired).changes]


def test_only_what_differs_is_sent_as_a_dry_run() -> None:
    world = World()
    world.settle(objects.platform("cv"))
    world.edit(QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": "99"}}})
    world.forget()
    plan = world.plan(objects.platform("cv"))
    assert {call.key for call in world.kube.calls if call.verb == "apply"} == {QUOTA}
    (change,) = plan.changes
    assert isinstance(change, Conflict)
    (contested,) = change.contested
    assert (contested.manager, contested.field) == ("kubectl-edit", ".spec.hard.pods")
    assert (contested.live, contested.desired) == ("99", "50")


def test_a_status_written_while_we_plan_blocks_nothing() -> None:
    """Kueue writes the status of a new ClusterQueue several times; the list that we planned from is old by then."""
    queue = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "cv")

    class WrittenMeanwhile(FakeKube):
        written = 0

        def apply(self, body: Body, *, dry_run: bool = False, force: bool = False) -> Answer:
            if dry_run:
                self.written += 1
                status = {"pendingWorkloads": self.written}
                self.edit(queue, lambda stored: {**stored, "status": status}, manager="kueue")
            return super().apply(body, dry_run=dry_run, force=force)

    world = World(kube := WrittenMeanwhile())
    world.settle(objects.manifests(objects.cluster_queue("cv", gpus=4)))
    world.edit(
        queue, lambda body: {**body, "spec": {**body["spec"], "admissionChecksStrategy": {"admissionChecks": []}}}
    )
    (change,) = world.plan(objects.manifests(objects.cluster_queue("cv", gpus=6))).changes
    assert kube.written
    assert not isinstance(change, Blocked), change.why


def test_forcing_shows_the_contested_field_as_an_update() -> None:
    world = World()
    world.settle(objects.platform("cv"))
    world.edit(QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": "99"}}})
    plan = world.plan(objects.platform("cv"), force=True)
    (change,) = plan.changes
    assert isinstance(change, Update)
    assert [(field.field, field.old, field.new, field.by) for field in change.fields] == [
        (".spec.hard.pods", "99", "50", "kubectl-edit")
    ]


class TestFlavorsInUse:
    """Renamed in the directory, held in the cluster."""

    def renamed(self) -> Manifests:
        other = [item for item in objects.platform("cv") if item.key.kind not in {"ResourceFlavor", "ClusterQueue"}]
        queue = objects.cluster_queue("cv")
        groups = queue.body["spec"]["resourceGroups"]
        flavors = [{**groups[0]["flavors"][0], "name": "a100-reserved"}]
        body = {**queue.body, "spec": {**queue.body["spec"], "resourceGroups": [{**groups[0], "flavors": flavors}]}}
        return objects.manifests(*other, objects.flavor("a100-reserved"), replace(queue, body=body))

    def world(self) -> World:
        world = World()
        world.settle(objects.platform("cv"))
        world.kube.put(held("a100"))
        return world

    def test_they_are_blocked_and_nothing_of_them_is_applied(self) -> None:
        world = self.world()
        plan = world.plan(self.renamed())
        assert {change.key.kind for change in plan.of(Action.BLOCKED)} == {"ClusterQueue", "ResourceFlavor"}
        report = world.apply(self.renamed())
        assert {outcome.change.key.kind for outcome in report.remaining} == {"ClusterQueue", "ResourceFlavor"}
        assert report.exit_code == 6
        assert ObjectKey("kueue.x-k8s.io", "ResourceFlavor", "", "a100") in world.kube.existing

    def test_once_the_work_has_ended_they_go(self) -> None:
        world = self.world()
        world.kube.delete("kueue.x-k8s.io/v1beta2", ObjectKey("kueue.x-k8s.io", "Workload", "cv", "train"))
        world.settle(self.renamed())

    def test_without_the_right_to_list_workloads_the_queue_s_own_sum_counts(self) -> None:
        world = self.world()
        key = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "cv")
        reserved = [{"name": "a100", "resources": [{"name": "nvidia.com/gpu", "total": "4"}]}]
        world.edit(key, lambda body: {**body, "status": {"flavorsReservation": reserved}}, manager="kueue")

        def forbid(call: Call) -> None:
            if (call.verb, call.key.kind) == ("list", "Workload"):
                raise RefusedError("no", status=403, reason="Forbidden", message="no")

        world.kube.hook = forbid
        (queue,) = (change for change in world.plan(self.renamed()).of(Action.BLOCKED) if change.key == key)
        assert isinstance(queue, Blocked)
        assert "by work that you may not list" in queue.what

    def test_workloads_are_not_listed_where_no_flavor_goes(self) -> None:
        world = self.world()
        world.forget()
        world.plan(objects.platform("cv", "nlp"))
        assert not [call for call in world.kube.calls if call.key.kind == "Workload"]


class TestWhatGoesWithANamespace:
    """The warning counts what lives there, whoever made it."""

    def warning(self, world: World) -> str:
        (found,) = (each for each in world.plan(objects.manifests()).warnings if each.code is WarningCode.DATA_DELETED)
        return found.message

    def world(self) -> World:
        world = World()
        world.settle(objects.platform("cv"))
        for name, size in (("scratch", "1Ti"), ("datasets", "4Ti")):
            own = {"name": name, "namespace": "cv"}
            world.kube.put({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": own, "status": at(size)})
        world.kube.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "train", "namespace": "cv"}})
        return world

    def test_claims_with_their_sizes_and_workloads_by_kind(self) -> None:
        said = "goes with everything in it: 3 claims with 5130Gi (datasets 4Ti, scratch 1Ti, home 10Gi); 1 Pod; no date"
        assert self.warning(self.world()).startswith(said)

    def test_an_empty_one(self) -> None:
        world = World()
        world.settle(objects.manifests(objects.namespace("cv")))
        assert self.warning(world).startswith("goes with everything in it: no claims; no workloads; no date")

    def test_claims_that_may_not_be_listed_are_said_to_be_unknown(self) -> None:
        world = self.world()

        def forbid(call: Call) -> None:
            if (call.verb, call.key.kind, call.key.namespace) == ("list", "PersistentVolumeClaim", "cv"):
                raise RefusedError("no", status=403, reason="Forbidden", message="no")

        world.kube.hook = forbid
        assert ": claims that you may not list; 1 Pod;" in self.warning(world)

    def test_a_declared_claim_that_goes_alone_has_its_size(self) -> None:
        world = self.world()
        rest = [item for item in objects.platform("cv") if item.key.kind != "PersistentVolumeClaim"]
        (warning,) = world.plan(objects.manifests(*rest)).warnings
        assert (warning.key.name, warning.message) == ("home", "goes with its data: 10Gi")


def at(size: str) -> dict[str, Any]:
    return {"capacity": {"storage": size}}


@pytest.mark.parametrize("teams", [1, 40])
def test_few_missing_objects_are_asked_for_by_name_many_by_one_list(teams: int) -> None:
    world = World()
    names = [f"team-{index}" for index in range(teams)]
    world.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names[-1]}})
    plan = world.plan(objects.manifests(*(objects.namespace(name) for name in names)))
    assert plan.counts[Action.CREATE] == teams - 1
    (blocked,) = plan.of(Action.BLOCKED)
    assert blocked.key.name == names[-1]
    gets = [call for call in world.kube.calls if call.verb == "get" and call.key.kind == "Namespace"]
    assert len(gets) == (teams if teams == 1 else 0)


def test_a_kind_that_is_not_served_blocks_only_itself() -> None:
    world = World(FakeKube(unserved=frozenset({"ClusterQueue", "LocalQueue", "ResourceFlavor"})))
    plan = world.plan(objects.platform("cv"))
    assert {change.key.kind for change in plan.of(Action.BLOCKED)} == {"ClusterQueue", "LocalQueue", "ResourceFlavor"}
    assert plan.counts[Action.CREATE] == len(plan.changes) - 3


def test_what_the_dry_run_refuses_is_blocked() -> None:
    world = World()
    world.settle(objects.manifests(objects.namespace("cv"), objects.quota("cv")))
    refusal = RefusedError("no", status=422, reason="Invalid", message="spec: Invalid value: field is immutable")

    def hook(call: Call) -> None:
        if call.verb == "apply" and call.dry_run:
            raise refusal

    world.kube.hook = hook
    (change,) = world.plan(objects.manifests(objects.namespace("cv"), objects.quota("cv", gpus=1))).changes
    assert isinstance(change, Blocked)
    assert change.why == refusal.message


def test_checking_creations_leaves_out_what_a_new_namespace_will_hold() -> None:
    world = World()
    world.settle(objects.manifests(objects.namespace("cv")))
    world.forget()
    desired = objects.manifests(
        objects.namespace("cv"), objects.quota("cv"), objects.namespace("nlp"), objects.quota("nlp")
    )
    world.kube.hook = lambda call: None
    plan = world.plan(desired, check_creations=True)
    tried = {call.key for call in world.kube.calls if call.verb == "apply" and call.dry_run}
    assert QUOTA in tried
    assert ObjectKey("", "ResourceQuota", "nlp", "team") not in tried
    assert plan.counts[Action.CREATE] == 3


def test_the_label_of_the_inventory_taken_off_is_put_back() -> None:
    world, desired = World(), objects.platform("cv")
    world.settle(desired)

    def without(body: dict[str, Any]) -> dict[str, Any]:
        found = {key: value for key, value in body["metadata"]["labels"].items() if key != labels.PLATFORM}
        return {**body, "metadata": {**body["metadata"], "labels": found}}

    world.edit(QUOTA, without)
    world.settle(desired)
    assert world.plan(desired).empty
    world.edit(SPACE, without)
    blocked = next(change for change in world.plan(desired).changes if change.key == SPACE)
    assert isinstance(blocked, Blocked)
    assert "it carries the label allotment.dev/tenant, but not allotment.dev/platform" in blocked.why
    assert "`kubectl label namespace cv allotment.dev/platform=acme`" in blocked.fix
    assert not blocked.remedy

    def labelled(body: dict[str, Any]) -> dict[str, Any]:
        found = {**body["metadata"]["labels"], labels.PLATFORM: PLATFORM}
        return {**body, "metadata": {**body["metadata"], "labels": found}}

    world.edit(SPACE, labelled, manager="kubectl-label")
    world.settle(desired)


names = st.sampled_from(["cv", "nlp", "asr"])


@settings(max_examples=by_day(30), deadline=None)
@given(first=st.sets(names), then=st.sets(names))
def test_applying_any_platform_after_any_other_ends_in_an_empty_plan(first: set[str], then: set[str]) -> None:
    world = World()
    world.settle(objects.platform(*sorted(first)))
    desired = objects.platform(*sorted(then))
    world.settle(desired)
    assert world.plan(desired).empty
    fresh = World()
    fresh.settle(desired)
    assert world.state().keys() == fresh.state().keys()


@settings(max_examples=by_day(30), deadline=None)
@given(st.sets(st.sampled_from(["", labels.PLATFORM, labels.MANAGED_BY]), max_size=2), names)
def test_prune_never_touches_what_is_not_in_the_inventory(missing: set[str], team: str) -> None:
    """Everything of a team, with at least one inventory label missing or another's, survives an empty platform."""
    world = World()
    for manifest in objects.team_objects(team):
        found = {key: value for key, value in manifest.body["metadata"]["labels"].items() if key not in missing}
        if not missing - {""}:
            found[labels.PLATFORM] = "rival"
        body = {**manifest.body, "metadata": {**manifest.body["metadata"], "labels": found}}
        world.kube.put(body)
    before = world.kube.existing
    report = world.apply(objects.manifests())
    assert report.outcomes == ()
    assert world.kube.existing == before


def test_failing_helper_ignores_reads() -> None:
    world = World()
    world.kube.hook = failing(lambda call: True, AssertionError("a write"))
    world.plan(objects.platform("cv"))
