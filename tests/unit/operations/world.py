"""A fake cluster, a virtual clock, and the steps of plan and apply in one word each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.model.manifest import Manifests, ObjectKey
from allotment.operations.change.apply import ApplyReport, ApplySettings, apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.plan.changes import Plan
from tests.unit.plan.objects import PLATFORM

TODAY = dt.date(2026, 11, 22)
START = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


class World:
    """One cluster."""

    def __init__(self, kube: FakeKube | None = None) -> None:
        self.kube = kube or FakeKube()
        self.clock = FixedClock(START)

    def plan(self, desired: Manifests, *, force: bool = False, workers: int = 1, **more: Any) -> Plan:
        settings = PlanSettings(PLATFORM, more.pop("today", TODAY), force=force, workers=workers, **more)
        return make_plan(desired, self.kube, settings)

    def apply(self, desired: Manifests, *, force: bool = False, workers: int = 1) -> ApplyReport:
        plan = self.plan(desired, force=force, workers=workers)
        return apply_plan(plan, self.kube, self.clock, ApplySettings(workers=workers))

    def settle(self, desired: Manifests) -> None:
        """Apply, and make sure that nothing is left."""
        report = self.apply(desired)
        assert report.complete, report.remaining

    def writes(self) -> list[tuple[str, ObjectKey]]:
        """Writes so far, dry runs left out."""
        return [
            (call.verb, call.key)
            for call in self.kube.calls
            if call.done and call.verb not in {"get", "list"} and not call.dry_run
        ]

    def forget(self) -> None:
        self.kube.calls.clear()

    def state(self) -> Mapping[ObjectKey, Any]:
        """All objects without what changes with every write."""
        state = {}
        for key in self.kube.existing:
            body = dict(self.kube.get("v1", key) or {})
            noise = {"resourceVersion", "uid"}
            body["metadata"] = {name: value for name, value in body["metadata"].items() if name not in noise}
            state[key] = body
        self.forget()
        return state

    def edit(
        self, key: ObjectKey, change: Callable[[dict[str, Any]], dict[str, Any]], manager: str = "kubectl-edit"
    ) -> None:
        self.kube.edit(key, change, manager=manager)


def failing(matches: Callable[[Call], bool], error: BaseException, *, after: bool = False) -> Callable[[Call], None]:
    """A hook that raises on every matching call that is no dry run."""

    def hook(call: Call) -> None:
        if call.done is after and not call.dry_run and call.verb not in {"get", "list"} and matches(call):
            raise error

    return hook


def pod(namespace: str, name: str = "train-0") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "main", "image": "train"}]},
    }


def held(flavor: str, *, queue: str = "cv", amount: str = "4", resource: str = "nvidia.com/gpu") -> dict[str, Any]:
    """A Workload that Kueue has admitted."""
    assignment = {"name": "main", "count": 1, "flavors": {resource: flavor}, "resourceUsage": {resource: amount}}
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Workload",
        "metadata": {"name": "train", "namespace": "cv"},
        "status": {"admission": {"clusterQueue": queue, "podSetAssignments": [assignment]}},
    }


def job(namespace: str, name: str = "train") -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace}}
