"""Who owns what: a reference that somebody wrote is followed only where the garbage collector would follow it."""

import pytest

from allotment.accounting.belonging import OwnerLookup
from allotment.diagnose.subjects import find_case
from allotment.model.observed.base import ObjectMeta, OwnerReference
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.model.observed.snapshot import Objects, Snapshot, Source
from allotment.model.observed.work import CronJob, Job, Owner

_NIGHTLY = OwnerReference(kind="CronJob", name="nightly", uid="cron", controller=True)
_OF_TRAINING = OwnerReference(kind="Job", name="training", uid="victim", controller=True)
_SHARED = OwnerReference(kind="Fleet", name="shared", uid="fleet", controller=True)


def _meta(namespace: str, name: str, owner: OwnerReference) -> ObjectMeta:
    return ObjectMeta(name=name, namespace=namespace, uid=f"{namespace}/{name}", owner_references=(owner,))


def _index(namespace: str, owner: OwnerReference) -> Index:
    """A Job and a CronJob of bravo, a Fleet of the cluster, and elsewhere what names an owner."""
    victim = Job(kind="Job", metadata=ObjectMeta(name="training", namespace="bravo", uid="victim"))
    cron = CronJob(kind="CronJob", metadata=ObjectMeta(name="nightly", namespace="bravo", uid="cron"))
    fleet = Owner(kind="Fleet", metadata=ObjectMeta(name="shared", uid="fleet"))
    run = Job(kind="Job", metadata=_meta(namespace, "run", owner))
    return Index(
        Source(
            objects=Objects(
                jobs=(victim, run),
                cron_jobs=(cron,),
                owners=(fleet,),
                pods=(Pod(metadata=_meta(namespace, "pod", owner)),),
                workloads=(Workload(metadata=_meta(namespace, "workload", owner)),),
            )
        )
    )


@pytest.mark.parametrize(
    ("namespace", "owner", "followed"),
    [
        ("bravo", _OF_TRAINING, True),
        ("bravo", _NIGHTLY, True),
        ("alpha", _SHARED, True),
        ("alpha", _OF_TRAINING, False),
        ("alpha", _NIGHTLY, False),
        ("bravo", OwnerReference(kind="Job", name="other", uid="victim", controller=True), False),
        ("bravo", OwnerReference(kind="CronJob", name="training", uid="victim", controller=True), False),
    ],
)
def test_an_owner_is_followed_within_its_namespace_and_by_all_its_names(
    namespace: str, owner: OwnerReference, followed: bool
) -> None:
    index = _index(namespace, owner)
    (pod,), (workload,) = index.objects.pods, index.objects.workloads
    assert (index.owner(owner, pod.metadata) is not None) is followed
    assert [each.metadata.uid for each in index.chain(pod.metadata)] == [owner.uid] * followed
    assert pod in index.pods_of.get(owner.uid, []) if followed else owner.uid not in index.pods_of
    assert [each.name for each in index.work_under.get(owner.uid, [])] == ["run"] * followed
    assert list(index.pods_under(owner.uid)) == [pod] * followed
    assert index.workloads_of.get(owner.uid, []) == [workload] * followed


@pytest.mark.parametrize("namespace", ["alpha", "bravo"])
def test_a_workload_counts_for_a_job_of_its_own_namespace_alone(namespace: str) -> None:
    index = _index(namespace, _OF_TRAINING)
    below = Pod(metadata=_meta("bravo", "real", _OF_TRAINING))
    found = OwnerLookup(index).workload_of(below)
    assert (found is not None) == (namespace == "bravo")
    thief = OwnerLookup(index).of_pod(index.objects.pods[0])
    assert (thief.top == "Job/training") == (namespace == "bravo")


def test_what_names_itself_as_its_owner_is_found() -> None:
    itself = OwnerReference(kind="Job", name="ring", uid="ring", controller=True)
    ring = Job(kind="Job", metadata=ObjectMeta(name="ring", namespace="a", uid="ring", owner_references=(itself,)))
    pod = Pod(metadata=ObjectMeta(name="ring-0", namespace="a", uid="pod", owner_references=(itself,)))
    snapshot = Snapshot(sources=(Source(objects=Objects(jobs=(ring,), pods=(pod,))),))
    case = find_case(snapshot, "ring", "")
    assert case.subject is ring
    assert case.pods == (pod,)
