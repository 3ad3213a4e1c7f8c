"""Plays scenarios on the live control plane, side by side.

All scenarios advance in rounds: one action each, then everything settles. Their quota trees are independent of each
other; Kueue takes them through the same scheduling cycles. How long a round must be:

- Timestamps of the API have a resolution of one second.
- Kueue wakes the refused workloads of a tree one second after capacity became free in it.
- Where cohorts stand in cohorts, Kueue also wakes them two seconds after the counts in a ClusterQueue's status changed:
  it brings the status up to date a second after the event, that makes it read the cohorts between queue and root
  again, and a cohort that is read wakes its tree a second later.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from allotment.adapters.kube.client import KubeClient
from allotment.errors import AllotmentError
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.ports.kube import RefusedError
from tests.live.differential.objects import API, GROUP, cluster_objects, workload_object
from tests.live.differential.record import MOST_ACTIONS, PENDING, Record, condition, next_move, shown
from tests.live.differential.shrinking import Scenario

ROUND_SECONDS = 1.25
NESTED_SECONDS = 1.75
LOOK_SECONDS = 0.25
MOST_SECONDS = 30.0
RELEASED = "Released by the differential test"

_SPINNER: Scenario = {
    "flavors": [{"name": "f0"}],
    "cohorts": [],
    "clusterQueues": [
        {
            "name": "cq0",
            "cohort": "none",
            "queueingStrategy": "StrictFIFO",
            "resourceGroups": [
                {
                    "coveredResources": ["cpu"],
                    "flavors": [{"flavor": "f0", "resources": {"cpu": {"nominal": 1000}}}],
                }
            ],
        }
    ],
}
"""A StrictFIFO head that never fits keeps the scheduling cycles going: no scenario depends on others for it."""


class Arena:
    """One control plane as a place to play."""

    def __init__(self, kube: KubeClient, name: str, most_actions: int = MOST_ACTIONS) -> None:
        """Create the namespace of all workloads. No scenario gets more than `most_actions`."""
        self._most_actions = most_actions
        self._kube = kube
        self._name = name
        self._plays = 0
        self._left: list[tuple[str, ObjectKey]] = []
        self.rounds = 0
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self._kube.create(body)
        self._create(cluster_objects(_SPINNER, f"{name}-spin", name))
        spinning = {"name": "w", "clusterQueue": "cq0", "priority": 0, "podSets": [
            {"name": "main", "count": 1, "requests": {"cpu": 2000}}]}  # fmt: skip
        self._create([workload_object(spinning, f"{name}-spin", name)])

    def play(self, scenarios: Sequence[Scenario]) -> list[Record]:
        """Take all scenarios to their ends; what they consisted of goes when others are played."""
        for api_version, key in self._left:
            self._kube.delete(api_version, key)
        self._plays += 1
        records = [Record(each, f"{self._name}-{self._plays}-{i}") for i, each in enumerate(scenarios)]
        objects = {each.prefix: cluster_objects(each.scenario, each.prefix, self._name) for each in records}
        for record in records:
            self._create(objects[record.prefix])
        self._wait_until_active(records)
        self._wait_for_nodes(objects)
        scripts = {record.prefix: list(record.scenario["steps"]) for record in records}
        while moves := self._moves(records, scripts):
            self._round(moves)
        self._left = [(API, self._workload(f"{each.prefix}-{name}")) for each in records for name in each.uids]
        for record in records:
            self._left += [(each["apiVersion"], key_of(each)) for each in reversed(objects[record.prefix])]
        return records

    def _moves(
        self, records: Sequence[Record], scripts: Mapping[str, list[list[str]]]
    ) -> list[tuple[Record, tuple[str, str]]]:
        moves = ((each, next_move(each, scripts[each.prefix], self._most_actions)) for each in records)
        return [(record, move) for record, move in moves if move is not None]

    def _workload(self, name: str) -> ObjectKey:
        return ObjectKey(GROUP, "Workload", self._name, name)

    def _create(self, objects: Sequence[Mapping[str, Any]]) -> None:
        for each in objects:
            self._kube.create(each)

    def _wait_until_active(self, records: Sequence[Record]) -> None:
        wanted = {f"{each.prefix}-{queue['name']}" for each in records for queue in each.scenario["clusterQueues"]}
        deadline = time.monotonic() + 60.0
        while True:
            items = self._kube.list(API, "ClusterQueue")
            active = {
                each["metadata"]["name"]
                for each in items
                for state in each.get("status", {}).get("conditions", [])
                if state["type"] == "Active" and state["status"] == "True"
            }
            if wanted <= active:
                return
            assert time.monotonic() < deadline, f"ClusterQueues do not become active: {sorted(wanted - active)}"
            time.sleep(0.2)

    def _wait_for_nodes(self, objects: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Until the nodes are ready and have no taints but their own."""
        mine = [each for group in objects.values() for each in group if each["kind"] == "Node"]
        wanted = {each["metadata"]["name"]: len(each["spec"].get("taints", [])) for each in mine}
        deadline = time.monotonic() + 60.0
        while wanted:
            ready = {
                each["metadata"]["name"]: len(each["spec"].get("taints", []))
                for each in self._kube.list("v1", "Node")
                for state in each["status"].get("conditions", [])
                if state["type"] == "Ready" and state["status"] == "True"
            }
            if wanted.items() <= ready.items():
                return
            assert time.monotonic() < deadline, "nodes do not become ready"
            time.sleep(0.2)

    def _round(self, moves: Sequence[tuple[Record, tuple[str, str]]]) -> None:
        self.rounds += 1
        for record, (verb, name) in moves:
            if verb == "create":
                [workload] = [each for each in record.scenario["workloads"] if each["name"] == name]
                self._create([workload_object(workload, record.prefix, self._name)])
            elif verb == "finish":
                self._patch_status(f"{record.prefix}-{name}", _finish)
            else:
                self._patch_status(f"{record.prefix}-{name}", _release)
            record.actions.append((verb, name))
        live = self._settled([record for record, _ in moves])
        for record, _ in moves:
            _observe(record, live)

    def _patch_status(self, name: str, change: Callable[[Body, str], Body]) -> None:
        """Change the status as a job's controller would; Kueue may write it at the same moment."""
        key = self._workload(name)
        for _ in range(20):
            workload = self._kube.get(API, key)
            assert workload is not None, name
            version = {"resourceVersion": workload["metadata"]["resourceVersion"]}
            try:
                self._kube.merge_patch(
                    API, key, {"metadata": version, "status": change(workload, _now())}, subresource="status"
                )
            except RefusedError as refused:
                if refused.status != 409:
                    raise
            else:
                return
        raise AllotmentError(f"the status of {name} could not be written", why="Kueue kept changing it")

    def _settled(self, records: Sequence[Record]) -> dict[str, Body]:
        """All workloads, once no decision has changed for long enough. (Messages may change for ever.)"""
        began = changed = time.monotonic()
        nested = tuple(f"{each.prefix}-" for each in records if each.nested)
        before: dict[str, str] = {}
        while (now := time.monotonic()) < began + MOST_SECONDS:
            live = self._list()
            decided = {name: shown(each, "") for name, each in live.items()}
            counts = self._counts(nested)
            if before and decided | counts != before:
                changed = now
            before = decided | counts
            refused = any(state == PENDING and name.startswith(nested) for name, state in decided.items())
            quiet = NESTED_SECONDS if nested and refused else LOOK_SECONDS
            if now >= began + ROUND_SECONDS and now >= changed + quiet:
                return live
            time.sleep(LOOK_SECONDS)
        raise AssertionError("Kueue keeps changing its decisions")

    def _counts(self, prefixes: tuple[str, ...]) -> dict[str, str]:
        """Something that changes with the status of each ClusterQueue."""
        items = self._kube.list(API, "ClusterQueue") if prefixes else ()
        names = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in items}
        return {name: version for name, version in names.items() if name.startswith(prefixes)}

    def _list(self) -> dict[str, Body]:
        return {each["metadata"]["name"]: each for each in self._kube.list(API, "Workload", namespace=self._name)}


def _observe(record: Record, live: Mapping[str, Mapping[str, Any]]) -> None:
    states, messages, reserved = {}, {}, {}
    for name in [name for verb, name in record.actions if verb == "create"]:
        workload = live[f"{record.prefix}-{name}"]
        record.uids[name] = workload["metadata"]["uid"]
        record.created[name] = _seconds(workload["metadata"]["creationTimestamp"])
        states[name] = shown(workload, record.prefix)
        quota = condition(workload, "QuotaReserved")
        if quota is not None and quota["status"] == "True":
            reserved[name] = _seconds(quota["lastTransitionTime"])
        elif quota is not None and quota["message"] != RELEASED:
            messages[name] = quota["message"].replace(f"{record.prefix}-", "")
    record.states.append(states)
    record.messages.append(messages)
    record.reserved.append(reserved)


def _finish(workload: Body, now: str) -> Body:
    return {
        "conditions": _with(workload, (("Finished", "True", "Succeeded", "Finished by the differential test"),), now)
    }


def _release(workload: Body, now: str) -> Body:
    """What a job's controller writes once the job of an evicted workload has stopped."""
    conditions = (
        ("QuotaReserved", "False", "Pending", RELEASED),
        ("Admitted", "False", "NoReservation", "The workload has no reservation"),
    )
    return {"conditions": _with(workload, conditions, now), "admission": None}


def _with(workload: Body, changed: Sequence[tuple[str, str, str, str]], now: str) -> list[Body]:
    kept = workload.get("status", {}).get("conditions", ())
    return [
        *(each for each in kept if each["type"] not in {kind for kind, *_ in changed}),
        *(
            {"type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}
            for kind, status, reason, message in changed
        ),
    ]


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(stamp: str) -> int:
    return int(dt.datetime.fromisoformat(stamp).timestamp())
