"""The ClusterQueue admits nothing: a Topology is missing, cohorts form a ring, or checks exclude each other."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.inactive import broken_queue
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference


def missing_topology(case: Case) -> Finding | None:
    """A flavor of the queue names a Topology that does not exist."""
    broken = broken_queue(case)
    if broken is None or not broken[1].missing_topologies:
        return None
    queue, why = broken
    name = why.missing_topologies[0]
    flavors = [each for each in case.index.objects.flavors if each.spec.topology_name == name]
    known = sorted(each.name for each in case.index.objects.topologies)
    said = f"; there is {', '.join(known)}" if known else "; there is none at all"
    proposals = [
        Proposal(
            RemedyKind.CHANGE_FLAVOR,
            Doer.PLATFORM,
            f"let the ResourceFlavor {flavors[0].name} name the Topology {other}",
            reference_of(flavors[0]),
            Patch(PatchOp.RESUBMIT, {"spec": {"topologyName": other}}),
            cost=1,
        )
        for other in known[:1]
    ]
    body = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Topology",
        "metadata": {"name": name},
        "spec": {"levels": [{"nodeLabel": "kubernetes.io/hostname"}]},
    }
    made = Proposal(
        RemedyKind.ADD_FLAVOR,
        Doer.PLATFORM,
        f"create the Topology {name} (its lowest level is the node; add the levels of your network above it)",
        Reference(api_version="kueue.x-k8s.io/v1beta2", kind="Topology", name=name),
        Patch(PatchOp.CREATE, body),
    )
    return Finding(
        "clusterqueue-inactive-missing-topology",
        CauseVerdict.MISCONFIGURED,
        f"the ClusterQueue {queue.name} admits nothing: the Topology {name} of its ResourceFlavor {flavors[0].name} "
        f"does not exist{said}",
        facts={"cluster_queue": queue.name, "missing_topology": name, "flavor": flavors[0].name},
        evidence=(Evidence(reference_of(flavors[0]), "spec.topologyName", name, "no such Topology"),),
        proposals=(made, *proposals, *other_queues(case)),
    )


def ring_of_cohorts(case: Case) -> Finding | None:
    """The queue's cohort is its own ancestor."""
    broken = broken_queue(case)
    if broken is None or not broken[1].cycle:
        return None
    queue = broken[0]
    name = queue.spec.cohort_name
    cohort = case.index.cohorts[name]
    proposal = Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"take the parent {cohort.spec.parent_name} off the Cohort {name}",
        reference_of(cohort),
        Patch(PatchOp.MERGE, {"spec": {"parentName": None}}),
    )
    return Finding(
        "cohort-cycle",
        CauseVerdict.MISCONFIGURED,
        f"the ClusterQueue {queue.name} admits nothing: its Cohort {name} is its own ancestor",
        facts={"cluster_queue": queue.name, "cohort": name, "parent": cohort.spec.parent_name},
        evidence=(Evidence(reference_of(cohort), "spec.parentName", cohort.spec.parent_name, "leads back to itself"),),
        proposals=(proposal, *other_queues(case)),
    )


def checks_in_conflict(case: Case) -> Finding | None:
    """The queue's checks exclude each other: two of MultiKueue, or MultiKueue for some flavors or with provisioning."""
    broken = broken_queue(case)
    if broken is None or not broken[1].conflict:
        return None
    queue = broken[0]
    target = reference_of(queue)
    active = next((each.message for each in queue.status.conditions if each.type == "Active"), "")
    return Finding(
        "admission-checks-in-conflict",
        CauseVerdict.MISCONFIGURED,
        f"the ClusterQueue {queue.name} admits nothing: MultiKueue's check must be the only one of its kind, for all "
        "flavors, and without a provisioning check beside it",
        facts={"cluster_queue": queue.name},
        evidence=(Evidence(target, "spec.admissionChecksStrategy", active, "the checks exclude each other"),),
        proposals=tuple(other_queues(case)),
    )
