"""One row per rule and kind: what is tried, by whom, and what the answer says.

A refused case departs from an admitted one in a single point, so that only the rule named can be the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from allotment.model import labels
from allotment.model.policy import PolicyName
from allotment.ports.kube import Identity
from tests.live.policies.bodies import (
    GATE,
    GOOD_LABELS,
    GPU_NODES,
    KINDS,
    MANAGED,
    NAMESPACE,
    OTHER,
    binding,
    config_map,
    container,
    namespace,
    pod_spec,
    queued,
    service,
    workload,
)
from tests.live.policies.conftest import CSI_DRIVER, ENGINEER, JANE, JOBS, REPLICA_SETS

CV = "pol-cv"
CV_LABELS = GOOD_LABELS | {"team": CV, "project": "pol-cv-core"}
CV_TOLERATION = {"key": labels.DEDICATED, "operator": "Equal", "value": CV}
P = PolicyName


@dataclass(frozen=True)
class Case:
    """Attributes: `refused_by` None means admitted; `says` are parts of the message."""

    id: str
    body: dict[str, Any]
    refused_by: PolicyName | None = None
    says: tuple[str, ...] = ()
    who: Identity = JANE
    alone: bool = True
    """Whether no other rule is broken: of several the API server names any, and each tells the faults of all."""


def _without(source: dict[str, str], key: str) -> dict[str, str]:
    return {name: value for name, value in source.items() if name != key}


def _label_cases() -> Iterator[Case]:
    wrong = {
        "team": ("pol-cv", "set team to pol-nlp"),
        "project": ("nope", "set project to pol-nlp-core"),
        "cost-center": ("cc-1", "set cost-center to cc-4521"),
        "environment": ("production", "set environment to development"),
    }
    for kind in KINDS:
        yield Case(f"labels-good-{kind}", workload(kind))
        at = {"Pod": "", "CronJob": "spec.jobTemplate.spec.template."}.get(kind, "spec.template.")
        for key, (value, fix) in wrong.items():
            missing = _without(GOOD_LABELS, key)
            if kind == "Pod":
                yield Case(f"{key}-missing-Pod", workload(kind, own=missing, pods=missing), P.LABELS_REQUIRED,
                           (f"metadata.labels.{key} is missing; {fix}",))  # fmt: skip
                continue
            yield Case(f"{key}-missing-{kind}", workload(kind, own=missing), P.LABELS_REQUIRED,
                       (f" metadata.labels.{key} is missing; {fix}",))  # fmt: skip
            yield Case(f"{key}-missing-in-template-{kind}", workload(kind, pods=missing), P.LABELS_REQUIRED,
                       (f" {at}metadata.labels.{key} is missing; {fix}",))  # fmt: skip
            yield Case(f"{key}-wrong-{kind}", workload(kind, own=GOOD_LABELS | {key: value}), P.LABELS_REQUIRED,
                       (f"metadata.labels.{key} is {value}; {fix}",))  # fmt: skip
    yield Case("labels-engineers-are-free", workload("Pod", own={}, pods={}), who=ENGINEER)


def _team_namespace_cases() -> Iterator[Case]:
    for kind in KINDS:
        yield Case(f"cpu-elsewhere-{kind}", workload(kind, namespace=OTHER))
        yield Case(
            f"gpu-elsewhere-{kind}", queued(kind, namespace=OTHER), P.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES,
            ("asks for nvidia.com/gpu, but namespace pol-other belongs to no team",),
        )  # fmt: skip
    init = workload("Pod", namespace=OTHER, spec={"initContainers": [container(gpus=1) | {"name": "init"}]})
    yield Case("gpu-elsewhere-init", init, P.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES, ("nvidia.com/gpu",))
    slice_ = container()
    slice_["resources"]["limits"]["nvidia.com/mig-1g.10gb"] = "1"
    yield Case("slice-elsewhere", workload("Pod", namespace=OTHER, spec={"containers": [slice_]}),
               P.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES, ("nvidia.com/mig-1g.10gb",))  # fmt: skip
    for kind in KINDS:
        by_class = container()
        by_class["resources"]["limits"]["deviceclass.resource.kubernetes.io/gpu.nvidia.com"] = "1"
        yield Case(f"device-class-elsewhere-{kind}", workload(kind, namespace=OTHER, spec={"containers": [by_class]}),
                   P.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES, ("deviceclass.resource.kubernetes.io/gpu",))  # fmt: skip
    yield Case("zero-elsewhere", workload("Pod", namespace=OTHER, spec={"containers": [_zero_gpus()]}))
    yield Case("gpu-in-default-by-controller", workload("Pod", gpus=1, namespace="default"),
               P.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES, ("namespace default",), REPLICA_SETS)  # fmt: skip
    yield Case("gpu-in-kube-system", workload("Pod", gpus=1, namespace="kube-system"))
    yield Case("gpu-elsewhere-engineer", workload("Pod", gpus=1, namespace=OTHER), who=ENGINEER)
    claims = {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "one"}]}
    yield Case("claim-elsewhere", workload("Pod", namespace=OTHER, spec=claims),
               P.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES, ("asks for a resource claim",))  # fmt: skip


def _zero_gpus() -> dict[str, Any]:
    return container() | {"resources": {"limits": {"nvidia.com/gpu": "0", "cpu": "1", "memory": "1Gi"}}}


def _forgotten_cases() -> Iterator[Case]:
    for kind in KINDS:
        yield Case(f"forgotten-selector-{kind}", workload(kind, spec={"nodeSelector": {labels.ACCELERATOR: "a100"}}),
                   P.GPU_REQUESTS_EQUAL_LIMITS, ("no container asks for an accelerator",))  # fmt: skip
    only_tolerates = {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]}
    yield Case("forgotten-toleration", workload("Pod", spec=only_tolerates), P.GPU_REQUESTS_EQUAL_LIMITS,
               ("spec chooses accelerator nodes by nvidia.com/gpu",))  # fmt: skip
    yield Case("limit-with-selector", queued("Job", spec=GPU_NODES))
    yield Case("other-toleration", workload("Pod", spec={"tolerations": [{"key": "spot", "operator": "Exists"}]}))


def _placement_cases() -> Iterator[Case]:
    blanket = {"tolerations": [{"operator": "Exists"}]}
    for kind in KINDS:
        yield Case(f"blanket-toleration-{kind}", workload(kind, spec=blanket), P.PLACEMENT_REQUIRED,
                   ("without a key",))  # fmt: skip
    yield Case("job-without-placement", queued("Job"))
    v100 = {"nodeSelector": {labels.ACCELERATOR: "v100"}}
    yield Case("unknown-pool", queued("Job", spec=v100), P.PLACEMENT_REQUIRED,
               ("accelerator=v100, which no pool with accelerators of this cluster has; there are a100",))  # fmt: skip
    yield Case("cpu-nodes-by-pool", workload("Job", spec={"nodeSelector": {labels.NODE_POOL: "cpu-pool"}}))
    yield Case("cpu-nodes-of-no-pool", workload("Job", spec={"nodeSelector": {labels.NODE_POOL: "nope"}}), P.WORK_FITS,
               ("and no node that pods of this team may run on holds that with this node selector",))  # fmt: skip
    pod = workload("Pod", gpus=1)
    yield Case("pod-of-job-unplaced", pod, P.PLACEMENT_REQUIRED,
               ("spec.nodeSelector is missing for a pod that asks for nvidia.com/gpu",), JOBS)  # fmt: skip
    yield Case("pod-of-job-placed", workload("Pod", gpus=1, spec=GPU_NODES), who=JOBS)
    untolerated = {"nodeSelector": GPU_NODES["nodeSelector"]}
    yield Case("pod-of-job-untolerated", workload("Pod", gpus=1, spec=untolerated), P.PLACEMENT_REQUIRED,
               ("spec.tolerations lacks the taint of nodes with nvidia.com/gpu: add key nvidia.com/gpu",),
               JOBS)  # fmt: skip
    for values, refused in ((["a100"], None), (["a100", "v100"], P.PLACEMENT_REQUIRED)):
        spec = {"affinity": _affinity(labels.ACCELERATOR, values), "tolerations": GPU_NODES["tolerations"]}
        yield Case(f"pod-of-job-affinity-{len(values)}", workload("Pod", gpus=1, spec=spec), refused, who=JOBS)


def _affinity(key: str, values: list[str]) -> dict[str, Any]:
    terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": values}]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _queue_cases() -> Iterator[Case]:
    for kind in ("Job", "CronJob"):
        yield Case(f"queue-good-{kind}", queued(kind))
        yield Case(f"queue-missing-{kind}", workload(kind, gpus=1, suspend=True), P.QUEUE_REQUIRED,
                   (f"metadata.labels.{labels.KUEUE_QUEUE} is missing", "set it to default"))  # fmt: skip
        foreign = queued(kind, own={labels.KUEUE_QUEUE: "theirs"}, suspend=True)
        yield Case(f"queue-foreign-{kind}", foreign, P.QUEUE_REQUIRED, ("is theirs", "set it to default"))
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"):
        yield Case(f"only-jobs-{kind}", queued(kind, spec=GPU_NODES), P.QUEUE_REQUIRED,
                   (f"a {kind} asks for nvidia.com/gpu, but in this cluster only Jobs wait in queues",))  # fmt: skip
    yield Case("bare-pod", queued("Pod", spec=GPU_NODES | GATE, own=MANAGED), P.QUEUE_REQUIRED, ("only Jobs",),
               alone=False)  # fmt: skip
    yield Case("pod-of-controller", workload("Pod", gpus=1, spec=GPU_NODES), P.QUEUE_REQUIRED, ("only Jobs",),
               REPLICA_SETS)  # fmt: skip
    yield Case("cpu-needs-no-queue", workload("Job"))
    for kind in KINDS:
        # Kueue holds a pod that names a queue, and where it is not told to, another rule minds the finalizer.
        if kind != "Pod":
            yield Case(f"cpu-in-a-queue-{kind}", queued(kind, gpus=0))
        at = "spec.jobTemplate.metadata" if kind == "CronJob" else "metadata"
        theirs = queued(kind, gpus=0, own={labels.KUEUE_QUEUE: "theirs"})
        yield Case(f"cpu-in-a-queue-of-nobody-{kind}", theirs, P.QUEUE_REQUIRED,
                   (f"{at}.labels.{labels.KUEUE_QUEUE} is theirs, which is no queue of this namespace",
                    "set it to default"), alone=kind != "Pod")  # fmt: skip
        if kind != "Pod":
            inside = workload(kind, pods=GOOD_LABELS | {labels.KUEUE_QUEUE: "theirs"})
            yield Case(f"cpu-template-in-a-queue-of-nobody-{kind}", inside, P.QUEUE_REQUIRED,
                       (f"template.metadata.labels.{labels.KUEUE_QUEUE} is theirs, which is no queue",))  # fmt: skip


def _fitting_cases() -> Iterator[Case]:
    def sized(**resources: Any) -> dict[str, Any]:
        return {"containers": [container() | {"resources": resources}]}

    for kind in KINDS:
        at = {"Pod": "", "CronJob": "spec.jobTemplate.spec.template."}.get(kind, "spec.template.")
        huge = sized(requests={"cpu": "1", "memory": "3000Gi"}, limits={"cpu": "1", "memory": "3000Gi"})
        yield Case(f"larger-than-a-node-{kind}", workload(kind, spec=huge), P.WORK_FITS,
                   (f"{at}spec asks for cpu 1, memory 3000Gi, and no node", "cpu-pool (cpu 96"))  # fmt: skip
        pod_wide = {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}}
        yield Case(f"asks-as-a-pod-{kind}", workload(kind, spec=pod_wide), P.REQUESTS_AS_CHARGED,
                   (f"{at}spec.resources asks for the pod as a whole",))  # fmt: skip
        if kind != "Pod":  # a pod the API server completes, and Pod Security judges
            no_requests = sized(limits={"cpu": "2", "memory": "1Gi"})
            yield Case(f"limits-only-{kind}", workload(kind, spec=no_requests), P.REQUESTS_AS_CHARGED,
                       (f"{at}spec: container main (cpu, memory) has a limit and no request",))  # fmt: skip
            no_limit = sized(requests={"cpu": "2", "memory": "1Gi"})
            yield Case(f"above-the-default-limit-{kind}", workload(kind, spec=no_limit), P.REQUESTS_AS_CHARGED,
                       (f"{at}spec: container main (cpu) requests more", "cpu=1, memory=2Gi"))  # fmt: skip
            yield Case(f"root-{kind}", workload(kind, spec={"securityContext": {}}), P.POD_SECURITY_OF_TEMPLATES,
                       (f"{at}spec breaks Pod Security level restricted", "runAsNonRoot: true",
                        "seccompProfile.type: RuntimeDefault"))  # fmt: skip
    small = sized(requests={"cpu": "500m", "memory": "1Gi"})
    yield Case("requests-below-the-default-limit", workload("Job", spec=small))
    yield Case("nothing-asked", workload("Job", spec=sized()))
    dgx = {"nodeSelector": {"hardware": "dgx"}}
    yield Case("label-nobody-has", workload("Job", spec=dgx), P.WORK_FITS,
               ("spec.template.spec selects nodes by hardware=dgx, which no pool",))  # fmt: skip
    yield Case("label-every-node-has", workload("Job", spec={"nodeSelector": {"kubernetes.io/os": "linux"}}))
    yield Case("above-all-quota", queued("Job", gpus=8, parallelism=60, completions=60), P.WORK_FITS,
               ("60 pods at once of", "more accelerators than the queue of this team can have"))  # fmt: skip
    yield Case("one-after-the-other", queued("Job", gpus=8, parallelism=1, completions=60))


def _never_cases() -> Iterator[Case]:
    """What would never run, whatever its size; beside each what goes on working."""
    kueue = "kueue.x-k8s.io/"
    gate = {"schedulingGates": [{"name": "example.org/wait"}]}
    for kind in KINDS:
        at = {"Pod": "", "CronJob": "spec.jobTemplate.spec.template."}.get(kind, "spec.template.")
        for name, spec, says in (
            ("another-scheduler", {"schedulerName": "volcano"}, "schedulerName is volcano"),
            ("a-gate", gate, "schedulingGates holds example.org/wait, which nobody would take off"),
        ):
            yield Case(f"{name}-{kind}", workload(kind, spec=spec), P.WORK_FITS, (f"{at}spec.{says}",))
        if kind != "Pod":  # Kubernetes itself looks for a pod's RuntimeClass, and for its claims
            yield Case(f"a-runtime-of-nobody-{kind}", workload(kind, spec={"runtimeClassName": "kata"}), P.WORK_FITS,
                       (f"{at}spec.runtimeClassName is kata", "use gvisor"))  # fmt: skip
        claims = {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpu"}]}
        yield Case(f"a-claim-{kind}", workload(kind, spec=claims), P.WORK_FITS,
                   (f"{at}spec.resourceClaims asks for devices by claim",), alone=False)  # fmt: skip
    heavy = workload("Job", spec={"overhead": {"cpu": "1"}})
    yield Case("an-overhead-by-hand", heavy, P.WORK_FITS, ("spec.template.spec.overhead is written by hand",))
    yield Case("the-clusters-scheduler", workload("Job", spec={"schedulerName": "default-scheduler"}))
    yield Case("the-clusters-runtime", workload("Job", spec={"runtimeClassName": "gvisor"}))
    yield Case("kueues-gate-in-a-template", workload("Job", spec=GATE), P.WORK_FITS, (f"holds {kueue}admission",))
    yield Case("kueues-gate-by-hand", workload("Pod", spec=GATE), P.WORK_FITS, (f"holds {kueue}admission",))
    for kind, at in (("Job", "spec."), ("CronJob", "spec.jobTemplate.spec.")):
        for name in ("example.org/me", f"{kueue}multikueue"):
            yield Case(f"managed-by-{name}-{kind}", workload(kind, managedBy=name), P.WORK_FITS,
                       (f"{at}managedBy is {name}", "set it to kubernetes.io/job-controller"))  # fmt: skip
        yield Case(f"managed-by-its-own-{kind}", workload(kind, managedBy="kubernetes.io/job-controller"))
    for request in ("required-topology", "preferred-topology", "unconstrained-topology"):
        body = workload("Job")
        body["spec"]["template"]["metadata"]["annotations"] = {f"{kueue}podset-{request}": "kubernetes.io/hostname"}
        yield Case(f"a-topology-{request}", body, P.WORK_FITS, (f"podset-{request} asks for a topology",))
    windows = {
        "os": {"name": "windows"},
        "securityContext": {"runAsNonRoot": True},
        "containers": [{key: value for key, value in container().items() if key != "securityContext"}],
    }
    yield Case("a-job-of-windows", workload("Job", spec=windows), P.WORK_FITS,
               ("spec.template.spec.os.name is windows", "run linux only"))  # fmt: skip
    for kind, at in (("Job", "spec."), ("CronJob", "spec.jobTemplate.spec.")):
        yield Case(f"no-pods-{kind}", workload(kind, parallelism=0), P.WORK_FITS, (f"{at}parallelism is 0",))
    for length, refused in ((52, None), (53, P.WORK_FITS)):
        body = workload("StatefulSet")
        body["metadata"]["name"] = "s" * length
        says = ("metadata.name is 53 characters long", "take at most 52") if refused else ()
        yield Case(f"a-set-of-{length}-characters", body, refused, says)
    yield Case("a-job-of-linux", workload("Job", spec={"os": {"name": "linux"}}))


def _resource_cases() -> Iterator[Case]:
    """Resources that no queue counts, and what all pods take together."""

    def asking(**amounts: str) -> dict[str, Any]:
        own = container()
        return {"containers": [own | {"resources": {key: own["resources"][key] | amounts for key in own["resources"]}}]}

    for name, amount in (("example.com/foo", "1"), ("hugepages-2Mi", "4Mi")):
        yield Case(f"asks-for-{name}", workload("Job", spec=asking(**{name: amount})), P.WORK_FITS,
                   (f"container main ({name}) asks for what no queue of this cluster has",
                    "there are cpu, memory, ephemeral-storage, nvidia.com/gpu"))  # fmt: skip
    yield Case("none-of-what-nobody-has", workload("Job", spec=asking(**{"example.com/foo": "0"})))
    yield Case("local-disk", workload("Job", spec=asking(**{"ephemeral-storage": "10Gi"})))
    yield Case("more-pods-than-may-be", workload("Job", parallelism=51, completions=51), P.WORK_FITS,
               ("spec asks for 51 pods at once, which together have more pods than", "namespace.pods=50"))  # fmt: skip
    yield Case("as-many-pods-as-may-be", workload("Job", parallelism=50, completions=500))
    high = asking(cpu="90")
    high["containers"][0]["resources"]["requests"]["cpu"] = "1"
    yield Case("limits-above-the-namespaces", workload("Job", spec=high, parallelism=30, completions=30), P.WORK_FITS,
               ("together have more limits.cpu than", "namespace.limits.cpu=2k"))  # fmt: skip
    yield Case("limits-within-the-namespaces", workload("Job", spec=high, parallelism=20, completions=20))


def _selection_cases() -> Iterator[Case]:
    """Node affinity that matches nothing, and affinity that does."""

    def by(*terms: dict[str, Any]) -> dict[str, Any]:
        return workload("Job", spec={"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}})  # fmt: skip

    def having(key: str, operator: str, *values: str) -> dict[str, Any]:
        return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}

    def named(operator: str) -> dict[str, Any]:
        return {"matchFields": [{"key": "metadata.name", "operator": operator, "values": ["node-1"]}]}

    linux, hardware = having("kubernetes.io/os", "In", "linux"), having("hardware", "Exists")
    unknown, empty = "selects nodes by {}, which no pool of this cluster declares", "has empty nodeSelectorTerms only"
    yield Case("empty-terms", by({}), P.WORK_FITS, (empty,))
    yield Case("an-empty-term-beside-a-good-one", by({}, linux))
    yield Case("an-empty-term-beside-a-strange-one", by({}, hardware), P.WORK_FITS, (unknown.format("hardware"),))
    yield Case("a-strange-term-beside-a-good-one", by(hardware, linux))
    small = having(labels.NODE_POOL, "In", "no-such-pool")
    yield Case("a-strange-term-beside-one-of-no-node", by(hardware, small), P.WORK_FITS, ("and no node that pods",))
    yield Case("a-node-by-name", by(named("In")), P.WORK_FITS, (unknown.format("metadata.name"),))
    yield Case("all-nodes-but-one", by(named("NotIn")))
    yield Case("compares-words", by(having(labels.NODE_POOL, "Gt", "3")), P.WORK_FITS, ("and no node that pods",))
    for operator, value, says in (("Gt", "6", ""), ("Gt", "7", "and no node"), ("Lt", "8", ""), ("Lt", "x", "no node")):
        yield Case(f"compares-numbers-{operator}-{value}", by(having("generation", operator, value)),
                   P.WORK_FITS if says else None, (says,) if says else ())  # fmt: skip


def _privilege_cases() -> Iterator[Case]:
    """One row for each control of the Pod Security Standards, in a Job's template."""

    def secured(**context: Any) -> dict[str, Any]:
        own = container()
        return {"containers": [own | {"securityContext": own["securityContext"] | context}]}

    broken: dict[str, tuple[dict[str, Any], str]] = {
        "host-network": ({"hostNetwork": True}, "hostNetwork"),
        "host-path": ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "mount no hostPath"),
        "host-port": ({"containers": [container(ports=[{"containerPort": 80, "hostPort": 80}])]}, "hostPort"),
        "privileged": (
            {"containers": [container() | {"securityContext": {"privileged": True}}]}, "securityContext.privileged",
        ),
        "capability": (secured(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}), "add no such capabilities"),
        "escalation": (secured(allowPrivilegeEscalation=True), "allowPrivilegeEscalation: false"),
        "unconfined": (secured(seccompProfile={"type": "Unconfined"}), "seccomp profile Unconfined"),
        "selinux": (secured(seLinuxOptions={"type": "spc_t"}), "SELinux"),
        "apparmor": (secured(appArmorProfile={"type": "Unconfined"}), "AppArmor"),
        "user-zero": (secured(runAsUser=0), "runAsUser: 0"),
        "nfs": ({"volumes": [{"name": "v", "nfs": {"server": "x", "path": "/"}}]}, "claims only"),
        "probe-host": (
            {"containers": [container(livenessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}})]},
            "name no host",
        ),
        "sysctl": (
            {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
                                 "sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "sysctls",
        ),
    }  # fmt: skip
    for name, (spec, says) in broken.items():
        yield Case(f"template-{name}", workload("Job", spec=spec), P.POD_SECURITY_OF_TEMPLATES, (says,))
    yield Case("template-bind-service", workload("Job", spec=secured(
        capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]})))  # fmt: skip


def _submitter_cases() -> Iterator[Case]:
    for kind in KINDS:
        forged = workload(kind)
        forged["metadata"]["annotations"] = {labels.SUBMITTER: "somebody"}
        yield Case(f"signed-for-another-{kind}", forged, P.SUBMITTER_KEPT, ("is somebody, but", "submitted by jane"))
        own = workload(kind)
        own["metadata"]["annotations"] = {labels.SUBMITTER: "jane"}
        yield Case(f"signed-{kind}", own)
        empty = workload(kind)
        empty["metadata"]["annotations"] = {labels.SUBMITTER: ""}
        yield Case(f"signed-by-nobody-{kind}", empty, P.SUBMITTER_KEPT, ("is empty, but", "submitted by jane"))
        if kind != "Pod":
            inside = workload(kind)
            _template(inside)["metadata"]["annotations"] = {labels.SUBMITTER: "jane"}
            yield Case(f"signed-in-the-template-{kind}", inside, P.SUBMITTER_KEPT,
                       (f"template.metadata.annotations.{labels.SUBMITTER} is set; leave this",))  # fmt: skip
    jobs = workload("CronJob")
    jobs["spec"]["jobTemplate"]["metadata"]["annotations"] = {labels.SUBMITTER: "somebody"}
    yield Case("signed-in-the-job-template", jobs, P.SUBMITTER_KEPT,
               (f"spec.jobTemplate.metadata.annotations.{labels.SUBMITTER} is set",))  # fmt: skip
    claims = workload("StatefulSet")
    claims["spec"]["volumeClaimTemplates"] = [_claim(annotations={labels.SUBMITTER: "somebody"})]
    yield Case("signed-on-a-claim", claims, P.SUBMITTER_KEPT, ("spec.volumeClaimTemplates[data].metadata.annot",))


def _template(body: dict[str, Any]) -> dict[str, Any]:
    """The pod template of an object that has one."""
    inside = body["spec"].get("jobTemplate", body)["spec"]
    return inside["template"]  # type: ignore[no-any-return]


def _claim(**metadata: Any) -> dict[str, Any]:
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": "data", **metadata}, "spec": storage}


def _priority_cases() -> Iterator[Case]:
    for kind in KINDS:
        yield Case(f"rung-allowed-{kind}", workload(kind, spec={"priorityClassName": "scheduled-training"}))
        yield Case(f"rung-not-allowed-{kind}", workload(kind, spec={"priorityClassName": "production-inference"}),
                   P.PRIORITY_FROM_LADDER,
                   ("spec.priorityClassName is production-inference", "it may use exploratory, scheduled"))  # fmt: skip
    yield Case(
        "system-class", workload("Job", spec={"priorityClassName": "system-node-critical"}), P.PRIORITY_FROM_LADDER
    )
    for kind in ("Job", "CronJob", "Deployment"):
        rung = GOOD_LABELS | {labels.KUEUE_PRIORITY: "production-inference"}
        yield Case(f"kueue-rung-not-allowed-{kind}", workload(kind, own=rung), P.PRIORITY_FROM_LADDER,
                   (f"the label {labels.KUEUE_PRIORITY} is production-inference",))  # fmt: skip
        rung = GOOD_LABELS | {labels.KUEUE_PRIORITY: "scheduled-training"}
        yield Case(f"kueue-rung-allowed-{kind}", workload(kind, own=rung))


def _isolation_cases() -> Iterator[Case]:
    for kind in KINDS:
        yield Case(f"foreign-pool-{kind}", workload(kind, spec={"tolerations": [CV_TOLERATION]}), P.NODE_POOL_ISOLATION,
                   ("tolerates allotment.dev/dedicated=pol-cv, the pool of another team; team pol-nlp",))  # fmt: skip
    anyones = {"tolerations": [{"key": labels.DEDICATED, "operator": "Exists"}]}
    yield Case("any-pool", workload("Pod", spec=anyones), P.NODE_POOL_ISOLATION, ("dedicated=(any)",))
    theirs = {"nodeSelector": {labels.DEDICATED: CV}}
    yield Case("foreign-selector", workload("Job", spec=theirs), P.NODE_POOL_ISOLATION,
               ("selects nodes by allotment.dev/dedicated=pol-cv",), alone=False)  # fmt: skip
    yield Case("foreign-affinity", workload("Job", spec={"affinity": _affinity(labels.DEDICATED, [CV])}),
               P.NODE_POOL_ISOLATION, ("by affinity",), alone=False)  # fmt: skip
    own = {"namespace": CV, "own": CV_LABELS, "pods": CV_LABELS}
    pool = {"nodeSelector": GPU_NODES["nodeSelector"] | {labels.DEDICATED: CV},
            "tolerations": [*GPU_NODES["tolerations"], CV_TOLERATION]}  # fmt: skip
    yield Case("own-pool", workload("Pod", gpus=1, spec=pool, **own), who=JOBS)
    yield Case("not-in-own-pool", workload("Pod", gpus=1, spec=GPU_NODES, **own), P.NODE_POOL_ISOLATION,
               ("spec must select and tolerate allotment.dev/dedicated=pol-cv",), JOBS)  # fmt: skip
    untolerated = pool | {"tolerations": GPU_NODES["tolerations"]}
    yield Case(
        "own-pool-untolerated", workload("Pod", gpus=1, spec=untolerated, **own), P.NODE_POOL_ISOLATION, who=JOBS
    )
    yield Case("cpu-anywhere", workload("Pod", **own))


def _node_cases() -> Iterator[Case]:
    for kind in KINDS:
        yield Case(f"node-name-{kind}", workload(kind, spec={"nodeName": "cpu-0"}), P.NO_DIRECT_NODE_BINDING,
                   ("spec.nodeName is cpu-0",))  # fmt: skip
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "probe", "namespace": NAMESPACE},
               "target": {"kind": "Node", "name": "cpu-0"}}  # fmt: skip
    yield Case("binding", binding, P.NO_DIRECT_NODE_BINDING, ("a Binding to node cpu-0",))


def _managed_cases() -> Iterator[Case]:
    yield Case("own-config-map", config_map(GOOD_LABELS))
    for key in (labels.PLATFORM, labels.FAMILY, labels.TENANT, labels.ISOLATION, labels.OFFBOARDING):
        yield Case(f"counterfeit-{key}", config_map({key: "x"}), P.MANAGED_OBJECTS_PROTECTED,
                   (f"metadata.labels.{key} marks objects that the platform manages",))  # fmt: skip
    yield Case("counterfeit-manager", config_map({labels.MANAGED_BY: "allotment"}), P.MANAGED_OBJECTS_PROTECTED)
    yield Case("other-manager", config_map({labels.MANAGED_BY: "helm"}))
    yield Case("engineer-makes-ours", config_map({labels.MANAGED_BY: "allotment"}), who=ENGINEER)
    yield Case("ours-elsewhere", config_map({labels.TENANT: "x"}, namespace=OTHER))
    yield Case("counterfeit-record", _noted(config_map({})), P.MANAGED_OBJECTS_PROTECTED,
               (f"metadata.annotations.{labels.ADOPTED} marks objects that the platform manages",))  # fmt: skip
    yield from _marks_elsewhere()
    yield from _handed_on_cases()


def _noted(body: dict[str, Any]) -> dict[str, Any]:
    """The same with the record of an adoption."""
    return {**body, "metadata": {**body["metadata"], "annotations": {labels.ADOPTED: "{}"}}}


def _marks_elsewhere() -> Iterator[Case]:
    """What Allotment goes by when it deletes and undoes, where no team is."""
    rbac, kueue = "rbac.authorization.k8s.io/v1", "kueue.x-k8s.io/v1beta2"
    kinds: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("v1", "ResourceQuota", OTHER, {"spec": {"hard": {"pods": "9"}}}),
        ("v1", "ServiceAccount", OTHER, {}),
        (rbac, "Role", OTHER, {"rules": []}),
        (kueue, "LocalQueue", OTHER, {"spec": {"clusterQueue": "nowhere"}}),
        (rbac, "ClusterRole", "", {"rules": []}),
        (kueue, "ResourceFlavor", "", {"spec": {}}),
        ("scheduling.k8s.io/v1", "PriorityClass", "", {"value": 1}),
    )
    for api, kind, space, fields in kinds:

        def made(own: dict[str, str], of: tuple[Any, ...] = (api, kind, space, fields)) -> dict[str, Any]:
            metadata = {"name": "pol-probe", "labels": own, **({"namespace": of[2]} if of[2] else {})}
            return {"apiVersion": of[0], "kind": of[1], "metadata": metadata, **of[3]}

        refused = P.MANAGED_OBJECTS_PROTECTED
        yield Case(f"platform-elsewhere-{kind}", made({labels.PLATFORM: "x"}), refused, (f"labels.{labels.PLATFORM}",))
        yield Case(f"manager-elsewhere-{kind}", made({labels.MANAGED_BY: "allotment"}), refused, (labels.MANAGED_BY,))
        yield Case(f"record-elsewhere-{kind}", _noted(made({})), refused, (f"annotations.{labels.ADOPTED}",))
        yield Case(f"unmarked-elsewhere-{kind}", made({labels.MANAGED_BY: "helm", labels.TENANT: "x"}))
        yield Case(f"marked-by-engineer-{kind}", _noted(made({labels.PLATFORM: "x"})), who=ENGINEER)


def _handed_on_cases() -> Iterator[Case]:
    """Our labels inside an object, where a controller finds them."""
    ours = {labels.MANAGED_BY: "allotment", labels.PLATFORM: "acme"}
    anyones = GOOD_LABELS | {labels.MANAGED_BY: "helm"}

    def scratch(own: dict[str, str]) -> dict[str, Any]:
        template = _claim(labels=own)
        del template["metadata"]["name"]
        return {"volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]}

    for kind in KINDS:
        at = {"Pod": "", "CronJob": "spec.jobTemplate.spec.template."}.get(kind, "spec.template.")
        yield Case(f"handed-on-by-volume-{kind}", workload(kind, spec=scratch(ours)), P.MANAGED_OBJECTS_PROTECTED,
                   (f"{at}spec.volumes[scratch].ephemeral.volumeClaimTemplate.metadata.labels.{labels.PLATFORM} marks",
                    f"labels.{labels.MANAGED_BY} marks"))  # fmt: skip
        yield Case(f"volume-labelled-{kind}", workload(kind, spec=scratch(anyones)))
        if kind != "Pod":
            yield Case(f"handed-on-by-template-{kind}", workload(kind, pods=GOOD_LABELS | ours),
                       P.MANAGED_OBJECTS_PROTECTED, (f"{at}metadata.labels.{labels.PLATFORM} marks",))  # fmt: skip
            yield Case(f"template-labelled-{kind}", workload(kind, pods=anyones))
    jobs = workload("CronJob")
    jobs["spec"]["jobTemplate"]["metadata"]["labels"] = GOOD_LABELS | ours
    yield Case("handed-on-by-job-template", jobs, P.MANAGED_OBJECTS_PROTECTED,
               (f"spec.jobTemplate.metadata.labels.{labels.PLATFORM} marks",))  # fmt: skip
    for own, refused in ((ours, P.MANAGED_OBJECTS_PROTECTED), (anyones, None)):
        claims = workload("StatefulSet")
        claims["spec"]["volumeClaimTemplates"] = [_claim(labels=own)]
        says = (f"spec.volumeClaimTemplates[data].metadata.labels.{labels.PLATFORM} marks",) if refused else ()
        yield Case(f"handed-on-by-claim-{own[labels.MANAGED_BY]}", claims, refused, says)


def _namespace_cases() -> Iterator[Case]:
    yield Case("plain-namespace", namespace("pol-new", {}))
    yield Case("team-namespace-by-tenant", namespace("pol-new", {labels.TENANT: "x"}), P.NO_NAMESPACE_ADOPTION,
               ("namespace pol-new is, or would become, a namespace of the platform",))  # fmt: skip
    yield Case("team-namespace-by-engineer", namespace("pol-new", {labels.TENANT: "x"}), who=ENGINEER)


def _service_cases() -> Iterator[Case]:
    yield Case("cluster-ip", service())
    for type_ in ("NodePort", "LoadBalancer"):
        yield Case(type_, service(type=type_), P.NO_EXPOSED_SERVICES, (f"spec.type is {type_}",))
    yield Case("external-ip", service(externalIPs=["192.0.2.7"]), P.NO_EXPOSED_SERVICES, ("192.0.2.7",))
    yield Case("node-port-by-engineer", service(type="NodePort"), who=ENGINEER)


def _registry_cases() -> Iterator[Case]:
    def images(**more: Any) -> dict[str, Any]:
        return pod_spec(**more)

    for kind in KINDS:
        yield Case(f"stranger-{kind}", workload(kind, spec={"containers": [container(image="ubuntu:24.04")]}),
                   P.TRUSTED_REGISTRIES, ("the image ubuntu:24.04", "registry.acme.example, ghcr.io/acme"))  # fmt: skip
    refused = (
        "registry.acme.example.evil.test/x",
        "ghcr.io/acme-evil/x",
        "ghcr.io/other/x",
        "registry.acme.example:99/x",
    )
    for image in refused:
        yield Case(
            f"image-{image}", workload("Pod", spec={"containers": [container(image=image)]}), P.TRUSTED_REGISTRIES
        )
    for image in ("ghcr.io/acme/x:1", "ghcr.io/acme:1", "registry.acme.example/a/b@sha256:" + "0" * 64):
        yield Case(f"image-{image}", workload("Pod", spec={"containers": [container(image=image)]}))
    init = {"initContainers": [container(image="ubuntu") | {"name": "init"}]}
    yield Case("image-init", workload("Pod", spec=init), P.TRUSTED_REGISTRIES)


KUEUE = "kueue.x-k8s.io"
KUEUES_OWN = (
    "admission-gated-by",
    "cluster-queue-name",
    "component-workload-index",
    "concurrent-admission-parent",
    "is-group-workload",
    "job-owner-gvk",
    "job-owner-name",
    "job-uid",
    "local-queue-name",
    "multikueue-origin",
    "multikueue-origin-uid",
    "multikueue-worker-workload-pod",
    "pod-group-serving",
    "pod-suspending-parent",
    "podset",
    "podset-replica-sizes",
    "prebuilt-workload-name",
    "priority-boost",
    "raycluster-generation",
    "raycluster-podset-replica-sizes",
    "role-hash",
    "safe-to-forcefully-delete",
    "stopping",
    "workload",
    "workload-allowed-resource-flavors",
    "workload-slice-name",
    "workload-slice-replacement-for",
)
"""All that Kueue 0.19.2 writes for itself, by its source."""


def _mark_cases() -> Iterator[Case]:
    for key in KUEUES_OWN:
        # Kueue itself has more to say about a gate that is no domain name.
        value = "example.com/gate" if key == "admission-gated-by" else "x"
        annotated = workload("Job")
        annotated["metadata"]["annotations"] = {f"{KUEUE}/{key}": value}
        yield Case(f"mark-{key}", annotated, P.QUEUE_MARKS_PROTECTED,
                   (f"metadata.annotations.{KUEUE}/{key}: only Kueue writes this",))  # fmt: skip
    for kind in KINDS:
        if kind == "Pod":
            continue
        at = {"CronJob": "spec.jobTemplate.spec.template."}.get(kind, "spec.template.")
        labelled = workload(kind, pods=GOOD_LABELS | {f"{KUEUE}/prebuilt-workload-name": "x"})
        yield Case(f"mark-in-template-{kind}", labelled, P.QUEUE_MARKS_PROTECTED,
                   (f" {at}metadata.labels.{KUEUE}/prebuilt-workload-name: only Kueue",))  # fmt: skip
    cron_job = workload("CronJob")
    cron_job["spec"]["jobTemplate"]["metadata"]["labels"][f"{KUEUE}/prebuilt-workload-name"] = "x"
    yield Case("mark-in-job-template", cron_job, P.QUEUE_MARKS_PROTECTED,
               (f"spec.jobTemplate.metadata.labels.{KUEUE}/prebuilt-workload-name: only Kueue",))  # fmt: skip
    for key in ("prebuilt-workload-name", "workload"):
        yield Case(f"mark-{key}-Pod", workload("Pod", own=GOOD_LABELS | {f"{KUEUE}/{key}": "x"}),
                   P.QUEUE_MARKS_PROTECTED, (f" metadata.labels.{KUEUE}/{key}: only Kueue",))  # fmt: skip
    signed = workload("Pod")
    signed["metadata"]["annotations"] = {labels.REFUSED: "x"}
    yield Case("mark-of-the-server", signed, P.QUEUE_MARKS_PROTECTED, ("allotment.dev/refused is set",))
    yield Case("mark-by-engineer", workload("Job", own=GOOD_LABELS | {f"{KUEUE}/podset": "x"}), who=ENGINEER)
    shrinking = workload("Job")
    shrinking["metadata"]["annotations"] = {f"{KUEUE}/job-min-parallelism": "1"}
    yield Case("mark-of-partial-admission", shrinking, P.QUEUE_MARKS_PROTECTED, ("job-min-parallelism: only Kueue",))
    yield Case("mark-for-users", workload("Job", own=GOOD_LABELS | {f"{KUEUE}/max-exec-time-seconds": "60"}))
    group = workload("Pod", own=GOOD_LABELS | {f"{KUEUE}/pod-group-name": "g-1c1g-2"})
    group["metadata"]["annotations"] = {f"{KUEUE}/pod-group-total-count": "2"}
    yield Case("group-without-mutating-policies", group, P.QUEUE_MARKS_PROTECTED, ("this cluster takes none",))
    sized = workload("Deployment")
    sized["spec"]["template"]["metadata"]["annotations"] = {f"{KUEUE}/pod-group-total-count": "2147483649"}
    yield Case("group-too-large", sized, P.QUEUE_MARKS_PROTECTED, ("pod-group-total-count is 2147483649",))
    for size, name, says in (
        ("2", "g", "pod-group-name is g, and the name of a group ends with what each of its pods asks for"),
        ("2", "statefulset-g-12345", "write statefulset-g-12345-1c1g-2 in each"),
        ("12345", "statefulset-g-12345", "pod-group-total-count is 12345"),
        ("00001", "statefulset-g-00001", "pod-group-total-count is 00001"),
        ("0", "g-0", "pod-group-total-count is 0"),
        (None, "g-2", "pod-group-total-count is missing"),
    ):
        for place in ("labels", "annotations"):
            grouped = workload("Pod")
            metadata = grouped["metadata"]
            metadata["annotations"] = {} if size is None else {f"{KUEUE}/pod-group-total-count": size}
            metadata[place][f"{KUEUE}/pod-group-name"] = name
            yield Case(f"group-{size}-{name}-{place}", grouped, P.QUEUE_MARKS_PROTECTED, (says,))
    for index in ("2", "1.0", "x"):
        placed = workload(
            "Pod", own=GOOD_LABELS | {f"{KUEUE}/pod-group-name": "g-1c1g-2", f"{KUEUE}/pod-group-pod-index": index}
        )
        placed["metadata"]["annotations"] = {f"{KUEUE}/pod-group-total-count": "2"}
        yield Case(f"group-place-{index}", placed, P.QUEUE_MARKS_PROTECTED, (f"pod-group-pod-index is {index}, and",))
    sliced = workload("Pod", own=GOOD_LABELS | {f"{KUEUE}/pod-group-name": "g-1c1g-1x2"})
    sliced["metadata"]["annotations"] = {f"{KUEUE}/pod-group-total-count": "2"}
    sliced["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/mig-1g.10gb"] = "1"
    sliced["spec"]["containers"][0]["resources"]["requests"]["nvidia.com/mig-1g.10gb"] = "1"
    yield Case("group-of-other-devices", sliced, P.QUEUE_MARKS_PROTECTED,
               ("containers ask for nvidia.com/mig-1g.10gb, and pods of groups ask for nvidia.com/gpu only",),
               alone=False)  # fmt: skip
    timed = workload(
        "Pod", own=GOOD_LABELS | {f"{KUEUE}/pod-group-name": "g-1c1g-2", f"{KUEUE}/max-exec-time-seconds": "9"}
    )
    timed["metadata"]["annotations"] = {f"{KUEUE}/pod-group-total-count": "2"}
    yield Case(
        "group-with-a-time", timed, P.QUEUE_MARKS_PROTECTED, ("max-exec-time-seconds stands on a pod of a group",)
    )
    for kind in KINDS:
        grouped = workload(kind)
        template = grouped["spec"].get("jobTemplate", grouped)["spec"].get("template", grouped)
        template["metadata"]["labels"][f"{KUEUE}/pod-group-name"] = "g-1c1g-2"
        template["metadata"]["annotations"] = {f"{KUEUE}/pod-group-total-count": "2"}
        yield Case(f"group-unheld-{kind}", grouped, P.QUEUE_MARKS_PROTECTED,
                   ("makes a group of pods that Kueue does not hold",))  # fmt: skip


def _claimed_cases() -> Iterator[Case]:
    """What controllers would take for their own."""
    owner = {"name": "x", "uid": "5e2b5d2a-0000-4000-8000-000000000000", "controller": True}
    for made in ("Pod", "Job", "Deployment"):
        body = workload(made)
        body["metadata"]["ownerReferences"] = [owner | {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}]
        yield Case(f"owner-of-another-kind-{made}", body)
    for key in ("batch.kubernetes.io/controller-uid", "job-name", "leaderworkerset.sigs.k8s.io/name"):
        yield Case(f"claimed-{key}-Pod", workload("Pod", own=GOOD_LABELS | {key: "x"}), P.QUEUE_MARKS_PROTECTED,
                   (f"metadata.labels.{key}: a controller would take this",))  # fmt: skip
    for key in ("jobset.sigs.k8s.io/jobset-name", "leaderworkerset.sigs.k8s.io/name"):
        for kind in KINDS:
            body = workload(kind)
            template = body["spec"].get("jobTemplate", body)["spec"].get("template", body)
            template["metadata"]["annotations"] = {key: "x"}
            yield Case(f"claimed-{key}-{kind}", body, P.QUEUE_MARKS_PROTECTED,
                       (f"metadata.annotations.{key}: a controller would take this",))  # fmt: skip
    for kind in ("Deployment", "StatefulSet"):
        body = workload(kind)
        _template(body)["metadata"]["labels"]["job-name"] = "x"
        yield Case(f"claimed-in-the-template-of-a-{kind}", body, P.QUEUE_MARKS_PROTECTED,
                   ("spec.template.metadata.labels.job-name: a controller would take this",))  # fmt: skip
    selected = workload("Job", manualSelector=True, selector={"matchLabels": {"app": "x"}})
    selected["spec"]["template"]["metadata"]["labels"]["app"] = "x"
    yield Case("manual-selector", selected, P.QUEUE_MARKS_PROTECTED, ("spec.manualSelector lets the Job take pods",))
    for kind, refused in (("Job", True), ("Deployment", False)):
        held = workload(kind)
        held["metadata"]["finalizers"] = ["evil.example/x"]
        yield Case(f"finalizer-{kind}", held, P.WORK_ENDS if refused else None,
                   ("metadata.finalizers holds evil.example/x: the pods would run on",) if refused else ())  # fmt: skip


def _end_cases() -> Iterator[Case]:
    for kind in KINDS:
        at = {"Pod": "", "CronJob": "spec.jobTemplate.spec.template."}.get(kind, "spec.template.")
        yield Case(f"grace-too-long-{kind}", workload(kind, spec={"terminationGracePeriodSeconds": 1801}), P.WORK_ENDS,
                   (f" {at}spec.terminationGracePeriodSeconds is 1801; set it to 1800 or less",))  # fmt: skip
        held = workload(kind)
        template = held if kind == "Pod" else _template(held)
        template["metadata"]["finalizers"] = ["evil.example/x"]
        yield Case(f"foreign-finalizer-{kind}", held, P.WORK_ENDS,
                   (f" {at}metadata.finalizers holds evil.example/x",))  # fmt: skip
    yield Case("grace-allowed", workload("Job", spec={"terminationGracePeriodSeconds": 1800}))
    kueues = workload("Pod", own=GOOD_LABELS | MANAGED)
    kueues["metadata"]["finalizers"] = ["kueue.x-k8s.io/managed"]
    yield Case("kueues-finalizer-where-it-takes-none-off", kueues, P.WORK_ENDS, ("kueue.x-k8s.io/managed",))
    own = workload("Deployment")
    own["metadata"]["finalizers"] = ["evil.example/x"]
    yield Case("finalizer-of-a-Deployment", own)
    for kind, at in (("Job", "spec."), ("CronJob", "spec.jobTemplate.spec.")):
        yield Case(f"early-replacement-{kind}", queued(kind, podReplacementPolicy="TerminatingOrFailed"), P.WORK_ENDS,
                   (f" {at}podReplacementPolicy is TerminatingOrFailed", "set it to Failed"))  # fmt: skip
        yield Case(f"early-replacement-cpu-{kind}", workload(kind, podReplacementPolicy="TerminatingOrFailed"))


def _door_cases() -> Iterator[Case]:
    def seeing(value: str, name: str = "NVIDIA_VISIBLE_DEVICES") -> dict[str, Any]:
        return {"containers": [container(env=[{"name": name, "value": value}])]}

    for kind in KINDS:
        yield Case(f"sees-devices-{kind}", workload(kind, spec=seeing("all")), P.NO_SIDE_DOORS,
                   ("container main sets NVIDIA_VISIBLE_DEVICES",))  # fmt: skip
    yield Case("sees-devices-beside-its-own", queued("Job", spec={"containers": [
        container(gpus=1), seeing("0")["containers"][0] | {"name": "spy"}]}), P.NO_SIDE_DOORS,
        ("container spy sets",))  # fmt: skip
    init = {"initContainers": [seeing("all", "AMD_VISIBLE_DEVICES")["containers"][0] | {"name": "init"}]}
    yield Case("sees-devices-init", workload("Pod", spec=init), P.NO_SIDE_DOORS, ("init sets AMD_VISIBLE_DEVICES",))
    source = [{"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    yield Case("sees-devices-from", workload("Pod", spec={"containers": [container(env=source)]}), P.NO_SIDE_DOORS)
    for value in ("none", "void", ""):
        yield Case(f"sees-no-devices-{value or 'empty'}", workload("Pod", spec=seeing(value)))
    yield Case("sees-fewer-devices", workload("Pod", spec=seeing("0", "CUDA_VISIBLE_DEVICES")))
    injected = workload("Deployment")
    injected["spec"]["template"]["metadata"]["annotations"] = {"cdi.k8s.io/mine": "nvidia.com/gpu=all"}
    yield Case("device-annotation", injected, P.NO_SIDE_DOORS,
               (" spec.template.metadata.annotations holds cdi.k8s.io/mine",))  # fmt: skip
    for driver, refused in (("file.csi.azure.com", P.NO_SIDE_DOORS), (CSI_DRIVER, None)):
        volume = {"volumes": [{"name": "share", "csi": {"driver": driver}}]}
        yield Case(f"driver-{driver}", workload("Job", spec=volume), refused)
    for own, refused in (({"runAsUser": 0}, P.NO_SIDE_DOORS), ({"runAsNonRoot": False}, P.NO_SIDE_DOORS), ({}, None)):
        root = container()
        root["securityContext"] |= own
        spec = {"hostUsers": False, "containers": [root]}
        yield Case(f"user-namespace-{'-'.join(own) or 'good'}", workload("Pod", spec=spec), refused)


def _access_cases() -> Iterator[Case]:
    for kind, name, where in (
        ("Group", "system:authenticated", ""),
        ("Group", "system:unauthenticated", ""),
        ("Group", "pol-cv-members", ""),
        ("Group", "jane", ""),
        ("User", "jane", ""),
        ("Group", "pol-nlp-members,pol-nlp-owners", ""),
        ("User", "pol-nlp-members", ""),
        ("User", "system:anonymous", ""),
        ("User", "system:serviceaccount:pol-cv:default", ""),
        ("ServiceAccount", "default", CV),
    ):
        shown = f"{kind} {where}{'/' if where else ''}{name}"
        yield Case(f"stranger-{kind}-{name}", binding(kind, name, where), P.ACCESS_WITHIN_TEAM,
                   (f"subjects holds {shown}, which is not of this team", "(pol-nlp-owners, pol-nlp-m"))  # fmt: skip
    for kind, name, where in (
        ("Group", "pol-nlp-members", ""),
        ("Group", "cn=auditors,ou=acme", ""),
        ("User", "gina", ""),
        ("ServiceAccount", "default", NAMESPACE),
    ):
        yield Case(f"of-the-team-{kind}-{name}", binding(kind, name, where))
    yield Case("stranger-by-engineer", binding("Group", "system:authenticated"), who=ENGINEER)
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "probe", "namespace": NAMESPACE},
    }
    yield Case("secret", secret)


CASES = (
    *_label_cases(),
    *_team_namespace_cases(),
    *_forgotten_cases(),
    *_placement_cases(),
    *_queue_cases(),
    *_fitting_cases(),
    *_never_cases(),
    *_resource_cases(),
    *_selection_cases(),
    *_privilege_cases(),
    *_submitter_cases(),
    *_priority_cases(),
    *_isolation_cases(),
    *_node_cases(),
    *_managed_cases(),
    *_namespace_cases(),
    *_service_cases(),
    *_registry_cases(),
    *_mark_cases(),
    *_claimed_cases(),
    *_end_cases(),
    *_door_cases(),
    *_access_cases(),
)


def _pod_integration_cases() -> Iterator[Case]:
    """Where Kueue queues pods too."""
    for kind in ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "DaemonSet"):
        yield Case(f"queues-{kind}", queued(kind))
        yield Case(f"queue-missing-{kind}", workload(kind, gpus=1), P.QUEUE_REQUIRED,
                   (f"spec.template.metadata.labels.{labels.KUEUE_QUEUE} is missing",))  # fmt: skip
    yield Case("queues-Pod", queued("Pod"))
    yield Case("queue-missing-Pod", workload("Pod", gpus=1, own=GOOD_LABELS | MANAGED, spec=GATE), P.QUEUE_REQUIRED,
               (f"metadata.labels.{labels.KUEUE_QUEUE} is missing",), alone=False)  # fmt: skip
    yield Case("pod-of-job", workload("Pod", gpus=1, spec=GPU_NODES), who=JOBS)


POD_INTEGRATION_CASES = tuple(_pod_integration_cases())
