"""What tutorials, other clusters and haste bring with them, as data: how it is planted, and what a refusal must say.

An oddity is harmless (work runs with it), a fault (work is refused, in words that name it), or open: the platform may
refuse it or make it run, but when it alone is there and is refused, the words name it. What a mutating policy fills in
is a fault only where there are no mutating policies.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.live.books.manifests import GPU, KINDS, RESTRICTED, amounts, container
from tests.live.everyday.drafts import JOBS, PODS, Draft, plain


class Nature(Enum):
    """What an oddity does to work."""

    HARMLESS = "harmless"
    FAULT = "fault"
    FILLED_IN = "filled in"
    OPEN = "open"


def _always(_: Draft) -> bool:
    return True


@dataclass(frozen=True)
class Oddity:
    """One way in which everyday work departs from the plain.

    Attributes:
        part: what it changes; two oddities of one part do not meet.
        plant: changes the draft.
        says: what a refusal must contain, all of it, alternatives with a bar between them; the draft decides.
        fits: drafts that it can be planted in.
        first: kinds for which Kubernetes itself refuses before it asks any policy, so that nothing else can be named.
    """

    name: str
    part: str
    weight: int
    plant: Callable[[Draft], object]
    nature: Nature = Nature.HARMLESS
    says: Callable[[Draft], tuple[str, ...]] = lambda _: ()
    fits: Callable[[Draft], bool] = _always
    first: tuple[str, ...] = ()


def _words(*words: str) -> Callable[[Draft], tuple[str, ...]]:
    return lambda _: words


def _gpus(draft: Draft) -> bool:
    return draft.gpus > 0


def _no_gpus(draft: Draft) -> bool:
    return draft.gpus == 0


def _kind(*kinds: str) -> Callable[[Draft], bool]:
    return lambda draft: draft.kind in kinds


def _resources(requests: dict[str, str], limits: dict[str, str]) -> Callable[[Draft], object]:
    given = {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
    return lambda draft: draft.main.update(resources=given)


def _gpu_limit_only(draft: Draft) -> None:
    draft.main["resources"] = {"limits": {GPU: str(draft.gpus)}}


def _limits_only(draft: Draft) -> None:
    del draft.main["resources"]["requests"]


def _requests_beside_gpu_limit(draft: Draft) -> None:
    draft.main["resources"] = {"requests": {"cpu": "8", "memory": "64Gi"}, "limits": {GPU: str(draft.gpus)}}


def _gpus_requested_only(draft: Draft) -> None:
    draft.main["resources"] = {"requests": {GPU: str(draft.gpus)}}


def _set_amount(resource: str, amount: str) -> Callable[[Draft], object]:
    def plant(draft: Draft) -> None:
        for amounts_of in draft.main["resources"].values():
            amounts_of[resource] = amount

    return plant


def _sixty_four_nodes(draft: Draft) -> None:
    draft.outer.update(parallelism=64, completions=64)
    draft.main["resources"] = amounts(gpus=4)


def _label(key: str, value: str) -> Callable[[Draft], object]:
    return lambda draft: draft.labels.update({key: value})


def _no_securing(draft: Draft) -> None:
    draft.spec.pop("securityContext")
    for each in draft.spec["containers"]:
        each.pop("securityContext", None)


def _in_container(**fields: object) -> Callable[[Draft], object]:
    return lambda draft: draft.main.update(fields)


def _in_pod(**fields: object) -> Callable[[Draft], object]:
    return lambda draft: draft.spec.update(fields)


def _outside(**fields: object) -> Callable[[Draft], object]:
    return lambda draft: draft.outer.update(fields)


def _node_affinity(*terms: dict[str, object]) -> dict[str, object]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def _another_container(draft: Draft) -> None:
    draft.spec["containers"].append(container(amounts(cpu="500m", memory="512Mi"), name="logs"))


def _prepare(draft: Draft, **more: object) -> None:
    draft.spec.setdefault("initContainers", []).append(
        container(amounts(cpu="2", memory="8Gi"), name="prepare", **more)
    )


def _missing_labels(draft: Draft) -> tuple[str, ...]:
    return tuple(f"labels.{key}" for key in ("team", "project", "cost-center", "environment"))


def _without_project(draft: Draft) -> None:
    draft.labels.pop("project")


SEVERAL_PROJECTS = ("nlp", "cv", "data-science")
EVERYWHERE = KINDS
HARMLESS, FAULT, FILLED_IN, OPEN = Nature

ODDITIES: tuple[Oddity, ...] = (
    # How amounts are written.
    Oddity("GPU limit only", "amounts", 6, _gpu_limit_only, fits=_gpus),
    Oddity("limits only", "amounts", 4, _limits_only, OPEN, _words("request")),
    Oddity("requests beside a GPU limit", "amounts", 3, _requests_beside_gpu_limit, OPEN, _words("limit"), _gpus,
           PODS),
    Oddity("requests only", "amounts", 3, _resources({"cpu": "4", "memory": "16Gi"}, {}), OPEN, _words("limit"),
           _no_gpus, PODS),
    Oddity("no amounts", "amounts", 3, lambda draft: draft.main.pop("resources"), fits=_no_gpus),
    Oddity("zero GPUs", "amounts", 2, _resources({}, {"cpu": "1", "memory": "1Gi", GPU: "0"}), OPEN,
           _words("accelerator"), _no_gpus),
    Oddity("pod-level resources", "amounts", 1, _in_pod(resources={"requests": {"cpu": "8", "memory": "32Gi"}}), OPEN,
           _words("resources"), _no_gpus),
    Oddity("GPUs requested only", "amounts", 1, _gpus_requested_only, FAULT, _words("resources.limits"), _gpus,
           EVERYWHERE),
    Oddity("half a GPU", "amounts", 1, _set_amount(GPU, "500m"), FAULT, _words("must be an integer"), _gpus,
           EVERYWHERE),
    Oddity("GPUs beyond any node", "amounts", 2, _set_amount(GPU, "16"), FAULT, _words(f"more accelerators|{GPU}"),
           _gpus, PODS),
    Oddity("CPU beyond any node", "amounts", 2, _set_amount("cpu", "120"), FAULT, _words("cpu|CPUs"), first=PODS),
    Oddity("memory beyond any node", "amounts", 2, _set_amount("memory", "3000Gi"), FAULT, _words("memory"),
           first=PODS),
    Oddity("above all quota", "amounts", 2, _sixty_four_nodes, FAULT,
           _words("quota|the namespace of this team may hold"), _kind("Job")),
    Oddity("another vendor's GPU", "amounts", 1, _set_amount("amd.com/gpu", "1"), FAULT, _words("amd.com/gpu"),
           _no_gpus),
    # Labels and queue.
    Oddity("no labels", "labels", 6, lambda draft: draft.labels.clear(), FILLED_IN, _missing_labels,
           lambda draft: draft.team not in SEVERAL_PROJECTS),
    Oddity("no labels where there are several projects", "labels", 4, lambda draft: draft.labels.clear(), FAULT,
           _words("labels.project"), lambda draft: draft.team in SEVERAL_PROJECTS),
    Oddity("no project where there are several", "labels", 2, _without_project, FAULT, _words("labels.project"),
           lambda draft: draft.team in SEVERAL_PROJECTS),
    Oddity("a project of nobody", "labels", 2, _label("project", "nope"), FAULT, _words("project", "nope")),
    Oddity("another team's name", "labels", 1, _label("team", "platform"), FAULT, _words("team", "platform")),
    Oddity("another cost centre", "labels", 1, _label("cost-center", "cc-1"), FAULT, _words("cost-center", "cc-1")),
    Oddity("another environment", "labels", 2, _label("environment", "production"), FAULT,
           _words("environment", "production")),
    Oddity("a typo in the queue", "queue", 3, lambda draft: setattr(draft, "queue", "defualt"), FAULT,
           _words("queue", "defualt")),
    Oddity("no queue", "queue", 3, lambda draft: setattr(draft, "queue", ""), OPEN, _words("queue"), _gpus),
    # Who a container runs as.
    Oddity("no securityContext", "security", 8, _no_securing, FILLED_IN, _words("runAsNonRoot"), first=PODS),
    Oddity("root", "security", 2, _in_container(securityContext=RESTRICTED | {"runAsUser": 0}), FAULT,
           _words("runAsUser"), first=PODS),
    Oddity("privileged", "security", 2, _in_container(securityContext={"privileged": True}), FAULT,
           _words("privileged"), first=PODS),
    Oddity("a folder of the node", "volumes", 2,
           _in_pod(volumes=[{"name": "data", "hostPath": {"path": "/data"}}]), FAULT, _words("hostPath"), first=PODS),
    # Where it runs.
    Oddity("nodes that exist", "place", 2,
           lambda draft: draft.spec.update(nodeSelector={"allotment.dev/accelerator": draft.accelerator}), fits=_gpus),
    Oddity("nodes of no pool", "place", 2, _in_pod(nodeSelector={"allotment.dev/accelerator": "v100"}), FAULT,
           _words("v100"), _gpus),
    Oddity("another cluster's node label", "place", 2, _in_pod(nodeSelector={"hardware": "dgx"}), FAULT,
           _words("hardware")),
    Oddity("a machine by its name", "place", 1, _in_pod(nodeSelector={"kubernetes.io/hostname": "gpu-17"}), FAULT,
           _words("gpu-17")),
    Oddity("GPU nodes without a GPU", "place", 2,
           lambda draft: draft.spec.update(nodeSelector={"allotment.dev/accelerator": draft.accelerator}), FAULT,
           _words("asks for an accelerator"), _no_gpus),
    Oddity("a node", "place", 1, _in_pod(nodeName="a100-on-demand-0"), FAULT, _words("nodeName"),
           lambda draft: draft.kind not in PODS),
    Oddity("every toleration", "tolerations", 2, _in_pod(tolerations=[{"operator": "Exists"}]), FAULT,
           _words("toleration")),
    Oddity("a toleration of GPU nodes", "tolerations", 2,
           _in_pod(tolerations=[{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]), fits=_gpus),
    Oddity("a toleration of spot", "tolerations", 1,
           _in_pod(tolerations=[{"key": "kubernetes.azure.com/scalesetpriority", "operator": "Exists"}])),
    Oddity("another team's pool", "tolerations", 1,
           _in_pod(tolerations=[{"key": "allotment.dev/dedicated", "operator": "Equal", "value": "mlops"}]), FAULT,
           _words("mlops")),
    Oddity("a node's own name in an affinity", "place", 1, _in_pod(affinity=_node_affinity(
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gpu-17"]}]})), FAULT,
           _words("metadata.name")),
    Oddity("an empty term of an affinity", "place", 1, _in_pod(affinity=_node_affinity({})), FAULT,
           _words("nodeSelectorTerms")),
    Oddity("nodes by a number that is a word", "place", 1, _in_pod(affinity=_node_affinity(
        {"matchExpressions": [{"key": "allotment.dev/node-pool", "operator": "Gt", "values": ["3"]}]})), FAULT,
           _words("node selector or affinity"), _no_gpus),
    # What this cluster does not have.
    Oddity("another scheduler", "scheduler", 1, _in_pod(schedulerName="volcano"), FAULT, _words("volcano")),
    Oddity("the cluster's scheduler", "scheduler", 1, _in_pod(schedulerName="default-scheduler")),
    Oddity("a gate of its own", "gates", 1, _in_pod(schedulingGates=[{"name": "example.org/wait"}]), FAULT,
           _words("example.org/wait")),
    Oddity("another cluster's runtime", "runtime", 1, _in_pod(runtimeClassName="kata"), FAULT, _words("kata"),
           first=PODS),
    Oddity("another manager", "manager", 2, _outside(managedBy="example.org/manager"), FAULT,
           _words("example.org/manager"), _kind(*JOBS)),
    Oddity("a claim of devices", "claims", 1,
           _in_pod(resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "gpu"}]), FAULT,
           _words("resourceClaims")),
    Oddity("a topology", "topology", 1,
           lambda draft: draft.notes.update({"kueue.x-k8s.io/podset-required-topology": "kubernetes.io/hostname"}),
           FAULT, _words("podset-required-topology"), first=PODS),
    Oddity("local disk", "amounts", 3, _set_amount("ephemeral-storage", "10Gi")),
    Oddity("huge pages", "amounts", 1, _set_amount("hugepages-2Mi", "4Mi"), FAULT, _words("hugepages-2Mi"), _no_gpus),
    Oddity("a resource of nobody", "amounts", 1, _set_amount("example.com/foo", "1"), FAULT, _words("example.com/foo")),
    Oddity("more pods than the namespace holds", "number", 1, _outside(parallelism=60, completions=60), FAULT,
           _words("more pods"), _kind("Job")),
    # Rank, image, end.
    Oddity("an allowed rung", "priority", 3, _in_pod(priorityClassName="scheduled-training")),
    Oddity("a rung that is not theirs", "priority", 2, _in_pod(priorityClassName="production-inference"), FAULT,
           _words("production-inference"), lambda draft: draft.team == "data-science"),
    Oddity("a rung that is not there", "priority", 2, _in_pod(priorityClassName="high"), FAULT, _words("high"),
           first=PODS),
    Oddity("an image from anywhere", "image", 4, _in_container(image="pytorch/pytorch:2.7"), FAULT,
           _words("pytorch/pytorch:2.7")),
    Oddity("the mirror's image", "image", 2, _in_container(image="mirror.acme.example/pytorch/pytorch:2.7")),
    Oddity("time for a checkpoint", "end", 2, _in_pod(terminationGracePeriodSeconds=300)),
    Oddity("a day to end in", "end", 2, _in_pod(terminationGracePeriodSeconds=86400), FAULT,
           _words("terminationGracePeriodSeconds")),
    Oddity("a finalizer of pods", "finalizers", 1, lambda draft: draft.finalizers.append("example.org/upload"), FAULT,
           _words("example.org/upload")),
    # More of everything, all of it fine.
    Oddity("a second container", "containers", 2, _another_container),
    Oddity("an init container", "containers", 2, _prepare),
    Oddity("a sidecar", "containers", 2, lambda draft: _prepare(draft, restartPolicy="Always")),
    Oddity("several pods", "number", 3, _outside(parallelism=3, completions=6), fits=_kind("Job")),
    Oddity("several replicas", "number", 2, _outside(replicas=2), fits=_kind("Deployment", "StatefulSet")),
    Oddity("no word on replacement", "replacement", 9, lambda draft: draft.outer.pop("podReplacementPolicy"), FILLED_IN,
           _words("podReplacementPolicy"), lambda draft: _gpus(draft) and draft.kind in JOBS),
    Oddity("retries", "retries", 1, _outside(backoffLimit=4, activeDeadlineSeconds=3600), fits=_kind(*JOBS)),
    Oddity("cleans up after itself", "retries", 1, _outside(ttlSecondsAfterFinished=600), fits=_kind(*JOBS)),
    Oddity("starts suspended", "suspend", 1, _outside(suspend=True), fits=_kind("Job")),
    Oddity("restarts on failure", "restart", 2, _in_pod(restartPolicy="OnFailure"), fits=_kind(*JOBS)),
    Oddity("scratch space", "scratch", 2, _in_container(env=[{"name": "EPOCHS", "value": "3"}])),
    Oddity("sees all devices", "environment", 1,
           _in_container(env=[{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]), FAULT,
           _words("NVIDIA_VISIBLE_DEVICES"), _no_gpus),
)  # fmt: skip

GROUP = Oddity("a group of pods", "group", 0, lambda _: None, FILLED_IN, _words("pod-group-name"), _kind("PodGroup"))
"""What a pod group is counted by cannot be kept from being forged without mutating policies."""

QUEUED_SET = Oddity("a queue on the set alone", "queue of pods", 0, lambda _: None, FILLED_IN,
                    _words("template.metadata.labels.kueue.x-k8s.io/queue-name"),
                    lambda draft: draft.kind == "StatefulSet" and draft.gpus > 0)  # fmt: skip
"""Its pods have no queue unless the template names one, too."""

INHERENT = (GROUP, QUEUED_SET)
"""Of every draft that they fit."""

HOW_MANY = {0: 2, 1: 4, 2: 3, 3: 2}
"""Oddities in one manifest."""


@dataclass(frozen=True)
class Manifest:
    """A draft with what was planted in it."""

    seed: int
    draft: Draft
    planted: tuple[Oddity, ...]

    def __str__(self) -> str:
        odd = ", ".join(each.name for each in self.planted) or "nothing odd"
        return f"seed {self.seed}: {self.draft.kind} {self.draft.name} of {self.draft.who.user}: {odd}"


def generate(seed: int, *, mutating: bool) -> Manifest:
    """The manifest of a seed, always the same."""
    rng = random.Random(seed)
    draft = plain(rng, f"every-{seed}")
    number = rng.choices(list(HOW_MANY), list(HOW_MANY.values()))[0]
    chosen: list[Oddity] = []
    while len(chosen) < number:
        each = rng.choices(ODDITIES, [oddity.weight for oddity in ODDITIES])[0]
        if each.fits(draft) and each.part not in {other.part for other in chosen}:
            chosen.append(each)
    return planted_in(seed, draft, chosen, mutating=mutating)


def planted_in(seed: int, draft: Draft, chosen: list[Oddity], *, mutating: bool) -> Manifest:
    """Amounts first, so that what is added to them stays. What Kubernetes itself refuses first stands alone."""
    inherent = [each for each in INHERENT if each.fits(draft)]
    chosen = [*inherent, *(each for each in chosen if each not in inherent)]
    alone = [
        each
        for each in chosen
        if draft.kind in each.first and (each.nature is Nature.OPEN or is_fault(each, mutating=mutating))
    ]
    kept = sorted(alone[:1] or chosen, key=lambda each: each.part != "amounts")
    for each in kept:
        each.plant(draft)
    return Manifest(seed, draft, tuple(kept))


def is_fault(oddity: Oddity, *, mutating: bool) -> bool:
    return oddity.nature is Nature.FAULT or (oddity.nature is Nature.FILLED_IN and not mutating)


def without(manifest: Manifest, position: int, *, mutating: bool) -> Manifest:
    """The same manifest with one oddity less."""
    draft = plain(random.Random(manifest.seed), f"every-{manifest.seed}")
    left = [each for place, each in enumerate(manifest.planted) if place != position]
    return planted_in(manifest.seed, draft, left, mutating=mutating)
