"""What tenants try, one row for each kind of attempt: who, what, and what comes of it.

A refused row departs from an admitted one in a single point, and the words that it expects name that point, so that
nothing else can be the reason. What is harmless alone and part of a longer course is in `courses.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.live.books.manifests import GPU, GROUP, GROUP_SIZE, LABELS, amounts, container, pod_spec, work

Body = dict[str, Any]

RBAC = "rbac.authorization.k8s.io"
NO_RIGHT = "cannot create resource"
ESCALATION = "is attempting to grant RBAC permissions not currently held"
POD_SECURITY = "violates PodSecurity"
POLICY = ".allotment.dev"
TEAM = "nlp"
VOLUME_LABELS = dict(LABELS[TEAM])


@dataclass(frozen=True)
class Attempt:
    """One row.

    Attributes:
        who: a key of `training.PEOPLE`.
        says: words of the refusal, each of them; empty: admitted.
    """

    id: str
    who: str
    body: Body
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One right that somebody has or has not; a subresource stands after a slash."""

    who: str
    verb: str
    resource: str
    namespace: str = TEAM
    group: str = ""
    allowed: bool = False

    @property
    def id(self) -> str:
        return f"{self.who} {self.verb} {self.resource} in {self.namespace or 'the cluster'}"


def one(kind: str, spec: Mapping[str, Any] | None = None, *, gpus: int = 0, **more: Any) -> Body:
    """The object of a kind that everything admits, from which a row departs."""
    queue = more.pop("queue", "default" if gpus else "")
    base = pod_spec(container(amounts(gpus=gpus)))
    return work(kind, "probe", more.pop("team", TEAM), base | dict(spec or {}), queue=queue, **more)[0]


def marked(body: Body, *, labels: Mapping[str, str] | None = None, **metadata: Any) -> Body:
    """The same with more in its metadata."""
    own = body["metadata"]
    own["labels"] = own["labels"] | dict(labels or {})
    for key, value in metadata.items():
        own[key] = value
    return body


def in_template(body: Body, **metadata: Any) -> Body:
    """The same with more in the metadata of its pods."""
    template = body["spec"]["template"]["metadata"]
    for key, value in metadata.items():
        template[key] = template.get(key, {}) | value if isinstance(value, dict) else value
    return body


def owned(body: Body) -> Body:
    """Claims to belong to a Job that Kueue manages."""
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "parent", "controller": True,
                 "uid": "80c403e7-ae3e-4629-b7ef-5830073f4518"}  # fmt: skip
    return marked(body, ownerReferences=[reference])


def plain(api_version: str, kind: str, **fields: Any) -> Body:
    """An object that makes no pods."""
    cluster_wide = fields.pop("cluster_wide", False)
    metadata = {"name": "probe", **({} if cluster_wide else {"namespace": fields.pop("namespace", TEAM)})}
    metadata |= fields.pop("metadata", {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def binding(*subjects: Body, role: str = "allotment-owner", kind: str = "Role", **more: Any) -> Body:
    return plain(f"{RBAC}/v1", "RoleBinding", roleRef={"apiGroup": RBAC, "kind": kind, "name": role},
                 subjects=list(subjects), **more)  # fmt: skip


def group(name: str) -> Body:
    return {"apiGroup": RBAC, "kind": "Group", "name": name}


def user(name: str) -> Body:
    return {"apiGroup": RBAC, "kind": "User", "name": name}


def account(name: str, namespace: str) -> Body:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def role(verb: str, resource: str, api_group: str = "") -> Body:
    rules = [{"apiGroups": [api_group], "resources": [resource], "verbs": [verb]}]
    return plain(f"{RBAC}/v1", "Role", rules=rules)


def service(**spec: Any) -> Body:
    ports = {"ports": [{"port": 80}], "selector": {"app": "probe"}}
    return plain("v1", "Service", metadata={"labels": VOLUME_LABELS}, spec=ports | spec)


def pod_of_group(**annotations: str) -> Body:
    return marked(one("Pod", gpus=8), labels={GROUP: "probe-1c1g-8x2"}, annotations={GROUP_SIZE: "2", **annotations})


def on_nodes(key: str, operator: str, *values: str) -> Body:
    term = {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _admitted() -> Iterator[Attempt]:
    for kind, who in (("Job", "member"), ("Pod", "member"), ("Deployment", "member"), ("StatefulSet", "owner"),
                      ("CronJob", "owner")):  # fmt: skip
        yield Attempt(f"a {kind} on CPU", who, one(kind))
        yield Attempt(f"a {kind} with GPUs", who, one(kind, gpus=1))
    yield Attempt("a pod group", "member", pod_of_group())
    yield Attempt("a Service", "member", service())
    yield Attempt("a Role", "owner", role("get", "pods"))
    yield Attempt("a binding to the team's members", "owner", binding(group("acme-nlp"), role="allotment-viewer"))
    yield Attempt("a binding to an account of the namespace", "owner", binding(account("default", TEAM)))
    yield Attempt("a Secret", "owner", plain("v1", "Secret", type="Opaque", stringData={"key": "value"}))


def _past_the_queue() -> Iterator[Attempt]:
    for queue in ("cv", "theirs"):
        yield Attempt(f"queue {queue}", "member", one("Job", gpus=1, queue=queue), (POLICY, queue))
    yield Attempt("queue of a Deployment", "member", one("Deployment", gpus=1, queue="theirs"), (POLICY, "theirs"))
    for kind in ("Job", "Pod"):
        yield Attempt(f"forged owner of a {kind}", "member", owned(one(kind, gpus=8)), ("denied",))
    yield Attempt("forged owner, devices in an init container", "member",
                  owned(one("Pod", {"initContainers": [container(amounts(gpus=1), name="init")]}, queue="default")),
                  ("denied",))  # fmt: skip
    yield Attempt("forged owner, a resource claim", "member",
                  owned(one("Pod", {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "one"}]})),
                  ("denied",))  # fmt: skip
    yield Attempt("suspending parent without a queue", "member",
                  marked(one("Pod", gpus=1, queue=""), annotations={"kueue.x-k8s.io/pod-suspending-parent": "job"}),
                  ("denied",))  # fmt: skip
    for kind in ("DaemonSet", "ReplicaSet"):
        spec = one("Deployment", gpus=1)["spec"]
        yield Attempt(f"a {kind}", "owner", plain("apps/v1", kind, spec=spec), (NO_RIGHT,))
    for kind, spec in (("Workload", {"queueName": "default", "podSets": []}), ("LocalQueue", {"clusterQueue": "cv"})):
        yield Attempt(f"a {kind}", "owner", plain("kueue.x-k8s.io/v1beta2", kind, spec=spec), (NO_RIGHT,))
    for kind in ("ClusterQueue", "ResourceFlavor", "WorkloadPriorityClass", "Cohort", "AdmissionCheck"):
        yield Attempt(f"a {kind}", "owner", plain("kueue.x-k8s.io/v1beta2", kind, cluster_wide=True), (NO_RIGHT,))


def _annotations_that_kueue_trusts() -> Iterator[Attempt]:
    """What only Kueue writes."""
    prebuilt = {"kueue.x-k8s.io/prebuilt-workload-name": "another"}
    for kind, who in (("Job", "member"), ("Deployment", "member"), ("Pod", "member"), ("StatefulSet", "owner")):
        yield Attempt(f"prebuilt Workload of a {kind}", who, marked(one(kind, gpus=8), labels=prebuilt),
                      ("prebuilt-workload-name",))  # fmt: skip
    forged = {"kueue.x-k8s.io/role-hash": "same"}
    for kind, who in (("Job", "member"), ("Deployment", "member"), ("StatefulSet", "owner")):
        yield Attempt(f"role-hash in the template of a {kind}", who,
                      in_template(one(kind, gpus=8), annotations=forged), ("role-hash",))  # fmt: skip
    yield Attempt("role-hash of a pod", "member", pod_of_group(**forged), ("role-hash",))


def _accounts() -> Iterator[Attempt]:
    """GPUs that would leave the accounts, or never come back."""
    years = {"terminationGracePeriodSeconds": 946_080_000}
    for kind in ("Job", "Pod", "Deployment"):
        yield Attempt(f"a {kind} that takes thirty years to end", "member", one(kind, years, gpus=1),
                      ("terminationGracePeriodSeconds",))  # fmt: skip
    foreign = ["evil.example/x"]
    for kind in ("Job", "Deployment"):
        yield Attempt(f"a finalizer on the pods of a {kind}", "member",
                      in_template(one(kind, gpus=1), finalizers=foreign), ("evil.example/x",))  # fmt: skip
    yield Attempt("a finalizer on a pod", "member", marked(one("Pod"), finalizers=foreign), ("evil.example/x",))
    by_class = "deviceclass.resource.kubernetes.io/gpu.nvidia.com"
    for kind, queue in (("Job", ""), ("Pod", ""), ("Deployment", ""), ("Job", "default")):
        inner = container({"limits": {"cpu": "1", "memory": "1Gi", by_class: "8"}})
        yield Attempt(f"a {kind} with devices by their class, queue {queue or 'none'}", "member",
                      one(kind, {"containers": [inner]}, queue=queue), (POLICY, by_class))  # fmt: skip
    env = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]
    spy = container(amounts(), name="spy", env=env)
    yield Attempt("all devices for a container without", "member",
                  one("Pod", {"containers": [container(amounts(gpus=1)), spy]}, queue="default"),
                  ("NVIDIA_VISIBLE_DEVICES",))  # fmt: skip
    yield Attempt("all devices for a pod without", "member",
                  one("Job", {"containers": [container(amounts(), env=env)]}), ("NVIDIA_VISIBLE_DEVICES",))  # fmt: skip


def _never_runs() -> Iterator[Attempt]:
    """Work that would hold quota, or a place in the queue, for ever."""
    gate = {"schedulingGates": [{"name": "evil.example/x"}]}
    for kind, who in (("Job", "member"), ("Pod", "member"), ("Deployment", "member"), ("StatefulSet", "owner"),
                      ("CronJob", "owner")):  # fmt: skip
        yield Attempt(f"a {kind} for another scheduler", who, one(kind, {"schedulerName": "mine"}, gpus=1),
                      (POLICY, "schedulerName is mine"))  # fmt: skip
        yield Attempt(f"a gate on a {kind}", who, one(kind, gate, gpus=1), (POLICY, "holds evil.example/x"))
        claims = {"resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]}
        yield Attempt(f"a claim of a {kind}", who, one(kind, claims), (POLICY, "asks for devices by claim"))
    elastic = {"kueue.x-k8s.io/elastic-job": "true"}
    yield Attempt("a Job that may grow, which Kueue gates", "member", marked(one("Job", gpus=1), annotations=elastic))
    yield Attempt("its gate on a Job that may not", "member",
                  one("Job", {"schedulingGates": [{"name": "kueue.x-k8s.io/elastic-job"}]}, gpus=1),
                  (POLICY, "holds kueue.x-k8s.io/elastic-job"))  # fmt: skip
    runtime = {"runtimeClassName": "mine"}
    yield Attempt("a runtime of nobody", "member", one("Job", runtime, gpus=1), (POLICY, "runtimeClassName is mine"))
    yield Attempt("a Job that nobody manages", "member", one("Job", gpus=1, managedBy="evil.example/x"),
                  (POLICY, "spec.managedBy is evil.example/x"))  # fmt: skip
    yield Attempt("a Job in a CronJob that nobody manages", "owner", one("CronJob", gpus=1, managedBy="evil.example/x"),
                  (POLICY, "spec.jobTemplate.spec.managedBy is evil.example/x"))  # fmt: skip
    topology = {"kueue.x-k8s.io/podset-required-topology": "kubernetes.io/hostname"}
    yield Attempt("a topology of nobody", "member", in_template(one("Job", gpus=1), annotations=topology),
                  (POLICY, "podset-required-topology"))  # fmt: skip
    for name in ("example.com/foo", "hugepages-2Mi"):
        resources = {key: each | {name: "2Mi"} for key, each in amounts().items()}
        yield Attempt(f"a Job that asks for {name}", "member", one("Job", {"containers": [container(resources)]}),
                      (POLICY, name))  # fmt: skip
    by_name = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a100-0"]}]}
    for name, term, says in (("an empty term", {}, "nodeSelectorTerms"), ("a node's name", by_name, "metadata.name")):
        affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        yield Attempt(f"{name} in a node affinity", "member", one("Job", {"affinity": {"nodeAffinity": affinity}}),
                      (POLICY, says))  # fmt: skip
    yield Attempt("more pods at once than the namespace holds", "member", one("Job", parallelism=60, completions=60),
                  (POLICY, "together have more pods"))  # fmt: skip
    bare = {key: value for key, value in container(amounts()).items() if key != "securityContext"}
    windows = {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}, "containers": [bare]}
    yield Attempt("a Job of Windows", "member", one("Job", windows), (POLICY, "os.name is windows"))
    variables = [{"name": f"V{index}", "value": "x"} for index in range(40)]
    crowd = [container(amounts()) | {"name": f"c{index}", "env": variables} for index in range(301)]
    yield Attempt("a Job of too much", "member", one("Job", {"containers": crowd}),
                  (POLICY, "301 containers with 12040 variables"))  # fmt: skip


def _rank_and_place() -> Iterator[Attempt]:
    for name in ("system-cluster-critical", "system-node-critical"):
        yield Attempt(name, "member", one("Job", {"priorityClassName": name}), (POLICY, name))
    yield Attempt("a number for a priority", "member", one("Pod", {"priority": 1_000_000}), ("integer value",))
    yield Attempt("another rung in Kueue's label", "dsmember",
                  one("Job", team="data-science", labels=LABELS["data-science"]
                      | {"kueue.x-k8s.io/priority-class": "production-inference"}),
                  (POLICY, "production-inference"))  # fmt: skip
    for kind, api in (("PriorityClass", "scheduling.k8s.io/v1"),):
        yield Attempt(f"a {kind}", "owner", plain(api, kind, cluster_wide=True, value=5), (NO_RIGHT,))
    yield Attempt("every toleration", "member", one("Pod", {"tolerations": [{"operator": "Exists"}]}),
                  (POLICY, "toleration"))  # fmt: skip
    dedicated = "allotment.dev/dedicated"
    for toleration in (
        {"key": dedicated, "operator": "Exists"},
        {"key": dedicated, "operator": "Equal", "value": "data-science"},
    ):
        yield Attempt(f"another team's pool, {toleration['operator']}", "member",
                      one("Pod", {"tolerations": [toleration]}), (POLICY, dedicated))  # fmt: skip
    yield Attempt("another team's pool by selector", "member",
                  one("Pod", {"nodeSelector": {dedicated: "data-science"}}), (POLICY, dedicated))  # fmt: skip
    yield Attempt("another team's pool by affinity", "member",
                  one("Pod", {"affinity": on_nodes(dedicated, "In", "data-science")}), (POLICY, dedicated))  # fmt: skip
    yield Attempt("GPU nodes for a CPU pod", "member",
                  one("Pod", {"tolerations": [{"key": GPU, "operator": "Exists"}]}), (POLICY, GPU))  # fmt: skip
    for kind in ("Job", "Deployment"):
        yield Attempt(f"a node for a {kind}", "member", one(kind, {"nodeName": "a100-on-demand-0"}),
                      (POLICY, "nodeName"))  # fmt: skip
    target = {"apiVersion": "v1", "kind": "Node", "name": "a100-on-demand-0"}
    yield Attempt("a Binding", "owner", plain("v1", "Binding", target=target), (NO_RIGHT,))


def _containers() -> Iterator[Attempt]:
    for image in ("docker.io/library/ubuntu", "registry.acme.example.evil.test/x",
                  "registry.acme.example@evil.test/x", "registry.acme.example/../evil/x"):  # fmt: skip
        yield Attempt(f"image {image}", "member", one("Job", {"containers": [container(amounts(), image=image)]}),
                      (POLICY, image))  # fmt: skip
    image_volume = [{"name": "v", "image": {"reference": "docker.io/library/ubuntu"}}]
    yield Attempt("an image as a volume", "member", one("Pod", {"volumes": image_volume}), ("ubuntu",))
    for id_, spec in {
        "host network": {"hostNetwork": True},
        "host processes": {"hostPID": True},
        "a path of the host": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        "a port of the host": {"containers": [container(amounts(), ports=[{"containerPort": 1, "hostPort": 1}])]},
        "a probe of another host": {
            "containers": [container(amounts(), livenessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}})]
        },
        "root in a user namespace": {
            "hostUsers": False,
            "securityContext": {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}},
        },
    }.items():
        yield Attempt(f"{id_} for a pod", "member", one("Pod", spec), ("forbidden",))
        yield Attempt(f"{id_} for a Job", "member", one("Job", spec), (POLICY,))
    privileged = {"containers": [container(amounts(), securityContext={"privileged": True})]}
    for kind in ("Pod", "Job"):
        yield Attempt(f"privileged for a {kind}", "member", one(kind, privileged), ("privileged",))
    csi = [{"name": "v", "csi": {"driver": "file.csi.azure.com",
                                 "volumeAttributes": {"secretName": "x", "secretNamespace": "cv"}}}]  # fmt: skip
    yield Attempt("a secret of another namespace by CSI", "member", one("Pod", {"volumes": csi}), (POLICY, "csi"))


def _services_and_marks() -> Iterator[Attempt]:
    for type_ in ("NodePort", "LoadBalancer"):
        yield Attempt(f"a {type_}", "owner", service(type=type_), (type_,))
    yield Attempt("external addresses", "owner", service(externalIPs=["8.8.8.8"]), (POLICY, "8.8.8.8"))
    elsewhere = service(type="ExternalName", externalName="api.cv.svc.cluster.local")
    yield Attempt("a name of another team's service", "member", elsewhere, (POLICY, "api.cv.svc"))
    for key, value in {"team": "cv", "cost-center": "cc-1", "environment": "production"}.items():
        yield Attempt(f"label {key}", "member", one("Job", labels=LABELS[TEAM] | {key: value}),
                      (POLICY, f"labels.{key}", value))  # fmt: skip
    yield Attempt("a label of the platform", "member",
                  plain("v1", "ConfigMap", metadata={"labels": {"allotment.dev/tenant": "cv"}}),
                  (POLICY, "allotment.dev/tenant"))  # fmt: skip


SUBMITTER = "allotment.dev/submitted-by"
OURS = {"app.kubernetes.io/managed-by": "allotment", "allotment.dev/platform": "acme"}


def empty_signature() -> Body:
    return marked(one("Job"), annotations={SUBMITTER: ""})


def claim(**metadata: Any) -> Body:
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": metadata, "spec": storage}


def _names_and_marks() -> Iterator[Attempt]:
    """Another's name, and the look of an object of the platform, also by what a controller will make."""
    for kind, who in (("Job", "member"), ("Pod", "member"), ("Deployment", "member"), ("CronJob", "owner"),
                      ("StatefulSet", "owner")):  # fmt: skip
        yield Attempt(f"another's name on a {kind}", who, marked(one(kind), annotations={SUBMITTER: "joan"}),
                      (POLICY, SUBMITTER, "joan"))  # fmt: skip
        scratch = {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": claim(labels=OURS)}}]}
        yield Attempt(f"the look of a claim of the platform by a {kind}", who, one(kind, scratch),
                      (POLICY, "spec.volumes[v].ephemeral.volumeClaimTemplate.metadata.labels."))  # fmt: skip
    for kind, who in (("Job", "member"), ("Deployment", "member"), ("StatefulSet", "owner")):
        yield Attempt(f"another's name in the template of a {kind}", who,
                      in_template(one(kind), annotations={SUBMITTER: "joan"}), (POLICY, SUBMITTER))  # fmt: skip
        yield Attempt(f"the look of the platform in the template of a {kind}", who, in_template(one(kind), labels=OURS),
                      (POLICY, "spec.template.metadata.labels.allotment.dev/platform"))  # fmt: skip
    for metadata in ({"annotations": {SUBMITTER: "joan"}}, {"labels": OURS}):
        jobs = one("CronJob")
        own = jobs["spec"]["jobTemplate"]["metadata"]
        for key, value in metadata.items():
            own[key] = own.get(key, {}) | value
        yield Attempt(f"{', '.join(metadata)} of the Jobs of a CronJob", "owner", jobs,
                      (POLICY, "spec.jobTemplate.metadata."))  # fmt: skip
        kept = one("StatefulSet")
        kept["spec"]["volumeClaimTemplates"] = [claim(name="data", **metadata)]
        yield Attempt(f"{', '.join(metadata)} of the claims of a StatefulSet", "owner", kept,
                      (POLICY, "spec.volumeClaimTemplates[data].metadata."))  # fmt: skip
    kept = one("StatefulSet")
    kept["spec"]["volumeClaimTemplates"] = [claim(name="data", labels=LABELS[TEAM])]
    yield Attempt("claims of a StatefulSet", "owner", kept)
    yield Attempt("an empty name", "member", empty_signature())


def _rights() -> Iterator[Attempt]:
    for who in ("system:unauthenticated", "system:authenticated", "acme-cv", "system:masters"):
        yield Attempt(f"a binding to {who}", "owner", binding(group(who)), (POLICY, who))
    yield Attempt("a binding to a stranger", "owner", binding(user("eve")), (POLICY, "eve"))
    yield Attempt("a binding to oneself", "owner", binding(user("owner@nlp")), (POLICY, "User owner@nlp"))
    yield Attempt("a binding to anonymous", "owner", binding(user("system:anonymous")), (POLICY, "system:anonymous"))
    yield Attempt("a binding to another namespace's account", "owner", binding(account("default", "cv")),
                  (POLICY, "cv"))  # fmt: skip
    for name in ("cluster-admin", "edit", "system:node"):
        yield Attempt(f"a binding of {name}", "owner", binding(group("acme-nlp"), role=name, kind="ClusterRole"),
                      (ESCALATION,))  # fmt: skip
    yield Attempt("a binding of exec", "owner", binding(group("acme-nlp"), role="allotment-exec"), (ESCALATION,))
    for verb, resource, api_group in (
        ("create", "pods/exec", ""), ("create", "serviceaccounts/token", ""), ("*", "*", "*"),
        ("escalate", "roles", RBAC), ("create", "localqueues", "kueue.x-k8s.io"), ("patch", "resourcequotas", ""),
    ):  # fmt: skip
        yield Attempt(f"a Role to {verb} {resource}", "owner", role(verb, resource, api_group), (ESCALATION,))
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"}
        more = {"roleRef": reference} if kind == "ClusterRoleBinding" else {}
        yield Attempt(f"a {kind}", "owner", plain(f"{RBAC}/v1", kind, cluster_wide=True, **more), (NO_RIGHT,))
    yield Attempt("a Role for another team", "owner", role("get", "pods") | {
        "metadata": {"name": "probe", "namespace": "cv"}}, (NO_RIGHT,))  # fmt: skip
    yield Attempt("a token that never expires", "owner",
                  plain("v1", "Secret", type="kubernetes.io/service-account-token",
                        metadata={"annotations": {"kubernetes.io/service-account.name": "default"}}),
                  ("withheld, because it may quote the Secret",))  # fmt: skip


ATTEMPTS = (
    *_admitted(),
    *_past_the_queue(),
    *_annotations_that_kueue_trusts(),
    *_accounts(),
    *_never_runs(),
    *_rank_and_place(),
    *_containers(),
    *_services_and_marks(),
    *_names_and_marks(),
    *_rights(),
)

QUESTIONS = (
    *(Question("owner", verb, resource, group=api_group) for verb, resource, api_group in (
        ("create", "pods/exec", ""), ("create", "pods/eviction", ""), ("create", "pods/binding", ""),
        ("patch", "pods", ""), ("patch", "pods/resize", ""), ("update", "pods/status", ""),
        ("update", "pods/ephemeralcontainers", ""), ("deletecollection", "pods", ""),
        ("create", "serviceaccounts", ""), ("create", "serviceaccounts/token", ""),
        ("impersonate", "serviceaccounts", ""),
        ("create", "endpoints", ""), ("create", "endpointslices", "discovery.k8s.io"),
        ("create", "networkpolicies", "networking.k8s.io"), ("create", "ingresses", "networking.k8s.io"),
        ("create", "events", ""), ("create", "podtemplates", ""), ("create", "replicationcontrollers", ""),
        ("create", "limitranges", ""), ("update", "resourcequotas", ""), ("update", "statefulsets/scale", "apps"),
        ("create", "replicasets", "apps"), ("create", "controllerrevisions", "apps"), ("create", "daemonsets", "apps"),
        ("patch", "jobs", "batch"), ("patch", "workloads", "kueue.x-k8s.io"), ("delete", "workloads", "kueue.x-k8s.io"),
        ("patch", "localqueues", "kueue.x-k8s.io"), ("create", "leases", "coordination.k8s.io"),
        ("create", "resourceclaims", "resource.k8s.io"), ("create", "resourceclaimtemplates", "resource.k8s.io"),
        ("create", "localsubjectaccessreviews", "authorization.k8s.io"), ("bind", "roles", RBAC),
    )),
    *(Question("owner", "create", resource, "", api_group) for resource, api_group in (
        ("validatingadmissionpolicies", "admissionregistration.k8s.io"),
        ("mutatingwebhookconfigurations", "admissionregistration.k8s.io"),
        ("customresourcedefinitions", "apiextensions.k8s.io"), ("apiservices", "apiregistration.k8s.io"),
        ("flowschemas", "flowcontrol.apiserver.k8s.io"), ("runtimeclasses", "node.k8s.io"),
        ("csidrivers", "storage.k8s.io"), ("persistentvolumes", ""), ("namespaces", ""),
        ("tokenreviews", "authentication.k8s.io"),
        ("certificatesigningrequests", "certificates.k8s.io"),
    )),
    *(Question(who, "list", "secrets") for who in ("member", "viewer", "exec", "stranger", "cvmember")),
    *(Question("member", "list", resource, "cv") for resource in ("pods", "secrets")),
    *(Question("member", "list", resource, "", api_group) for resource, api_group in (
        ("nodes", ""), ("namespaces", ""), ("clusterqueues", "kueue.x-k8s.io"))),
    *(Question(who, "list", "pods") for who in ("cvmember", "stranger")),
    *(Question(who, "create", "pods/exec") for who in ("member", "viewer")),
    Question("exec", "create", "pods/exec", "cv"),
    Question("exec", "create", "pods"),
    Question("viewer", "create", "pods"),
    Question("viewer", "patch", "deployments/scale", group="apps"),
    Question("member", "patch", "deployments/scale", group="apps", allowed=True),
    Question("member", "get", "localqueues/pendingworkloads", "cv", "visibility.kueue.x-k8s.io"),
    Question("member", "get", "localqueues/pendingworkloads", TEAM, "visibility.kueue.x-k8s.io", allowed=True),
    Question("viewer", "get", "pods/log", allowed=True),
    Question("member", "create", "pods", allowed=True),
)  # fmt: skip
