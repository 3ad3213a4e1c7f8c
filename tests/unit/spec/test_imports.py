"""A directory from what lives in a cluster: what it says, what it cannot say, and that it is always valid."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.errors import InputError
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.render.manifests import render
from allotment.spec import documents
from allotment.spec.catalogue import catalogue
from allotment.spec.imports.directory import Imported, ImportWishes, import_cluster, report
from allotment.spec.imports.live import LiveCluster, PodFacts
from allotment.spec.imports.pools import accelerator_of
from allotment.spec.load import load_platform
from allotment.spec.schema.platform import ALWAYS_EXEMPT
from tests.by_day import by_day

TODAY = dt.date(2026, 11, 27)
WISHES = ImportWishes("biotech", "onprem", "basel", "training")
GPU = "nvidia.com/gpu"


def body(kind: str, name: str, namespace: str = "", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **fields.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def node(name: str, *, gpus: int = 0, product: str = "", **labels: str) -> dict[str, Any]:
    found = {**labels, **({"nvidia.com/gpu.product": product} if product else {})}
    allocatable = {"cpu": "62", "memory": "500Gi", "pods": "110", **({GPU: str(gpus)} if gpus else {})}
    return body("Node", name, metadata={"labels": found}, spec={}, status={"allocatable": allocatable})


def quota(flavor: str, resource: str, nominal: Any, **limits: Any) -> dict[str, Any]:
    return {"name": flavor, "resources": [{"name": resource, "nominalQuota": nominal, **limits}]}


def queue(name: str, *groups: dict[str, Any], **spec: Any) -> dict[str, Any]:
    covered = [{"coveredResources": [each["resources"][0]["name"]], "flavors": [each]} for each in groups]
    return body("ClusterQueue", name, spec={"namespaceSelector": {}, "resourceGroups": covered, **spec})


def local(namespace: str, to: str, name: str = "main") -> dict[str, Any]:
    return body("LocalQueue", name, namespace, spec={"clusterQueue": to})


def flavor(name: str, **labels: str) -> dict[str, Any]:
    return body("ResourceFlavor", name, spec={"nodeLabels": labels} if labels else {})


A100 = "NVIDIA-A100-SXM4-80GB"
NODES = (node("a", gpus=8, product=A100), node("b", gpus=8, product=A100), node("c"))
PLAIN = (quota("plain", "cpu", 40), quota("plain", "memory", "300Gi"))
GENOMICS = queue("genomics", *PLAIN, quota("gpus", GPU, 8, borrowingLimit=4), cohortName="research")


def live(**more: Any) -> LiveCluster:
    fields: dict[str, Any] = {
        "version": "1.36.3",
        "kueue_api": "v1beta2",
        "nodes": NODES,
        "namespaces": (body("Namespace", "genomics"), body("Namespace", "kube-system")),
        "cluster_queues": (GENOMICS,),
        "local_queues": (local("genomics", "genomics"),),
        "flavors": (flavor("gpus", **{"nvidia.com/gpu.product": A100}), flavor("plain")),
    }
    return LiveCluster(**(fields | more))


def imported(**more: Any) -> tuple[Imported, Platform]:
    found = import_cluster(live(**more), WISHES, TODAY)
    return found, load_platform(SourceTree(dict(found.files)), TODAY).platform


def said(found: Imported, what: str) -> str:
    return "; ".join(one.how for one in found.unsaid if one.what == what)


def test_queues_nodes_and_flavors_keep_their_names_and_amounts() -> None:
    _, platform = imported()
    (cluster,), (team,) = platform.clusters, platform.teams
    assert [(pool.name, pool.accelerator, pool.max_nodes) for pool in cluster.node_pools] == [
        ("a100", "a100", 2),
        ("cpu", None, 1),
    ]
    (placement,) = team.placements
    assert (placement.cpu.nominal, placement.memory.nominal >> 30, placement.cohort) == (40_000, 300, "research")
    (devices,) = placement.accelerators
    assert (devices.flavor, devices.devices.nominal, devices.devices.borrowing_limit) == ("gpus", 8, 4)
    assert cluster.warn_namespaces == cluster.without_network_policies == ("genomics",)
    names = {(item.key.kind, item.key.name) for item in render(platform, cluster)}
    assert {("ClusterQueue", "genomics"), ("ResourceFlavor", "gpus"), ("ResourceFlavor", "plain")} <= names


def test_a_cluster_with_nodes_alone_is_a_directory_without_teams() -> None:
    found, platform = imported(cluster_queues=(), local_queues=(), flavors=(), namespaces=(), kueue_api="")
    assert platform.teams == ()
    assert "names:" not in found.files["clusters/onprem.yaml"]


def test_people_come_by_their_groups_and_everybody_else_is_named() -> None:
    edit = {"kind": "ClusterRole", "name": "edit"}
    subjects = [{"kind": "Group", "name": "acme-genomics"}, {"kind": "User", "name": "jane"}]
    other = body("RoleBinding", "robot", "genomics", roleRef={"kind": "Role", "name": "x"}, subjects=subjects[:1])
    admins = body(
        "ClusterRoleBinding", "admins", roleRef={"kind": "ClusterRole", "name": "cluster-admin"},
        subjects=[{"kind": "Group", "name": "sg-admins"}, {"kind": "Group", "name": "system:masters"}],
    )  # fmt: skip
    binding = body("RoleBinding", "edit", "genomics", roleRef=edit, subjects=subjects)
    found, platform = imported(bindings=(binding, other), cluster_bindings=(admins,))
    assert platform.teams[0].groups.members == ("acme-genomics",)
    assert platform.admin_groups == ("sg-admins",)
    assert said(found, "RoleBinding genomics/edit") == (
        "acme-genomics is declared as members; the binding stays as it is, and goes on to give ClusterRole edit until "
        "you delete it; User jane as ClusterRole edit: stays as it is"
    )
    assert "Role x: stays as it is" in said(found, "RoleBinding genomics/robot")


def test_a_queue_that_stays_beside_the_team_s_own_is_named() -> None:
    found, _ = imported(local_queues=(local("genomics", "genomics"), local("genomics", "genomics", "default")))
    text = "it stays as it is, beside default, which apply makes, and leads to ClusterQueue genomics as before"
    assert said(found, "LocalQueue genomics/main") == text
    assert said(found, "LocalQueue genomics/default") == ""


def test_a_namespace_with_a_quota_alone_is_a_team_too_and_one_without_is_named() -> None:
    limits = {"requests.cpu": "8", "requests.nvidia.com/gpu": "2", "pods": "70", "requests.example.com/fpga": "1"}
    alone = body("ResourceQuota", "q", "lab", spec={"hard": limits}, status={"used": {"requests.cpu": "10"}})
    spaces = (body("Namespace", "genomics"), body("Namespace", "lab"), body("Namespace", "empty"))
    found, platform = imported(namespaces=spaces, quotas=(alone,))
    lab = platform.team("lab")
    assert lab is not None
    (placement,) = lab.placements
    assert placement.namespace_quota.requests_cpu == 10_000, "never below use"
    assert placement.namespace_quota.pods == 70
    assert dict(placement.namespace_quota.accelerators) == {GPU: 2}
    assert "neither a LocalQueue nor a ResourceQuota" in said(found, "Namespace empty")
    assert "requests.example.com/fpga: 1 is not said" in said(found, "ResourceQuota lab/q")


def test_priority_classes_become_the_ladder() -> None:
    classes = (
        body("PriorityClass", "batch", value=10, preemptionPolicy="Never"),
        body("PriorityClass", "urgent", value=1000),
        body("PriorityClass", "system-node-critical", value=2_000_001_000),
        body("PriorityClass", "below", value=-1),
    )
    found, platform = imported(priorities=classes, pods={"genomics": PodFacts(2, frozenset({"urgent", "gone"}))})
    assert sorted((rung.name, rung.value, rung.default) for rung in platform.priorities) == [
        ("as-before", 0, True),
        ("batch", 10, False),
        ("urgent", 1000, False),
    ]
    assert platform.teams[0].priorities == ("as-before", "urgent")
    assert "cannot be a rung" in said(found, "PriorityClass below")
    assert "priority class gone" in said(found, "team genomics")


def test_pools_grow_to_what_the_quotas_promise() -> None:
    found, platform = imported(cluster_queues=(queue("genomics", *PLAIN, quota("gpus", GPU, 20)),))
    assert platform.clusters[0].node_pools[0].max_nodes == 3
    assert "quotas promise 20 devices" in said(found, "pool a100")


def test_what_no_directory_says_is_named() -> None:
    unknown = node("x", gpus=4, product="NVIDIA-X9000")
    second, size = local("genomics", "other", "second"), {"storage": "1Gi"}
    found, _ = imported(
        nodes=(*NODES, unknown),
        local_queues=(local("genomics", "genomics"), second),
        cluster_queues=(GENOMICS, queue("lonely", quota("gpus", GPU, 1), stopPolicy="Hold")),
        claims=(body("PersistentVolumeClaim", "data", "genomics", spec={"resources": {"requests": size}}),),
        limit_ranges=(body("LimitRange", "lr", "genomics"),),
    )  # fmt: skip
    assert "no product that the catalogue knows" in said(found, "Node x")
    assert "a second queue" in said(found, "LocalQueue genomics/second")
    assert "no namespace leads to it" in said(found, "ClusterQueue lonely")
    assert "a claim of 1Gi" in said(found, "PersistentVolumeClaim genomics/data")
    assert "beside those that apply makes" in said(found, "LimitRange genomics/lr")
    text = report(found, WISHES, [("ClusterQueue genomics", ["weight 1 -> 2"])])
    assert all(one.what in text for one in found.unsaid)
    assert "  - weight 1 -> 2" in text


def test_names_that_a_directory_cannot_write_are_told_and_it_stays_valid() -> None:
    dotted = queue("genomics.v2", *PLAIN, cohortName="research.v2")
    default = local("default", "genomics.v2")
    found, platform = imported(cluster_queues=(dotted,), local_queues=(local("genomics", "genomics.v2"), default))
    assert platform.teams[0].placements[0].cohort is None
    assert "apply would make another queue" in said(found, "ClusterQueue genomics.v2")
    assert "it would stand alone" in said(found, "ClusterQueue genomics.v2")
    assert "is the system's" in said(found, "LocalQueue default/main")


def test_a_cluster_without_nodes_cannot_be_imported() -> None:
    with pytest.raises(InputError, match="no node for work"):
        import_cluster(live(nodes=()), WISHES, TODAY)


PRODUCTS = {
    "NVIDIA-A100-SXM4-80GB": "a100",
    "NVIDIA-A100-SXM4-40GB": "a100-40gb",
    "Tesla-T4": "t4",
    "NVIDIA-L40S": "l40s",
    "NVIDIA-H100-80GB-HBM3": "h100",
    "NVIDIA-L4": "l4",
    "NVIDIA-X9000": None,
}


@pytest.mark.parametrize("product", PRODUCTS)
def test_products_of_feature_discovery_are_devices_of_the_catalogue(product: str) -> None:
    assert accelerator_of({"nvidia.com/gpu.product": product}, GPU, catalogue()) == PRODUCTS[product]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(deadline=None, max_examples=by_day(25))
@given(
    group=WORDS,
    description=WORDS,
    machine=WORDS,
    queue_name=st.from_regex(r"[a-z0-9]([-.a-z0-9]{0,20}[a-z0-9])?", fullmatch=True),
)
def test_whatever_the_names_are_the_text_is_yaml_that_says_them(
    group: str, description: str, machine: str, queue_name: str
) -> None:
    """A name from the cluster is text in the directory, never syntax. What a field cannot hold, loading tells."""
    ref = {"kind": "ClusterRole", "name": "edit"}
    binding = body("RoleBinding", "b", "genomics", roleRef=ref, subjects=[{"kind": "Group", "name": group}])
    found = import_cluster(
        live(
            bindings=(binding,),
            priorities=(body("PriorityClass", "batch", value=1, description=description),),
            nodes=(*NODES, node("m", **{"node.kubernetes.io/instance-type": machine})),
            cluster_queues=({**GENOMICS, "metadata": {"name": queue_name}},),
            local_queues=(local("genomics", queue_name),),
        ),
        WISHES,
        TODAY,
    )
    data = {}
    for path, text in found.files.items():
        parsed = documents.parse(path, text)
        assert not parsed.problems, (path, parsed.problems)
        data[path] = [document.data for document in parsed.documents]
    (team,) = (value[0] for path, value in data.items() if path.startswith("teams/"))
    assert team["groups"]["members"] == [group]
    assert {rung["name"]: rung.get("description", "") for rung in data["priorities.yaml"]}["batch"] == description
    (cluster,) = data["clusters/onprem.yaml"]
    assert machine in [pool.get("machineType") for pool in cluster["nodePools"]]


@pytest.mark.parametrize(
    ("label", "resource", "found"),
    [
        (("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"), GPU, None),
        (("nvidia.com/gpu.product", "Tesla-T4-SHARED"), GPU, None),
        (("habana.ai/model", "HL-225"), "habana.ai/gaudi", "gaudi2"),
        (("habana.ai/model", "HL-325L"), "habana.ai/gaudi", "gaudi3"),
        (("cloud.google.com/gke-tpu-accelerator", "tpu-v5-lite-podslice"), "google.com/tpu", "tpu-v5e"),
        (("amd.com/gpu.product-name", "AMD_Instinct_MI300X_OAM"), "amd.com/gpu", "mi300x"),
    ],
)
def test_slices_are_no_devices_and_every_vendor_has_its_label(
    label: tuple[str, str], resource: str, found: str | None
) -> None:
    assert accelerator_of(dict([label]), resource, catalogue()) == found


@pytest.mark.parametrize(
    ("there", "exempt"),
    [
        ((), ()),
        (("monitoring",), ("monitoring",)),
        (("argocd", "gpu-operator", "prometheus"), ("gpu-operator", "argocd")),
    ],
)
def test_namespaces_that_are_not_there_are_not_exempt(there: tuple[str, ...], exempt: tuple[str, ...]) -> None:
    found, platform = imported(namespaces=tuple(body("Namespace", name) for name in ("genomics", *there)))
    assert [name for name in platform.exempt_namespaces if name not in ALWAYS_EXEMPT] == list(exempt)
    for name in ("gpu-operator", "monitoring"):
        assert ("it is not there" in said(found, f"Namespace {name}")) is (name not in exempt)


def test_work_with_accelerators_outside_of_teams_starts_in_warn() -> None:
    spaces = ("genomics", "legacy", "batch", "web", "monitoring", "kube-system", "default")
    found, platform = imported(
        namespaces=tuple(body("Namespace", name) for name in spaces),
        pods={
            **{name: PodFacts(1, asks=True) for name in ("genomics", "legacy", "monitoring", "kube-system", "default")},
            "web": PodFacts(3),
        },
        makers=frozenset({"batch", "legacy"}),
    )
    (cluster,) = platform.clusters
    assert cluster.warn_namespaces == ("batch", "default", "genomics", "legacy")
    assert cluster.without_network_policies == ("genomics",)
    assert "its work asks for accelerators" in said(found, "Namespace legacy")
    assert "accelerators" not in said(found, "Namespace web")


def bound(namespace: str, group: str, role: str = "edit", kind: str = "Group") -> dict[str, Any]:
    ref = {"kind": "ClusterRole", "name": role}
    return body("RoleBinding", f"{group}-{role}", namespace, roleRef=ref, subjects=[{"kind": kind, "name": group}])


def spaces(**teams: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        body("Namespace", name, metadata={"labels": {"team": team}} if team else {}) for name, team in teams.items()
    )


SHARING: dict[str, tuple[dict[str, str], tuple[dict[str, Any], ...], list[tuple[str, ...]]]] = {
    "nothing tells them apart": ({"genomics": "", "lab": ""}, (), [("genomics", "lab")]),
    "the same groups in the same roles": (
        {"genomics": "", "lab": ""}, (bound("genomics", "g"), bound("lab", "g")), [("genomics", "lab")],
    ),
    "other groups": (
        {"genomics": "", "lab": ""}, (bound("genomics", "g"), bound("lab", "v")), [("genomics",), ("lab",)],
    ),
    "a group in one of them alone": ({"genomics": "", "lab": ""}, (bound("lab", "v"),), [("genomics",), ("lab",)]),
    "the same group in another role": (
        {"genomics": "", "lab": ""}, (bound("genomics", "g"), bound("lab", "g", "view")), [("genomics",), ("lab",)],
    ),
    "people of the directory's kind alone count": (
        {"genomics": "", "lab": ""}, (bound("lab", "jane", kind="User"),), [("genomics", "lab")],
    ),
    "other labels": ({"genomics": "genomics", "lab": "vision"}, (), [("genomics",), ("lab",)]),
    "whose label names the queue keeps it": ({"a": "vision", "b": "genomics"}, (), [("b",), ("a",)]),
}  # fmt: skip


def shared(
    labelled: dict[str, str], bindings: tuple[dict[str, Any], ...] = (), **more: Any
) -> tuple[Imported, Platform]:
    leading = tuple(local(name, "genomics") for name in labelled)
    return imported(**({"namespaces": spaces(**labelled), "local_queues": leading, "bindings": bindings} | more))


@pytest.mark.parametrize(("labelled", "bindings", "expected"), SHARING.values(), ids=SHARING)
def test_namespaces_with_other_people_are_teams_of_their_own(
    labelled: dict[str, str], bindings: tuple[dict[str, Any], ...], expected: list[tuple[str, ...]]
) -> None:
    found, platform = shared(labelled, bindings)
    teams = {team.name: team for team in platform.teams}
    assert sorted(team.namespaces for team in platform.teams) == sorted(expected)
    assert teams["genomics"].namespaces == expected[0]
    assert bool(found.first) is (len(expected) > 1)
    for team in platform.teams:
        groups = {*team.groups.owners, *team.groups.members, *team.groups.viewers}
        for namespace in team.namespaces:
            there = (each for each in bindings if each["metadata"]["namespace"] == namespace)
            assert groups == {one["name"] for each in there for one in each["subjects"] if one["kind"] == "Group"}


def test_a_guest_borrows_what_the_shared_queue_gave_it() -> None:
    alone = queue("genomics", *PLAIN, quota("gpus", GPU, 8))
    for live_queue, cohort, devices in ((alone, "genomics", 8), (GENOMICS, "research", 12)):
        found, platform = shared({"genomics": "genomics", "lab": "vision"}, cluster_queues=(live_queue,))
        owner, guest = platform.team("genomics"), platform.team("lab")
        assert owner is not None
        assert guest is not None
        (kept,), (lent,) = owner.placements, guest.placements
        assert (kept.cohort, lent.cohort) == (cohort, cohort)
        assert (kept.cpu.nominal, lent.cpu.nominal, lent.cpu.borrowing_limit) == (40_000, 0, 40_000)
        assert kept.accelerators[0].devices.borrowing_limit == (0 if live_queue is alone else 4)
        (amount,) = lent.accelerators
        assert (amount.devices.nominal, amount.devices.borrowing_limit) == (0, devices)
        (first,) = found.first
        assert first.what == "teams genomics and lab"
        assert "the label team differs (genomics, vision)" in first.how
        assert f"borrows from it in cohort {cohort}" in first.how
        assert "lab/main leads to genomics as before: move that work to default" in first.how


def test_a_guest_s_default_queue_has_to_go_and_no_queue_is_named_twice() -> None:
    leading = (local("genomics", "genomics"), local("lab", "genomics", "default"), local("other", "lab"))
    found, platform = shared(
        {"genomics": "genomics", "lab": "vision", "other": ""},
        local_queues=leading, cluster_queues=(GENOMICS, queue("lab", *PLAIN)),
    )  # fmt: skip
    assert "let that work end, and delete it before you adopt: apply makes default anew" in found.first[0].how
    names = [item.key.name for item in render(platform, platform.clusters[0]) if item.key.kind == "ClusterQueue"]
    assert sorted(names) == ["genomics", "lab", "lab-team"]


def test_what_is_to_be_read_first_stands_first() -> None:
    found, _ = shared({"genomics": "genomics", "lab": "vision"})
    text = report(found, WISHES, [])
    assert text.index("## Read first: who would get what, and what would stop") < text.index("## Teams")
    assert "## Read first" not in report(imported()[0], WISHES, [])


def test_a_quota_of_one_namespace_is_said_to_limit_the_others() -> None:
    limits = body("ResourceQuota", "q", "lab", spec={"hard": {"requests.cpu": "8", "pods": "20"}})
    found, _ = shared({"genomics": "", "lab": ""}, quotas=(limits,))
    (first,) = found.first
    assert first.what == "ResourceQuota lab/q"
    assert "apply limits genomics as well by pods=20, requests.cpu=8" in first.how


def test_only_taints_of_all_nodes_are_the_pool_s() -> None:
    every, odd = ({"key": key, "effect": "NoSchedule"} for key in ("team-only", "broken"))
    nodes = [node(name, gpus=8, product=A100) for name in "abcd"]
    for each in nodes:
        each["spec"]["taints"] = [every, odd] if each["metadata"]["name"] == "c" else [every]
    found, platform = imported(nodes=(*nodes, node("plain")))
    (pool, _) = platform.clusters[0].node_pools
    assert {"team-only", "broken"} & {taint.key for taint in pool.taints} == {"team-only"}
    (first,) = found.first
    assert first.what == "pool a100"
    assert first.how.startswith("1 of its 4 nodes (c) carries the taint broken:NoSchedule, the others do not")


@pytest.mark.parametrize(
    ("labels", "taints", "looks"),
    [
        ({"lifecycle": "spot"}, [], True),
        ({}, [{"key": "cloud.example.com/preemptible", "value": "true", "effect": "NoSchedule"}], True),
        ({"cloud.example.com/spot": "false"}, [], False),
        ({"karpenter.sh/capacity-type": "spot"}, [], False),
        ({"rack": "spotless"}, [], False),
    ],
)
def test_nodes_that_look_like_spot_and_are_declared_on_demand_are_named(
    labels: dict[str, str], taints: list[dict[str, str]], looks: bool
) -> None:
    one = node("a", gpus=8, product=A100, **labels)
    one["spec"]["taints"] = taints
    found, _ = imported(nodes=(one, node("plain")))
    assert [each.how.startswith("a looks like spot capacity") for each in found.first] == [True] * looks


def test_a_queue_that_counts_cpu_with_devices_is_said_to_be_held_back() -> None:
    used = {"flavorsReservation": [{"name": "gpus", "resources": [{"name": "cpu", "total": "4"}]}]}
    both = queue("genomics", quota("gpus", GPU, 8), quota("gpus", "cpu", 40), quota("plain", "memory", "300Gi"))
    for status, now in ((used, "(now: 4 cpu in gpus)"), ({}, "")):
        found, _ = imported(cluster_queues=({**both, "status": status},))
        (first,) = (one for one in found.first if one.what == "ClusterQueue genomics")
        assert "counts as cpu in gpus (in " in first.how
        assert "`allot adopt clusterqueue/genomics` is held back while work holds that" in first.how
        assert now in first.how
        assert "kubectl patch clusterqueue genomics --type merge" in first.how
        assert '{"spec":{"stopPolicy":"Hold"}}' in first.how
