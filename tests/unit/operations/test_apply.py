"""Apply: order, setbacks, kills; all on the fake, without waiting."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import NotSignedInError, UnreachableError
from allotment.model import labels
from allotment.model.manifest import Manifest, Manifests, ObjectKey
from allotment.operations.change.apply import ApplySettings, Status, apply_plan
from allotment.plan import order
from allotment.plan.order import Stage
from allotment.ports.kube import RefusedError
from tests.by_day import by_day
from tests.unit.operations.world import World, failing, job, pod
from tests.unit.plan import objects

QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")
SPACE = ObjectKey("", "Namespace", "", "cv")


class KilledError(BaseException):
    """What SIGKILL does: nothing of ours runs any more."""


def refusal(message: str = "denied") -> RefusedError:
    return RefusedError("refused", status=403, reason="Forbidden", message=message)


def statuses(world: World, desired: Manifests) -> dict[ObjectKey, Status]:
    return {outcome.change.key: outcome.status for outcome in world.apply(desired).outcomes}


class TestOrder:
    def test_ranks(self) -> None:
        world = World()
        world.settle(objects.platform("cv", "nlp"))
        places = [order.place(key) for verb, key in world.writes()]
        assert places == sorted(places)

    def test_no_access_before_guardrails_with_threads(self) -> None:
        world = World()
        assert world.apply(objects.platform("cv", "nlp", "asr"), workers=8).complete
        stages = [order.stage(key) for _, key in world.writes()]
        assert max(i for i, stage in enumerate(stages) if stage is Stage.GUARDRAIL) < stages.index(Stage.ACCESS)

    def test_on_outcome_is_told_everything(self) -> None:
        world, desired, told = World(), objects.platform("cv"), []
        report = apply_plan(world.plan(desired), world.kube, world.clock, ApplySettings(on_outcome=told.append))
        assert sorted(map(repr, told)) == sorted(map(repr, report.outcomes))


class TestSetbacks:
    def test_one_bad_object_does_not_stop_the_rest(self) -> None:
        world, desired = World(), objects.platform("cv", "nlp")
        bad = ObjectKey("", "PersistentVolumeClaim", "cv", "home")
        world.kube.hook = failing(lambda call: call.key == bad, refusal("no such class"))
        report = world.apply(desired)
        assert [(outcome.change.key, outcome.status) for outcome in report.remaining] == [(bad, Status.REFUSED)]
        assert report.remaining[0].message == "no such class"
        assert not report.complete
        assert report.exit_code == 1

    def test_nothing_goes_into_a_namespace_that_failed(self) -> None:
        world = World()
        world.kube.hook = failing(lambda call: call.key == SPACE, refusal())
        found = statuses(world, objects.platform("cv", "nlp"))
        for key, status in found.items():
            expected = Status.REFUSED if key == SPACE else Status.SKIPPED if key.namespace == "cv" else Status.APPLIED
            assert status is expected, key
        assert set(found.values()) == {Status.REFUSED, Status.SKIPPED, Status.APPLIED}

    def test_no_access_without_a_guardrail_of_the_namespace(self) -> None:
        world = World()
        world.kube.hook = failing(lambda call: call.key == QUOTA, refusal())
        found = statuses(world, objects.platform("cv", "nlp"))
        skipped = {key for key, status in found.items() if status is Status.SKIPPED}
        assert {(key.kind, key.namespace) for key in skipped} == {
            ("LocalQueue", "cv"), ("Role", "cv"), ("RoleBinding", "cv"),
        }  # fmt: skip

    def test_no_access_anywhere_without_a_guardrail_of_the_cluster(self) -> None:
        world = World()
        world.kube.hook = failing(lambda call: call.key.kind == "ValidatingAdmissionPolicyBinding", refusal())
        found = statuses(world, objects.platform("cv", "nlp"))
        skipped = {key for key, status in found.items() if status is Status.SKIPPED}
        assert {key for key in found if order.stage(key) is Stage.ACCESS} == skipped

    @pytest.mark.parametrize("how", ["refused", "conflict"])
    def test_no_access_to_a_namespace_that_is_not_marked_as_the_teams(self, how: str) -> None:
        """It carries the platform's label, and nothing says that it is this team's: policies do not hold there."""
        world = World()
        marked = {"name": "cv", "labels": {labels.PLATFORM: "acme", labels.TENANT: "nlp" if how == "conflict" else ""}}
        world.kube.apply_as("kubectl-label", {"apiVersion": "v1", "kind": "Namespace", "metadata": marked})
        if how == "refused":
            world.kube.hook = failing(lambda call: call.key == SPACE, refusal("not handed to team cv"))
        found = statuses(world, objects.platform("cv"))
        assert found[SPACE] in (Status.BLOCKED, Status.CONFLICT)
        opened = {key.kind for key, status in found.items() if key.namespace == "cv" and status is Status.APPLIED}
        assert opened.isdisjoint({"Role", "RoleBinding", "LocalQueue"})

    def test_a_conflict_leaves_the_guardrail_in_place_so_access_is_opened(self) -> None:
        world = World()
        world.settle(objects.manifests(objects.namespace("cv"), objects.quota("cv")))
        world.edit(QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": "9"}}})
        found = statuses(world, objects.platform("cv"))
        assert found.pop(QUOTA) is Status.CONFLICT
        assert set(found.values()) == {Status.APPLIED}

    def test_conflicts_are_never_forced_unless_asked(self) -> None:
        world, desired = World(), objects.platform("cv")
        world.settle(desired)
        world.edit(QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": "9"}}})
        report = world.apply(desired)
        assert [outcome.status for outcome in report.outcomes] == [Status.CONFLICT]
        assert "kubectl-edit" in report.outcomes[0].message
        assert report.exit_code == 6
        live = world.kube.get("v1", QUOTA)
        assert live is not None
        assert live["spec"]["hard"]["pods"] == "9"
        assert world.apply(desired, force=True).complete
        assert world.plan(desired).empty

    def test_a_conflict_that_arises_between_plan_and_apply_is_not_forced(self) -> None:
        world, desired = World(), objects.platform("cv")
        world.settle(objects.manifests(*(item for item in desired if item.key != QUOTA), objects.quota("cv", gpus=1)))
        plan = world.plan(desired)
        world.edit(
            QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "requests.nvidia.com/gpu": "3"}}}
        )
        report = apply_plan(plan, world.kube, world.clock, ApplySettings(workers=1))
        assert [outcome.status for outcome in report.outcomes] == [Status.CONFLICT]

    def test_a_namespace_made_by_somebody_else_since_the_plan_is_not_taken_over(self) -> None:
        world, desired = World(), objects.platform("cv")
        plan = world.plan(desired)
        world.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cv"}})
        report = apply_plan(plan, world.kube, world.clock, ApplySettings(workers=1))
        found = {outcome.change.key: outcome.status for outcome in report.outcomes}
        assert found[SPACE] is Status.BLOCKED
        assert all(found[key] is Status.SKIPPED for key in found if key.namespace == "cv")
        live = world.kube.get("v1", SPACE)
        assert live is not None
        assert labels.PLATFORM not in live["metadata"]["labels"]

    def test_an_object_that_was_replaced_since_the_plan_is_not_deleted(self) -> None:
        world = World()
        world.settle(objects.manifests(objects.flavor("old")))
        plan = world.plan(objects.manifests())
        key = plan.changes[0].key
        world.kube.delete("kueue.x-k8s.io/v1beta2", key)
        world.kube.put({"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ResourceFlavor", "metadata": {"name": "old"}})
        report = apply_plan(plan, world.kube, world.clock, ApplySettings(workers=1))
        assert [outcome.status for outcome in report.outcomes] == [Status.REFUSED]
        assert key in world.kube.existing

    def test_a_server_that_is_gone_is_not_asked_for_every_object(self) -> None:
        world, desired = World(), objects.platform("cv", "nlp")
        world.kube.hook = failing(lambda call: True, UnreachableError("no answer"))
        report = world.apply(desired)
        found = [outcome.status for outcome in report.outcomes]
        assert found.count(Status.UNREACHABLE) == 3
        assert set(found) == {Status.UNREACHABLE, Status.SKIPPED}
        assert report.exit_code == 9
        world.kube.hook = lambda call: None
        world.settle(desired)

    def test_lost_credentials_end_it_at_once(self) -> None:
        world, desired = World(), objects.platform("cv", "nlp")
        world.kube.hook = failing(lambda call: True, NotSignedInError("expired"))
        report = world.apply(desired)
        assert [outcome.status for outcome in report.outcomes].count(Status.UNREACHABLE) == 1

    def test_guardrails_of_the_cluster_stay_while_their_successor_is_missing(self) -> None:
        world = World()
        world.settle(objects.platform("cv"))
        successor = objects.policy_binding("-v2")
        kept = [item for item in objects.platform("cv") if item.key.kind != "ValidatingAdmissionPolicyBinding"]
        world.kube.hook = failing(lambda call: call.key == successor.key, refusal())
        found = statuses(world, objects.manifests(*kept, successor))
        assert found[objects.policy_binding().key] is Status.SKIPPED
        assert objects.policy_binding().key in world.kube.existing


class TestKills:
    """Killed at any write, before or after its effect: the next run converges, and nothing is lost."""

    OLD = objects.platform("cv", "asr")
    NEW = objects.manifests(
        *objects.shared_objects(),
        *objects.team_objects("nlp"),
        *(item for item in objects.team_objects("cv") if item.key != QUOTA),
        objects.quota("cv", gpus=2),
    )

    def expected(self) -> Any:
        world = World()
        world.settle(self.OLD)
        world.settle(self.NEW)
        return world.state()

    def test_at_every_single_write(self) -> None:
        reference = World()
        reference.settle(self.OLD)
        reference.forget()
        reference.settle(self.NEW)
        writes = len(reference.writes())
        expected = self.expected()
        assert writes > 20
        for number in range(writes):
            for after in (False, True):
                self.killed_once(number, after=after, expected=expected)

    def killed_once(self, number: int, *, after: bool, expected: Any) -> None:
        world = World()
        world.settle(self.OLD)
        world.kube.put(foreign := {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        count = 0

        def hook(call: Call) -> None:
            nonlocal count
            if call.verb in {"get", "list"} or call.dry_run or call.done is not after:
                return
            count += 1
            if count == number + 1:
                raise KilledError

        world.kube.hook = hook
        with pytest.raises(KilledError):
            world.apply(self.NEW)
        world.kube.hook = lambda call: None
        world.settle(self.NEW)
        state = dict(world.state())
        assert state.pop(ObjectKey("", "Namespace", "", foreign["metadata"]["name"]))  # type: ignore[index]
        assert state == expected
        assert world.plan(self.NEW).empty

    @settings(max_examples=by_day(25), deadline=None)
    @given(st.integers(0, 2**32), st.integers(1, 6))
    def test_at_random_again_and_again_with_a_changing_platform(self, seed: int, kills: int) -> None:
        chance = random.Random(seed)
        world = World()
        teams = ["cv", "nlp", "asr", "ads"]

        def hook(call: Call) -> None:
            if call.verb not in {"get", "list"} and not call.dry_run and chance.random() < 0.1:
                raise KilledError

        for _ in range(kills):
            world.kube.hook = hook
            desired = objects.platform(*chance.sample(teams, chance.randint(0, 4)))
            try:
                world.apply(desired)
            except KilledError:
                continue
        world.kube.hook = lambda call: None
        last = objects.platform(*chance.sample(teams, 2))
        world.settle(last)
        assert world.plan(last).empty
        fresh = World()
        fresh.settle(last)
        assert world.state().keys() == fresh.state().keys()


class TestOffboarding:
    """Attack row 21: workloads first, policies last, whatever fails in between."""

    LEFT = objects.platform("nlp")

    def world(self) -> World:
        world = World()
        world.settle(objects.platform("cv", "nlp"))
        world.kube.put(job("cv"), pod("cv"))
        world.forget()
        return world

    def test_the_order(self) -> None:
        world = self.world()
        world.settle(self.LEFT)
        kinds = [(verb, key.kind) for verb, key in world.writes()]
        assert kinds[0] == ("apply", "LocalQueue")  # held
        deleted = [kind for verb, kind in kinds if verb == "delete"]
        assert deleted[:2] == ["Job", "Pod"]
        place = deleted.index
        assert place("Pod") < place("RoleBinding") < place("LocalQueue") < place("ClusterQueue")
        assert place("ClusterQueue") < place("NetworkPolicy")
        assert deleted[-1] == "Namespace"

    def test_the_queue_is_held_before_the_first_deletion(self) -> None:
        world = self.world()
        queue = ObjectKey("kueue.x-k8s.io", "LocalQueue", "cv", "default")
        world.kube.hook = failing(lambda call: call.verb == "delete", KilledError())
        with pytest.raises(KilledError):
            world.apply(self.LEFT)
        live = world.kube.get("kueue.x-k8s.io/v1beta2", queue)
        assert live is not None
        assert live["spec"]["stopPolicy"] == "HoldAndDrain"

    def test_a_team_that_comes_back_gets_its_queue_back(self) -> None:
        world = self.world()
        world.kube.hook = failing(lambda call: call.verb == "delete", KilledError())
        with pytest.raises(KilledError):
            world.apply(self.LEFT)
        world.kube.hook = lambda call: None
        world.settle(objects.platform("cv", "nlp"))
        live = world.kube.get("kueue.x-k8s.io/v1beta2", ObjectKey("kueue.x-k8s.io", "LocalQueue", "cv", "default"))
        assert live is not None
        assert live["spec"]["stopPolicy"] == "None"
        assert world.plan(objects.platform("cv", "nlp")).empty

    def test_workloads_that_do_not_end_keep_policies_and_data(self) -> None:
        world = self.world()
        world.kube.hook = stuck_pods(world.kube)
        plan = world.plan(self.LEFT)
        settings = ApplySettings(workers=1, drain_limit=dt.timedelta(seconds=30))
        report = apply_plan(plan, world.kube, world.clock, settings)
        found = {(outcome.change.key.kind, outcome.status) for outcome in report.outcomes}
        assert ("Namespace", Status.TIMED_OUT) in found
        assert ("RoleBinding", Status.DELETED) in found
        assert ("LocalQueue", Status.DELETED) in found
        kept = {key.kind for key in world.kube.existing if key.namespace == "cv"} | {"Namespace"}
        assert kept >= {"Pod", "NetworkPolicy", "ResourceQuota", "LimitRange", "PersistentVolumeClaim"}
        assert SPACE in world.kube.existing
        assert report.exit_code == 8
        world.kube.hook = lambda call: None
        world.settle(self.LEFT)
        assert SPACE not in world.kube.existing

    @pytest.mark.parametrize("kind", ["Job", "Pod", "RoleBinding", "LocalQueue", "ClusterQueue", "NetworkPolicy"])
    def test_policies_never_fall_before_workloads_whatever_is_refused(self, kind: str) -> None:
        world = self.world()
        refused: list[ObjectKey] = []

        def watch(call: Call) -> None:
            if call.verb == "delete" and not call.done and call.key.kind == kind:
                refused.append(call.key)
                raise refusal()
            if call.verb == "delete" and call.done and order.stage(call.key) in {Stage.GUARDRAIL, Stage.FOUNDATION}:
                assert not [key for key in world.kube.existing if key.kind in {"Job", "Pod"} and key.namespace == "cv"]

        world.kube.hook = watch
        world.apply(self.LEFT)
        assert refused
        world.kube.hook = lambda call: None
        world.settle(self.LEFT)

    def test_one_workload_that_cannot_go_does_not_keep_the_others(self) -> None:
        world = self.world()
        world.kube.hook = failing(lambda call: call.verb == "delete" and call.key.kind == "Job", refusal("poison"))
        report = world.apply(self.LEFT)
        assert "poison" in {outcome.message for outcome in report.remaining}
        assert {key.kind for key in world.kube.existing if key.namespace == "cv"} >= {"Job", "NetworkPolicy"}
        assert ObjectKey("", "Pod", "cv", "train-0") not in world.kube.existing

    def test_work_that_slips_in_during_offboarding_goes_too(self) -> None:
        world = self.world()
        slipped, left = False, list[list[ObjectKey]]()

        def hook(call: Call) -> None:
            nonlocal slipped
            if call.verb == "delete" and call.key.kind == "RoleBinding" and not call.done and not slipped:
                slipped = True
                world.kube.put(pod("cv", "late"))
            if call.verb == "delete" and call.key.kind == "NetworkPolicy" and not call.done:
                left.append([key for key in world.kube.existing if key.kind == "Pod"])

        world.kube.hook = hook
        world.settle(self.LEFT)
        assert slipped
        assert left
        assert not any(left)

    def test_other_teams_are_left_alone(self) -> None:
        world = self.world()
        world.kube.put(pod("nlp"))
        world.settle(self.LEFT)
        assert ObjectKey("", "Pod", "nlp", "train-0") in world.kube.existing
        assert world.plan(self.LEFT).empty

    def test_kept_data_stay_and_nothing_runs(self) -> None:
        world = self.world()
        leaving = objects.namespace(
            "cv", annotations={labels.KEEP_DATA_UNTIL: "2027-01-31"}, more={labels.OFFBOARDING: "true"}
        )
        desired: tuple[Manifest, ...] = (*self.LEFT.objects, leaving, objects.claim("cv"), *objects.guardrails("cv"))
        world.settle(objects.manifests(*desired))
        kinds = {key.kind for key in world.kube.existing if key.namespace == "cv"}
        assert kinds == {"PersistentVolumeClaim", "ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount"}
        assert world.plan(objects.manifests(*desired)).empty


def stuck_pods(kube: FakeKube) -> Any:
    """A finalizer holds every pod: a deletion changes nothing."""
    bodies: dict[ObjectKey, Any] = {}

    def hook(call: Call) -> None:
        if call.verb != "delete" or call.key.kind != "Pod":
            return
        if not call.done:
            bodies[call.key] = kube.get("v1", call.key)
        elif bodies.get(call.key):
            kube.put({key: value for key, value in bodies[call.key].items() if key != "status"})

    return hook
