"""What a cluster shows: all that may be read, and a gap for the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import NotSignedInError, UnreachableError
from allotment.model.manifest import Body
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.kinds import CLUSTER_AUTOSCALER_STATUS, KINDS
from allotment.operations.ask import observing
from allotment.operations.ask.observing import observe
from allotment.ports.kube import AccessRefusedError, Identity, ObjectPart, RefusedError, UnendingError
from tests.unit.observe.objects import OURS, THEIRS, pod, raw, two_teams

VISIBILITY = "visibility.kueue.x-k8s.io"


class Still:
    """A clock that stands."""

    def now(self) -> dt.datetime:
        return dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def cluster(*more: dict[str, Any], **options: Any) -> FakeKube:
    kube = FakeKube(us=Identity("mia", ("nlp",)), **options)
    kube.put(*two_teams(), *more)
    return nobody_waits(kube)


def look(kube: FakeKube, *namespaces: str) -> tuple[Snapshot, Source]:
    found = observe(kube, Still(), namespaces)
    return found, found.sources[0]


def refusing(*kinds: str, error: Callable[[str], Exception], everywhere_only: bool = False) -> Callable[[Call], None]:
    def hook(call: Call) -> None:
        if not call.done and call.key.kind in kinds and not (everywhere_only and call.key.namespace == OURS):
            raise error(call.key.kind)

    return hook


def forbidden(kind: str) -> Exception:
    return AccessRefusedError("refused", status=403, reason="Forbidden", message=f"{kind} is forbidden: mia cannot")


def broken(kind: str) -> Exception:
    return RefusedError("refused", status=500, reason="InternalError", message=f"{kind}: conversion failed")


def silent(kind: str) -> Exception:
    return UnreachableError(f"no answer about {kind}")


def names(source: Source, field: str) -> set[str]:
    return {each.metadata.name for each in getattr(source.objects, field)}


def test_everything_is_read_with_who_asked_and_when() -> None:
    snapshot, source = look(cluster())
    assert (snapshot.taken_at, source.server, source.name) == ("2026-11-27T12:00:00Z", "v1.36.3", "fake")
    assert (snapshot.asker.user, snapshot.asker.groups, snapshot.asker.namespace) == ("mia", ("nlp",), "default")
    assert names(source, "pods") == {"tune-0", "train-canary-7"}
    assert names(source, "cluster_queues") == {"nlp", "queue-canary-7"}
    assert source.complete


def test_secrets_are_never_asked_for_and_config_maps_by_name_alone() -> None:
    kube = cluster(raw("Secret", "v1", "s", OURS), raw("ConfigMap", "v1", "tokens", OURS, data={"a": "b"}))
    namespace, name = CLUSTER_AUTOSCALER_STATUS.split("/")
    kube.put(raw("ConfigMap", "v1", name, namespace, data={"status": "x"}))
    # A pod whose owner, says its maker, is a Secret.
    owner = {"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "u", "controller": True}
    kube.put(raw("Pod", "v1", "sly", OURS, number=90, meta={"ownerReferences": [owner]}))
    _, source = look(kube)
    assert names(source, "config_maps") == {name}
    asked = {(call.verb, call.key.kind, call.key.name) for call in kube.calls}
    assert "Secret" not in {kind for _, kind, _ in asked}
    assert ("list", "ConfigMap", "") not in asked
    assert "Secret" not in {each.kind for each in KINDS}


def test_what_may_not_be_listed_is_read_in_the_namespaces_asked_for() -> None:
    kube = cluster()
    kube.hook = refusing("Pod", "Node", "Workload", error=forbidden, everywhere_only=True)
    _, source = look(kube, OURS)
    assert names(source, "pods") == {"tune-0"}
    assert names(source, "workloads") == {"job-tune"}
    assert not source.objects.nodes
    assert source.namespaces == (OURS,)
    told = {(gap.what, gap.namespace, gap.reason, gap.detail) for gap in source.gaps}
    assert told == {
        ("pods", "", "forbidden", "Pod is forbidden: mia cannot"),
        ("nodes", "", "forbidden", "Node is forbidden: mia cannot"),
        ("workloads", "", "forbidden", "Workload is forbidden: mia cannot"),
    }


def test_who_may_not_list_namespaces_still_reads_her_own() -> None:
    kube = cluster()

    def hook(call: Call) -> None:
        if not call.done and call.key.kind == "Namespace" and (call.verb == "list" or call.key.name != OURS):
            raise forbidden(call.key.kind)

    kube.hook = hook
    _, source = look(kube, OURS, "others")
    assert names(source, "namespaces") == {OURS}
    assert [(gap.what, gap.namespace, gap.reason) for gap in source.gaps] == [("namespaces", "", "forbidden")]


def test_a_kind_that_fails_stops_no_other() -> None:
    kube = cluster()
    kube.hook = refusing("Pod", error=broken)
    _, source = look(kube)
    assert [(gap.what, gap.reason, gap.detail) for gap in source.gaps] == [("pods", "failed", "Pod: conversion failed")]
    assert names(source, "nodes") == {"a100-0"}
    kube.hook = refusing("Job", error=silent)
    _, source = look(kube)
    assert [(gap.what, gap.reason) for gap in source.gaps] == [("jobs", "failed")]
    assert names(source, "pods") == {"tune-0", "train-canary-7"}


def test_a_server_that_falls_silent_is_not_asked_for_ever() -> None:
    kube = cluster()

    def hook(call: Call) -> None:
        if call.verb == "list":
            raise silent(call.key.kind)

    kube.hook = hook
    _, source = look(kube)
    assert all(gap.reason == "failed" for gap in source.gaps)
    lists = [call for call in kube.calls if call.verb == "list"]
    assert len(lists) < len(KINDS) / 2


def test_a_server_without_end_is_not_asked_for_ever_though_it_answers_in_between() -> None:
    kube = cluster()
    ending = {"Node", *(each.kind for each in KINDS[::2])}

    def hook(call: Call) -> None:
        if call.verb == "list" and call.key.kind not in ending:
            raise UnendingError(f"list of {call.key.kind} does not come to an end", why="more than 2 MiB")

    kube.hook = hook
    _, source = look(kube)
    assert names(source, "nodes") == {"a100-0"}
    assert {"failed"} == {gap.reason for gap in source.gaps}
    assert any("does not come to an end more than 2 MiB" in gap.detail for gap in source.gaps)
    assert sum(call.verb == "list" for call in kube.calls) < len(KINDS) / 2


@pytest.mark.parametrize("error", [NotSignedInError("no"), UnreachableError("no answer")], ids=["401", "silent"])
def test_no_server_is_an_error(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: FakeKube) -> None:
        raise error

    monkeypatch.setattr(FakeKube, "server", fail)
    with pytest.raises(type(error)):
        look(cluster())


def test_credentials_that_expire_meanwhile_are_an_error() -> None:
    kube = cluster()

    def expired(_kind: str) -> Exception:
        return NotSignedInError("expired")

    kube.hook = refusing("Workload", error=expired)
    with pytest.raises(NotSignedInError):
        look(kube)


def owned_by(number: int, owner: dict[str, Any]) -> dict[str, Any]:
    reference = {key: owner[key] for key in ("apiVersion", "kind")} | {
        key: owner["metadata"][key] for key in ("name", "uid")
    }
    made = pod(f"p-{number}", OURS, number)
    made["metadata"]["ownerReferences"] = [{**reference, "controller": True}]
    return made


def custom(kind: str, number: int) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "main"}]}}
    return raw(
        kind, "pipelines.example/v1", f"o-{number}", OURS, number=number, spec={"replicas": 2, "template": template}
    )


def test_owners_of_kinds_unknown_to_us_are_fetched_to_the_top() -> None:
    step, pipeline = custom("Step", 100), custom("Pipeline", 101)
    step["metadata"]["ownerReferences"] = owned_by(1, pipeline)["metadata"]["ownerReferences"]
    kube = cluster(owned_by(200, step), owned_by(201, step), step, pipeline)
    _, source = look(kube)
    assert {(each.kind, each.name, each.groups[0].count) for each in source.objects.owners} == {
        ("Step", "o-100", 2), ("Pipeline", "o-101", 2),
    }  # fmt: skip
    assert len([call for call in kube.calls if call.key.group == "pipelines.example"]) == 2


def test_an_owner_of_the_same_name_is_not_the_owner() -> None:
    step = custom("Step", 100)
    impostor = {**step, "metadata": {**step["metadata"], "uid": "another"}}
    _, source = look(cluster(owned_by(200, step), impostor))
    assert not source.objects.owners


def test_owners_are_asked_for_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "MOST_OWNERS", 2)
    steps = [custom("Step", 100 + number) for number in range(5)]
    _, source = look(cluster(*steps, *(owned_by(200 + at, step) for at, step in enumerate(steps))))
    assert len(source.objects.owners) == 2
    assert [(gap.what, gap.reason) for gap in source.gaps] == [("owners", "cut")]
    assert (source.gaps[0].namespace, source.gaps[0].detail[:9]) == (OURS, "3 objects")


def test_one_tenant_does_not_use_up_the_owners_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "MOST_OWNERS", 4)
    many, one = [custom("Step", 100 + number) for number in range(9)], custom("Pipeline", 300)
    one["metadata"]["namespace"] = THEIRS
    theirs = owned_by(400, one)
    theirs["metadata"]["namespace"] = THEIRS
    _, source = look(cluster(*many, one, *(owned_by(200 + at, step) for at, step in enumerate(many)), theirs))
    assert ("Pipeline", "o-300") in {(each.kind, each.name) for each in source.objects.owners}
    assert len(source.objects.owners) == 4
    assert [(gap.what, gap.namespace, gap.detail[:9]) for gap in source.gaps] == [("owners", OURS, "6 objects")]


UP: Final = "../../../../../../api/v1/namespaces/kube-system/secrets/root-token"


@pytest.mark.parametrize(
    "sly",
    [
        {"name": UP},
        {"name": "x?watch=true&timeoutSeconds=3600"},
        {"name": ".."},
        {"name": "x/exec"},
        {"name": ""},
        {"uid": ""},
        {"kind": "steps"},
        {"kind": "Step/../../Secret"},
        {"kind": "Secret"},
        {"apiVersion": "pipelines.example/v1/../../../api/v1"},
        {"apiVersion": "../api/v1"},
        {"apiVersion": "v1", "kind": "Secret"},
        {"apiVersion": "metrics.k8s.io/v1beta1"},
    ],
    ids=str,
)
def test_no_request_follows_a_reference_that_is_not_well_formed(sly: dict[str, str]) -> None:
    made = owned_by(200, custom("Step", 100))
    made["metadata"]["ownerReferences"][0].update(sly)
    kube = cluster(made)
    look(kube)
    assert [call.key for call in kube.calls if call.verb == "get" and call.key.kind != "ConfigMap"] == []


def test_what_came_before_a_list_broke_off_is_kept() -> None:
    class Breaking(FakeKube):
        def list(self, api_version: str, kind: str, **options: Any) -> Iterator[Body]:
            yield from super().list(api_version, kind, **options)
            if kind == "Pod":
                raise silent(kind)

    kube = Breaking()
    kube.put(*two_teams())
    _, source = look(kube)
    assert names(source, "pods") == {"tune-0", "train-canary-7"}
    assert ("pods", "failed") in {(gap.what, gap.reason) for gap in source.gaps}


def part(resource: str, name: str, namespace: str = "") -> ObjectPart:
    return ObjectPart(f"{VISIBILITY}/v1beta2", resource, name, "pendingworkloads", namespace)


def nobody_waits(kube: FakeKube) -> FakeKube:
    """With a visibility API that has no line."""
    for queue in ("nlp", "queue-canary-7"):
        kube.parts[part("clusterqueues", queue)] = {"items": []}
    return kube


def line(name: str, namespace: str, position: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "positionInClusterQueue": position, "priority": 7}


def test_the_order_is_kueue_s_own_page_by_page() -> None:
    kube = cluster()
    items = [line(f"w-{number}", OURS, number) for number in range(2_500)] + [{"metadata": None}, None]
    kube.parts[part("clusterqueues", "nlp")] = {"items": items}
    _, source = look(kube)
    (order,) = (each for each in source.order if each.cluster_queue == "nlp")
    assert [each.position_in_cluster_queue for each in order.items] == list(range(2_500))
    assert (order.items[0].name, order.items[0].namespace, order.items[0].priority) == ("w-0", OURS, 7)


def test_an_order_that_takes_for_ever_is_left() -> None:
    clock = FixedClock(Still().now())
    kube = nobody_waits(cluster())
    kube.parts[part("clusterqueues", "nlp")] = {"items": [line(f"w-{number}", OURS, number) for number in range(9_000)]}

    def hook(call: Call) -> None:
        if call.key.group == VISIBILITY and not call.done:
            clock.sleep(130)

    kube.hook = hook
    (source,) = observe(kube, clock, ()).sources
    assert not any(each.items for each in source.order)
    assert sum(call.key.group == VISIBILITY for call in kube.calls) < 9
    assert any("not complete after 600 s" in gap.detail for gap in source.gaps)
    assert names(source, "pods") == {"tune-0", "train-canary-7"}


def test_who_may_not_ask_a_cluster_queue_asks_her_local_queue() -> None:
    kube = cluster()
    kube.parts[part("localqueues", "default", OURS)] = {"items": [line("w", OURS, 3)]}

    def hook(call: Call) -> None:
        if not call.done and (call.key.kind, call.key.group) == ("clusterqueues", VISIBILITY):
            raise forbidden("clusterqueues/pendingworkloads")
        if not call.done and call.key.group == VISIBILITY and call.key.namespace == THEIRS:
            raise forbidden("localqueues/pendingworkloads")

    kube.hook = hook
    _, source = look(kube)
    (order,) = (each for each in source.order if each.items)
    assert (order.cluster_queue, order.items[0].position_in_cluster_queue) == ("nlp", 3)
    assert {(gap.namespace, gap.reason) for gap in source.gaps} == {("", "forbidden"), (THEIRS, "forbidden")}


def test_no_visibility_api_is_a_gap() -> None:
    kube = cluster()
    kube.parts.clear()
    _, source = look(kube)
    assert source.order == ()
    assert [(gap.what, gap.reason) for gap in source.gaps] == [("the order of those that wait", "absent")]


def test_the_newest_served_version_is_read() -> None:
    class Older(FakeKube):
        def serves(self, api_version: str, kind: str) -> bool:
            return api_version != "kueue.x-k8s.io/v1beta2" and super().serves(api_version, kind)

    kube = Older()
    queue = raw("ClusterQueue", "kueue.x-k8s.io/v1beta1", "old", spec={"cohort": "all"})
    kube.put(queue)
    _, source = look(kube)
    assert [each.spec.cohort_name for each in source.objects.cluster_queues] == ["all"]
