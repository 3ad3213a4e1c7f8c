"""A server's lane of a cluster in memory: what the cluster's absence, expired credentials and restarts leave behind."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.adapters.store.fake import MemoryStore
from allotment.errors import AllotmentError, NotSignedInError, UnreachableError
from allotment.model import labels
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.jobs.job import JobSchedule, JobType
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.manifest import ObjectKey
from allotment.model.mark import Mark
from allotment.operations.run.kubernetes.right_cluster import RightCluster
from allotment.operations.run.lane import Lane, Serving
from allotment.operations.run.remembering import backends_to_tell
from allotment.ports.kube import RefusedError
from allotment.ports.stored_jobs import StoredJob, row_of
from tests.unit.jobs.kubernetes.work import gang, job, staged
from tests.unit.operations.run.test_kubernetes_backend import JOB, NAME, NAMESPACE, Bench, forged_pod

AWAY = UnreachableError("https://cluster does not answer")
EXPIRED = NotSignedInError("https://cluster does not accept the credentials", fix="sign in again")
AT = dt.datetime(2026, 11, 28, 8, tzinfo=dt.UTC)

JANE = Caller("jane", CallerKind.LOCAL, "unix socket")


class Hands:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = AT

    def now(self) -> dt.datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


class Served:
    """A server of one cluster that dies and comes again; its store stays."""

    def __init__(self, tmp_path: Path) -> None:
        self.bench = Bench(tmp_path)
        self.store = MemoryStore()
        self.clock = Hands()
        self.lane = self.anew()

    def anew(self) -> Lane:
        backend = self.bench.anew()
        return Lane(self.store, Serving(backend, remember=backend.remember), self.clock)

    def take(self, wanted: object = None) -> StoredJob:
        history = JobHistory().become(Move(self.ms, JobState.SUBMITTED, MoveCause.SUBMITTED))
        new = StoredJob("k7x2", wanted or job(), "jane", "training", history)  # type: ignore[arg-type]
        return self.lane.take([new], [])[0]

    def steps(self, number: int = 2) -> None:
        for _ in range(number):
            self.clock.sleep(1)
            self.lane.step()

    def fail(self, error: AllotmentError) -> None:
        def hook(call: object) -> None:
            if not call.done:  # type: ignore[attr-defined]
                raise error

        self.bench.kube.hook = hook  # type: ignore[assignment]

    def mend(self) -> None:
        self.bench.kube.hook = lambda _: None

    @property
    def ms(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    @property
    def state(self) -> JobState:
        return self.store.get("k7x2").state


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("wanted", [job(), staged()])
def test_what_was_stopped_while_the_cluster_was_away_does_not_stay_in_it(
    served: Served, restarts: bool, wanted: object
) -> None:
    served.take(wanted)
    served.steps()
    assert served.bench.ours
    served.fail(AWAY)
    with pytest.raises(UnreachableError, match="cannot be told now"):
        served.lane.stop("k7x2", None, "jane stopped it", JANE)
    served.steps()
    assert served.bench.ours
    # Though nothing else runs there, the next server looks into it.
    assert backends_to_tell(served.store, served.ms) == {"training"}
    if restarts:
        served.lane = served.anew()
        served.steps()
    served.mend()
    served.steps()
    assert (served.state, served.bench.ours) == (JobState.STOPPED, set())
    calls = len(served.bench.kube.calls)
    served.steps(1)
    assert not [call for call in served.bench.kube.calls[calls:] if call.verb == "delete"]


def test_of_a_job_that_was_stopped_long_ago_nothing_is_looked_for(served: Served) -> None:
    served.take()
    served.steps()
    served.fail(AWAY)
    with pytest.raises(UnreachableError):
        served.lane.stop("k7x2", None, "jane stopped it", JANE)
    served.clock.sleep(8 * 86_400)
    served.mend()
    assert backends_to_tell(served.store, served.ms) == set()
    served.lane = served.anew()
    served.steps()
    assert JOB in served.bench.ours


def test_credentials_that_expire_midway_are_told_and_lose_nothing(served: Served) -> None:
    served.fail(EXPIRED)
    served.take()
    served.steps()
    assert served.state is JobState.SUBMITTED
    assert "does not accept the credentials" in served.lane.trouble
    served.mend()
    served.steps()
    assert (served.state, served.lane.trouble) == (JobState.QUEUED, "")
    served.fail(EXPIRED)
    served.steps()
    assert "does not accept the credentials" in served.lane.trouble
    served.lane = served.anew()
    served.steps()
    assert (served.state, "credentials" in served.lane.trouble) == (JobState.QUEUED, True)
    served.mend()
    served.bench.report(JOB, "Complete")
    served.steps()
    assert (served.state, served.lane.trouble) == (JobState.SUCCEEDED, "")


def test_the_log_of_what_was_over_before_the_server_started_is_read(served: Served) -> None:
    served.take()
    served.steps()
    main = served.bench.kube.get("batch/v1", JOB)
    assert main is not None
    served.bench.kube.put({**forged_pod(served.bench, main), "status": {"phase": "Succeeded"}})
    served.bench.report(JOB, "Complete")
    served.steps()
    assert served.state is JobState.SUCCEEDED
    for later, read in ((0, True), (2 * 86_400, False)):
        served.clock.sleep(later)
        served.lane = served.anew()
        served.steps()
        assert served.state is JobState.SUCCEEDED
        try:
            lines = list(served.lane.backend.log("k7x2"))
        except AllotmentError:
            lines = []
        assert bool(lines) is read


def test_a_job_made_anew_by_somebody_while_the_server_was_down_is_lost(served: Served) -> None:
    """It bears all that anybody can read; the store keeps which one was made."""
    served.take()
    served.steps()
    own = served.bench.kube.get("batch/v1", JOB)
    assert own is not None
    assert served.store.get("k7x2").native == f"job/{NAME}@{own['metadata']['uid']}"
    served.bench.kube.delete("batch/v1", JOB)
    served.bench.kube.put({**own, "metadata": {**own["metadata"], "uid": "a-copy"}})
    served.bench.report(JOB, "Complete")
    served.lane = served.anew()
    served.steps(4)
    assert served.state is JobState.FAILED
    assert served.store.get("k7x2").history.moves[-1].said


def test_pods_that_cannot_be_made_are_the_reason_that_a_listing_shows(served: Served) -> None:
    served.take()
    served.steps()
    served.bench.kube.edit(JOB, lambda body: {**body, "spec": {**body["spec"], "suspend": False}})
    served.steps()
    assert (served.state, row_of(served.store.get("k7x2")).said) == (JobState.STARTING, "")
    main = served.bench.kube.get("batch/v1", JOB)
    assert main is not None
    for number in range(3):
        said = f'Error creating: pods "train-{"abc"[number]}" is forbidden: exceeded quota: later, used: pods={number}'
        metadata = {"name": f"e{number}", "namespace": NAMESPACE}
        told = {"reason": "FailedCreate", "lastTimestamp": f"2030-01-01T00:00:0{number}Z", "message": said}
        about = {"involvedObject": {"uid": main["metadata"]["uid"]}}
        served.bench.kube.put({"apiVersion": "v1", "kind": "Event", "metadata": metadata, **told, **about})
        served.steps()
    job = served.store.get("k7x2")
    assert "exceeded quota: later" in row_of(job).said
    assert len(job.waits) == 1


def test_jobs_that_a_job_set_cannot_make_are_the_reason_too(served: Served) -> None:
    served.take(gang())
    served.steps()
    key = ObjectKey("jobset.x-k8s.io", "JobSet", NAMESPACE, NAME)
    served.bench.kube.edit(key, lambda body: {**body, "spec": {**body["spec"], "suspend": False}})
    main = served.bench.kube.get("jobset.x-k8s.io/v1alpha2", key)
    assert main is not None
    served.bench.kube.put(
        {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": NAMESPACE},
            "reason": "JobCreationFailed", "lastTimestamp": "2030-01-01T00:00:00Z",
            "message": f'job "{NAME}-main-0" creation failed with error: a policy denied request',
            "involvedObject": {"uid": main["metadata"]["uid"]},
        }
    )  # fmt: skip
    served.steps()
    assert "its pods cannot be made" in row_of(served.store.get("k7x2")).said
    assert "a policy denied request" in row_of(served.store.get("k7x2")).said


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (404, "NotFound", 'namespaces "nlp" not found'),
        (403, "Forbidden", "unable to create new content in namespace nlp because it is being terminated"),
    ],
)
def test_a_namespace_that_is_gone_is_told_and_holds_up_nobody(
    served: Served, status: int, reason: str, words: str
) -> None:
    served.bench.refuse("create", "Job", RefusedError("refused", status=status, reason=reason, message=words))
    served.take()
    served.steps()
    stored = served.store.get("k7x2")
    assert (stored.state, served.lane.trouble) == (JobState.REFUSED, "")
    assert words in row_of(stored).said
    assert ("has no namespace nlp" in row_of(stored).said) is (status == 404)


def test_a_namespace_deleted_under_a_job_ends_it(served: Served) -> None:
    served.take()
    served.steps()
    served.bench.kube.delete("batch/v1", JOB)
    served.steps()
    stored = served.store.get("k7x2")
    assert (stored.state, stored.history.moves[-1].cause) == (JobState.FAILED, MoveCause.LOST)
    assert all(each.ended is not None for each in stored.attempts)
    served.lane = served.anew()
    served.steps()
    assert served.bench.ours == set()


@pytest.mark.parametrize("marked", ["acme/other", "theirs/training"])
def test_a_context_that_leads_to_another_cluster_is_no_way_to_this_one(tmp_path: Path, marked: str) -> None:
    """Jobs that run elsewhere are not gone for that, and none is made there."""
    served = Served(tmp_path)
    served.take()
    served.steps()
    platform, _, cluster = marked.partition("/")
    given = {labels.PLATFORM: platform, labels.CLUSTER: cluster}
    metadata = {"name": labels.SYSTEM_NAMESPACE, "labels": given}
    wrong = FakeKube()
    wrong.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    served.bench.kube = wrong
    right = RightCluster(wrong, Mark("acme", "training"))
    served.bench.require_right = right
    served.lane = served.anew()
    served.steps()
    assert served.state is JobState.QUEUED
    assert marked in served.lane.trouble
    assert {key.kind for key in wrong.existing} == {"Namespace"}
    for use in (lambda: served.bench.backend.check(served.bench.order(job())), served.bench.backend.offer):
        with pytest.raises(UnreachableError, match="training is not reached: this is the cluster"):
            use()


def test_a_cluster_is_asked_once_which_one_it_is() -> None:
    kube = FakeKube()
    right = RightCluster(kube, Mark("acme", "training"))
    right()
    kube.hook = lambda _: pytest.fail("it is known")
    right()


def test_a_schedule_that_is_stopped_between_two_runs_is_billed_for_them(served: Served) -> None:
    served.take(job(type=JobType.SCHEDULED, schedule=JobSchedule("* * * * *", "Etc/UTC", 60)))
    served.steps()
    (cron,) = served.bench.kube.list("batch/v1", "CronJob", namespace=NAMESPACE)
    made, began, over = (f"2026-11-28T08:01:{second}Z" for second in ("00", "02", "12"))
    metadata = {
        "name": "run-1", "namespace": NAMESPACE, "uid": "run-1", "creationTimestamp": made,
        "labels": cron["metadata"]["labels"],
        "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron["metadata"]["name"], "controller": True,
             "uid": cron["metadata"]["uid"]}
        ],
    }  # fmt: skip
    done = {"type": "Complete", "status": "True", "lastTransitionTime": over}
    status = {"startTime": began, "succeeded": 1, "conditions": [done]}
    spec = {"suspend": False, "template": {}}
    served.bench.kube.put(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec, "status": status}
    )
    served.clock.sleep(80)
    served.steps()
    stored = served.lane.stop("k7x2", None, "jane stopped it", JANE)
    assert stored.state is JobState.STOPPED
    assert [(each.number, each.ended is None) for each in stored.attempts] == [(1, False)]
    assert stored.use is not None
    assert (stored.use.run_ms, stored.use.held_ms) == (10_000, 20_000)
    assert served.bench.ours == set()
