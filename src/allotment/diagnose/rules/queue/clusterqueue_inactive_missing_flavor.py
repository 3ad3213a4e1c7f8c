"""The ClusterQueue names a ResourceFlavor that does not exist, and admits nothing at all for it."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.inactive import broken_queue
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Names, Reference
from allotment.model.observed.queueing import ClusterQueue
from allotment.model.spelling import nearest


def find(case: Case) -> Finding | None:
    """A flavor that is missing; one flavor too few stops the whole queue."""
    broken = broken_queue(case)
    if broken is None or not broken[1].missing_flavors:
        return None
    queue, why = broken
    missing = why.missing_flavors
    target = reference_of(queue)
    active = next((each for each in queue.status.conditions if each.type == "Active"), None)
    says = () if active is None else (Evidence(target, "status.conditions[Active]", active.message, "as Kueue saw it"),)
    return Finding(
        "clusterqueue-inactive-missing-flavor",
        CauseVerdict.MISCONFIGURED,
        f"the ClusterQueue {queue.name} admits nothing: its ResourceFlavor {', '.join(missing)} does not exist",
        facts={"cluster_queue": queue.name, "missing_flavor": ", ".join(missing)},
        evidence=(
            *(
                Evidence(target, f"spec.resourceGroups[].flavors[{name}]", name, "no such ResourceFlavor")
                for name in missing
            ),
            *says,
        ),
        proposals=(
            *_created(case, missing),
            _taken_out(queue, missing, target),
            *other_queues(case),
        ),
    )


def _created(case: Case, missing: tuple[str, ...]) -> Iterator[Proposal]:
    acts = [_flavor(case, name) for name in missing]
    first, patch = acts[0]
    labels = (patch.body["spec"].get("nodeLabels") or {}) if patch.body["spec"] else {}
    said = ", ".join(f"{key}={value}" for key, value in labels.items())
    yield Proposal(
        RemedyKind.ADD_FLAVOR,
        Doer.PLATFORM,
        f"create the ResourceFlavor {', '.join(missing)}" + (f" for nodes with {said}" if said else ""),
        first,
        patch,
        then=tuple(acts[1:]),
    )


def _flavor(case: Case, name: str) -> tuple[Reference, Patch]:
    version = next((each.api_version for each in case.index.objects.flavors if each.api_version), "")
    version = version or "kueue.x-k8s.io/v1beta2"
    labels = _labels(case, name)
    body = {
        "apiVersion": version,
        "kind": "ResourceFlavor",
        "metadata": {"name": name},
        "spec": {"nodeLabels": labels} if labels else {},
    }
    return Reference(api_version=version, kind="ResourceFlavor", name=name), Patch(PatchOp.CREATE, body)


def _labels(case: Case, name: str) -> Names:
    """Labels of the nodes that were probably meant: by the key that other flavors use, the value most like the name."""
    keys = {key for each in case.index.objects.flavors for key in each.spec.node_labels}
    for key in sorted(keys):
        values = {node.metadata.labels[key] for node in case.index.objects.nodes if key in node.metadata.labels}
        taken = {each.spec.node_labels.get(key) for each in case.index.objects.flavors}
        meant = nearest(name, sorted(values - taken))
        if meant:
            return {key: meant}
    return {min(keys): name} if len(keys) == 1 else {}


def _taken_out(queue: ClusterQueue, missing: tuple[str, ...], target: Reference) -> Proposal:
    steps = []
    for group, part in enumerate(queue.spec.resource_groups):
        left = [each for each in part.flavors if each.name not in missing]
        if not left:
            steps.append({"op": "remove", "path": f"/spec/resourceGroups/{group}"})
            continue
        steps += [
            {"op": "remove", "path": f"/spec/resourceGroups/{group}/flavors/{number}"}
            for number, each in reversed(list(enumerate(part.flavors)))
            if each.name in missing
        ]
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"take the flavor {', '.join(missing)} out of the ClusterQueue {queue.name}",
        target,
        Patch(PatchOp.JSON, steps),
        cost=1,
    )
