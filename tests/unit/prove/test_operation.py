"""The use case over an API server in memory: what goes wrong with one probe, and what is left behind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import NotFoundError, NotSignedInError, TimedOutError, UnreachableError
from allotment.model.manifest import ObjectKey, key_of
from allotment.model.platform import Platform
from allotment.operations.prove.proving import Selection, prove
from allotment.ports.kube import RefusedError
from allotment.prove.probes import MARK, PROBE_NAME
from allotment.prove.verdicts import ProofReport, Result, Verdict
from allotment.render.manifests import render
from tests.unit.builders import platform

START = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
DEFAULT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
JOB = ObjectKey("batch", "Job", "nlp", PROBE_NAME)

Hook = Callable[[Call], None]


def applied(declared: Platform) -> FakeKube:
    """A cluster that holds everything and guards nothing: the fake admits whatever it is sent."""
    kube = FakeKube(rights=lambda _identity, _question: True)
    full = next((server for platform, server in _FULL if platform == declared), None)
    if full is None:
        full = _filled(declared)
        _FULL.append((declared, full))
    kube.hold(full)
    return kube


_FULL: list[tuple[Platform, FakeKube]] = []
"""Servers that took long to fill, each with what it holds; tests hold the same, and leave these alone."""


def _filled(declared: Platform) -> FakeKube:
    kube = FakeKube()
    kube.put(DEFAULT)
    manifests = render(declared, declared.clusters[0])
    for manifest in sorted(manifests, key=lambda item: item.key.kind != "Namespace"):
        kube.apply(manifest.body)
    return kube


def run(kube: FakeKube, *guardrails: str, declared: Platform | None = None, **more: Any) -> ProofReport:
    chosen = declared or platform()
    progress = more.pop("progress", lambda _result: None)
    selection = Selection(guardrails=guardrails or None, **more)
    return prove(chosen, chosen.clusters[0], kube, FixedClock(START), selection=selection, progress=progress)


def verdicts(report: ProofReport, tried: str) -> set[Verdict]:
    return {item.verdict for item in report.results if tried in item.tried}


def one(report: ProofReport, tried: str) -> Result:
    (found,) = [item for item in report.results if tried in item.tried]
    return found


def refuse(message: str, when: Callable[[Call], bool]) -> Hook:
    def hook(call: Call) -> None:
        if not call.done and when(call):
            raise RefusedError("no", status=403, reason="Forbidden", message=message)

    return hook


def test_a_cluster_that_admits_everything_breaks_everything_that_refuses() -> None:
    report = run(applied(platform()), "labels-required", "pod-security", "resource-quota", "no-escalation", "roles")
    assert set(report.broken) == {"labels-required", "pod-security", "resource-quota", "no-escalation", "roles"}
    assert verdicts(report, "compare with") == {Verdict.PROVED}
    assert report.server == "fake://kube"


def test_progress_hears_every_result_in_order() -> None:
    heard: list[Result] = []
    report = run(applied(platform()), "labels-required", progress=heard.append)
    assert tuple(heard) == report.results


def test_refusals_are_told_apart_by_their_words() -> None:
    kube = applied(platform())
    kube.hook = refuse(
        "ValidatingAdmissionPolicy 'no-exposed-services.allotment.dev' with binding 'x' denied request: no",
        lambda call: call.key.kind == "Service" and call.dry_run,
    )
    report = run(kube, "no-exposed-services", "resource-quota")
    assert one(report, "external address").verdict is Verdict.PROVED
    # The engineer is not bound by policies; that one refuses him says that he is no engineer.
    assert one(report, "NodePort").verdict is Verdict.ERROR


@pytest.mark.parametrize("way", ["missing", "changed", "taken"])
def test_objects_that_are_not_as_declared_are_named(way: str) -> None:
    kube = applied(platform())
    key = ObjectKey("", "LimitRange", "nlp", "allotment-limits")
    if way == "missing":
        kube.delete("v1", key)
    else:
        kube.edit(key, lambda body: {**body, "spec": {"limits": []}}, manager="someone")
    report = run(kube, "limit-range")
    found = one(report, "compare with")
    assert found.verdict is Verdict.FAILED
    assert "LimitRange nlp/allotment-limits" in found.got
    assert report.broken[0] == "limit-range"


def test_one_bad_probe_does_not_stop_the_rest() -> None:
    kube = applied(platform())

    def hook(call: Call) -> None:
        if call.key.kind == "Job" and call.dry_run and not call.done:
            raise TimedOutError("too slow")

    kube.hook = hook
    report = run(kube, "labels-required")
    assert one(report, "another team's name").verdict is Verdict.ERROR
    assert verdicts(report, "create a pod without") == {Verdict.FAILED}


def test_without_the_right_nothing_is_tried() -> None:
    kube = applied(platform())
    kube.rights = lambda _identity, question: question.resource != "pods"
    found = one(run(kube, "node-pool-isolation"), "another team's pool")
    assert found.verdict is Verdict.ERROR
    assert "may not create pods here, so nothing can be tried; see roles" in found.got
    assert not [call for call in kube.calls if call.key.kind == "Pod" and call.verb == "create"]


def test_a_server_that_stops_answering_is_not_asked_for_ever() -> None:
    kube = applied(platform())
    asked = 0

    def hook(call: Call) -> None:
        nonlocal asked
        if call.dry_run and not call.done:
            asked += 1
            raise UnreachableError("gone")

    kube.hook = hook
    report = run(kube, "labels-required", "pod-security")
    assert asked == 3
    assert report.failed
    assert "stopped answering" in report.results[-1].got


def test_lost_credentials_end_the_run() -> None:
    kube = applied(platform())

    def hook(call: Call) -> None:
        if call.dry_run:
            raise NotSignedInError("expired")

    kube.hook = hook
    with pytest.raises(NotSignedInError):
        run(kube, "labels-required")


class TestOwnRights:
    @pytest.mark.parametrize(
        "message",
        [
            'users "x" is forbidden: User "engineer" cannot impersonate resource "users" in API group ""',
            'subjectaccessreviews is forbidden: User "engineer" cannot create resource "subjectaccessreviews"',
        ],
        ids=["impersonate", "reviews"],
    )
    def test_what_we_may_not_do_ourselves_is_not_tried_and_nothing_is_proved_by_it(self, message: str) -> None:
        kube = applied(platform())
        kube.hook = refuse(message, lambda call: call.dry_run and call.identity is not None)
        kube.own_rights = lambda question: question.verb != "impersonate"
        report = run(kube, "labels-required")
        tried_as_others = [result for result in report.results if "member" in result.persona]
        assert {result.verdict for result in tried_as_others} == {Verdict.ERROR}
        assert all(message in result.got for result in tried_as_others)
        assert report.failed
        assert report.untried == len(tried_as_others)
        assert report.missing == ("impersonate users", "impersonate groups")

    def test_rights_by_name_are_enough(self) -> None:
        kube = applied(platform())
        kube.own_rights = lambda question: bool(question.name) or question.verb != "impersonate"
        assert run(kube, "labels-required").missing == ()

    def test_who_may_not_act_as_a_controller_has_found_no_fault(self) -> None:
        kube = applied(platform())
        message = (
            'serviceaccounts "job-controller" is forbidden: User "x" cannot impersonate resource "serviceaccounts"'
        )
        kube.hook = refuse(message, lambda call: call.identity is not None and not call.identity.groups)
        found = [result for result in run(kube, "queue-required").results if "controller" in result.persona]
        assert {result.verdict for result in found} == {Verdict.NOT_PROVABLE}
        assert all(message in result.got for result in found)

    def test_a_refusal_of_the_persona_is_none_of_ours(self) -> None:
        kube = applied(platform())
        kube.hook = refuse('User "somebody" cannot create resource "pods"', lambda call: call.dry_run)
        assert not [result for result in run(kube, "labels-required").results if result.verdict is Verdict.ERROR]
        assert run(kube, "labels-required").missing == ()


@pytest.mark.parametrize(
    ("more", "says"), [({"teams": ["nobody"]}, "its teams are nlp"), ({"guardrails": ["x"]}, "there are roles")]
)
def test_unknown_names_are_refused(more: Mapping[str, Any], says: str) -> None:
    declared = platform()
    with pytest.raises(NotFoundError) as error:
        prove(declared, declared.clusters[0], applied(declared), FixedClock(START), selection=Selection(**more))
    assert says in error.value.fix


def test_a_plan_that_cannot_be_made_is_an_error_of_each_comparison() -> None:
    kube = applied(platform())
    kube.hook = refuse("you may not list roles", lambda call: call.verb == "list" and call.key.kind == "Role")
    found = one(run(kube, "limit-range"), "compare with")
    assert found.verdict is Verdict.ERROR
    assert "you may not list roles" in found.got


# The Job that is made for real


def kueue(kube: FakeKube, *conditions: Mapping[str, str], queue: str = "nlp") -> None:
    """Kueue's part: a Workload for every Job that is made."""

    def hook(call: Call) -> None:
        if call.verb == "create" and call.key.kind == "Job" and call.done and not call.dry_run:
            made = kube.get("batch/v1", call.key)
            assert made is not None
            uid = made["metadata"]["uid"]
            kube.put(
                {
                    "apiVersion": "kueue.x-k8s.io/v1beta2",
                    "kind": "Workload",
                    "metadata": {"name": "w", "namespace": "nlp", "labels": {"kueue.x-k8s.io/job-uid": uid}},
                    "status": {"conditions": [dict(item) for item in conditions], "admission": {"clusterQueue": queue}},
                }
            )

    kube.hook = hook


ADMITTED = {"type": "Admitted", "status": "True"}


def waiting(message: str) -> dict[str, str]:
    return {"type": "QuotaReserved", "status": "False", "message": message}


def charging(kube: FakeKube, usage: Mapping[str, str]) -> None:
    """Kueue and Kubernetes: an admitted Workload with this charge, and a pod, for every Job that is made."""

    def hook(call: Call) -> None:
        if call.verb == "create" and call.key.kind == "Job" and call.done and not call.dry_run:
            made = kube.get("batch/v1", call.key)
            assert made is not None
            owned = {"namespace": "nlp", "ownerReferences": [{"uid": made["metadata"]["uid"]}]}
            admission = {"clusterQueue": "nlp", "podSetAssignments": [{"resourceUsage": dict(usage)}]}
            status = {"conditions": [ADMITTED], "admission": admission}
            kueue_api = "kueue.x-k8s.io/v1beta2"
            kube.put(
                {"apiVersion": kueue_api, "kind": "Workload", "metadata": owned | {"name": "w"}, "status": status},
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": owned | {"name": "p"},
                    "spec": made["spec"]["template"]["spec"],
                },
            )

    kube.hook = hook


@pytest.mark.parametrize(
    ("usage", "verdict", "says"),
    [
        ({"cpu": "10m", "memory": "16Mi"}, Verdict.PROVED, "charged cpu 0.01, memory 16777216, as its pods take"),
        ({"cpu": "10m"}, Verdict.FAILED, "memory: charged 0, taken 16777216"),
        ({"cpu": "1", "memory": "16Mi"}, Verdict.FAILED, "cpu: charged 1, taken 0.01"),
    ],
)
def test_work_is_charged_what_its_pods_take(usage: Mapping[str, str], verdict: Verdict, says: str) -> None:
    kube = applied(platform())
    charging(kube, usage)
    found = one(run(kube, "charges"), "run a Job without accelerators")
    assert found.verdict is verdict
    assert says in found.got
    assert JOB not in kube.existing


def test_with_an_image_its_pods_have_to_run() -> None:
    kube = applied(platform())
    charging(kube, {"cpu": "10m", "memory": "16Mi"})
    found = one(run(kube, "charges", declared=replace(platform(), prove_image="true:1")), "without accelerators")
    assert found.verdict is Verdict.FAILED
    assert "did not run" in found.got


def test_policies_that_were_just_applied_get_time_to_be_read() -> None:
    kube, declared = applied(platform()), platform()
    written = [
        dt.datetime.fromisoformat(entry["time"])
        for body in kube.list("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
        for entry in body["metadata"]["managedFields"]
    ]
    clock, ready = FixedClock(max(written)), max(written) + dt.timedelta(seconds=5)

    def read_after_five_seconds(call: Call) -> None:
        if call.verb == "create" and call.dry_run and not call.done and clock.now() > ready:
            message = "ValidatingAdmissionPolicy 'labels-required.allotment.dev' with binding 'x' denied request: no"
            raise RefusedError("no", status=403, reason="Forbidden", message=message)

    kube.hook = read_after_five_seconds
    selection = Selection(guardrails=["labels-required"])
    report = prove(declared, declared.clusters[0], kube, clock, selection=selection)
    assert verdicts(report, "without the label") == {Verdict.PROVED}
    kube.hook = lambda _call: None
    slow = prove(declared, declared.clusters[0], kube, clock, selection=selection)
    assert verdicts(slow, "without the label") == {Verdict.FAILED}
    assert clock.now() < ready + dt.timedelta(seconds=60), "the wait is for all probes together"


def test_work_that_waits_is_no_proof() -> None:
    kube = applied(platform())
    found = one(run(kube, "charges"), "run a Job without accelerators")
    assert found.verdict is Verdict.FAILED
    assert "is it running?" in found.got
    assert JOB not in kube.existing


def test_without_work_nothing_is_made() -> None:
    kube = applied(platform())
    report = run(kube, "charges", "queues", work=False)
    assert {item.verdict for item in report.results if "real" in item.tried} == {Verdict.NOT_PROVABLE}
    assert "--no-work" in one(report, "run a Job without accelerators").got
    assert not [call for call in kube.calls if call.verb == "create" and not call.dry_run and call.key.kind == "Job"]


@pytest.mark.parametrize(
    ("conditions", "queue", "verdict", "says"),
    [
        ((ADMITTED,), "nlp", Verdict.PROVED, "admitted by ClusterQueue nlp"),
        ((ADMITTED,), "cv", Verdict.FAILED, "admitted by ClusterQueue cv, not nlp"),
        ((waiting("insufficient unused quota for cpu in flavor cpu"),), "", Verdict.NOT_PROVABLE, "queue is full"),
        ((waiting("ClusterQueue nlp is inactive"),), "", Verdict.FAILED, "ClusterQueue nlp is inactive"),
        ((), "", Verdict.FAILED, "no word from Kueue"),
    ],
)
def test_a_real_job(conditions: tuple[dict[str, str], ...], queue: str, verdict: Verdict, says: str) -> None:
    kube = applied(platform())
    kueue(kube, *conditions, queue=queue)
    found = one(run(kube, "queues"), "for real")
    assert found.verdict is verdict
    assert says in found.got
    assert JOB not in kube.existing


def test_without_kueue_no_job_is_left_behind() -> None:
    kube = applied(platform())
    found = one(run(kube, "queues"), "for real")
    assert found.verdict is Verdict.FAILED
    assert "is it running?" in found.got
    assert JOB not in kube.existing


def test_nothing_is_displaced_for_a_proof() -> None:
    kube = applied(platform())
    key = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "nlp")
    taken = [{"name": name, "resources": [{"name": resource, "total": total}]}
             for name, resource, total in (("a100-spot", "nvidia.com/gpu", "4"), ("cpu", "cpu", "64"))]  # fmt: skip
    kube.edit(key, lambda body: {**body, "status": {"flavorsReservation": taken}})
    found = one(run(kube, "queues"), "for real")
    assert found.verdict is Verdict.NOT_PROVABLE
    assert "displace" in found.got
    assert not [call for call in kube.calls if call.key == JOB and call.verb == "create"]


def test_where_accelerators_are_busy_the_job_asks_for_none() -> None:
    kube = applied(platform())
    kueue(kube, ADMITTED)
    key = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "nlp")
    taken = [{"name": "a100-spot", "resources": [{"name": "nvidia.com/gpu", "total": "4"}]}]
    kube.edit(key, lambda body: {**body, "status": {"flavorsReservation": taken}})
    assert one(run(kube, "queues"), "for real").verdict is Verdict.PROVED
    (made,) = [call.body for call in kube.calls if call.key == JOB and call.verb == "create"]
    assert made is not None
    assert "nvidia.com/gpu" not in str(made)


def test_the_job_goes_even_when_the_run_is_interrupted() -> None:
    kube = applied(platform())

    def hook(call: Call) -> None:
        if call.verb == "list" and call.key.kind == "Workload" and JOB in kube.existing:
            raise KeyboardInterrupt

    kube.hook = hook
    with pytest.raises(KeyboardInterrupt):
        run(kube, "queues")
    assert JOB not in kube.existing


def test_a_job_that_stays_is_told() -> None:
    kube = applied(platform())
    kueue(kube, ADMITTED)
    inner = kube.hook

    def hook(call: Call) -> None:
        inner(call)
        if call.verb == "delete" and call.key == JOB and not call.done:
            raise RefusedError("no", status=403, reason="Forbidden", message="finalizers")

    kube.hook = hook
    found = one(run(kube, "queues"), "for real")
    assert found.verdict is Verdict.ERROR
    assert "delete it by hand" in found.got


def test_leftovers_of_a_killed_run_are_swept_up_and_nothing_else() -> None:
    kube = applied(platform())
    bodies = [
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "nlp", "labels": own}}
        for name, own in (("left", {MARK: "true"}), ("theirs", {}))
    ]
    kube.put(*bodies)
    run(kube, "limit-range")
    assert key_of(bodies[0]) not in kube.existing
    assert key_of(bodies[1]) in kube.existing


def test_the_object_for_a_patch_is_made_and_removed() -> None:
    kube = applied(platform())
    report = run(kube, "queue-required")
    assert one(report, "move submitted work").verdict is Verdict.FAILED
    key = ObjectKey("apps", "Deployment", "nlp", PROBE_NAME)
    assert [call.verb for call in kube.calls if call.key == key] == ["create", "patch", "delete"]
    assert key not in kube.existing
