"""Jobs under the real Kueue, on nodes that KWOK plays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from allotment.ports.sandboxes import FAIL_AFTER, RUN_FOR, Sandbox
from tests.live.conftest import Kubectl
from tests.live.sandbox.manifests import as_list, job, pod_spec, queues

pytestmark = [pytest.mark.live, pytest.mark.nightly]


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> str:
    kubectl("apply", "-f", "-", stdin=queues("sandbox-jobs", gpus=4))
    return "sandbox-jobs"


def eventually(check: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return result


def read(kubectl: Kubectl, *arguments: str) -> Any:
    return json.loads(kubectl("get", *arguments, "-o", "json"))


def condition(kubectl: Kubectl, namespace: str, kind: str, name: str, wanted: str) -> dict[str, Any] | None:
    conditions = read(kubectl, kind, name, "-n", namespace).get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == wanted and each["status"] == "True"), None)


@pytest.mark.nightly
def test_quota_holds_the_third_job_until_one_ends(kubectl: Kubectl, namespace: str) -> None:
    jobs = [job(namespace, f"train-{each}", gpus=2, annotations={RUN_FOR: "8s"}) for each in (1, 2, 3)]
    for each in jobs:
        kubectl("create", "-f", "-", stdin=json.dumps(each))
    running = [
        eventually(partial(pods_of, kubectl, namespace, name, "Running"), f"{name} runs")[0]
        for name in ("train-1", "train-2")
    ]
    assert {pod["spec"]["nodeName"] for pod in running} <= {"a100-0", "a100-1"}
    assert read(kubectl, "job", "train-3", "-n", namespace)["spec"]["suspend"] is True
    path = f"/apis/visibility.kueue.x-k8s.io/v1beta2/clusterqueues/{namespace}/pendingworkloads"
    [pending] = json.loads(kubectl("get", "--raw", path))["items"]
    assert pending["metadata"]["ownerReferences"][0]["name"] == "train-3"

    done = {
        name: eventually(partial(condition, kubectl, namespace, "job", name, "Complete"), f"{name} completes")
        for name in ("train-1", "train-2", "train-3")
    }
    [third] = pods_of(kubectl, namespace, "train-3", "Succeeded")
    first_end = min(done["train-1"]["lastTransitionTime"], done["train-2"]["lastTransitionTime"])
    assert third["status"]["startTime"] >= first_end


def pods_of(kubectl: Kubectl, namespace: str, job_name: str, phase: str) -> list[dict[str, Any]]:
    selector = f"batch.kubernetes.io/job-name={job_name}"
    pods: list[dict[str, Any]] = read(kubectl, "pods", "-n", namespace, "-l", selector)["items"]
    return [pod for pod in pods if pod["status"]["phase"] == phase]


@pytest.mark.parametrize("says", ["annotation", "command", "arguments"])
def test_a_pod_keeps_its_start_time_and_runs_as_long_as_it_says(kubectl: Kubectl, namespace: str, says: str) -> None:
    timed = job(namespace, f"timed-{says}", gpus=1, annotations={RUN_FOR: "3s"} if says == "annotation" else {})
    container = timed["spec"]["template"]["spec"]["containers"][0]
    container |= {"command": ["sleep", "3"]} if says == "command" else {}
    container |= {"command": ["sleep"], "args": ["3s"]} if says == "arguments" else {}
    kubectl("create", "-f", "-", stdin=json.dumps(timed))
    eventually(lambda: condition(kubectl, namespace, "job", f"timed-{says}", "Complete"), "the job completes")
    [pod] = pods_of(kubectl, namespace, f"timed-{says}", "Succeeded")
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    seconds = [time.mktime(time.strptime(ended[key], "%Y-%m-%dT%H:%M:%SZ")) for key in ("startedAt", "finishedAt")]
    assert 2 <= seconds[1] - seconds[0] <= 20


def test_failing_pods(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "-f", "-", stdin=json.dumps(job(namespace, "fails", gpus=1, annotations={FAIL_AFTER: "1s"})))
    eventually(lambda: condition(kubectl, namespace, "job", "fails", "Failed"), "the job fails")
    [pod] = pods_of(kubectl, namespace, "fails", "Failed")
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 1


def test_a_bare_pod_with_a_queue_is_gated_by_quota(kubectl: Kubectl, namespace: str) -> None:
    metadata = {"name": "bare", "namespace": namespace, "labels": {"kueue.x-k8s.io/queue-name": "queue"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec(gpus=5)}
    kubectl("create", "-f", "-", stdin=json.dumps(pod))
    gates = read(kubectl, "pod", "bare", "-n", namespace)["spec"]["schedulingGates"]
    assert {"name": "kueue.x-k8s.io/admission"} in gates
    kubectl("delete", "pod", "bare", "-n", namespace)


def test_pods_of_a_deployment_keep_running(kubectl: Kubectl, namespace: str) -> None:
    labels = {"app": "web"}
    spec = {key: value for key, value in pod_spec(gpus=0).items() if key != "restartPolicy"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    kubectl("create", "-f", "-", stdin=as_list(deployment))
    kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
    time.sleep(3.0)  # three times as long as a Job's pod lives: nothing else tells that KWOK leaves these alone
    phases = [pod["status"]["phase"] for pod in read(kubectl, "pods", "-n", namespace, "-l", "app=web")["items"]]
    assert phases == ["Running", "Running"]


def test_old_api_versions_pass_the_conversion_webhook(kubectl: Kubectl, namespace: str) -> None:
    queue = json.loads(kubectl("get", "--raw", f"/apis/kueue.x-k8s.io/v1beta1/clusterqueues/{namespace}"))
    assert queue["apiVersion"] == "kueue.x-k8s.io/v1beta1"


def test_kueues_webhook_refuses_what_cannot_be(kubectl: Kubectl, namespace: str) -> None:
    wrong = json.loads(queues("wrong", gpus=1))["items"][2]
    wrong["spec"]["resourceGroups"][0]["coveredResources"].append("cpu")
    said = kubectl("create", "-f", "-", stdin=json.dumps(wrong), check=False)
    assert "coveredResources" in said


def test_namespaces_can_be_deleted(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "namespace", "sandbox-short")
    kubectl("delete", "namespace", "sandbox-short", "--timeout=60s")


def test_audit_log_tells_who_wrote(kubectl: Kubectl, namespace: str, sandbox: Sandbox) -> None:
    kubectl("create", "configmap", "audited", "-n", namespace, "--as=alice", check=False)
    events = [json.loads(line) for line in sandbox.audit_log.read_text().splitlines()]
    refused = [each for each in events if each.get("impersonatedUser", {}).get("username") == "alice"]
    assert refused[-1]["responseStatus"]["code"] == 403
    assert refused[-1]["objectRef"]["namespace"] == namespace
    assert "requestObject" not in refused[-1]


def test_other_users_of_the_machine_are_kept_out(sandbox: Sandbox) -> None:
    assert sandbox.directory.stat().st_mode & 0o077 == 0
    assert sandbox.kubeconfig.stat().st_mode & 0o077 == 0
