"""Taking over a cluster in use on the real thing: Helm's queues, a namespace with a running Job, and all of it back."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.clock import SystemClock
from allotment.model import labels
from allotment.model.manifest import Manifest, Manifests, ObjectKey, key_of
from allotment.model.policy import PolicyName
from allotment.model.source import SourceTree
from allotment.operations.adopt.giving_back import give_back, look_back
from allotment.operations.adopt.importing import read_cluster
from allotment.operations.adopt.looking import AdoptionLook, look
from allotment.operations.adopt.taking_over import Fate, Handled, take_over
from allotment.operations.change.planning import PlanSettings
from allotment.operations.change.surroundings import look_around
from allotment.plan.adoption.words import word
from allotment.plan.changes import Action, Blocked
from allotment.plan.difference import declared_part
from allotment.plan.strangers.grounds import grounds
from allotment.render.policies import render_policies
from allotment.spec.imports.directory import ImportWishes, import_cluster
from allotment.spec.load import load_platform
from tests.live.apply.conftest import TODAY, Cluster
from tests.unit import builders
from tests.unit.plan import objects

pytestmark = pytest.mark.live

API = "kueue.x-k8s.io/v1beta2"
RBAC = "rbac.authorization.k8s.io/v1"
VIEWER = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "viewer"}
SPACE = ObjectKey("", "Namespace", "", "cv")
QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")
QUEUE = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "cv")
FLAVOR = ObjectKey("kueue.x-k8s.io", "ResourceFlavor", "", "a100")
VERSIONS = {SPACE: "v1", QUOTA: "v1", QUEUE: API, FLAVOR: API}
HELM = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "queues", "meta.helm.sh/release-namespace": "infra"},
}


def object_(api_version: str, kind: str, name: str, namespace: str = "", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def groups(cpu: str, gpus: str) -> list[dict[str, Any]]:
    return [
        {
            "coveredResources": ["cpu"],
            "flavors": [{"name": "plain", "resources": [{"name": "cpu", "nominalQuota": cpu}]}],
        },
        {
            "coveredResources": ["nvidia.com/gpu"],
            "flavors": [{"name": "a100", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": gpus}]}],
        },
    ]


JOB = object_(
    "batch/v1", "Job", "alphafold", "cv",
    metadata={"labels": {labels.KUEUE_QUEUE: "main"}},
    spec={
        "suspend": True,
        "template": {
            "metadata": {"annotations": {"allotment.dev/run-for": "1h"}},
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {"name": "main", "image": "fold", "resources": {"limits": {"nvidia.com/gpu": "4", "cpu": "1"}}}
                ],
            },
        },
    },
)  # fmt: skip
BEFORE = (
    object_("v1", "Namespace", "cv", metadata={"labels": {"owner": "jane"}}),
    object_("v1", "ResourceQuota", "team", "cv", spec={"hard": {"pods": "60", "count/secrets": "10"}}),
    object_(API, "ResourceFlavor", "plain", metadata=HELM, spec={}),
    object_(API, "ResourceFlavor", "a100", metadata=HELM, spec={}),
    object_(
        API, "ClusterQueue", "cv", metadata=HELM, spec={"namespaceSelector": {}, "resourceGroups": groups("8", "6")}
    ),
    object_(API, "LocalQueue", "main", "cv", spec={"clusterQueue": "cv"}),
    object_(RBAC, "Role", "exec", "cv", rules=[{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}]),
    object_(RBAC, "Role", "viewer", "cv", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    object_(RBAC, "RoleBinding", "viewers", "cv", roleRef=VIEWER, subjects=[{"kind": "User", "name": "eve"}]),
    JOB,
)  # fmt: skip
GONE = (
    *reversed(BEFORE),
    object_("v1", "LimitRange", "new", "cv"),
    object_("v1", "PersistentVolumeClaim", "home", "cv"),
)


def declared() -> Manifests:
    rendered = render_policies(builders.platform(), builders.cluster())
    policy = [item for item in rendered if item.key.name.startswith(PolicyName.NO_NAMESPACE_ADOPTION)]
    marked = [
        Manifest(item.family, None, {**item.body, "metadata": {**item.body["metadata"], "labels": objects.INVENTORY}})
        for item in policy
    ]
    selector = {"matchLabels": {labels.TENANT: "cv"}}
    return objects.manifests(
        *marked,
        objects.namespace("cv"),
        objects.quota("cv"),
        objects.role("cv"),
        objects.role_binding("cv"),
        objects.claim("cv"),
        objects.kueue("ResourceFlavor", "plain", {}),
        objects.kueue("ResourceFlavor", "a100", {"nodeLabels": {labels.ACCELERATOR: "a100"}}),
        objects.kueue("ClusterQueue", "cv", {"namespaceSelector": selector, "resourceGroups": groups("8", "8")}),
        objects.local_queue("cv"),
    )


@pytest.fixture
def in_use(cluster: Cluster, tools: Mapping[str, Path]) -> Iterator[Cluster]:
    """The cluster as others made it, with a Job that runs."""
    run = [str(tools["kubectl"]), f"--kubeconfig={cluster.config}", "apply", "-f", "-"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(BEFORE)})
    subprocess.run(run, input=text, check=True, capture_output=True, text=True, timeout=60)
    until("the job runs", lambda: running(cluster))
    yield cluster
    label_a_node(cluster, None)
    cluster.take_off()
    for body in GONE:
        cluster.kube.delete(body["apiVersion"], key_of(body))
    until("all is gone", lambda: not any(cluster.kube.get(body["apiVersion"], key_of(body)) for body in GONE), 60)


def label_a_node(cluster: Cluster, accelerator: str | None) -> None:
    node = key_of(next(iter(cluster.kube.list("v1", "Node"))))
    cluster.kube.merge_patch("v1", node, {"metadata": {"labels": {labels.ACCELERATOR: accelerator}}})


def until(what: str, check: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return found


def running(cluster: Cluster) -> list[str]:
    pods = cluster.kube.list("v1", "Pod", namespace="cv")
    return [pod["metadata"]["uid"] for pod in pods if pod["status"].get("phase") == "Running"]


def seen(cluster: Cluster, *words: str) -> AdoptionLook:
    return look(declared(), cluster.kube, PlanSettings("acme", TODAY), [word(text) for text in words])


def adopt(cluster: Cluster, *words: str) -> dict[ObjectKey, Handled]:
    return {each.key: each for each in take_over(seen(cluster, *words).adoptions, cluster.kube, SystemClock())}


def state(cluster: Cluster) -> dict[ObjectKey, Any]:
    return {key: declared_part(cluster.body(key, version)) for key, version in VERSIONS.items()}


def _is_imported(in_use: Cluster) -> None:
    found = import_cluster(read_cluster(in_use.kube), ImportWishes("acme", "dev", "", "training"), TODAY)
    loaded = load_platform(SourceTree(dict(found.files)), TODAY).platform
    assert [(team.name, team.namespaces) for team in loaded.teams] == [("cv", ("cv",))]
    (placement,) = loaded.teams[0].placements
    assert (placement.cpu.nominal, placement.namespace_quota.pods) == (8000, 60)
    assert loaded.clusters[0].warn_namespaces == ("cv",)


def lying_beside(cluster: Cluster) -> dict[str, str]:
    """What lies in the namespace beside ours, and by which adoption it was left there."""
    platform = builders.platform(clusters=(builders.cluster(),), teams=(builders.team("cv"),))
    around = grounds(platform, platform.clusters[0], declared(), TODAY)
    return {str(each.key): each.kept for each in look_around(cluster.kube, around).strangers if each.team == "cv"}


def _is_kept_by_content(in_use: Cluster) -> None:
    def kept() -> dict[str, bool]:
        return {key: bool(by) for key, by in lying_beside(in_use).items() if "ServiceAccount" not in key}

    def lying(api_version: str, kind: str, name: str) -> ObjectKey:
        return key_of(object_(api_version, kind, name, "cv"))

    main, new = lying(API, "LocalQueue", "main"), lying("v1", "LimitRange", "new")
    roles, viewers = [lying(RBAC, "Role", name) for name in ("exec", "viewer")], lying(RBAC, "RoleBinding", "viewers")
    in_use.kube.create(object_("v1", "LimitRange", "new", "cv", spec={"limits": []}))
    assert kept() == {**{str(key): True for key in (main, *roles, viewers)}, str(new): False}
    in_use.kube.merge_patch(API, main, {"metadata": {"labels": {"changed": "since"}}})
    for key in roles:
        more = [{"apiGroups": [""], "resources": ["secrets", "pods/exec"], "verbs": ["get", "create"]}]
        in_use.kube.merge_patch(RBAC, key, {"rules": more})
        hidden = [
            {**entry, "manager": "helm", "time": "2020-01-01T00:00:00Z"}
            for entry in in_use.body(key, RBAC)["metadata"]["managedFields"]
        ]
        forged = in_use.kube.merge_patch(RBAC, key, {"metadata": {"managedFields": hidden}}).body
        assert {entry["time"] for entry in forged["metadata"]["managedFields"]} == {"2020-01-01T00:00:00Z"}
    assert kept() == {str(key): False for key in (main, *roles, viewers, new)}


@pytest.mark.nightly  # by day the unit tests take over clusters in memory
def test_a_cluster_in_use_is_taken_over_and_given_back(in_use: Cluster) -> None:
    before, pods = state(in_use), running(in_use)
    _is_imported(in_use)
    report = in_use.apply(declared())
    assert report.exit_code == 6
    blocked = {
        change.key: change for change in in_use.plan(declared()).of(Action.BLOCKED) if isinstance(change, Blocked)
    }
    assert "`allot adopt namespace/cv`" in blocked[SPACE].fix
    assert state(in_use) == before

    first = {each.key: each for each in seen(in_use).adoptions}
    assert "takes no work of cv" in str(first[QUEUE].hindrance)
    assert str(first[QUEUE].origins[0]) == "Helm release infra/queues"
    space = next(each for each in seen(in_use, "namespace/cv").adoptions if each.key == SPACE)
    assert space.facts.stake[0].startswith("1 Job, 1 Pod")
    assert adopt(in_use, "clusterqueue/cv")[QUEUE].fate is Fate.HELD
    fates = adopt(in_use, "namespace/cv")
    assert {key: each.fate for key, each in fates.items()} == {SPACE: Fate.ADOPTED, QUOTA: Fate.ADOPTED}, fates
    fates = adopt(in_use, "clusterqueue", "resourceflavor")
    assert {key for key, each in fates.items() if each.fate is Fate.HELD} == {FLAVOR, QUEUE}, fates
    label_a_node(in_use, "a100")
    fates = adopt(in_use, "clusterqueue", "resourceflavor")
    assert {each.fate for each in fates.values()} == {Fate.ADOPTED}, fates
    assert not list(in_use.plan(declared()).of(Action.CONFLICT))
    in_use.settle(declared())
    assert in_use.plan(declared()).empty
    assert running(in_use) == pods, "what ran goes on"
    _is_kept_by_content(in_use)

    for words in (["clusterqueue/cv", "resourceflavor/a100", "resourceflavor/plain"], ["namespace/cv"]):
        back = give_back(look_back(in_use.kube, "acme", [word(text) for text in words]), in_use.kube)
        assert all(each.fate in (Fate.GIVEN_BACK, Fate.DELETED, Fate.RELEASED) for each in back), back
    assert state(in_use) == before
    assert running(in_use) == pods
    left = in_use.plan(declared())
    assert {change.key for change in left.of(Action.BLOCKED)} >= {SPACE, QUEUE, FLAVOR}, "as foreign as before"
