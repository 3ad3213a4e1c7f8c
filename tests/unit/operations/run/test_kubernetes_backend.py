"""The back end over an API server in memory: nothing is made twice, lost, or made for somebody else."""

from __future__ import annotations

import base64
import gzip
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import (
    AllotmentError,
    CapacityError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnreachableError,
)
from allotment.model.jobs.job import CodeFolder, Job, SecretVariable
from allotment.model.jobs.native import native_shown
from allotment.model.jobs.run import JobState
from allotment.model.manifest import ObjectKey
from allotment.model.quantity import Bytes
from allotment.operations.run.kubernetes import pod_logs
from allotment.operations.run.kubernetes.backend import KubernetesBackend
from allotment.operations.run.kubernetes.making import ClusterAccess, WorkMaker
from allotment.ports.backends import Backend, FollowedJob, JobRefusedError, JobToStart, LogLine
from allotment.ports.kube import AccessRefusedError, Identity, PodLogLine, RefusedError
from tests.unit.jobs.kubernetes.work import gang, job, program, service, staged, world

NAMESPACE = "nlp"
JANE = Identity("jane", ("nlp-members",))
NAME = "train-llm--k7x2"
JOB = ObjectKey("batch", "Job", NAMESPACE, NAME)
STAGING = ObjectKey("batch", "Job", NAMESPACE, f"{NAME}-staging")
CODE = ObjectKey("", "ConfigMap", NAMESPACE, NAME)
WITH_CODE = job(program=program(code=CodeFolder(".", "", Bytes(1 << 20))))
FOREIGN = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": "other"}}


class Bench:
    """A cluster in memory, and a back end over it that can die and come again."""

    def __init__(self, tmp_path: Path) -> None:
        self.kube = FakeKube()
        self.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self.require_right: Callable[[], None] = lambda: None
        self.packed = tmp_path / "code.tar"
        self.packed.write_bytes(b"a tar")
        self.backend = self.anew()

    def anew(self, *, dissolved: bool = False, everywhere: bool = False) -> KubernetesBackend:
        platform, cluster = world()
        platform = replace(platform, teams=()) if dissolved else platform
        access = ClusterAccess(self.kube, () if everywhere else (NAMESPACE,), JANE)
        self.backend = KubernetesBackend(
            "training", access, platform, cluster, lambda path: Path(path).read_bytes(),
            require_right=self.require_right,
        )  # fmt: skip
        return self.backend

    def order(self, asked: Job, **changes: Any) -> JobToStart:
        code = str(self.packed) if asked.program.code else ""
        return replace(JobToStart("k7x2", asked, "jane", 1, code=code), **changes)

    def start(self, asked: Job, **changes: Any) -> FollowedJob:
        return self.backend.start(self.order(asked, **changes))

    def shown(self) -> FollowedJob | None:
        return next((each for each in self.backend.look() if each.id == "k7x2"), None)

    def report(self, key: ObjectKey, *conditions: str) -> None:
        """What the controller says of a Job."""
        status = {"conditions": [{"type": each, "status": "True"} for each in conditions]}
        self.kube.edit(key, lambda body: {**body, "status": status})

    def refuse(self, verb: str, kind: str, error: AllotmentError, *, real_only: bool = True) -> None:
        def hook(call: Call) -> None:
            if call.verb == verb and call.key.kind == kind and not (real_only and call.dry_run) and not call.done:
                raise error

        self.kube.hook = hook

    @property
    def maker(self) -> dict[str, Any]:
        """A reference to what runs the job."""
        main = self.kube.get("batch/v1", JOB)
        assert main is not None
        uid = main["metadata"]["uid"]
        return {"apiVersion": "batch/v1", "kind": "Job", "name": NAME, "uid": uid, "controller": True}

    @property
    def ours(self) -> set[ObjectKey]:
        return {key for key in self.kube.existing if key.kind != "Namespace"}


def forged(
    namespace: str, name: str, *, part: str = "main", attempt: str = "1", owner: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A Job that somebody made, complete, with the labels of ours and older than any."""
    given = {"allotment.dev/job": "k7x2", "allotment.dev/part": part, "allotment.dev/attempt": attempt}
    metadata = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "labels": given}
    metadata["creationTimestamp"] = "2001-01-01T00:00:00Z"
    if owner is not None:
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}
        metadata["ownerReferences"] = [{**reference, "uid": owner["metadata"]["uid"], "controller": True}]
    over = {"conditions": [{"type": "Complete", "status": "True"}]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "status": over}


def forged_pod(bench: Bench, owner: dict[str, Any]) -> dict[str, Any]:
    """A pod of it, and its log."""
    pod = forged(owner["metadata"]["namespace"], "pod", owner=owner)
    bench.kube.logs[ObjectKey("", "Pod", pod["metadata"]["namespace"], "pod"), "main"] = (PodLogLine("", b"forged"),)
    return {**pod, "apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": "node"}, "status": {"phase": "Running"}}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def refused(status: int, reason: str, message: str) -> RefusedError:
    kind = AccessRefusedError if status == 403 else RefusedError
    return kind("refused", status=status, reason=reason, message=message)


def test_it_is_a_back_end(bench: Bench) -> None:
    found: Backend = bench.backend
    offer = found.offer()
    assert (found.name, offer.kind) == ("training", "kubernetes")
    assert offer.starts == ("Job", "JobSet", "LeaderWorkerSet", "CronJob", "Deployment")
    assert offer.accelerators == {"a100": 32}
    assert "as declared" in offer.told[0]


def test_devices_are_counted_on_nodes(bench: Bench) -> None:
    labels, none = {"allotment.dev/accelerator": "a100"}, {"allotment.dev/accelerator": "h100"}
    for name, given, count in (("a", labels, "8"), ("b", labels, "many"), ("c", none, "8"), ("d", labels, "4")):
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": given}}
        bench.kube.put({**node, "status": {"allocatable": {"nvidia.com/gpu": count}}})
    assert bench.backend.offer().accelerators == {"a100": 12}


def test_a_second_start_starts_nothing_and_completes_what_is_half_made(bench: Bench) -> None:
    bench.refuse("create", "ConfigMap", refused(500, "InternalError", "etcd is away"))
    held = bench.start(WITH_CODE)
    assert (held.state, "etcd is away" in held.reason) == (JobState.HELD, True)
    assert bench.start(WITH_CODE).state is JobState.HELD
    assert bench.ours == {JOB}
    bench.kube.hook = lambda _: None
    bench.backend = bench.anew()
    assert bench.start(WITH_CODE).state is JobState.QUEUED
    assert native_shown(bench.start(WITH_CODE, attempt=3, taken=True).native) == f"job/{NAME}"
    assert bench.ours == {JOB, CODE}
    made = bench.kube.get("v1", CODE)
    main = bench.kube.get("batch/v1", JOB)
    assert made is not None
    assert main is not None
    assert gzip.decompress(base64.b64decode(made["binaryData"]["code.tar.gz"])) == b"a tar"
    assert [owner["uid"] for owner in made["metadata"]["ownerReferences"]] == [main["metadata"]["uid"]]
    creates = [call for call in bench.kube.calls if call.verb == "create" and call.done and not call.dry_run]
    assert [call.key.kind for call in creates] == ["Job", "ConfigMap"]
    assert {call.identity for call in creates} == {JANE}


def test_what_was_taken_and_is_gone_is_not_made_anew(bench: Bench) -> None:
    found = bench.start(job(), taken=True)
    assert found.state is JobState.FAILED
    assert found.end is not None
    assert bench.ours == set()


def test_what_is_there_is_followed_whatever_its_team_may_have_by_now(bench: Bench) -> None:
    for asked, state in ((WITH_CODE, JobState.QUEUED), (staged(), JobState.STAGING)):
        bench = Bench(bench.packed.parent)
        bench.start(asked)
        bench.report(STAGING, "Complete") if asked.data else None
        bench.backend = bench.anew()
        withdrawn = bench.order(replace(asked, priority="withdrawn"), taken=True)
        assert bench.backend.start(withdrawn).state is state
        bench.packed.unlink() if asked.program.code else None
        bench.backend = bench.anew(dissolved=True)
        assert bench.start(asked, taken=True).state is state
    shown = bench.shown()
    assert shown is not None
    assert shown.state is JobState.FAILED
    assert shown.end is not None
    assert 'no team "nlp"' in shown.end.said


def test_somebody_elses_object_of_that_name_is_left_alone(bench: Bench) -> None:
    bench.kube.put(FOREIGN)
    with pytest.raises(ConflictError, match="does not belong to the job k7x2"):
        bench.start(job())
    assert bench.kube.get("batch/v1", JOB)["metadata"]["uid"] == "other"  # type: ignore[index]


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (refused(422, "Invalid", "spec.template: Invalid value"), JobRefusedError, "spec.template"),
        (refused(403, "Forbidden", "ValidatingAdmissionPolicy 'x' denied request: no"), JobRefusedError, "denied"),
        (refused(403, "Forbidden", 'jobs is forbidden: User "jane" cannot create resource'), ForbiddenError, ""),
        (
            refused(403, "Forbidden", "unable to create new content in namespace nlp because it is being terminated"),
            JobRefusedError,
            "fix: ask the platform team",
        ),
    ],
)
def test_refusals(bench: Bench, error: AllotmentError, expected: type[AllotmentError], words: str) -> None:
    bench.refuse("create", "Job", error, real_only=False)
    for act in (bench.backend.start, bench.backend.check):
        with pytest.raises(expected) as caught:
            act(bench.order(job()))
        assert words in str(caught.value)
    assert bench.ours == set()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("exceeded quota: allotment-quota, requested: count/jobs.batch=1", "the namespace is full"),
        (
            "status unknown for quota: allotment-quota, resources: count/jobs.batch",
            "the namespace's quota is not counted yet",
        ),
    ],
)
def test_a_quota_holds_a_job_back_and_refuses_it_not(bench: Bench, said: str, reason: str) -> None:
    bench.refuse("create", "Job", refused(403, "Forbidden", said), real_only=False)
    bench.backend.check(bench.order(job()))
    found = bench.start(job())
    assert (found.state, found.reason) == (JobState.HELD, f'{reason}: "{said}"')
    bench.kube.hook = lambda _: None
    assert bench.start(job()).state is JobState.QUEUED


def test_what_the_cluster_cannot_take_now_is_held_and_refused_not(bench: Bench) -> None:
    """The queue's webhook is away: a submission is told to come again, and what was taken is tried again."""
    away = refused(500, "InternalError", 'failed calling webhook "mjob.kb.io": connection refused')
    bench.refuse("create", "Job", away, real_only=False)
    with pytest.raises(UnreachableError, match="takes nothing now"):
        bench.backend.check(bench.order(job()))
    found = bench.start(job())
    assert (found.state, "mjob.kb.io" in found.reason) == (JobState.HELD, True)
    bench.kube.hook = lambda _: None
    assert bench.start(staged()).state is JobState.STAGING
    bench.report(STAGING, "Complete")
    bench.refuse("create", "Job", away)
    assert not bench.backend.advance()
    bench.kube.hook = lambda _: None
    assert bench.backend.advance()
    assert bench.ours == {STAGING, JOB}


def test_what_can_never_run_is_refused_before_anything_is_sent(bench: Bench) -> None:
    for asked, error in (
        (job(team="nobody"), JobRefusedError),
        (job(program=program(image="")), JobRefusedError),
        (job(needs=replace(job().needs, memory=Bytes(1 << 50))), CapacityError),
    ):
        with pytest.raises(error):
            bench.start(asked)
    bench.kube.unserved = frozenset({"Workload"})
    with pytest.raises(JobRefusedError, match="has no Kueue"):
        bench.start(job())
    assert bench.backend.offer().told[0].startswith("Kueue is not there")
    assert [call for call in bench.kube.calls if call.verb == "create"] == []


def test_staged_before_and_gone_on_with_by_whoever_comes_after(bench: Bench) -> None:
    assert bench.start(staged()).state is JobState.STAGING
    assert bench.ours == {STAGING}
    assert not bench.backend.advance()
    bench.report(STAGING, "Complete")
    bench.backend = bench.anew()
    assert bench.start(staged(), taken=True).state is JobState.STAGING
    assert bench.shown() == bench.start(staged())
    assert bench.ours == {STAGING, JOB}
    assert not bench.backend.advance()


def test_what_is_refused_after_its_data_are_there_ends(bench: Bench) -> None:
    bench.start(staged())
    bench.report(STAGING, "Complete")
    bench.refuse("create", "Job", refused(403, "Forbidden", "ValidatingAdmissionPolicy 'x' denied request: no"))
    assert bench.backend.advance()
    found = bench.shown()
    assert found is not None
    assert found.state is JobState.FAILED
    assert found.end is not None
    assert "denied request" in found.end.said
    bench.backend.forget("k7x2")
    assert bench.shown() is None


def test_a_refusal_of_what_comes_later_comes_at_once(bench: Bench) -> None:
    def hook(call: Call) -> None:
        if call.verb == "create" and call.key == JOB:
            raise refused(422, "Invalid", "no such thing")

    bench.kube.hook = hook
    with pytest.raises(JobRefusedError, match="refused the job's Job"):
        bench.start(staged())
    assert bench.ours == set()


def test_stopped_it_is_gone_with_all_that_stood_beside_it(bench: Bench) -> None:
    for asked in (WITH_CODE, service(), staged(), gang()):
        bench.backend = bench.anew()
        bench.start(asked)
        bench.backend.stop("k7x2", 5)
        assert bench.ours == set()
        found = bench.shown()
        assert found is not None
        assert found.state is JobState.STOPPED
        bench.backend.forget("k7x2")
        assert bench.shown() is None


def test_a_shorter_grace_is_asked_for_and_what_is_over_stays(bench: Bench) -> None:
    bench.start(staged())
    bench.report(STAGING, "Complete")
    bench.backend.advance()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": NAMESPACE}}
    labels = {"allotment.dev/job": "k7x2", "allotment.dev/part": "main"}
    metadata = {**pod["metadata"], "labels": labels, "ownerReferences": [bench.maker]}  # type: ignore[dict-item]
    spec = {"nodeName": "node", "terminationGracePeriodSeconds": 120}
    bench.kube.put({**pod, "metadata": metadata, "spec": spec, "status": {"phase": "Running"}})
    bench.report(JOB, "Complete")
    bench.backend.stop("k7x2", 5)
    assert JOB in bench.ours
    bench.report(JOB)
    bench.backend.stop("k7x2", 5)
    assert bench.ours == set()
    assert ObjectKey("", "Pod", NAMESPACE, "p") in {call.key for call in bench.kube.calls if call.verb == "delete"}


def test_a_label_on_somebodys_own_object_makes_it_no_part_of_a_job(bench: Bench) -> None:
    """Neither state nor log of another team's job, nor of a colleague's, can be made up."""
    bench.start(job())
    labels = {"allotment.dev/job": "k7x2", "allotment.dev/part": "main"}
    over = {"conditions": [{"type": "Failed", "status": "True", "reason": "Forged"}]}
    for namespace, created in (("another", "2020-01-01T00:00:00Z"), (NAMESPACE, "2030-01-01T00:00:00Z")):
        metadata = {"name": "forged", "namespace": namespace, "labels": labels, "creationTimestamp": created}
        bench.kube.put({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "status": over})
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": "node"}}
        bench.kube.put(pod)
        bench.kube.logs[ObjectKey("", "Pod", namespace, "forged"), "main"] = (PodLogLine("", b"forged"),)
    bench.backend = bench.anew(everywhere=True)
    bench.start(job(), taken=True)
    found = bench.shown()
    assert found is not None
    assert (found.state, native_shown(found.native)) == (JobState.QUEUED, f"job/{NAME}")
    with pytest.raises(NotFoundError):
        list(bench.backend.log("k7x2"))
    bench.backend.stop("k7x2", 0)
    assert JOB not in bench.ours
    assert ObjectKey("batch", "Job", "another", "forged") in bench.ours


@pytest.mark.parametrize("namespace", ["evil", NAMESPACE])
def test_of_a_job_that_was_not_handed_over_nothing_is_seen_ended_or_read(bench: Bench, namespace: str) -> None:
    """One that is held, or was over before the server started, whose id anybody can read."""
    main = forged(namespace, NAME)
    bench.kube.put(main, forged_pod(bench, main))
    bench.backend = bench.anew(everywhere=True)
    assert bench.shown() is None
    before = bench.ours
    bench.backend.stop("k7x2", 0)
    assert bench.ours == before
    assert bench.shown() is None
    with pytest.raises(NotFoundError):
        list(bench.backend.log("k7x2"))


def test_objects_elsewhere_count_for_nothing_when_a_job_is_handed_over(bench: Bench) -> None:
    """Not even where a cluster shows nothing else of it, and under the name that they would have."""
    bench.refuse("create", "Job", refused(403, "Forbidden", "exceeded quota: count/jobs.batch=1"))
    elsewhere = forged("evil", NAME)
    bench.kube.put(elsewhere, forged_pod(bench, elsewhere))
    bench.backend = bench.anew(everywhere=True)
    assert bench.start(job()).state is JobState.HELD
    assert bench.shown() is None
    with pytest.raises(NotFoundError):
        list(bench.backend.log("k7x2"))
    before = bench.ours
    bench.backend.stop("k7x2", 0)
    assert bench.ours == before


@pytest.mark.parametrize(
    ("name", "attempt"),
    [("forged", "1"), (f"{NAME}--a2", "2"), (f"{NAME}--a2", "1"), (f"{NAME}--a0", "0"), (f"{NAME}-staging", "1")],
)
def test_a_colleagues_object_is_not_what_runs_a_job_whose_data_are_fetched(
    bench: Bench, name: str, attempt: str
) -> None:
    bench.start(staged())
    own = forged(NAMESPACE, name, attempt=attempt)
    bench.kube.put({**own, "kind": "JobSet", "apiVersion": "jobset.x-k8s.io/v1alpha2"})
    bench.kube.put(forged(NAMESPACE, "forged-staging", part="staging", attempt=attempt))
    found = bench.shown()
    assert found is not None
    assert (found.state, native_shown(found.native)) == (JobState.STAGING, f"job/{STAGING.name}")
    bench.report(STAGING, "Complete")
    assert bench.backend.advance()
    assert JOB in bench.ours


def test_a_job_of_the_same_name_takes_nobodys_place(bench: Bench) -> None:
    """A colleague may delete what fetches the data, and make one of that name which is complete at once."""
    bench.start(staged())
    assert bench.shown() is not None
    bench.kube.delete("batch/v1", STAGING)
    bench.kube.put(forged(NAMESPACE, STAGING.name, part="staging"))
    assert bench.shown() is None
    assert not bench.backend.advance()
    assert JOB not in bench.ours


@pytest.mark.parametrize("wanted", [job(), staged()])
def test_what_took_a_jobs_place_while_the_server_was_down_is_not_believed(bench: Bench, wanted: Job) -> None:
    """Its name, labels and mark can be copied by whoever may read it; its uid, which the store keeps, cannot."""
    key = STAGING if wanted == staged() else JOB
    native = bench.start(wanted).native
    own = bench.kube.get("batch/v1", key)
    assert own is not None
    assert native == f"job/{key.name}@{own['metadata']['uid']}"
    bench.backend = bench.anew()
    assert bench.start(wanted, taken=True, native=native).native == native
    bench.kube.delete("batch/v1", key)
    status = {"conditions": [{"type": "Complete", "status": "True"}]}
    bench.kube.put({**own, "metadata": {**own["metadata"], "uid": "a-copy"}, "status": status})
    # An older server kept no uid: then the name and the mark are all there is.
    for kept, believed in ((f"job/{key.name}", True), (native, False)):
        bench.backend = bench.anew()
        found = bench.start(wanted, taken=True, native=kept)
        assert (found.native == f"job/{key.name}@a-copy", found.state is not JobState.FAILED) == (believed, believed)
    assert bench.shown() is None


def test_nobody_makes_what_runs_a_job_while_its_data_are_fetched(bench: Bench) -> None:
    """Its name is known by then, and so are all labels; not its mark."""
    bench.start(staged())
    bench.kube.put(forged(NAMESPACE, NAME))
    found = bench.shown()
    assert found is not None
    assert (found.state, native_shown(found.native)) == (JobState.STAGING, f"job/{STAGING.name}")
    bench.report(STAGING, "Complete")
    found = bench.shown()
    assert found is not None
    assert found.end is not None
    assert (found.state, "does not belong to the job" in found.end.said) == (JobState.FAILED, True)
    marks = {WorkMaker("training", ClusterAccess(bench.kube, key=key)).mark("k7x2") for key in (b"one", b"another")}
    assert len(marks) == 2


def test_code_of_somebody_else_is_not_run(bench: Bench) -> None:
    asked = replace(staged(), program=WITH_CODE.program)
    bench.start(asked)
    evil = {**forged(NAMESPACE, NAME, part="code"), "apiVersion": "v1", "kind": "ConfigMap", "data": {"code": "evil"}}
    bench.kube.put(evil)
    bench.report(STAGING, "Complete")
    assert bench.backend.advance()
    made = bench.kube.get("v1", CODE)
    assert made is not None
    assert ("data" in made, list(made["binaryData"])) == (False, ["code.tar.gz"])


def test_of_what_is_over_by_now_the_cluster_is_still_rid_and_the_log_read(bench: Bench) -> None:
    """It was stopped while the cluster did not answer, and the server started anew since."""
    bench.start(WITH_CODE)
    bench.backend = bench.anew()
    bench.backend.remember(bench.order(WITH_CODE))
    found = bench.shown()
    assert found is not None
    assert found.state is JobState.QUEUED
    bench.backend.stop("k7x2", 0)
    assert bench.ours == set()


def test_pods_and_books_elsewhere_are_not_read(bench: Bench) -> None:
    bench.start(job())
    bench.kube.edit(JOB, lambda body: {**body, "spec": {**body["spec"], "suspend": False}})
    main = bench.kube.get("batch/v1", JOB)
    assert main is not None
    books = forged("evil", "books", owner=main)
    told = {"type": "QuotaReserved", "status": "False", "message": "made up"}
    status = {"conditions": [told], "schedulingStats": {"evictions": [{"count": 7}]}}
    bench.kube.put({**books, "kind": "Workload", "apiVersion": "kueue.x-k8s.io/v1beta2", "status": status})
    bench.kube.put(forged_pod(bench, forged("evil", NAME)))
    bench.backend = bench.anew(everywhere=True)
    bench.start(job(), taken=True)
    found = bench.shown()
    assert found is not None
    assert (found.state, found.reason, found.attempt, found.places) == (JobState.STARTING, "", 1, ())


def test_what_stands_beside_a_job_is_deleted_by_its_owner_or_its_name(bench: Bench) -> None:
    bench.start(WITH_CODE)
    main = bench.kube.get("batch/v1", JOB)
    assert main is not None
    other = {**main, "metadata": {**main["metadata"], "uid": "other"}}
    named = (f"{NAME}-front", f"{NAME}-trials")
    for kind in ("ConfigMap", "Service"):
        for name, owner in (("mine", None), ("others", other), ("owned", main), *((each, None) for each in named)):
            beside = {**forged(NAMESPACE, name, part="code", owner=owner), "apiVersion": "v1", "kind": kind}
            bench.kube.put(beside)
    # As long as it is going the cluster collects nothing of it, which would hide what is deleted here.
    bench.kube.edit(JOB, lambda body: {**body, "metadata": {**body["metadata"], "finalizers": ["foregroundDeletion"]}})
    bench.backend.stop("k7x2", 0)
    assert {(key.kind, key.name) for key in bench.ours if key != JOB} == {
        (kind, name) for kind in ("ConfigMap", "Service") for name in ("mine", "others")
    }


def test_who_may_not_list_everywhere_looks_where_she_may(bench: Bench) -> None:
    platform, cluster = world()
    for rights, namespaces in (
        (lambda question: True, {""}),
        (lambda question: question.namespace == NAMESPACE, {NAMESPACE}),
    ):
        bench.kube.own_rights = rights
        bench.kube.calls.clear()
        backend = KubernetesBackend("training", ClusterAccess(bench.kube), platform, cluster, lambda _: b"")
        assert backend.look() == ()
        assert {call.key.namespace for call in bench.kube.calls if call.verb == "list"} == namespaces
    bench.kube.own_rights = lambda _: False
    with pytest.raises(ForbiddenError, match="no team's namespace of training"):
        KubernetesBackend("training", ClusterAccess(bench.kube), platform, cluster, lambda _: b"").look()


def test_logs_by_rank_followed_to_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_logs, "LOOK_AGAIN", 0.01)
    bench.start(job(replicas=2))
    for rank in (1, 0):
        labels = {
            "allotment.dev/job": "k7x2",
            "allotment.dev/part": "main",
            "batch.kubernetes.io/job-completion-index": str(rank),
        }
        name = f"p{rank}"
        bench.kube.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": NAMESPACE,
                    "labels": labels,
                    "uid": name,
                    "ownerReferences": [bench.maker],
                },
                "spec": {"nodeName": "node"},
                "status": {"phase": "Running"},
            }
        )
        lines = tuple(PodLogLine(f"2026-11-28T02:00:0{at}Z", f"{name} {at}".encode()) for at in range(2))
        bench.kube.logs[ObjectKey("", "Pod", NAMESPACE, name), "main"] = lines
    expected = [LogLine(rank, f"p{rank} {at}".encode(), 1795831200000 + 1000 * at) for rank in (0, 1) for at in (0, 1)]
    assert list(bench.backend.log("k7x2")) == expected
    assert list(bench.backend.log("k7x2", rank=1, tail=1)) == expected[3:]
    (last,) = (each for each in islice(bench.backend.log("k7x2", rank=1, follow=True, tail=1), 1))
    assert last == expected[3]
    followed = bench.backend.log("k7x2", follow=True)
    first = [next(followed), next(followed), next(followed), next(followed)]
    assert sorted(first, key=lambda each: (each.rank, each.at)) == expected  # type: ignore[union-attr]
    bench.report(JOB, "Complete")
    assert [each for each in followed if each is not None] == []
    bench.backend = bench.anew()
    with pytest.raises(NotFoundError, match="over more than a day before") as caught:
        bench.backend.log("k7x2")
    assert "-l allotment.dev/job=k7x2" in caught.value.fix


def test_the_log_of_what_fetches_its_data_comes_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_logs, "LOOK_AGAIN", 0.001)
    bench.start(staged())
    fetching = bench.kube.get("batch/v1", STAGING)
    assert fetching is not None
    pod = forged_pod(bench, fetching)
    pod["metadata"]["labels"] = {**pod["metadata"]["labels"], "allotment.dev/part": "staging"}
    containers = {"initContainers": [{"name": "staging-0"}], "containers": [{"name": "staging-1"}]}
    bench.kube.put({**pod, "spec": {**pod["spec"], **containers}})
    with pytest.raises(NotFoundError, match="no log"):
        list(bench.backend.log("k7x2"))
    key = ObjectKey("", "Pod", NAMESPACE, "pod")
    for number in range(2):
        bench.kube.logs[key, f"staging-{number}"] = (PodLogLine("", b"%d" % number),)
        said = [each.text for each in bench.backend.log("k7x2") if each is not None]
        assert said == [b"%d" % each for each in range(number + 1)]
    followed = (each for each in bench.backend.log("k7x2", follow=True) if each is not None)
    assert {each.text for each in islice(followed, 2)} == {b"0", b"1"}
    with pytest.raises(NotFoundError, match="no log"):
        list(bench.backend.log("k7x2", rank=1))


def test_however_many_pods_there_are_only_some_are_read_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_logs, "LOOK_AGAIN", 0.001)
    monkeypatch.setattr(pod_logs, "_MOST_FOLLOWED", 2)
    bench.start(job(replicas=5))
    main = bench.kube.get("batch/v1", JOB)
    assert main is not None
    for rank in range(5):
        pod = forged_pod(bench, main)
        metadata = {**pod["metadata"], "name": f"many-{rank}", "uid": f"many-{rank}"}
        metadata["labels"] = {**metadata["labels"], "batch.kubernetes.io/job-completion-index": str(rank)}
        bench.kube.put({**pod, "metadata": metadata})
        bench.kube.logs[ObjectKey("", "Pod", NAMESPACE, f"many-{rank}"), "main"] = (PodLogLine("", b"said"),)
    most: list[int] = []

    def hook(call: Call) -> None:
        if call.verb == "follow log":
            most.append(sum(each.name.startswith("log-many-") for each in threading.enumerate()))

    bench.kube.hook = hook
    followed = bench.backend.log("k7x2", follow=True)
    lines = islice((each for each in followed if each is not None), 5)
    assert sorted(each.rank for each in lines) == [0, 1, 2, 3, 4]
    assert max(most) <= 2


def test_what_it_made_and_ended_is_counted(bench: Bench) -> None:
    assert bench.backend.acts == 0
    bench.start(job())
    assert bench.backend.acts == 1
    bench.backend.stop("k7x2", 0)
    assert bench.backend.acts == 2


def test_a_job_without_pods_has_no_log(bench: Bench) -> None:
    bench.start(job())
    with pytest.raises(NotFoundError, match="no log"):
        list(bench.backend.log("k7x2"))


def test_output_that_cannot_be_had_is_told_after_that_which_can(bench: Bench) -> None:
    """A node that does not answer, and a pod that is no more, keep no other rank's output back."""
    bench.start(job(replicas=3))
    main = bench.kube.get("batch/v1", JOB)
    assert main is not None
    for rank in (0, 2):
        pod = forged_pod(bench, main)
        metadata = {**pod["metadata"], "name": f"p{rank}", "uid": f"p{rank}"}
        metadata["labels"] = {**metadata["labels"], "batch.kubernetes.io/job-completion-index": str(rank)}
        bench.kube.put({**pod, "metadata": metadata})
        bench.kube.logs[ObjectKey("", "Pod", NAMESPACE, f"p{rank}"), "main"] = (PodLogLine("", b"said"),)

    def hook(call: Call) -> None:
        if call.key.name == "p0" and call.verb == "get log":
            raise refused(500, "InternalError", "dial tcp 10.0.0.1:10250: connect: connection refused")

    bench.report(JOB, "Complete")
    for broken, error, words in ((True, UnreachableError, "rank 0 cannot"), (False, NotFoundError, "rank 1 is gone")):
        bench.kube.hook = hook if broken else lambda _: None
        read = []
        with pytest.raises(error, match=words):
            read.extend(each.rank for each in bench.backend.log("k7x2") if each)
        assert read == ([2] if broken else [0, 2])
    assert [each.rank for each in bench.backend.log("k7x2", rank=2) if each] == [2]


@pytest.mark.parametrize("mark", [{"annotations": {"kwok.x-k8s.io/node": "fake"}}, {"labels": {"type": "kwok"}}])
def test_where_nodes_are_fake_it_is_said_that_nothing_runs(
    bench: Bench, mark: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_logs, "LOOK_AGAIN", 0.001)

    def told() -> list[str]:
        every = (*bench.backend.told(bench.order(job())), *bench.backend.offer().told)
        return [each.partition(":")[0] for each in every if "KWOK" in each]

    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}}
    bench.kube.put({**node, "metadata": {"name": "real", "annotations": {"kwok.x-k8s.io/node": ""}}})
    assert told() == []
    bench.kube.put({**node, "metadata": {"name": "node", **mark}})
    assert told() == ["1 of the 2 nodes of this cluster are fake (KWOK)"] * 2
    bench.kube.delete("v1", ObjectKey("", "Node", "", "real"))
    assert told() == ["the nodes of this cluster are fake (KWOK)"] * 2
    bench.start(job())
    main = bench.kube.get("batch/v1", JOB)
    assert main is not None
    bench.kube.put(forged_pod(bench, main))
    away = refused(500, "InternalError", "dial tcp 127.0.0.1:10250: connect: connection refused")
    for verb, follow in (("get log", False), ("follow log", True)):
        bench.refuse(verb, "Pod", away)
        with pytest.raises(NotFoundError, match="nothing of it has run"):
            list(bench.backend.log("k7x2", follow=follow))


@pytest.mark.parametrize("may", [True, False])
def test_a_secret_that_is_not_there_is_told_where_it_may_be_read(bench: Bench, may: bool) -> None:
    asked = job(program=program(secrets=(SecretVariable("HF_TOKEN", "hub", "token"),)))
    bench.kube.own_rights = lambda question: may or question.resource != "secrets"
    told = [each for each in bench.backend.told(bench.order(asked)) if "Secret" in each]
    assert told == ([f"the Secret hub is not there in {NAMESPACE}: without it the job's pods do not start"] * may)
    bench.backend.check(bench.order(asked))


@pytest.mark.parametrize("may", [True, False])
def test_a_gang_that_would_begin_anew_is_kept_from_drains_where_its_user_may(bench: Bench, may: bool) -> None:
    budget = ObjectKey("policy", "PodDisruptionBudget", NAMESPACE, NAME)
    bench.kube.rights = lambda identity, question: may or question.resource != "poddisruptionbudgets"
    told = bench.backend.told(bench.order(gang()))
    assert [each for each in told if "a drain of one of its nodes" in each and ("waits until" in each) is may]
    bench.start(gang())
    assert (budget in bench.ours) is may
    bench.backend.stop("k7x2", 0)
    assert bench.ours == set()
    bench.backend = bench.anew()
    for asked in (job(replicas=4), gang(checkpoint=staged().checkpoint, volumes=staged().volumes), gang(run_time=None)):
        assert not any("PodDisruptionBudget" in each for each in bench.backend.told(bench.order(asked)))
