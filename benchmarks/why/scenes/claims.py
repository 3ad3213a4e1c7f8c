"""Scenes about volumes, devices by claim, what a namespace may use, and schedules."""

from __future__ import annotations

from benchmarks.why.making import A100, GPU, Raw, deployment, job, namespace, node, pod_spec, subject
from benchmarks.why.scenes.states import another_node, core_ref, event_says, has_no_place, wait_for
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage

ZONE = "topology.kubernetes.io/zone"
DEVICES = "resource.k8s.io/v1"


def volume(name: str, storage_class: str = "", zone: str = "", modes: tuple[str, ...] = ("ReadWriteOnce",)) -> Raw:
    term = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}
    where = {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}} if zone else {}
    body = {
        "capacity": {"storage": "1Ti"},
        "accessModes": list(modes),
        "csi": {"driver": "disk.example", "volumeHandle": name},
        **({"storageClassName": storage_class} if storage_class else {}),
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {**body, **where}}


def claim(
    name: str, namespace: str, storage_class: str, modes: tuple[str, ...] = ("ReadWriteOnce",), volume: str = ""
) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": list(modes),
            "resources": {"requests": {"storage": "500Gi"}},
            "storageClassName": storage_class,
            **({"volumeName": volume} if volume else {}),
        },
    }


def storage_class(name: str) -> Raw:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "Immediate",
    }


def mounting(claimed: str, gpus: int = 2, **more: object) -> Raw:
    return pod_spec(gpus, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": claimed}}], **more)


def bound(stage: Stage, name: str, namespace: str) -> None:
    stage.until(
        f"{name} is bound",
        lambda: (stage.get("persistentvolumeclaims", name, namespace) or {}).get("status", {}).get("phase") == "Bound",
    )


def data_in_one_zone_gpus_in_another(stage: Stage) -> Played:
    """The data lies on a disk of zone z1; machines with GPUs are in z2."""
    stage.make(
        namespace("genomics"),
        volume("disk-1", zone="z1"),
        claim("reads", "genomics", "", volume="disk-1"),
    )
    bound(stage, "reads", "genomics")
    mine = job("align", "genomics", spec=mounting("reads"))
    stage.make(mine)
    has_no_place(stage, "genomics", "align", "PersistentVolume")
    anew = claim("reads", "genomics", "", volume="disk-2")
    moved = [
        {"op": "delete", "target": subject(mine)},
        {"op": "delete", "target": subject(anew)},
        {"op": "create", "body": volume("disk-2", zone="z2")},
        {"op": "create", "body": anew},
        {"op": "create", "body": mine},
    ]
    return Played(
        mine,
        {"claim": "reads", "volume": "disk-1", "volume_zone": "z1", "gpu_zone": "z2"},
        (
            Act(
                "fix-volume", "user", "bring the data to a disk in z2 and claim that", "signal", None, {"steps": moved}
            ),
            another_node("gpu-z1", labels={**A100, ZONE: "z1"}),
        ),
        (
            Act(
                "fix-selector",
                "user",
                "select zone z1",
                "resubmit",
                subject(mine),
                job("align", "genomics", spec=mounting("reads", nodeSelector={ZONE: "z1"})),
            ),
        ),
    )


def class_misspelt(stage: Stage) -> Played:
    """The claim names a storage class that does not exist; one letter is missing."""
    stage.make(
        namespace("ocr"),
        storage_class("premium-ssd"),
        volume("disk-1", "premium-ssd"),
        claim("scans", "ocr", "premum-ssd"),
    )
    mine = job("read-all", "ocr", spec=mounting("scans"))
    stage.make(mine)
    has_no_place(stage, "ocr", "read-all", "PersistentVolumeClaim")
    event_says(stage, "ocr", "premum-ssd")
    right = claim("scans", "ocr", "premium-ssd")
    anew = [
        {"op": "delete", "target": subject(mine)},
        {"op": "resubmit", "target": subject(right), "body": right},
        {"op": "create", "body": mine},
    ]
    return Played(
        mine,
        {"claim": "scans", "storage_class": "premum-ssd", "classes_that_exist": ["premium-ssd"]},
        (Act("fix-volume", "user", "claim it again with the class premium-ssd", "signal", None, {"steps": anew}),),
        (another_node("gpu-c"),),
    )


def volume_of_one_pod(stage: Stage) -> Played:
    """A volume that one pod may use at a time is used by a viewer that never ends."""
    alone = ("ReadWriteOncePod",)
    stage.make(
        namespace("seismic"),
        volume("disk-1", modes=alone),
        claim("traces", "seismic", "", alone, "disk-1"),
    )
    bound(stage, "traces", "seismic")
    viewer = deployment("viewer", "seismic", 1, mounting("traces", 0))
    stage.make(viewer)
    stage.until(
        "it runs", lambda: stage.get("deployments.apps", "viewer", "seismic")["status"].get("readyReplicas") == 1
    )
    mine = job("invert", "seismic", spec=mounting("traces"))
    stage.make(mine)
    has_no_place(stage, "seismic", "invert", "ReadWriteOncePod")
    return Played(
        mine,
        {"claim": "traces", "access_mode": "ReadWriteOncePod", "held_by": "Deployment viewer"},
        (Act("fix-volume", "user", "end the viewer", "merge-patch", subject(viewer), {"spec": {"replicas": 0}}),),
        (another_node("gpu-c"),),
    )


def namespace_quota_in_use(stage: Stage) -> Played:
    """The Job was taken; its pod is not made, for the namespace's quota is in use by another."""
    stage.make(
        namespace("quant"),
        resource_quota("quant", {f"requests.{GPU}": "8"}),
        job("risk-1", "quant", spec=pod_spec(6)),
    )
    stage.until("it runs", lambda: stage.get("jobs.batch", "risk-1", "quant")["status"].get("ready"))
    mine = job("risk-2", "quant", spec=pod_spec(4))
    stage.make(mine)
    event_says(stage, "quant", "exceeded quota")
    return Played(
        mine,
        {"quota": "budget", "resource": f"requests.{GPU}", "used": 6, "hard": 8, "requested": 4},
        (
            Act(
                "reduce-request",
                "user",
                "ask for 2 GPUs",
                "resubmit",
                subject(mine),
                job("risk-2", "quant", spec=pod_spec(2)),
            ),
            wait_for("risk-1", "quant"),
            Act(
                "raise-namespace-quota",
                "platform",
                "raise the quota to 16",
                "merge-patch",
                core_ref("ResourceQuota", "budget", "quant"),
                {"spec": {"hard": {f"requests.{GPU}": "16"}}},
            ),
        ),
        (another_node("gpu-c"),),
    )


def resource_quota(namespace: str, hard: Raw) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "budget", "namespace": namespace},
        "spec": {"hard": hard},
    }


def requests_alone(stage: Stage) -> Played:
    """The namespace's quota counts limits of CPU and memory; the job has requests alone."""
    stage.make(namespace("finance"), resource_quota("finance", {"limits.cpu": "64", "limits.memory": "512Gi"}))
    spec = pod_spec(1)
    spec["containers"][0]["resources"]["limits"] = {GPU: "1"}
    mine = job("var", "finance", spec=spec)
    stage.make(mine)
    event_says(stage, "finance", "must specify limits.cpu")
    defaults = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "usual", "namespace": "finance"},
        "spec": {"limits": [{"type": "Container", "default": {"cpu": "4", "memory": "16Gi"}}]},
    }
    return Played(
        mine,
        {"quota": "budget", "missing": ["limits.cpu", "limits.memory"]},
        (
            Act(
                "fix-limits",
                "user",
                "say limits of CPU and memory",
                "resubmit",
                subject(mine),
                job("var", "finance", spec=pod_spec(1)),
            ),
            Act("fix-limits", "platform", "give the namespace usual limits", "create", None, defaults),
        ),
        (
            Act(
                "raise-namespace-quota",
                "platform",
                "double the quota",
                "merge-patch",
                core_ref("ResourceQuota", "budget", "finance"),
                {"spec": {"hard": {"limits.cpu": "128", "limits.memory": "1024Gi"}}},
            ),
        ),
    )


def asleep(stage: Stage) -> Played:
    """A schedule was suspended for a migration and never woken."""
    made = job("refresh", "weather", spec=pod_spec(1))
    mine = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "refresh", "namespace": "weather"},
        "spec": {"schedule": "* * * * *", "suspend": True, "jobTemplate": {"spec": made["spec"]}},
    }
    stage.make(namespace("weather"), mine)
    stage.until("it is there", lambda: stage.get("cronjobs.batch", "refresh", "weather"))
    return Played(
        mine,
        {"suspended": True, "schedule": "* * * * *"},
        (Act("unsuspend", "user", "resume it", "merge-patch", subject(mine), {"spec": {"suspend": False}}),),
        (another_node("gpu-c"),),
    )


def slices(pool: str, memory: str, count: int = 4) -> Raw:
    """What a driver of devices says of a node."""
    devices = [
        {"name": f"gpu-{at}", "attributes": {"model": {"string": "L40S"}}, "capacity": {"memory": {"value": memory}}}
        for at in range(count)
    ]
    spec = {
        "driver": "gpu.example",
        "nodeName": pool,
        "pool": {"name": pool, "generation": 1, "resourceSliceCount": 1},
        "devices": devices,
    }
    return {"apiVersion": DEVICES, "kind": "ResourceSlice", "metadata": {"name": f"{pool}-gpu"}, "spec": spec}


def device_class(name: str) -> Raw:
    chosen = [{"cel": {"expression": 'device.driver == "gpu.example"'}}]
    return {"apiVersion": DEVICES, "kind": "DeviceClass", "metadata": {"name": name}, "spec": {"selectors": chosen}}


def claim_template(name: str, namespace: str, device_class: str, least: str = "") -> Raw:
    wanted: Raw = {"deviceClassName": device_class, "count": 1}
    if least:
        enough = f'device.capacity["gpu.example"].memory.compareTo(quantity("{least}")) >= 0'
        wanted["selectors"] = [{"cel": {"expression": enough}}]
    return {
        "apiVersion": DEVICES,
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"spec": {"devices": {"requests": [{"name": "gpu", "exactly": wanted}]}}},
    }


def claiming(template: str) -> Raw:
    spec = pod_spec(0, resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": template}])
    spec["containers"][0]["resources"]["claims"] = [{"name": "gpu"}]
    return spec


def class_not_there(stage: Stage) -> Played:
    """The claim asks for a class of devices that the driver's installation never made."""
    stage.make(
        namespace("render"),
        device_class("gpu-shared.example"),
        *(slices(name, "48Gi") for name in ("node-a", "node-b")),
        claim_template("one-gpu", "render", "gpu.example"),
    )
    mine = job("frames", "render", spec=claiming("one-gpu"))
    stage.make(mine)
    has_no_place(stage, "render", "frames", "gpu.example")
    right = claim_template("one-gpu", "render", "gpu-shared.example")
    anew = [
        {"op": "delete", "target": subject(mine)},
        {"op": "resubmit", "target": subject(right), "body": right},
        {"op": "create", "body": mine},
    ]
    return Played(
        mine,
        {"device_class": "gpu.example", "existing": ["gpu-shared.example"]},
        (
            Act("other", "user", "claim a device of the class gpu-shared.example", "signal", None, {"steps": anew}),
            Act("other", "platform", "make the class gpu.example", "create", None, device_class("gpu.example")),
        ),
        (another_node("node-c", gpus=0, labels={}),),
    )


def device_larger_than_any(stage: Stage) -> Played:
    """The claim wants a device of 80 GiB; those that there are have 48."""
    stage.make(
        namespace("video"),
        device_class("gpu.example"),
        *(slices(name, "48Gi") for name in ("node-a", "node-b")),
        claim_template("big-gpu", "video", "gpu.example", "80Gi"),
    )
    mine = job("upscale", "video", spec=claiming("big-gpu"))
    stage.make(mine)
    has_no_place(stage, "video", "upscale", "cannot allocate all claims")
    right = claim_template("big-gpu", "video", "gpu.example", "48Gi")
    anew = [
        {"op": "delete", "target": subject(mine)},
        {"op": "resubmit", "target": subject(right), "body": right},
        {"op": "create", "body": mine},
    ]
    bigger = [
        {"op": "create", "body": another_node("node-c", gpus=0, labels={}).body},
        {"op": "create", "body": slices("node-c", "80Gi")},
    ]
    return Played(
        mine,
        {"device_class": "gpu.example", "requested_memory": "80Gi", "largest": "48Gi"},
        (
            Act("reduce-request", "user", "claim a device of 48 GiB", "signal", None, {"steps": anew}),
            Act("add-node", "platform", "add a node with devices of 80 GiB", "signal", None, {"steps": bigger}),
        ),
        (another_node("node-d", gpus=0, labels={}),),
    )


KUBERNETES_ISSUES = "https://github.com/kubernetes/kubernetes/issues"
TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))
ZONED = (
    *(node(name, labels={**A100, ZONE: "z2"}) for name in ("gpu-a", "gpu-b")),
    node("cpu-a", 0, labels={ZONE: "z1"}),
)
BY_CLAIM = tuple(node(name, 0) for name in ("node-a", "node-b"))
SITUATIONS = (
    Situation(
        "s34",
        "pvc-unbound-wait-for-consumer-zone-conflict",
        "storage",
        "misconfigured",
        "https://github.com/opendatahub-io/odh-manifests/issues/259",
        data_in_one_zone_gpus_in_another,
        ZONED,
    ),
    Situation(
        "s35",
        "pvc-unbound-no-class",
        "storage",
        "misconfigured",
        f"{KUBERNETES_ISSUES}/77993",
        class_misspelt,
        TWO_A100,
    ),
    Situation("s36", "volume-in-use", "storage", "waiting", f"{KUBERNETES_ISSUES}/103305", volume_of_one_pod, TWO_A100),
    Situation(
        "s37",
        "resourcequota-exceeded",
        "policy",
        "waiting",
        "https://github.com/istio/istio/pull/17433",
        namespace_quota_in_use,
        TWO_A100,
    ),
    Situation(
        "s38",
        "resourcequota-missing-limits",
        "policy",
        "misconfigured",
        f"{KUBERNETES_ISSUES}/107205",
        requests_alone,
        TWO_A100,
    ),
    Situation(
        "s39", "cronjob-suspended", "submission", "misconfigured", f"{KUBERNETES_ISSUES}/110919", asleep, TWO_A100
    ),
    Situation(
        "s40",
        "device-class-missing",
        "storage",
        "misconfigured",
        "https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/issues/338",
        class_not_there,
        BY_CLAIM,
    ),
    Situation(
        "s41",
        "claim-unallocatable",
        "scheduler",
        "misconfigured",
        "https://github.com/kubernetes/kubernetes/pull/137528",
        device_larger_than_any,
        BY_CLAIM,
    ),
)
