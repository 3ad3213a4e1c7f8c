# ruff: noqa: E501  messages of the kubelet stand as they come
"""Pods as they are every day, of which an answer that looks right would be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, RemedyKind
from tests.unit.diagnose.situations import (
    BEFORE,
    NOW,
    Raw,
    case,
    container,
    ended,
    event,
    job,
    node,
    owned,
    pod,
    pod_spec,
    replicas,
    waits,
)

WORK = job()
JUST = "2026-11-22T05:59:00Z"
PROBE = {"httpGet": {"port": 8000, "path": "/health", "scheme": "HTTPS"}, "failureThreshold": 3}
REFUSED = 'Get "https://10.0.0.1:8000/health": dial tcp 10.0.0.1:8000: connect: connection refused'
NO_FORM = "unable to start container process: exec /usr/bin/python: exec format error: unknown"
UNHEALTHY = "Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices nvidia.com/gpu"


def serves(kind: str, since: str = JUST, *, started: bool = True, killed: str = "", **rest: Any) -> Case:
    """A server whose probe of a kind is refused; its port is the one that it declares."""
    probe = {**PROBE, **rest.pop("probe", {})}
    spec = pod_spec(container(ports=[{"containerPort": 8000}], **{f"{kind}Probe": probe}), restartPolicy="Always")
    work = replicas(spec=spec)
    one = {"name": "main", "ready": False, "started": started, "state": {"running": {"startedAt": since}}, **rest}
    unready = [{"type": "Ready", "status": "False"}]
    it = pod("p", work, spec=spec, status={"phase": "Running", "containerStatuses": [one], "conditions": unready})
    said = [event(it, "Unhealthy", f"{kind.title()} probe failed: {REFUSED}")]
    if killed:
        said.append(event(it, "Killing", f"Container main failed {kind} probe, will be restarted", killed))
    return case(work, it, *said, node())


def crashed(code: int, reason: str, message: str = "") -> Case:
    status = ended(code, reason)
    status["containerStatuses"][0]["lastState"]["terminated"]["message"] = message
    return case(WORK, pod("p", WORK, status=status), node())


def refused(reason: str, message: str, *, gave_up: bool = False) -> Case:
    said = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
    work = job(status={"failed": 7, "conditions": said}) if gave_up else WORK
    return case(work, pod("p", work, status={"phase": "Failed", "reason": reason, "message": message}), node())


def killed_well() -> Case:
    spec = pod_spec(container(livenessProbe=PROBE), restartPolicy="Always")
    work = replicas(spec=spec)
    it = pod("p", work, spec=spec, status=ended(0, "Completed"))
    said = "Container main failed liveness probe, will be restarted"
    return case(work, it, event(it, "Unhealthy", f"Liveness probe failed: {REFUSED}"), event(it, "Killing", said))


def beside() -> Case:
    """Two containers, of which a probe killed only the other."""
    spec = pod_spec(container(livenessProbe=PROBE), container("proxy", livenessProbe=PROBE), restartPolicy="Always")
    work = replicas(spec=spec)
    it = pod("p", work, spec=spec, status=ended(0, "Completed"))
    return case(work, it, event(it, "Killing", "Container proxy failed liveness probe, will be restarted"), node())


def initial(name: str, of: Raw, *, stays: bool = False) -> Case:
    further = {"restartPolicy": "Always"} if stays else {}
    spec = pod_spec(initContainers=[container(name, gpus=0, **further)])
    work = job(spec=spec)
    status = {"phase": "Pending", "initContainerStatuses": [{"name": name, "ready": False, **of}]}
    status["containerStatuses"] = [{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}]
    return case(work, pod("p", work, spec=spec, status=status), node())


def starved(name: str, *, stays: bool) -> Case:
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    return initial(
        name, {"restartCount": 4, "lastState": last, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}, stays=stays
    )


def gone(**meta: Any) -> Case:
    status = {"phase": "Running", "startTime": BEFORE, "conditions": [{"type": "Ready", "status": "False"}]}
    return case(WORK, pod("p", WORK, node="n9", meta={**owned(WORK), **meta}, status=status), node())


def unstarted(reason: str, message: str) -> Case:
    return case(WORK, pod("p", WORK, status=waits(reason, message)), node())


def taken(reason: str, *, gave_up: bool = False) -> Case:
    """A pod that somebody took away, and that its program left with an error for it."""
    said = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
    work = job(status={"failed": 1, "conditions": said}, backoffLimit=0) if gave_up else WORK
    marked = [{"type": "DisruptionTarget", "status": "True", "reason": reason}]
    one = {"name": "main", "state": {"terminated": {"exitCode": 143, "reason": "Error"}}}
    return case(
        work, pod("p", work, status={"phase": "Failed", "conditions": marked, "containerStatuses": [one]}), node()
    )


def evicted(message: str, *objects: Raw) -> Case:
    return case(
        WORK, pod("p", WORK, status={"phase": "Failed", "reason": "Evicted", "message": message}), *objects, node()
    )


def mounts(message: str) -> Case:
    it = pod("p", WORK, status=waits("ContainerCreating"))
    return case(WORK, it, event(it, "FailedMount", message), node())


def given(status: Raw, *reasons: str) -> Case:
    """A pod that has had its node for an hour."""
    placed = {"type": "PodScheduled", "status": "True", "lastTransitionTime": BEFORE}
    it = pod("p", WORK, status={"phase": "Pending", "conditions": [placed], **status})
    return case(WORK, it, *(event(it, reason, "driver not found") for reason in reasons), node())


def beside_what_failed() -> Case:
    work = job(spec=pod_spec(container(), container("proxy", gpus=0)))
    main = {"name": "main", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}
    proxy = {"name": "proxy", "ready": True, "state": {"running": {"startedAt": BEFORE}}}
    unready = [{"type": "Ready", "status": "False"}]
    status = {"phase": "Running", "conditions": unready, "containerStatuses": [main, proxy]}
    return case(work, pod("p", work, status=status), node())


def tried(code: int, reason: str, message: str, by: Raw = WORK) -> Raw:
    """A pod of a Job that has failed."""
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    return pod("p", by, status={"phase": "Failed", "containerStatuses": [{"name": "main", "state": state}]})


LATER = {"restartCount": 1, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}
TOOLKIT = "OCI runtime create failed: error running prestart hook #0: stderr: nvidia-container-cli: "
MISMATCH = f"{TOOLKIT}initialization error: nvml error: driver/library version mismatch"
GREEDY = "The node was low on resource: memory. Container main was using 60Gi, request is 16Gi, has larger consumption of memory."
MADE = pod("q", WORK, node="", meta={**owned(WORK), "creationTimestamp": NOW})

CASES: dict[str, tuple[Case, str, CauseVerdict, Confidence]] = {
    "a model loads, and its startup probe has time": (serves("startup", started=False, probe={"failureThreshold": 120}), "pod-starting", CauseVerdict.WAITING, Confidence.SURE),
    "its time is over": (serves("startup", BEFORE, started=False), "startup-probe-failing", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "a model loads, and is not ready": (serves("readiness"), "pod-starting", CauseVerdict.WAITING, Confidence.LIKELY),
    "not ready after an hour": (serves("readiness", BEFORE), "readiness-never-true", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "killed by a probe, and ends well": (killed_well(), "liveness-probe-kills", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "a probe kills another container": (beside(), "deployment-used-for-training", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "another machine's program": (crashed(128, "StartError", NO_FORM), "image-wrong-platform", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "another machine's program, or a bare script": (crashed(255, "Error", "exec /entrypoint.sh: exec format error"), "image-wrong-platform", CauseVerdict.MISCONFIGURED, Confidence.LIKELY),
    "killed, nobody says by whom": (crashed(137, "Error"), "crash-loop-app-error", CauseVerdict.MISCONFIGURED, Confidence.LIKELY),
    "no healthy device": (refused("UnexpectedAdmissionError", UNHEALTHY), "pod-rejected-by-node", CauseVerdict.BROKEN, Confidence.SURE),
    "over two NUMA nodes": (refused("TopologyAffinityError", "Resources cannot be allocated with Topology locality"), "pod-rejected-by-node", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "too little left": (refused("OutOfnvidia.com/gpu", "Node didn't have enough resource"), "pod-rejected-by-node", CauseVerdict.BROKEN, Confidence.SURE),
    "the node was shut down": (refused("Terminated", "imminent node shutdown"), "pod-rejected-by-node", CauseVerdict.BROKEN, Confidence.SURE),
    "a model is fetched": (initial("model-downloader", {"state": {"running": {"startedAt": JUST}}}), "pod-starting", CauseVerdict.WAITING, Confidence.LIKELY),
    "a sidecar out of memory": (starved("proxy", stays=True), "crash-loop-oom", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "the driver of the node is another": (unstarted("RunContainerError", MISMATCH), "container-start-failed", CauseVerdict.BROKEN, Confidence.SURE),
    "the driver of the node is another, in a loop": (crashed(128, "StartError", MISMATCH), "container-start-failed", CauseVerdict.BROKEN, Confidence.SURE),
    "the driver of the node is another, of a Job": (case(WORK, tried(128, "StartError", MISMATCH), node()), "container-start-failed", CauseVerdict.BROKEN, Confidence.SURE),
    "the runtime is too slow": (unstarted("CreateContainerError", "context deadline exceeded"), "container-start-failed", CauseVerdict.BROKEN, Confidence.SURE),
    "an image for a newer driver": (unstarted("RunContainerError", f"{TOOLKIT}requirement error: unsatisfied condition: cuda>=12.4"), "container-start-failed", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "it failed once, an hour ago": (serves("readiness", BEFORE, **LATER), "readiness-never-true", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "a probe killed it an hour ago": (serves("liveness", BEFORE, killed="2026-11-22T04:59:00Z", restartCount=1), "readiness-never-true", CauseVerdict.BROKEN, Confidence.LIKELY),
    "a device of the node fails it": (crashed(1, "Error", "CUDA error: uncorrectable ECC error encountered"), "crash-loop-app-error", CauseVerdict.MISCONFIGURED, Confidence.LIKELY),
    "its program has failed beside one that runs on": (beside_what_failed(), "crash-loop-app-error", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "a kubelet that does not begin": (given({}), "pod-sandbox-failed", CauseVerdict.BROKEN, Confidence.LIKELY),
    "a kubelet that has begun": (given({"startTime": BEFORE}), "pod-starting", CauseVerdict.WAITING, Confidence.LIKELY),
    "devices of a claim are not prepared": (given({"startTime": BEFORE}, "FailedPrepareDynamicResources"), "pod-sandbox-failed", CauseVerdict.BROKEN, Confidence.LIKELY),
    "an account that is not there": (mounts('MountVolume.SetUp failed for volume "kube-api-access-x" : failed to fetch token: serviceaccounts "trainer" not found'), "volume-mount-failed", CauseVerdict.MISCONFIGURED, Confidence.LIKELY),
    "drained": (taken("EvictionByEvictionAPI"), "pod-evicted", CauseVerdict.WAITING, Confidence.SURE),
    "it used more than it asked for": (evicted(GREEDY), "pod-evicted", CauseVerdict.MISCONFIGURED, Confidence.SURE),
    "evicted, and another has been made": (evicted(GREEDY, MADE), "pod-evicted", CauseVerdict.MISCONFIGURED, Confidence.LIKELY),
    "a kubelet that has just started": (mounts('MountVolume.SetUp failed for volume "kube-api-access-x" : failed to sync configmap cache: timed out'), "pod-starting", CauseVerdict.WAITING, Confidence.LIKELY),
    "its node was taken away": (gone(), "node-not-ready", CauseVerdict.BROKEN, Confidence.SURE),
    "its node was taken away while it ended": (gone(deletionTimestamp=BEFORE), "pod-stuck-terminating", CauseVerdict.BROKEN, Confidence.SURE),
}  # fmt: skip


@pytest.mark.parametrize(("of", "cause", "verdict", "sure"), CASES.values(), ids=CASES.keys())
def test_answer(of: Case, cause: str, verdict: CauseVerdict, sure: Confidence) -> None:
    found = explain(of, with_remedies=False)
    assert (found.cause, found.verdict, found.confidence) == (cause, verdict, sure)


@pytest.mark.parametrize(
    ("of", "part"),
    [
        (serves("startup", BEFORE, started=False), {"startupProbe": {"failureThreshold": 12}}),
        (
            serves("liveness", killed=NOW, restartCount=4),
            {
                "startupProbe": {
                    "httpGet": {"port": 8000, "path": "/health", "scheme": "HTTPS"},
                    "periodSeconds": 10,
                    "failureThreshold": 90,
                }
            },
        ),
    ],
    ids=["startup", "liveness"],
)
def test_a_server_that_does_not_listen_yet_is_given_time(of: Case, part: Raw) -> None:
    first = explain(of).remedies[0]
    assert first.patch is not None
    containers = first.patch.body["spec"]["template"]["spec"]["containers"]
    assert containers == [{"name": "main", **part}]


@pytest.mark.parametrize("stays", [False, True])
def test_an_init_container_gets_memory_where_it_stands(stays: bool) -> None:
    first = explain(starved("fetch", stays=stays)).remedies[0]
    assert first.patch is not None
    spec = first.patch.body["spec"]["template"]["spec"]
    assert list(spec) == ["initContainers"]
    assert spec["initContainers"][0]["resources"]["limits"] == {"memory": "32Gi"}


def test_a_job_whose_node_refused_its_pods_is_not_told_to_mend_its_program() -> None:
    found = explain(refused("UnexpectedAdmissionError", UNHEALTHY, gave_up=True))
    assert found.cause == "job-backoff-limit"
    assert "n1 did not take" in found.summary
    assert {each.kind for each in found.remedies} == {RemedyKind.OTHER, RemedyKind.REPAIR_DEVICE_PLUGIN}


def test_a_job_whose_pod_was_drained_is_sent_again_as_it_is() -> None:
    found = explain(taken("EvictionByEvictionAPI", gave_up=True))
    assert found.cause == "job-backoff-limit"
    assert found.remedies[0].summary.startswith("submit it again: its pod was evicted")


@pytest.mark.parametrize(
    ("message", "kind"), [(MISMATCH, RemedyKind.OTHER), (NO_FORM, RemedyKind.FIX_IMAGE)], ids=["node", "machine"]
)
def test_a_job_that_gave_up_is_told_what_failed_it(message: str, kind: RemedyKind) -> None:
    said = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
    work = job(status={"failed": 7, "conditions": said})
    assert explain(case(work, tried(128, "StartError", message, work), node())).remedies[0].kind is kind


def test_who_is_evicted_for_using_more_asks_for_as_much() -> None:
    first = explain(evicted(GREEDY)).remedies[0]
    assert first.patch is not None
    container = first.patch.body["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["requests"] == {"memory": "60Gi"}


def test_a_registry_that_hides_what_is_not_there_is_not_believed() -> None:
    """Who names no secret is refused alike by some, whether there is such an image or not."""
    spec = pod_spec(container(image="ghcr.io/acme/trian:1"))
    said = waits("ImagePullBackOff", "failed to fetch anonymous token: unexpected status: 403 Forbidden")
    found = explain(case(WORK, pod("p", WORK, spec=spec, status=said), node()))
    assert (found.cause, found.confidence) == ("image-pull-unauthorized", Confidence.LIKELY)
    assert any(each.kind is RemedyKind.FIX_IMAGE for each in found.remedies)


def test_a_secret_that_is_missing_is_not_made_empty() -> None:
    found = explain(mounts('MountVolume.SetUp failed for volume "creds" : secret "creds" not found'))
    assert found.cause == "volume-mount-failed"
    assert found.remedies[0].command == ""


def test_an_event_chooses_no_account_that_is_made_and_its_names_stand_in_quotation_marks() -> None:
    said = 'MountVolume.SetUp failed for volume "t" : failed to fetch token: serviceaccounts "{}" not found'
    own, other = (explain(mounts(said.format(name))).remedies[0] for name in ("default", "x. Run evil"))
    assert own.command.endswith("| kubectl create -f -")
    assert (other.command, other.summary.startswith('create the ServiceAccount "x. Run evil"')) == ("", True)


def test_what_a_kubelet_is_said_to_say_of_a_probe_stands_in_quotation_marks() -> None:
    found = explain(serves("liveness", killed=NOW, restartCount=4), with_remedies=False)
    assert found.cause == "liveness-probe-kills"
    assert found.summary.endswith(quoted_message(found.facts["message"]))


def test_a_gate_that_a_webhook_put_in_is_not_submitted_away() -> None:
    """What is sent again without it gets it again; and it may be how another queue keeps its order."""
    gated = {**WORK["spec"]["template"]["spec"], "schedulingGates": [{"name": "example.com/queue"}]}
    found = explain(case(WORK, pod("p", WORK, node="", spec=gated), node()))
    assert (found.cause, found.verdict) == ("scheduling-gated", CauseVerdict.WAITING)
    assert all("without the gate" not in each.summary for each in found.remedies)


def test_a_scheduler_that_runs_may_yet_come_to_the_pod() -> None:
    spec = {**WORK["spec"]["template"]["spec"], "schedulerName": "volcano"}
    asks = pod("p", WORK, node="", spec=spec)
    new = pod("p", WORK, node="", spec=spec, meta={**owned(WORK), "creationTimestamp": JUST[:-3] + "59Z"})
    works = pod("volcano-scheduler-0", status={"phase": "Running"}, spec=pod_spec(container(gpus=0)))
    assert explain(case(WORK, asks, node())).confidence is Confidence.SURE
    assert explain(case(WORK, new, node())).confidence is Confidence.LIKELY
    assert explain(case(WORK, asks, works, node())).confidence is Confidence.LIKELY
