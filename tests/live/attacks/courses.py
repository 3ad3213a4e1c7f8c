"""Steps of courses, and what is harmless at the end of one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from allotment.model.manifest import Body
from allotment.ports.kube import Identity, RefusedError
from tests.live.attacks.attempts import in_template, marked
from tests.live.books.accounts import Amounts, taken, total
from tests.live.books.accounts import amounts as usage
from tests.live.books.following import PODS, WORKLOADS, condition, devices, side_by_side
from tests.live.books.manifests import GROUP, GROUP_SIZE, amounts, container, named_group, pod_spec, work
from tests.live.training import PEOPLE, Training

MEMBER, OWNER, NEIGHBOUR = PEOPLE["member"], PEOPLE["owner"], PEOPLE["cvmember"]
PAUSE, STILL, LONGEST = 0.5, 2.5, 25.0
LONG = {"allotment.dev/run-for": "600s"}


def attempted(training: Training, who: Identity, *bodies: Body) -> list[str]:
    """Each refusal, or the empty text."""
    return side_by_side(lambda body: _create(training, who, body), bodies)


def _create(training: Training, who: Identity, body: Body) -> str:
    try:
        training.kube.create(body, identity=who)
    except RefusedError as error:
        return error.message
    return ""


def settled(training: Training) -> tuple[int, int]:
    """(GPUs that run, GPUs that are charged), when nothing has moved for a while."""
    deadline, last, since = time.monotonic() + LONGEST, None, time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < STILL:
        pods, workloads = list(training.kube.list(*PODS)), list(training.kube.list(*WORKLOADS))
        now = [
            sorted((p["metadata"]["uid"], p["spec"].get("nodeName"), p["status"].get("phase")) for p in pods),
            sorted((w["metadata"]["uid"], devices(held(w))) for w in workloads),
        ]
        if now != last:
            last, since = now, time.monotonic()
        running, paid = devices(taken(pods)), devices(total(map(held, workloads)))
        time.sleep(PAUSE)
    return running, paid


def held(workload: Body) -> Amounts:
    """What Kueue charges for a Workload at this moment.

    It leaves the admission of a finished one written and charges nothing for it, nor for pods of which it says that
    they are given back.
    """
    if condition(workload, "Finished"):
        return {}
    status = workload.get("status", {})
    left = {each["name"]: each["count"] for each in workload["spec"]["podSets"]}
    for each in status.get("reclaimablePods", ()):
        left[each["name"]] -= each["count"]
    parts = [part for part in (status.get("admission") or {}).get("podSetAssignments", ()) if part["count"]]
    return total(
        {
            # Admitted anew, the assignment is for those that are left already.
            name: amount * min(part["count"], left[part["name"]]) / part["count"]
            for name, amount in usage(part.get("resourceUsage")).items()
        }
        for part in parts
    )


def expect_honest_books(training: Training) -> None:
    running, paid = settled(training)
    assert running <= paid, f"{running} GPUs run, {paid} are charged"


def pods_of(training: Training, namespace: str) -> list[Body]:
    return list(training.kube.list(*PODS, namespace=namespace))


def job(name: str, *, gpus: int, team: str = "nlp", **more: Any) -> dict[str, Any]:
    [body] = work("Job", name, team, pod_spec(container(amounts(gpus=gpus))), **more)
    return in_template(body, annotations=LONG)


def limits_only(name: str) -> dict[str, Any]:
    body = job(name, gpus=8)
    body["spec"]["template"]["spec"]["containers"][0]["resources"].pop("requests")
    return body


def replicas(name: str, number: int, gpus: int, **spec: Any) -> dict[str, Any]:
    """A StatefulSet whose pods all come at once."""
    pods = pod_spec(container(amounts(gpus=gpus)))
    [body] = work("StatefulSet", name, "nlp", pods, replicas=number, podManagementPolicy="Parallel", **spec)
    return body


def group_pod(name: str, gpus: int, size: int, group: str = "", **annotations: str) -> dict[str, Any]:
    """A pod of a group, by default of the one whose name tells what it asks for, and its size."""
    spec = pod_spec(container(amounts(gpus=gpus)))
    group = group or named_group("band", spec, size)
    [pod] = work("Pod", name, "nlp", spec)
    return marked(pod, labels={GROUP: group}, annotations={GROUP_SIZE: str(size), **annotations})


def eventually(check: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (done := check()) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return done
