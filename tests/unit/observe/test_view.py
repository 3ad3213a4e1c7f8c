"""A view of a team: nothing that names others is anywhere in the file, and sums still come out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from allotment.model.observed.base import Reference
from allotment.model.observed.queueing import PendingOrder, PendingWorkload
from allotment.model.observed.snapshot import Asker, DeviceUse, Gap, Snapshot, Source, Submission
from allotment.observe.anonymous import is_hidden
from allotment.observe.gathering import Gathered
from allotment.observe.view import namespaces_of, seen_by
from allotment.observe.written import decode, encode, unpacked
from tests.unit.observe.objects import NOW, OURS, THEIRS, raw, two_teams, uid


def everything() -> Snapshot:
    gathered = Gathered()
    gathered.take_any(two_teams())
    line = PendingWorkload(name="job-x-canary-7", namespace=THEIRS, local_queue_name="lq-canary-7", priority=7)
    mine = PendingWorkload(name="job-tune", namespace=OURS, local_queue_name="default", position_in_cluster_queue=1)
    source = Source(
        name="prod",
        observed_at=NOW,
        objects=gathered.objects(),
        gaps=(
            Gap(what="Pod/canary-7", namespace=THEIRS, reason="damaged"),
            Gap(what="volumes", reason="failed", detail=f"asked of {THEIRS}/train-canary-7"),
        ),
        order=(
            PendingOrder(cluster_queue="queue-canary-7", items=(line,)),
            PendingOrder(cluster_queue="nlp", items=(line, mine)),
        ),
        device_use=(DeviceUse(node="a100-0", device="0", pod=f"{THEIRS}/train-canary-7", busy=0.5),),
    )  # fmt: skip
    refused = Submission(subject=Reference(kind="Job", namespace=THEIRS, name="canary-7"), user="canary-7", code=403)
    own = Submission(subject=Reference(kind="Job", namespace=OURS, name="tune-2"), user="mia", code=403)
    asker = Asker(user="canary-7-engineer", groups=("canary-7",))
    return Snapshot(taken_at=NOW, asker=asker, sources=(source,), submissions=(refused, own))


def seen() -> Snapshot:
    snapshot = everything()
    return decode(encode(seen_by(snapshot, "nlp", namespaces_of(snapshot, "nlp"))))


def test_nothing_of_others_is_in_the_file() -> None:
    snapshot = everything()
    whole = unpacked(encode(snapshot))
    assert b"canary" in whole
    assert b"ca0a1234" in whole
    text = unpacked(encode(seen_by(snapshot, "nlp", namespaces_of(snapshot, "nlp"))))
    assert b"canary" not in text
    assert b"ca0a1234" not in text


def test_what_others_hold_is_still_counted() -> None:
    (source,) = seen().sources
    pods = {is_hidden(each.metadata): each for each in source.objects.pods}
    hidden = pods[True]
    assert hidden.spec.node_name == "a100-0"
    assert hidden.spec.priority == 100
    assert hidden.spec.containers[0].resources.requests == {"cpu": "4", "nvidia.com/gpu": "2"}
    assert pods[False].metadata.name == "tune-0"
    (workload,) = (each for each in source.objects.workloads if is_hidden(each.metadata))
    assert workload.status.admission is not None
    (queue,) = (each for each in source.objects.cluster_queues if is_hidden(each.metadata))
    (local,) = (each for each in source.objects.local_queues if is_hidden(each.metadata))
    # The chain from work to quota holds under the new names.
    assert workload.status.admission.cluster_queue == queue.name == local.spec.cluster_queue
    assert (workload.namespace, workload.spec.queue_name) == (local.namespace, local.name)
    assert workload.status.admission.pod_set_assignments[0].name == workload.spec.pod_sets[0].name
    assert queue.spec.resource_groups[0].flavors[0].resources[0].nominal_quota == "8"
    (claim,) = source.objects.resource_claims
    assert claim.status.allocation is not None
    # Who has the devices is one of the hidden pods: they are not free.
    assert [each.name for each in claim.status.reserved_for] == [hidden.metadata.name]


def test_what_is_theirs_stays_as_it_was() -> None:
    before, (source,) = everything().sources[0], seen().sources
    own = next(each for each in before.objects.pods if each.namespace == OURS)
    assert own in source.objects.pods
    workload = next(each for each in source.objects.workloads if each.namespace == OURS)
    assert workload.metadata.owner_references[0].uid == uid(40)
    assert workload.status.conditions[0].message == (
        "Preempted to accommodate a workload (UID: hidden) of hidden/hidden in hidden-queue-0; "
        "nvidia.com/gpu is used up"
    )
    assert [each.subject.name for each in seen().submissions] == ["tune-2"]
    assert [(each.name, each.priority) for each in source.order[1].items] == [("", 7), ("job-tune", 0)]


def test_what_is_left_out_is_said() -> None:
    snapshot = seen()
    assert snapshot.view == "team:nlp"
    hidden = {gap.what for gap in snapshot.sources[0].gaps if gap.reason == "hidden"}
    assert {"pods", "jobs", "workloads", "clusterqueues", "resourcequotas", "clusterrolebindings"} <= hidden
    assert not snapshot.sources[0].complete


@pytest.mark.parametrize("name", ["aaa", "zzz"])
def test_a_number_does_not_tell_the_rank_of_a_name(name: str) -> None:
    gathered = Gathered()
    born = {1: "2026-01-01T00:00:01Z", 2: "2026-01-01T00:00:02Z"}
    version = "kueue.x-k8s.io/v1beta2"
    queues = [
        raw("ClusterQueue", version, each, number=at, meta={"creationTimestamp": born[at]})
        for each, at in sorted({name: 1, "mmm": 2}.items())
    ]
    gathered.take_any(queues)
    found = seen_by(Snapshot(sources=(Source(objects=gathered.objects()),)), "nlp", frozenset({OURS})).sources[0]
    told = [(each.name, each.metadata.creation_timestamp) for each in found.objects.cluster_queues]
    assert told == [("hidden-queue-0", born[1]), ("hidden-queue-1", born[2])]


def test_a_word_that_others_use_as_a_name_stays_a_word() -> None:
    gathered = Gathered()
    raws = two_teams()
    raws.append(raw("Job", "batch/v1", "gpu", THEIRS, number=98))
    raws.append(raw("ClusterQueue", "kueue.x-k8s.io/v1beta2", "gpu", number=99, spec={"cohortName": "all"}))
    raws.append(raw("Namespace", "v1", "gpu", number=97, meta={"labels": {"team": "cpu"}}))
    gathered.take_any(raws)
    source = replace(everything().sources[0], objects=gathered.objects())
    found = seen_by(Snapshot(taken_at=NOW, sources=(source,)), "nlp", frozenset({OURS}))
    workload = next(each for each in found.sources[0].objects.workloads if each.namespace == OURS)
    assert workload.status.conditions[0].message.endswith("nvidia.com/gpu is used up")
    covered = {each for queue in found.sources[0].objects.cluster_queues for each in queue.spec.resource_groups}
    assert [group.covered_resources for group in covered] == [("nvidia.com/gpu",)]
    assert "gpu" not in {each.name for each in found.sources[0].objects.cluster_queues}


NOBODYS = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100, 2 more"
MINE = f"Workload {OURS}/job-tune of tune waiting in nlp"
SAID: dict[str, tuple[str, str]] = {
    "a namespace and a pod that are gone": (
        "Preempted by gone-ns/merger-0 on node a100-0",
        "Preempted by hidden/hidden on node a100-0",
    ),
    "a pod that is gone, and a person": (
        "Preempted by pod merger-gone on node a100-0 user zoe@rival.example",
        "Preempted by pod hidden on node a100-0 user hidden",
    ),
    "a part of a word, in any case": (
        "Team-Canary-7; team-canary-7.svc; team-canary-7-merger-4711; TEAM_CANARY_7_x",
        "hidden; hidden; hidden; hidden",
    ),
    "letters alone": ("path /all/visionqueue of mergeracme", "path /all/hidden-queue-0 of hidden"),
    "a uid in capitals": ("(JobUID: AAAAAAAA-2222-3333-4444-555555555555)", "(JobUID: hidden)"),
    "an account": ("system:serviceaccount:team-canary-7:bot pending", "system:serviceaccount:hidden pending"),
    "a guess that a member wrote on an own object": (
        "behind visionqueue and mergeracme",
        "behind hidden-queue-0 and hidden",
    ),
    "what names nobody": (NOBODYS, NOBODYS),
    "what is the team's": (MINE, MINE),
}  # fmt: skip


def lively(said: str) -> Source:
    """Two teams, one with names of letters alone and of what is gone, and members who guess at them."""
    gathered = Gathered()
    guess = {"labels": {"g": "visionqueue", "h": THEIRS, "i": "mergeracme"}}
    free = {"labels": {"who": "for-merger", "allotment.dev/accelerator": "a100", "owner": f"{THEIRS}-alias"}}
    free |= {"annotations": {"allotment.dev/x": "for the merger"}}  # type: ignore[dict-item]
    kueue, mark = "kueue.x-k8s.io/v1beta2", {"annotations": {"allotment.dev/submitted-by": "canary-7-zoe"}}
    condition = {"type": "QuotaReserved", "status": "False", "message": said}
    owned = {"ownerReferences": [{"kind": "Job", "name": "tune", "uid": uid(40), "controller": True}]}
    gathered.take_any([
        *(each for each in two_teams() if each["metadata"]["name"] != "job-tune"),
        raw("Workload", kueue, "job-tune", OURS, number=30, meta=owned, status={"conditions": [condition]}),
        raw("Pod", "v1", "visionqueue", OURS, number=70, meta=guess, spec={"priorityClassName": "usual"}),
        raw("Job", "batch/v1", "mergeracme", OURS, number=71, meta=guess),
        raw("ClusterQueue", kueue, "visionqueue", number=72),
        raw("Pod", "v1", "mergeracme", THEIRS, number=73, meta=mark),
        raw("ResourceFlavor", kueue, "a100", number=74),
        raw("Cohort", kueue, "all", number=75, meta=free),
        raw("Node", "v1", "a100-1", number=76, meta=free),
        raw("Event", "v1", "visionqueue.1", OURS, number=77, message=said, source={"component": "default-scheduler"},
            involvedObject={"kind": "Pod", "namespace": OURS, "name": "visionqueue"}),
        *(raw("PriorityClass", "scheduling.k8s.io/v1", each, number=78 + at, value=5)
          for at, each in enumerate(("prio-merger", "usual", "system-node-critical"))),
    ])  # fmt: skip
    assert not gathered.gaps
    whole = Snapshot(taken_at=NOW, sources=(Source(name="prod", observed_at=NOW, objects=gathered.objects()),))
    return seen_by(whole, "nlp", frozenset({OURS})).sources[0]


@pytest.mark.parametrize(("said", "left"), SAID.values(), ids=SAID)
def test_a_message_keeps_what_is_known_to_name_nobody(said: str, left: str) -> None:
    objects = lively(said).objects
    (workload,) = (each for each in objects.workloads if each.namespace == OURS)
    assert workload.status.conditions[0].message == left
    assert left in {each.message for each in objects.events}


def test_what_is_everybody_s_carries_no_words_of_people() -> None:
    objects = lively("").objects
    (cohort,) = objects.cohorts
    node = next(each for each in objects.nodes if each.name == "a100-1")
    assert cohort.metadata.labels == node.metadata.labels == {"allotment.dev/accelerator": "a100"}
    assert cohort.metadata.annotations == {}
    assert [each.name for each in objects.priority_classes] == ["hidden-priority-0", "usual", "system-node-critical"]


def test_what_a_pod_names_itself_stays_in_what_its_kubelet_says() -> None:
    gathered = Gathered()
    said = 'Back-off pulling image "registry.example/canary-7/tool:1": connection to flaky-mirror reset; team-canary-7'
    event = raw("Event", "v1", "own.1", OURS, number=81, message=said, source={"component": "kubelet"},
                involvedObject={"kind": "Pod", "namespace": OURS, "name": "own"})  # fmt: skip
    spec = {"containers": [{"name": "main", "image": "registry.example/canary-7/tool:1"}]}
    gathered.take_any([*two_teams(), raw("Pod", "v1", "own", OURS, number=80, spec=spec), event])
    whole = Snapshot(taken_at=NOW, sources=(Source(name="prod", observed_at=NOW, objects=gathered.objects()),))
    (found,) = (each for each in seen_by(whole, "nlp", frozenset({OURS})).sources[0].objects.events
                if each.metadata.name == "own.1")  # fmt: skip
    assert found.message == said.replace(THEIRS, "hidden").replace("flaky-mirror", "hidden")


def test_what_could_not_be_read_is_named_only_where_all_may_read_it() -> None:
    whats = ("ClusterQueue/mergeracme, all of it at spec", "Node/a100-7 at status", "ClusterQueue/nlp at spec", "nodes")
    gaps = tuple(Gap(what=each, reason="damaged", detail="merger of gone-ns is no number") for each in whats)
    whole = Snapshot(taken_at=NOW, sources=(replace(everything().sources[0], gaps=gaps),))
    found = seen_by(whole, "nlp", frozenset({OURS})).sources[0].gaps[: len(whats)]
    assert [each.what for each in found] == ["ClusterQueue/hidden", *whats[1:]]
    assert {each.detail for each in found} == {"hidden of hidden is no number"}


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("failed", "what measures its devices has not answered"),
        ("damaged", "some of what its devices' measurements say is left out"),
    ],
)
def test_of_metrics_that_are_doubtful_nobody_s_names_are_told(reason: str, said: str) -> None:
    gap = Gap(what="metrics", reason=reason, detail=f"job dcgm at 10.0.0.7:9400 (pod {THEIRS}/canary-7) says twice")
    whole = Snapshot(taken_at=NOW, sources=(replace(everything().sources[0], gaps=(gap,)),))
    assert seen_by(whole, "nlp", frozenset({OURS})).sources[0].gaps[0] == Gap(
        what="metrics", reason=reason, detail=said
    )
