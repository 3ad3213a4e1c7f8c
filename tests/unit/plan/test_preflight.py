"""What preflight makes of what it read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.cluster import Feature
from allotment.plan import preflight
from allotment.plan.adoption.left import written_down
from allotment.plan.adoption.record import AdoptionRecord
from allotment.plan.nodes import declared_nodes
from allotment.plan.preflight import Readiness
from allotment.render.manifests import render
from tests.unit import nodes
from tests.unit.builders import cluster, platform
from tests.unit.kueue_webhooks import kueue_webhooks

OK, INFO, UNKNOWN, WARNING, _, MISSING = Readiness


def at(kubernetes: str = "", kueue: str = "") -> Any:
    base = cluster()
    return replace(base, versions=replace(base.versions, kubernetes=kubernetes, kueue=kueue))


@pytest.mark.parametrize(
    ("found", "declared", "readiness"),
    [
        ("v1.36.3", "1.36.1", OK), ("v1.36.3", "", OK), ("v1.35.0-eks-1", "1.36.1", WARNING),
        ("v1.29.9", "", MISSING), ("v1.9.0", "", MISSING), ("", "1.36.0", UNKNOWN), ("dev", "", UNKNOWN),
    ],
)  # fmt: skip
def test_server_versions(found: str, declared: str, readiness: Readiness) -> None:
    assert preflight.server_version(found, at(declared)).readiness is readiness


@pytest.mark.parametrize(
    ("image", "declared", "readiness"),
    [
        ("registry.k8s.io/kueue/kueue:v0.19.2", "0.19.2", OK),
        ("host:5000/kueue:v0.19.2@sha256:abc", "0.19.0", OK),
        ("registry.k8s.io/kueue/kueue:v0.17.1", "0.19.2", WARNING),
        ("host:5000/kueue@sha256:abc", "0.19.2", UNKNOWN),
        ("host:5000/kueue:main", "0.19.2", UNKNOWN),
        ("", "0.19.2", UNKNOWN),
    ],
)
def test_kueue_versions(image: str, declared: str, readiness: Readiness) -> None:
    assert preflight.kueue_version(image, at(kueue=declared)).readiness is readiness


def test_a_kind_that_is_not_served_is_missing_and_the_rest_is_counted() -> None:
    declared = platform()
    desired = render(declared, declared.clusters[0])
    lacking, rest = preflight.kinds(desired, [("kueue.x-k8s.io/v1beta2", "ClusterQueue")])
    assert (lacking.readiness, lacking.subject) == (MISSING, "ClusterQueue")
    assert "install Kueue" in lacking.fix
    assert rest.subject == "all others"
    assert [check.subject for check in preflight.kinds(desired, ())] == ["all"]


def test_kueues_configuration() -> None:
    shown = {
        "featureGates": {"ReclaimablePods": False, "TopologyAwareScheduling": True},
        "integrations": {"frameworks": ["batch/job", "pod"]},
        "fairSharing": {"enable": True},
    }
    found = {check.subject: check for check in preflight.kueue_configuration(shown, at())}
    assert found["pod-integration"].readiness is WARNING
    assert found["feature gates"].message.startswith("ReclaimablePods=false, TopologyAwareScheduling=true")
    queues = replace(at(), features=frozenset({Feature.POD_INTEGRATION}))
    assert "pod-integration" not in {check.subject for check in preflight.kueue_configuration(shown, queues)}
    assert "pod-integration" in {check.subject for check in preflight.kueue_configuration({}, queues)}
    list(preflight.kueue_configuration({"integrations": {"frameworks": "pod"}, "featureGates": {}}, queues))


def hook(*resources: str, group: str = "", sort: str = "Validating", **more: Any) -> dict[str, Any]:
    rule = {"apiGroups": [group], "resources": list(resources), "operations": ["*"]}
    service = {"clientConfig": {"service": {"namespace": "ops", "name": "guard"}}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{sort}WebhookConfiguration",
        "metadata": {"name": "guard"},
        "webhooks": [{"name": "a.guard", "rules": [rule], **service, **more}],
    }


@pytest.mark.parametrize(
    ("body", "alive", "expected"),
    [
        (hook("namespaces"), True, [INFO]),
        (hook("namespaces"), False, [MISSING]),
        (hook("namespaces", failurePolicy="Ignore"), False, [INFO]),
        (hook("*", group="*", sort="Mutating"), True, [WARNING]),
        (hook("roles", group="rbac.authorization.k8s.io"), True, [INFO]),
        (hook("ingresses", group="networking.k8s.io"), False, []),
        (hook("namespaces", clientConfig={"url": "https://guard"}), False, [INFO]),
    ],
    ids=["asked", "dead", "dead-ignored", "mutating", "group", "not-ours", "url"],
)
def test_webhooks_of_others(body: dict[str, Any], alive: bool, expected: list[Readiness]) -> None:
    declared = platform()
    desired = render(declared, declared.clusters[0])
    found = list(preflight.webhooks([body, *kueue_webhooks()], desired, {("ops", "guard"): alive}))
    assert [check.readiness for check in found] == expected


def test_device_plugins() -> None:
    def daemon_set(name: str, image: str) -> dict[str, Any]:
        pod = {"containers": [{"image": image}]}
        return {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"namespace": "ops", "name": name},
            "spec": {"template": {"spec": pod}},
            "status": {"numberReady": 1, "desiredNumberScheduled": 2},
        }

    sets = [
        daemon_set("plugin", "nvcr.io/nvidia/k8s-device-plugin:v1"),
        daemon_set("nvidia-device-plugin-daemonset", "x"),
        daemon_set("amdgpu-dp", "rocm/k8s-device-plugin"),
        daemon_set("fluent-bit", "fluent"),
    ]
    found = list(preflight.operators(sets))
    assert [check.subject for check in found] == ["ops/plugin", "ops/nvidia-device-plugin-daemonset", "ops/amdgpu-dp"]
    assert "1 of 2 ready" in found[0].message


def test_nodes_are_counted_by_the_labels_that_flavors_select() -> None:
    declared = platform()
    pools = declared_nodes(declared, declared.clusters[0])
    there = nodes.declared(declared, declared.clusters[0])
    assert {check.readiness for check in preflight.nodes(pools, there)} <= {OK, INFO}
    found = list(preflight.nodes(pools, ()))
    assert [check.subject for check in found] == [pool.name for pool in pools.pools if pool.resource]
    wanted = {pool.name for pool in pools.pools if pool.min_nodes and pool.resource}
    assert {check.subject for check in found if check.readiness is WARNING} == wanted


def test_what_a_pool_lacks_is_named_with_the_nodes_that_can_be_its() -> None:
    declared = platform()
    world = declared_nodes(declared, declared.clusters[0])
    pools = replace(world, pools=tuple(replace(pool, min_nodes=9) for pool in world.pools if pool.resource))
    pool = pools.pools[0]
    there = [body for body in nodes.declared(declared, declared.clusters[0]) if body["metadata"]["labels"]]

    def fix(found: Iterable[Any]) -> str:
        return next(check.fix for check in preflight.nodes(pools, tuple(found)) if check.subject == pool.name)

    own = [body for body in there if body["metadata"]["labels"][labels.NODE_POOL] == pool.name]
    bare = [{**body, "metadata": {**body["metadata"], "labels": {}}} for body in own]
    names = " ".join(sorted(body["metadata"]["name"] for body in own)[:12])
    assert fix(bare).startswith(f"label what can be its nodes, if it is: `allot nodes label --pool {pool.name} {names}")
    assert own
    empty = [{**body, "status": {}} for body in own]
    assert fix(empty).startswith("look at the device plug-in")
    assert fix(()).startswith("start them")


def test_limits_of_others_in_team_namespaces() -> None:
    def quota(namespace: str, platform_name: str) -> dict[str, Any]:
        found = {"allotment.dev/platform": platform_name} if platform_name else {}
        metadata = {"namespace": namespace, "name": "q", "labels": found}
        return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata}

    bodies = [quota("nlp", "acme"), quota("nlp", ""), quota("elsewhere", ""), quota("nlp", "globex")]
    found = list(preflight.limits(bodies, "acme", ["nlp"], {}))
    assert [check.readiness for check in found] == [WARNING, WARNING]
    assert all(check.fix.startswith("remove it") for check in found)
    (_, other) = preflight.limits(bodies, "acme", ["nlp"], {}, ["nlp"])
    assert other.fix.startswith("take the namespace over first, with `allot adopt namespace/nlp`: it is kept then; or")


def test_what_an_adoption_left_is_told_with_what_it_takes() -> None:
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"namespace": "nlp", "name": "q"}, "spec": {}}
    record = AdoptionRecord("2026-11-26T10:00:00Z", (), {}, written_down([body], {}))
    (found,) = preflight.limits([body], "acme", ["nlp"], {"nlp": record})
    assert (found.readiness, found.message) == (INFO, "ResourceQuota is kept by the adoption of 2026-11-26")
    assert "`kubectl delete resourcequota q --namespace nlp`" in found.fix
    for changed, written in ((body | {"spec": {"hard": {}}}, record), (body, replace(record, kept={}))):
        (found,) = preflight.limits([changed], "acme", ["nlp"], {"nlp": written})
        assert found.readiness is WARNING
