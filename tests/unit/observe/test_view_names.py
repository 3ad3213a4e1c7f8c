"""What bears the names of others in a view, whatever it is called so by: nothing keeps them, and references hold."""

from __future__ import annotations

import re
from typing import Any

import pytest

from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.observe.phrases import spoken
from allotment.observe.view import seen_by
from allotment.observe.written import encode, unpacked
from tests.unit.observe.objects import NOW, OURS, raw

SPACE, TEAM = "zorro-prod", "zorro"
KUEUE = "kueue.x-k8s.io/v1beta2"
Body = dict[str, Any]


def quota(flavor: str = "a100", resource: str = "nvidia.com/gpu") -> list[Body]:
    return [{"coveredResources": [resource],
             "flavors": [{"name": flavor, "resources": [{"name": resource, "nominalQuota": "8"}]}]}]  # fmt: skip


def queue(name: str, cohort: str = "all", **spec: Any) -> Body:
    return raw("ClusterQueue", KUEUE, name, spec={"cohortName": cohort, "resourceGroups": quota(), **spec})


def scene(*more: Body, space: str = SPACE, team: str = TEAM, said: str = "") -> list[Body]:
    """A team with a queue and a job that waits, and another's namespace, queue and pod."""
    condition = {"type": "QuotaReserved", "status": "False", "message": said or f"Preempted by {space}/gone-9"}
    template = {"spec": {"containers": [{"name": "main", "resources": {"requests": {"nvidia.com/gpu": "1"}}}]}}
    return [
        raw("Namespace", "v1", OURS, meta={"labels": {"team": "nlp"}}),
        raw("Namespace", "v1", space, meta={"labels": {"team": team}}),
        raw("ResourceFlavor", KUEUE, "a100", spec={"nodeLabels": {"gpu": "a100"}}),
        queue("nlp"), queue("theirs"),
        raw("LocalQueue", KUEUE, "default", OURS, spec={"clusterQueue": "nlp"}),
        raw("LocalQueue", KUEUE, "main", space, spec={"clusterQueue": "theirs"}),
        raw("Workload", KUEUE, "job-mine", OURS, status={"conditions": [condition]},
            spec={"queueName": "default", "podSets": [{"name": "main", "count": 1, "template": template}]}),
        *more,
    ]  # fmt: skip


def view(raws: list[Body]) -> Source:
    gathered = Gathered()
    gathered.take_any(raws)
    assert not gathered.gaps
    whole = Snapshot(taken_at=NOW, sources=(Source(name="prod", observed_at=NOW, objects=gathered.objects()),))
    return seen_by(whole, "nlp", frozenset({OURS})).sources[0]


def text_of(source: Source) -> str:
    return unpacked(encode(Snapshot(sources=(source,)))).decode()


def message(source: Source) -> str:
    (found,) = (each for each in source.objects.workloads if each.namespace == OURS)
    return found.status.conditions[0].message


def node(**more: Any) -> Body:
    status = {"allocatable": {"cpu": "96", "nvidia.com/gpu": "8"}}
    return raw("Node", "v1", "n1", **{"status": status, **more})


def tainted(key: str, value: str = "true") -> Body:
    return node(spec={"taints": [{"key": key, "value": value, "effect": "NoSchedule"}]})


BEARING: dict[str, Body] = {
    **{
        kind: raw(kind, version, SPACE)
        for kind, version in (
            ("Cohort", KUEUE), ("ResourceFlavor", KUEUE), ("AdmissionCheck", KUEUE), ("Topology", KUEUE),
            ("MultiKueueConfig", KUEUE), ("MultiKueueCluster", KUEUE), ("StorageClass", "storage.k8s.io/v1"),
            ("RuntimeClass", "node.k8s.io/v1"), ("DeviceClass", "resource.k8s.io/v1"), ("Node", "v1"),
            ("ResourceSlice", "resource.k8s.io/v1"), ("NodePool", "karpenter.sh/v1"), ("NodeClaim", "karpenter.sh/v1"),
        )
    },
    "a node's name, in part": raw("Node", "v1", f"{SPACE}-gpu-1"),
    "the key of a taint": tainted(SPACE),
    "the key of a taint, with a domain": tainted(f"acme.example/{SPACE}"),
    "the value of a taint": tainted("pool", SPACE),
    "who owns a node": tainted("owner", "zorros-anna"),
    "a label of a flavor": raw("ResourceFlavor", KUEUE, "b", spec={"nodeLabels": {"acme.example/pool": SPACE}}),
    "a key of a flavor": raw("ResourceFlavor", KUEUE, "b", spec={"nodeLabels": {SPACE: "true"}}),
    "a resource of a node": node(status={"allocatable": {f"{SPACE}.example/dev": "1"}}),
}  # fmt: skip


@pytest.mark.parametrize("more", BEARING.values(), ids=BEARING)
def test_nothing_that_is_called_so_too_keeps_a_name(more: Body) -> None:
    found = view(scene(more))
    assert message(found) == "Preempted by hidden/hidden" or message(found).startswith("Preempted by hidden-")
    assert "zorro" not in text_of(found)


def test_a_queue_of_one_s_own_is_no_oracle() -> None:
    found = view(scene(raw("LocalQueue", KUEUE, SPACE, OURS, spec={"clusterQueue": "nlp"})))
    assert message(found) == "Preempted by hidden/hidden"


SAID = {
    "private": "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100",
    "trainer": "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
    "quota": "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100",
    "gpu": "insufficient quota for nvidia.com/gpu in flavor a100",
    "2": "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
    "v2": "workload is not admitted",
}


@pytest.mark.parametrize(("space", "said"), SAID.items())
def test_a_name_that_is_a_word_goes_but_where_the_component_says_it_itself(space: str, said: str) -> None:
    for taken in (f"Preempted by {space}/gone-9", f"{said}; Preempted by {space}/gone-9"):
        left = message(view(scene(space=space, team=space, said=taken)))
        # A label of a flavor is called `gpu` too: it has a name of ours.
        assert re.sub(r"hidden-\d", "hidden", left) == taken.replace(f"{space}/gone-9", "hidden/hidden")


def test_what_refers_to_a_renamed_object_still_does() -> None:
    slow = {"metadata": {"name": "data", "namespace": OURS}, "apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    pod_spec = {"runtimeClassName": SPACE, "nodeName": SPACE, "nodeSelector": {"pool": SPACE}, "containers": []}
    found = view(
        scene(
            raw("Node", "v1", SPACE, meta={"labels": {"pool": SPACE}}),
            raw("RuntimeClass", "node.k8s.io/v1", SPACE),
            raw("StorageClass", "storage.k8s.io/v1", SPACE),
            raw("ResourceFlavor", KUEUE, SPACE, spec={"nodeLabels": {"pool": SPACE}}),
            {**slow, "spec": {"storageClassName": SPACE}},
            raw("Pod", "v1", "mine-0", OURS, spec=pod_spec),
            raw("Pod", "v1", "their-0", SPACE, spec={"nodeName": SPACE, "containers": []}),
        )
    ).objects
    assert {each.spec.node_name for each in found.pods} == {each.name for each in found.nodes}
    (mine,) = (each for each in found.pods if each.namespace == OURS)
    assert mine.spec.runtime_class_name == found.runtime_classes[0].name
    assert mine.spec.node_selector == found.nodes[0].metadata.labels
    assert found.flavors[1].spec.node_labels == found.nodes[0].metadata.labels
    assert found.volume_claims[0].spec.storage_class_name == found.storage_classes[0].name


@pytest.mark.parametrize("space", ["cpu", "key", "1", "8", "spec", "true", "hidden-1", "a100"])
def test_who_is_called_like_a_word_of_the_api_spoils_no_object(space: str) -> None:
    """Nor do values of labels that are not theirs to read, which may be words of other things."""
    taint = {"key": "pool", "value": space, "effect": "NoSchedule"}
    ours = {"requests": {"cpu": "1", "nvidia.com/gpu": "8"}}
    spec = {"tolerations": [{"key": "pool", "value": space}], "nodeSelector": {"pool": "x", "rack": space},
            "containers": [{"name": "main", "resources": ours}]}  # fmt: skip
    marks = {"labels": {"pool": "a100", "rack": space, "team": space}}
    more = node(meta=marks, spec={"taints": [taint]}), raw("Pod", "v1", "mine-0", OURS, spec=spec)
    objects = view(scene(*more, space=space, team=space)).objects
    (mine,), (found,) = objects.pods, objects.nodes
    assert mine.spec.containers[0].resources.requests == ours["requests"]
    assert found.status.allocatable == {"cpu": "96", "nvidia.com/gpu": "8"}
    assert mine.spec.tolerations[0].value == found.spec.taints[0].value
    assert mine.spec.node_selector["rack"] == found.metadata.labels["rack"]
    assert found.metadata.labels["pool"] != "a100"
    assert (objects.flavors[0].name == "a100") == (space != "a100")


def volume() -> Body:
    term = {"matchExpressions": [{"key": "zorro-key", "operator": "In", "values": ["zorro-zone"]}]}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "zorro-fast",
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}  # fmt: skip
    marks = {"labels": {"x": "zorro"}, "annotations": {"pv.kubernetes.io/provisioned-by": "zorro"}}
    return raw("PersistentVolume", "v1", "zorro-volume", meta=marks, spec=spec, status={"phase": "Available"})


def claim() -> Body:
    result = {"request": "zorro-gpus", "driver": "gpu.example", "pool": "zorro-pool", "device": "gpu-0"}
    return raw("ResourceClaim", "resource.k8s.io/v1", "c", SPACE,
               status={"allocation": {"devices": {"results": [result]}}})  # fmt: skip


def workload() -> Body:
    place = {"levels": ["zorro-level"], "domains": [{"values": ["zorro-rack"], "count": 1}]}
    assigned = {"name": "zorros", "count": 1, "flavors": {"zorro.example/dev": "zorro-flavor"},
                "resourceUsage": {"zorro.example/dev": "1"}, "topologyAssignment": place}  # fmt: skip
    condition = {"type": "ZorroType", "status": "True", "reason": "ZorroReason"}
    admission = {"clusterQueue": "theirs", "podSetAssignments": [assigned]}
    return raw("Workload", KUEUE, "w", SPACE, spec={"podSets": [{"name": "zorros", "count": 1}]},
               status={"admission": admission, "conditions": [condition]})  # fmt: skip


SAYING: dict[str, Body] = {
    "a volume without a claim": volume(),
    "a claim's request": claim(),
    "a workload": workload(),
    "a resource that a pod asks for": raw("Pod", "v1", "p", SPACE, spec={"nodeName": "n1", "containers": [
        {"name": "zorro", "resources": {"requests": {"cpu": "1", "zorro.example/dev": "1"}}}]}),
    "phase and policy of a pod": raw("Pod", "v1", "p", SPACE, spec={"preemptionPolicy": "Zorro"},
                                     status={"phase": "ZorroPhase"}),
    "flavors, resources and checks of a queue": queue(
        "q2", resourceGroups=quota("zorro-flavor", "zorro.example/dev"), admissionChecks=["zorro-check"]),
    "a cohort that is not theirs": queue("q2", "zorro-cohort"),
    "a cohort above it": raw("Cohort", KUEUE, "zorros", spec={"parentName": "zorro-root"}),
}  # fmt: skip


@pytest.mark.parametrize("more", SAYING.values(), ids=SAYING)
def test_others_objects_say_nothing_that_cannot_be_read_elsewhere(more: Body) -> None:
    found = view(scene(node(), more))
    assert "zorro" not in text_of(found).lower()
    hidden = (each for each in found.objects.pods if each.spec.containers)
    assert all(each.spec.containers[0].resources.requests["cpu"] == "1" for each in hidden)


@pytest.mark.parametrize("component", ["kubelet", "job-controller", "default-scheduler", "anybody"])
@pytest.mark.parametrize("where", ["event", "condition", "state"])
def test_no_message_says_a_word_that_nobody_knows(component: str, where: str) -> None:
    said = "cannot reach zorroprod, zorro_prod of oidc:alice; mergergone-9; a-b-c-d-e-f-g-h-i-j-k-l-zorro-prod"
    status = {
        "condition": {"conditions": [{"type": "ContainersReady", "status": "False", "message": said}]},
        "state": {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "X", "message": said}}}]},
        "event": {},
    }[where]
    pod = raw("Pod", "v1", "mine-0", OURS, spec={"containers": [{"name": "main"}]}, status=status)
    event = raw("Event", "v1", "e", OURS, message=said, source={"component": component},
                involvedObject={"kind": "Pod", "namespace": OURS, "name": "mine-0"})  # fmt: skip
    text = text_of(view(scene(pod, event)))
    assert "cannot reach hidden" in text
    assert not [word for word in ("zorro", "alice", "merger") if word in text]


VALUES = ("zorro-prod-a", "zorro-prod-b", "zorro-prod-a", "zorro")


@pytest.mark.parametrize("read", ["cohort", "team", "pool"])
def test_equal_stays_equal_and_different_stays_different(read: str) -> None:
    if read == "cohort":
        objects = view(scene(*(queue(f"q{at}", each) for at, each in enumerate(VALUES)))).objects
        found = [each.spec.cohort_name for each in objects.cluster_queues if each.spec.cohort_name != "all"]
    else:
        nodes = [raw("Node", "v1", f"n{at}", meta={"labels": {read: each}}) for at, each in enumerate(VALUES)]
        asks = raw("Pod", "v1", "mine-0", OURS, spec={"nodeSelector": {"pool": "x"}, "containers": []})
        found = [each.metadata.labels[read] for each in view(scene(*nodes, asks)).objects.nodes]
    assert not [each for each in found if "zorro" in each]
    assert found[0] == found[2]
    assert (len(found), len(set(found))) == (4, 3)


@pytest.mark.parametrize(
    "said",
    [
        (
            'violates PodSecurity "restricted:v1.36": allowPrivilegeEscalation != false (container "main" must set '
            'securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "main" must set '
            'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "main" must set '
            'securityContext.runAsNonRoot=true), seccompProfile (pod or container "main" must set '
            'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
        ),
        (
            'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true, hostPID=true), privileged '
            '(container "main" must not set securityContext.privileged=true)'
        ),
    ],
)
def test_what_pod_security_asks_of_everybody_is_read_by_everybody(said: str) -> None:
    assert message(view(scene(said=said))) == said


def test_phrases_hold_no_names() -> None:
    """What stands between names is found, and the names are not: else a phrase would keep one."""
    said = (
        'LocalQueue private doesn\'t exist; exceeded quota: private, requested: cpu=1; topology "private" allows to fit'
    )
    kept = "".join(said[begin:end] for begin, end in spoken(said))
    assert "LocalQueue" in kept
    assert "private" not in kept
