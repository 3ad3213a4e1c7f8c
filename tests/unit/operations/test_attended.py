"""The right cluster, one apply at a time, and a record of each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import AllotmentError, ConflictError, ForbiddenError, UnreachableError
from allotment.model import labels
from allotment.model.manifest import Family, Manifest, Manifests, ObjectKey
from allotment.model.mark import MARK, Mark, mark_of
from allotment.operations.adopt.taking_over import Fate, Handled, Taken
from allotment.operations.change import history
from allotment.operations.change.apply import ApplyReport, ApplySettings, Status
from allotment.operations.change.attended import adopt_attended, apply_attended
from allotment.operations.change.history import KEPT, RECORDS, Act, Adopting, Ending
from allotment.operations.change.identity import admitted
from allotment.operations.change.lease import COORDINATION_API, DURATION, LEASE, Holder, acquire
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.plan.changes import PlanSource, Update
from allotment.ports.kube import AccessRefusedError
from allotment.ports.process import Run
from tests.unit.operations.world import START, TODAY, World
from tests.unit.plan import objects

DEV, PROD = Mark(objects.PLATFORM, "dev"), Mark(objects.PLATFORM, "prod")
RUN = Run("20261122T120000Z-abc", "ci-7 process 42")
COMMIT = PlanSource("c0ffee", dirty=True, digest="d1")


def marked(cluster: str, *teams: str, platform: str = objects.PLATFORM) -> Manifests:
    """A small platform with its system namespace."""
    found = {labels.PLATFORM: platform, labels.MANAGED_BY: labels.MANAGED_BY_VALUE, labels.CLUSTER: cluster}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MARK.name, "labels": found}}
    whole = objects.platform(*teams).objects if teams else ()
    return objects.manifests(Manifest(Family.NAMESPACES, None, body), *whole, cluster=cluster)


def attended(world: World, desired: Manifests, run: Run = RUN, **more: Any) -> ApplyReport:
    plan = replace(world.plan(desired, **more), source=COMMIT)
    return apply_attended(plan, world.kube, world.clock, ApplySettings(workers=1), run)


def forbid(kind: str) -> Callable[[Call], None]:
    def hook(call: Call) -> None:
        if call.key.kind == kind and call.verb not in {"get", "list"}:
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message=f"cannot {call.verb} {kind}")

    return hook


class TestMark:
    def test_a_new_cluster_gets_one_and_the_second_plan_is_empty(self) -> None:
        world = World()
        assert admitted(world.kube, DEV) == frozenset()
        assert attended(world, marked("dev", "cv")).complete
        assert mark_of(world.kube.get("v1", MARK) or {}) == DEV
        assert world.plan(marked("dev", "cv")).empty
        assert admitted(world.kube, DEV) == frozenset()

    @pytest.mark.parametrize("meant", [PROD, Mark("globex", "dev")], ids=str)
    def test_another_cluster_is_refused_without_its_name(self, meant: Mark) -> None:
        world = World()
        attended(world, marked("dev"))
        for override in ("", "acme/staging", str(meant), "yes", "acme/DEV"):
            with pytest.raises(ConflictError) as caught:
                admitted(world.kube, meant, override)
            assert str(caught.value).startswith(f"this is the cluster acme/dev, not {meant}")
            assert "fake://kube (context fake)" in caught.value.why
            assert "--override-identity acme/dev" in caught.value.fix

    def test_the_right_word_takes_the_mark_over_within_a_platform(self) -> None:
        world = World()
        attended(world, marked("dev", "cv"))
        plan = world.plan(marked("prod", "cv"), taken=admitted(world.kube, PROD, "acme/dev"))
        (change,) = plan.changes
        assert isinstance(change, Update)
        assert [(field.old, field.new) for field in change.fields] == [("dev", "prod")]

    def test_and_from_another_platform(self) -> None:
        world = World()
        theirs = make_plan(marked("dev", platform="globex"), world.kube, PlanSettings("globex", TODAY))
        assert apply_attended(theirs, world.kube, world.clock, ApplySettings(), RUN).complete
        taken = admitted(world.kube, DEV, "globex/dev")
        assert [change.action.value for change in world.plan(marked("dev")).changes] == ["blocked"]
        assert attended(world, marked("dev"), taken=taken).complete
        assert mark_of(world.kube.get("v1", MARK) or {}) == DEV

    def test_who_may_not_see_the_mark_is_not_refused_for_it(self) -> None:
        kube = FakeKube()

        def hook(_call: Call) -> None:
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message="cannot get namespaces")

        kube.hook = hook
        assert admitted(kube, DEV) == frozenset()


class TestLease:
    def test_the_second_apply_is_told_who_and_since_when(self) -> None:
        world = World()
        acquire(world.kube, world.clock, Holder("ada on laptop"), DEV)
        world.clock.sleep(30)
        with pytest.raises(ConflictError) as caught:
            attended(world, marked("dev", "cv"))
        assert "ada on laptop holds" in caught.value.why
        assert "since 2026-11-22 12:00:00 UTC" in caught.value.why
        assert "12:02:00 UTC" in caught.value.fix
        assert not [key for key in world.kube.existing if key.name == "cv"]

    def test_a_killed_apply_s_lease_runs_out(self) -> None:
        world = World()
        acquire(world.kube, world.clock, Holder("killed"), DEV)
        world.clock.sleep(DURATION.total_seconds())
        assert attended(world, marked("dev", "cv")).complete

    @pytest.mark.parametrize(
        "forged",
        [{"leaseDurationSeconds": 2_000_000_000}, {"renewTime": "2036-01-01T00:00:00.000000Z"}],
        ids=["for ever", "of the future"],
    )
    def test_no_lease_holds_longer_than_an_apply_would(self, forged: dict[str, object]) -> None:
        world = World()
        acquire(world.kube, world.clock, Holder("mallory"), DEV)
        world.kube.merge_patch(COORDINATION_API, LEASE, {"spec": forged})
        world.clock.sleep(DURATION.total_seconds())
        assert attended(world, marked("dev", "cv")).complete

    def test_the_lease_of_a_process_that_is_seen_to_be_gone_holds_nobody_up(self) -> None:
        world = World()
        acquire(world.kube, world.clock, Holder("killed", "here 1"), DEV)
        elsewhere = replace(RUN, has_ended=lambda process: process != "here 1")
        here = replace(RUN, has_ended=lambda process: process == "here 1")
        plan = world.plan(marked("dev", "cv"))
        with pytest.raises(ConflictError):
            apply_attended(plan, world.kube, world.clock, ApplySettings(), elsewhere)
        assert apply_attended(plan, world.kube, world.clock, ApplySettings(), here).complete

    def test_it_is_given_back_so_that_the_next_goes_on_at_once(self) -> None:
        world = World()
        assert attended(world, marked("dev", "cv")).complete
        assert attended(world, marked("dev", "cv", "nlp"), replace(RUN, id="second")).complete

    def test_it_is_kept_while_steps_take_long(self) -> None:
        world = World()

        def slow(call: Call) -> None:
            if call.verb == "apply" and call.done:
                world.clock.sleep(100)
                with pytest.raises(ConflictError):
                    acquire(world.kube, FixedClock(world.clock.now()), Holder("another"), DEV)

        plan = world.plan(marked("dev", "cv"))
        world.kube.hook = slow
        assert apply_attended(plan, world.kube, world.clock, ApplySettings(workers=1), RUN).complete

    def test_an_apply_that_lost_it_stops(self) -> None:
        world = World()
        applied: list[ObjectKey] = []

        def asleep(call: Call) -> None:
            if call.verb == "apply" and call.done:
                applied.append(call.key)
                if len(applied) == 3:
                    world.clock.sleep(1000)
                    acquire(world.kube, FixedClock(world.clock.now()), Holder("another"), DEV)

        plan = world.plan(marked("dev", "cv", "nlp"))
        world.kube.hook = asleep
        report = apply_attended(plan, world.kube, world.clock, ApplySettings(workers=1), RUN)
        assert len(applied) == 3
        assert {outcome.status for outcome in report.outcomes[3:]} == {Status.SKIPPED}
        assert "went to another" in report.outcomes[-1].message
        live = world.kube.get("coordination.k8s.io/v1", LEASE)
        assert live is not None
        assert live["spec"]["holderIdentity"] == "another"

    def test_without_the_right_nothing_is_changed_and_it_says_so(self) -> None:
        world = World()
        plan = world.plan(marked("dev", "cv"))
        world.kube.hook = forbid("Lease")
        with pytest.raises(ForbiddenError, match="nothing was changed") as caught:
            apply_attended(plan, world.kube, world.clock, ApplySettings(), RUN)
        assert "leases in allotment-system" in caught.value.fix
        assert not [key for key in world.kube.existing if key.name == "cv"]

    def test_two_that_begin_together(self) -> None:
        world, late = World(), []

        def first(call: Call) -> None:
            if call.verb == "create" and call.key == LEASE and not call.done and not late:
                late.append("once")
                acquire(world.kube, world.clock, Holder("quicker"), DEV)

        world.kube.hook = first
        with pytest.raises(ConflictError, match="another apply") as caught:
            acquire(world.kube, world.clock, Holder("slower"), DEV)
        assert "quicker holds" in caught.value.why


class TestHistory:
    def test_a_record_says_who_when_from_what_and_how_it_ended(self) -> None:
        world = World()
        attended(world, marked("dev", "cv"))
        (record,) = history.history(world.kube)
        assert (record.id, record.by, record.started, record.source) == (RUN.id, "engineer", START, COMMIT)
        assert (record.platform, record.cluster, record.ending) == ("acme", "dev", Ending.COMPLETE)
        assert record.steps == {"applied": len(marked("dev", "cv").objects)}

    def test_an_apply_with_nothing_to_do_leaves_no_trace(self) -> None:
        world = World()
        attended(world, marked("dev", "cv"))
        world.forget()
        assert attended(world, marked("dev", "cv"), replace(RUN, id="again")).complete
        assert world.writes() == []
        assert len(history.history(world.kube)) == 1

    @pytest.mark.parametrize(
        ("error", "ending"),
        [(KeyboardInterrupt(), Ending.INTERRUPTED), (UnreachableError("gone"), Ending.INCOMPLETE)],
        ids=["interrupted", "incomplete"],
    )
    def test_a_bad_ending_is_recorded(self, error: BaseException, ending: Ending) -> None:
        world = World()
        plan = world.plan(marked("dev", "cv"))

        def hook(call: Call) -> None:
            if call.verb == "apply" and call.key.kind == "ResourceQuota":
                raise error

        world.kube.hook = hook
        try:
            apply_attended(plan, world.kube, world.clock, ApplySettings(workers=1), RUN)
        except KeyboardInterrupt:
            assert ending is Ending.INTERRUPTED
        world.kube.hook = lambda _call: None
        assert [record.ending for record in history.history(world.kube)] == [ending]
        acquire(world.kube, world.clock, Holder("next"), DEV)

    def test_only_the_last_are_kept_newest_first(self) -> None:
        world = World()
        world.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": labels.SYSTEM_NAMESPACE}})
        plan = world.plan(marked("dev", "cv"))
        for number in range(KEPT + 5):
            moment = START + dt.timedelta(minutes=number)
            history.write(world.kube, history.begun(plan, f"run-{number:03}", "ada", moment))
        found = history.history(world.kube)
        assert [record.id for record in found] == [f"run-{number:03}" for number in reversed(range(5, KEPT + 5))]
        assert {record.ending for record in found} == {Ending.UNFINISHED}

    @pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"source": []}', "\x00"])
    def test_what_is_no_record_is_left_out(self, text: str) -> None:
        world = World()
        attended(world, marked("dev", "cv"))
        world.kube.merge_patch("v1", RECORDS, {"data": {"z": text}})
        assert [record.id for record in history.history(world.kube)] == [RUN.id]

    def test_it_may_be_forbidden(self) -> None:
        kube = FakeKube()

        def hook(_call: Call) -> None:
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message="cannot get configmaps")

        kube.hook = hook
        with pytest.raises(ForbiddenError, match="cannot get configmaps"):
            history.history(kube)

    def test_without_the_right_to_keep_it_nothing_is_changed(self) -> None:
        world = World()
        plan = world.plan(marked("dev", "cv"))
        world.kube.hook = forbid("ConfigMap")
        with pytest.raises(AllotmentError, match="no record"):
            apply_attended(plan, world.kube, world.clock, ApplySettings(), RUN)
        assert not [key for key in world.kube.existing if key.name == "cv"]


class TestAdoptions:
    QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")
    SPACE = ObjectKey("", "Namespace", "", "cv")
    QUEUE = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "cv")

    def adopt(self, world: World, *fates: Fate, act: Act = Act.ADOPT, error: AllotmentError | None = None) -> None:
        keys = (self.SPACE, self.QUOTA, self.QUEUE)
        handled = tuple(Handled(key, fate) for key, fate in zip(keys, fates, strict=False))

        def do() -> Taken:
            if error is not None:
                raise error
            return Taken(handled)

        adopt_attended(world.kube, world.clock, Adopting(act, DEV, keys, COMMIT, "m1"), RUN, do)

    def test_each_is_on_record_with_who_what_and_from_where(self) -> None:
        world = World()
        self.adopt(world, Fate.ADOPTED, Fate.ADOPTED, Fate.ADOPTED)
        (found,) = history.history(world.kube)
        assert (found.act, found.objects, found.more) == (Act.ADOPT, ("namespace/cv", "clusterqueue/cv"), 1)
        assert (found.by, found.source, found.manifests) == (world.kube.us.user, COMMIT, "m1")
        assert (found.ending, found.steps, found.started) == (Ending.COMPLETE, {"adopted": 3}, START)

    @pytest.mark.parametrize(
        ("fates", "ending"),
        [((Fate.GIVEN_BACK, Fate.DELETED), Ending.COMPLETE), ((Fate.ADOPTED, Fate.HELD), Ending.INCOMPLETE)],
    )
    def test_how_it_ended(self, fates: tuple[Fate, ...], ending: Ending) -> None:
        world = World()
        self.adopt(world, *fates, act=Act.UNDO)
        (found,) = history.history(world.kube)
        assert (found.act, found.ending, found.steps) == (Act.UNDO, ending, {fate.value: 1 for fate in fates})

    def test_one_that_broke_off_is_on_record_too(self) -> None:
        world = World()
        with pytest.raises(UnreachableError):
            self.adopt(world, error=UnreachableError("gone"))
        (found,) = history.history(world.kube)
        assert found.ending is Ending.INTERRUPTED

    def test_without_the_right_to_record_nothing_is_taken_over(self) -> None:
        world = World()
        world.kube.hook = forbid("ConfigMap")
        with pytest.raises(ForbiddenError, match="nothing was changed"):
            self.adopt(world, error=AssertionError("done all the same"))  # type: ignore[arg-type]

    def test_records_of_before_are_of_applies(self) -> None:
        world = World()
        assert attended(world, marked("dev", "cv")).complete
        live = world.kube.get("v1", RECORDS) or {}
        (name,) = live["data"]
        old = {key: value for key, value in json.loads(live["data"][name]).items() if key not in _LATER}
        world.kube.merge_patch("v1", RECORDS, {"data": {name: json.dumps(old)}})
        (found,) = history.history(world.kube)
        assert (found.act, found.objects, found.more) == (Act.APPLY, (), 0)


_LATER = ("act", "objects", "more")


def test_a_record_names_on_whose_account_it_was_applied() -> None:
    world = World()
    assert attended(world, marked("dev", "cv"), replace(RUN, cause="grant r7k2f9qa of ada")).complete
    (record,) = history.history(world.kube)
    assert (record.by, record.source) == (f"{world.kube.whoami().user} for grant r7k2f9qa of ada", COMMIT)
