"""When, whatif and capacity of a cluster: what each answer is, what it rests on, and what is refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from allotment.errors import AllotmentError, InputError, NotFoundError, UsageError
from allotment.model.observed.snapshot import Gap, Snapshot
from allotment.operations.ask.resting import NO_QUEUES
from allotment.operations.foresee.live.capacity import FIRST_IN_LINE, NODES, STOPPED, capacity_live, survey_live
from allotment.operations.foresee.live.whatif import LiveWhatIfRequest, what_if_live
from allotment.operations.foresee.live.when import LiveWhen, LiveWhenRequest, WaitingStart, when_live
from allotment.reports.documents.live_start import live_when_document
from allotment.scheduling.placement.asking import parse_ask
from allotment.simulation.live.starts import StartBasis, StartWishes
from tests.unit.simulation.live.cluster import GPU, NOW, ended, namespace_quota, node, queue, snapshot, work

MINUTE = 60_000
FEW = StartWishes(futures=12, replay=False)


@dataclass
class Ticking:
    """A clock that moves on by so much each time it is read."""

    step: float = 0.0
    at: float = 0.0

    def now(self) -> dt.datetime:
        self.at += self.step
        return NOW + dt.timedelta(seconds=self.at)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits {seconds} s")


def asked(moment: Snapshot, *jobs: str, wishes: StartWishes = FEW, step: float = 0.0) -> LiveWhen:
    return when_live(moment, LiveWhenRequest(jobs, wishes=wishes), Ticking(step))


def told(row: WaitingStart) -> str:
    if row.never is not None:
        return f"never by {row.never.by}"
    if row.kept is not None:
        return str(row.kept.reason)
    assert row.start is not None
    return str(row.start.basis)


FULL = [*queue("nlp", 4), work("running", 4, came=50, got=50)]
WAITS = work("waits", 4, came=10)
CASES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "history": ([*FULL, WAITS, *ended(6)], "history"),
    "too little ended": ([*FULL, WAITS, *ended(4)], "none"),
    "limits alone": (
        [*queue("nlp", 4), work("running", 4, came=50, got=50, limit=7200), work("waits", 4, came=10, limit=7200)],
        "limits",
    ),
    "one has no limit": ([*FULL, work("waits", 4, came=10, limit=7200)], "none"),
    "admitted by the next cycle": ([*queue("nlp", 8), work("running", 4, came=50, got=50), WAITS], "at-once"),
    "more than there ever is": ([*FULL, work("waits", 5, came=10), *ended(6)], "never by quota"),
    "more than any node has": (
        [*queue("nlp", 16), work("waits", 16, came=10), node("a", 8), node("b", 8), *ended(6)],
        "never by nodes",
    ),
    "a node is full, not small": ([*FULL, WAITS, node("a", 8), *ended(6)], "history"),
    "the queue is stopped": ([*queue("nlp", 4, stopPolicy="Hold"), WAITS, *ended(6)], "cluster-queue-stopped"),
    "no such queue": ([*FULL, {**WAITS, "spec": {**WAITS["spec"], "queueName": "job"}}], "no-local-queue"),
}


@pytest.mark.parametrize(("objects", "answer"), CASES.values(), ids=CASES.keys())
def test_what_the_answer_rests_on(objects: list[dict[str, Any]], answer: str) -> None:
    found = asked(snapshot(*objects), "workload/waits")
    assert [told(row) for row in found.rows] == [answer]


def test_what_was_read_in_ones_own_namespace_counts() -> None:
    """A LocalQueue that is missing there is so; and what holds quota of a queue that is not seen waits for none."""
    unseen = tuple(Gap(what=each, reason="forbidden") for each in ("localqueues", "clusterqueues", "workloads"))
    typo = work("typo", 1, came=5)
    typo["spec"]["queueName"] = "job"
    seen = [each for each in FULL if each["kind"] != "ClusterQueue"]
    source = snapshot(*seen, WAITS, typo).sources[0]
    own = msgspec.structs.replace(source, gaps=unseen, namespaces=("nlp",))
    found = asked(msgspec.structs.replace(snapshot(), sources=(own,)))
    assert {row.subject.name: told(row) for row in found.rows} == {"waits": "not-seen", "typo": "no-local-queue"}
    assert (found.pending, found.running) == (1, 1)


def test_an_interval_is_what_the_running_job_has_left() -> None:
    """All jobs before ran 60 minutes, the one in the way has run 50: 10 are left, and Kueue looks a second later."""
    (row,) = asked(snapshot(*FULL, WAITS, *ended(6, minutes=60))).rows
    assert row.start is not None
    assert row.start.interval is not None
    assert (row.start.interval.low, row.start.interval.high) == (10 * MINUTE + 1000, 10 * MINUTE + 1000)
    assert row.waited == 10 * MINUTE


def test_a_limit_cuts_run_times_off() -> None:
    limited = [*queue("nlp", 4), work("running", 4, came=50, got=50, limit=55 * 60), WAITS]
    (row,) = asked(snapshot(*limited, *ended(6, minutes=60))).rows
    assert row.start is not None
    assert row.start.interval is not None
    assert row.start.interval.high == 5 * MINUTE + 1000


def test_a_budget_that_is_over_says_so_and_how_many_futures_there_were() -> None:
    moment = snapshot(*FULL, WAITS, *ended(6))
    (row,) = asked(moment, wishes=StartWishes(budget=1.0, replay=False), step=0.05).rows
    assert told(row) == "no-time"
    assert row.start is not None
    assert 0 < row.start.futures < 10


def test_what_was_forgotten_is_read_from_recorded_snapshots() -> None:
    forgotten = [work(f"gone-{each}", 1, came=400 + each, got=400 + each) for each in range(6)]
    earlier = snapshot(*queue("nlp", 16), *forgotten, at=340)
    moment = snapshot(*FULL, WAITS, at=0)
    found = when_live(moment, LiveWhenRequest(wishes=FEW), Ticking(), [earlier])
    assert (found.recorded, found.ended) == (1, 6)
    assert [told(row) for row in found.rows] == ["history"]


def test_only_the_own_tree_is_played() -> None:
    """What another tree lacks to be foreseen keeps nothing back here."""
    other = [*queue("cv", 1), work("theirs", 1, came=50, got=50, where="cv"), work("more", 1, came=5, where="cv")]
    limited = [*queue("nlp", 4), work("running", 4, came=50, got=50, limit=7200), work("waits", 4, came=10, limit=7200)]
    found = {row.subject.name: told(row) for row in asked(snapshot(*limited, *other)).rows}
    assert found == {"waits": "limits", "more": "none"}


@pytest.mark.parametrize(("job", "says"), [("running", "it has its quota"), ("old-1", "it has ended")])
def test_of_what_does_not_wait_it_is_said_how_it_stands(job: str, says: str) -> None:
    found = asked(snapshot(*FULL, WAITS, *ended(6)), job)
    (row,) = found.rows
    assert (row.subject.name, row.start, says in row.stands) == (job, None, True)
    assert live_when_document(found, found.rows)["jobs"][0]["answer"] == "stands"
    with pytest.raises(NotFoundError):
        asked(snapshot(*FULL, WAITS, *ended(6)), "x")


def test_a_higher_quota_starts_what_waits_and_is_told_with_what_it_was() -> None:
    moment = snapshot(*FULL, WAITS, work("small", 1, came=5), *ended(6))
    request = LiveWhatIfRequest((f"quota:nlp/a100/{GPU}=8",), wishes=FEW)
    found = what_if_live(moment, request, Ticking())
    assert [(row.subject.name, row.change.starts_after) for row in found.rows if row.change.starts_after] == [
        ("waits", True)
    ]
    assert [(each.before, each.after) for each in found.settings] == [("4", "8")]
    assert all(row.change.change is not None and row.change.change <= 0 for row in found.rows)


@pytest.mark.parametrize(
    ("around", "runs", "cause"),
    [
        ([], None, None),
        ([node("a", 8)], True, None),
        ([node("a", 2)], False, "insufficient-gpu"),
        ([node("a", 8), namespace_quota("nlp", 3)], False, "resourcequota-exceeded"),
    ],
    ids=["nodes not seen", "a node has room", "no node is large enough", "the namespace may not"],
)
def test_who_gets_quota_by_a_change_is_told_whether_it_runs(
    around: list[dict[str, Any]], runs: bool | None, cause: str | None
) -> None:
    moment = snapshot(*FULL, WAITS, *around)
    found = what_if_live(moment, LiveWhatIfRequest((f"quota:nlp/a100/{GPU}=8",), wishes=FEW), Ticking())
    assert [(row.starts, row.then and row.then.cause) for row in found.rows] == [(runs, cause)]


def test_what_one_takes_of_a_node_the_next_does_not_find() -> None:
    moment = snapshot(*FULL, WAITS, work("second", 4, came=5), node("a", 6))
    found = what_if_live(moment, LiveWhatIfRequest((f"quota:nlp/a100/{GPU}=16",), wishes=FEW), Ticking())
    assert {row.subject.name: row.starts for row in found.rows} == {"waits": True, "second": False}


def test_a_lower_quota_makes_others_wait_longer() -> None:
    moment = snapshot(*queue("nlp", 8), work("running", 4, came=50, got=50), work("waits", 4, came=10), *ended(6))
    found = what_if_live(moment, LiveWhatIfRequest((f"quota:nlp/a100/{GPU}=4",), wishes=FEW), Ticking())
    (row,) = found.rows
    assert (row.change.starts_before, row.change.starts_after) == (True, False)
    assert row.change.change is not None
    assert row.change.change > 0


def test_a_borrowing_limit_is_tried_and_everybody_is_told_of_with_the_sums_of_queues() -> None:
    others = [*queue("nlp", 4, cohort="all"), *queue("cv", 4, cohort="all")]
    moment = snapshot(*others, work("runs", 4, came=50, got=50), work("waits", 4, came=10), *ended(6))
    assert [row.change.starts_before for row in what_if_live(moment, everybody("hold:cv"), Ticking()).rows] == [True]
    found = what_if_live(moment, everybody(f"borrowing:nlp/a100/{GPU}=0"), Ticking())
    assert [(row.change.starts_before, row.change.starts_after) for row in found.rows] == [(True, False)]
    assert [(each.what, each.before, each.after) for each in found.settings] == [
        (f"borrowing limit nlp/a100/{GPU}", "none", "0")
    ]
    (summed,) = found.queues
    assert (summed.queue, summed.waiting, summed.starts_before, summed.starts_after) == ("nlp", 1, 1, 0)
    assert (summed.sooner, summed.later, summed.displaced) == (0, 1, 0)
    assert summed.after is not None
    assert summed.before == 0.0 < summed.after


def everybody(change: str) -> LiveWhatIfRequest:
    return LiveWhatIfRequest((change,), everybody=True, wishes=FEW)


def test_whoever_gets_a_guarantee_takes_it_back_and_the_queue_of_who_loses_says_so() -> None:
    takes = {"preemption": {"reclaimWithinCohort": "Any"}}
    others = [*queue("nlp", 8, cohort="all"), *queue("cv", 0, cohort="all", **takes)]
    borrower = work("borrows", 8, came=50, got=50)
    moment = snapshot(*others, borrower, work("owns", 4, came=10, where="cv"), *ended(6))
    changes = (f"quota:nlp/a100/{GPU}=4", f"quota:cv/a100/{GPU}=4")
    found = what_if_live(moment, LiveWhatIfRequest(changes, wishes=FEW), Ticking())
    assert [each.name for each in found.preempted] == ["borrows"]
    assert {each.queue: (each.displaced, each.sooner) for each in found.queues} == {"cv": (0, 1), "nlp": (1, 0)}
    nobody = what_if_live(moment, LiveWhatIfRequest(changes, wishes=FEW), Ticking(), wanted=lambda: False)
    assert (nobody.found.futures, nobody.found.basis) == (0, StartBasis.NO_TIME)


def test_as_many_futures_as_the_budget_allowed_are_told() -> None:
    """The clock moves on by a thousandth of the budget with each look at it."""
    change = f"quota:nlp/a100/{GPU}=8"
    moment = snapshot(
        *queue("nlp", 4), work("runs", 4, came=50, got=50), *ended(6), *(work(n, 4, came=9) for n in "ab")
    )
    wishes = replace(FEW, futures=1000, budget=10.0)
    found = what_if_live(moment, LiveWhatIfRequest((change,), wishes=wishes), Ticking(0.01)).found
    assert 10 < found.futures < 200
    assert (found.looked, found.basis) == (None, StartBasis.HISTORY)


def test_a_stopped_queue_that_goes_on_starts_who_waited_for_that_alone() -> None:
    moment = snapshot(*queue("nlp", 4, stopPolicy="Hold"), work("waits", 4, came=10))
    found = what_if_live(moment, LiveWhatIfRequest(("resume:nlp",), wishes=FEW), Ticking())
    assert [(row.subject.name, row.change.starts_after) for row in found.rows] == [("waits", True)]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ("hold:nlp,until=2h", UsageError, "a term cannot be given here"),
        ("job:more.jsonl", UsageError, "not added to a live cluster"),
        (f"quota:nlp/h100/{GPU}=8", NotFoundError, "no quota of"),
    ],
)
def test_what_cannot_be_made_of_a_moment_is_refused_in_words(
    change: str, error: type[AllotmentError], says: str
) -> None:
    with pytest.raises(error) as caught:
        what_if_live(snapshot(*FULL, WAITS), LiveWhatIfRequest((change,)), Ticking())
    assert says in f"{caught.value} {caught.value.fix}"
    assert str(caught.value).startswith(change)


def pod(name: str, **more: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "main"}], "schedulerName": "default-scheduler", **more}
    meta = {"name": name, "namespace": "nlp", "uid": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": "Pending"}}


def test_a_pod_that_waits_for_a_node_with_quota_is_not_in_no_queue() -> None:
    holder = work("running", 4, came=50, got=50)
    holder["metadata"]["ownerReferences"] = [{"kind": "Pod", "name": "queued", "uid": "queued", "controller": True}]
    gated = pod("gated", schedulingGates=[{"name": "kueue.x-k8s.io/admission"}])
    found = asked(snapshot(*queue("nlp", 4), holder, pod("queued"), pod("loose"), pod("loose too"), gated))
    assert (found.placing, found.pods) == (1, 2)


def test_a_cluster_without_kueue_is_called_so_and_nothing_is_assumed_of_it() -> None:
    bare = snapshot(node("a", 8), pod("loose"))
    (source,) = bare.sources
    bare = msgspec.structs.replace(
        bare, sources=(msgspec.structs.replace(source, objects=msgspec.structs.replace(source.objects, flavors=())),)
    )
    assert (asked(bare).notes, asked(bare).pods) == ((NO_QUEUES,), 1)
    assert capacity_live(bare, [parse_ask("1")]).notes == (NO_QUEUES,)
    with pytest.raises(InputError, match=NO_QUEUES):
        what_if_live(bare, LiveWhatIfRequest(("hold:nlp",)), Ticking())


def test_what_past_starts_do_not_need_of_the_budget_is_for_futures() -> None:
    """A share of the budget is too little here, and no past start is known: all of it is not."""
    moment = snapshot(*FULL, WAITS, *ended(6))
    (row,) = asked(moment, wishes=StartWishes(budget=5.0, futures=12, replay=False), step=0.06).rows
    assert row.start is not None
    assert told(row) == "history"


def test_room_is_the_smaller_of_quota_and_nodes_and_what_ends_it_is_named() -> None:
    moment = snapshot(
        *queue("nlp", 12, cohort="all"),
        *queue("cv", 40),
        *queue("old", 8, stopPolicy="Hold"),
        work("running", 4, came=50, got=50),
        node("a", 8),
        node("b", 8),
    )
    found = capacity_live(moment, [parse_ask("4")])
    rooms = {each.queue: (each.by_quota, each.by_nodes, each.fits, each.out_first) for each in found.rooms}
    assert rooms == {"nlp": (2, 4, 2, GPU), "cv": (10, 4, 4, NODES), "old": (0, 4, 0, STOPPED)}
    assert found.anywhere == {"4": 4}


@pytest.mark.parametrize(
    ("strategy", "head", "fits"),
    [
        pytest.param("StrictFIFO", 9, 0, id="nobody passes it"),
        pytest.param("BestEffortFIFO", 9, 2, id="others pass it"),
        pytest.param("StrictFIFO", 1, 2, id="it goes by itself"),
    ],
)
def test_nothing_fits_behind_the_first_in_line_of_a_strict_queue_that_cannot_go(
    strategy: str, head: int, fits: int
) -> None:
    moment = snapshot(*queue("nlp", 8, queueingStrategy=strategy), work("head", head, came=5), node("a", 8))
    (found,) = capacity_live(moment, [parse_ask("4")]).rooms
    assert (found.fits, found.by_quota, found.waiting) == (fits, 2, 1)
    assert (found.out_first == FIRST_IN_LINE) is (fits == 0)
    assert found.behind == ("" if fits else "nlp/head")


def test_the_nodes_have_what_gpus_counts_and_the_taint_of_the_gpus_is_no_obstacle() -> None:
    """Of four devices each: two on a tainted node are free, four are cordoned, four not Ready, two cut into slices;
    one is handed out by claims."""
    tainted, cordoned, ill, sliced = (node(name, 4) for name in ("tainted", "cordoned", "ill", "sliced"))
    tainted["spec"] = {"taints": [{"key": GPU, "effect": "NoSchedule"}]}
    cordoned["spec"] = {"unschedulable": True}
    ill["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    ill["spec"] = {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}]}
    del sliced["status"]["allocatable"][GPU]
    sliced["status"]["allocatable"]["nvidia.com/mig-1g.5gb"] = "14"
    container = {"name": "main", "resources": {"requests": {GPU: "1"}}}
    ill_for_a_while = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"p{at}", "namespace": "nlp"},
            "spec": {"containers": [container], "nodeName": "tainted", "tolerations": tolerations},
            "status": {"phase": "Running"},
        }
        for at, tolerations in enumerate(([], [ill_for_a_while]))
    ]
    by_claims = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": "s"},
        "spec": {"driver": "gpu.amd.com", "nodeName": "ill", "pool": {"name": "ill"}, "devices": [{"name": "gpu-0"}]},
    }
    found = survey_live(snapshot(tainted, cordoned, ill, sliced, by_claims, *pods), [])
    assert [(each.text, each.room.count) for each in found.shapes] == [("1", 2)]
    assert (found.gpus, found.free - found.shut, found.shut, found.sliced) == (12000, 2000, 8000, 2000)
    assert found.by_claims == 1000
