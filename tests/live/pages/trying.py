"""Examples and templates, submitted as their pages say: refused with the words quoted, or run to their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from allotment.adapters.kube.client import KubeClient
from allotment.model.manifest import key_of
from allotment.ports.kube import Identity
from tests.live.books.kinds import WORKLOADS
from tests.live.training import AUTHENTICATED, member, owner, refusal
from tests.unit.docs.pages import MEMBER, OWNER, Body, Example

SCRATCH = "scratch"
SCRATCH_USERS = "acme-scratch-users"
PEOPLE: Mapping[str, Identity | None] = {
    MEMBER: member("nlp", "ann@acme.example"),
    OWNER: owner("nlp", "olga@acme.example"),
    "a member of data-science": member("data-science"),
    "a user of scratch": Identity("sam@acme.example", (SCRATCH_USERS, AUTHENTICATED)),
    "a platform engineer": None,
}
_PATIENCE = 240.0
_READ_BY_THEN = 90.0
_EVENTS = 40
_TRY_AGAIN = (
    # The controller manager finds out by and by that a kind has come which quotas count.
    "status unknown for quota",
    # Many at once charge one quota; the API server tries three times.
    'on resourcequotas "allotment-quota": the object has been modified',
)


@dataclass(frozen=True)
class Outcome:
    """What came of it: the server's refusal, whether everything reached the end that it was made for, and if not,
    what the namespace showed then."""

    refusal: str
    ended: bool
    seen: str = ""


def refused(kube: KubeClient, example: Example, *, by: str, says: str) -> Outcome:
    """The refusal of an example; asked again until it is the right one, because the server reads policies by and by."""
    deadline = time.monotonic() + _READ_BY_THEN
    while True:
        message = refusal(lambda: [_submit(kube, body, example.who, dry_run=True) for body in example.bodies])
        if (by in message and says in message) or time.monotonic() > deadline:
            return Outcome(message, ended=False)
        time.sleep(0.5)


def run(kube: KubeClient, example: Example) -> Outcome:
    """Make it for real, wait for its end, and take it away again."""
    made: list[Body] = []
    try:
        message = _made(kube, example, made)
        if not message and made[-1]["kind"] == "CronJob":
            # As `kubectl create job --from=cronjob/NAME` does.
            message = refusal(lambda: made.append(_submit(kube, _started(made[-1]), example.who)))
        ended = not message and all(_within(_PATIENCE, kube, body, _at_its_end) for body in made)
        return Outcome(message, ended, "" if ended or message else _seen(kube, made[-1]["metadata"]["namespace"]))
    finally:
        for body in reversed(made):
            kube.delete(body["apiVersion"], key_of(body))
        for body in made:
            assert _within(_PATIENCE, kube, body, lambda found: found is None), f"{key_of(body)} does not go away"


def _made(kube: KubeClient, example: Example, made: list[Body]) -> str:
    """Make what is not made yet; the refusal, if there is one."""
    deadline = time.monotonic() + _READ_BY_THEN
    while True:
        message = refusal(lambda: made.extend(_submit(kube, body, example.who) for body in example.bodies[len(made) :]))
        if not any(words in message for words in _TRY_AGAIN) or time.monotonic() > deadline:
            return message
        time.sleep(1)


def _submit(kube: KubeClient, body: Body, who: str, *, dry_run: bool = False) -> Body:
    identity = PEOPLE[who]
    if body["kind"] == "Namespace" and kube.get("v1", key_of(body)) is not None:
        return dict(kube.merge_patch("v1", key_of(body), body, dry_run=dry_run, identity=identity).body)
    return dict(kube.create(body, dry_run=dry_run, identity=identity).body)


def _started(cron_job: Body) -> Body:
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "controller": True}
    own = {name: cron_job["metadata"][name] for name in ("name", "uid")}
    template = cron_job["spec"]["jobTemplate"]
    metadata = {
        **template["metadata"],
        "name": f"{own['name']}-now",
        "namespace": cron_job["metadata"]["namespace"],
        "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
        "ownerReferences": [{**owner, **own}],
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def _within(seconds: float, kube: KubeClient, body: Body, reached: Callable[[Mapping[str, Any] | None], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not reached(kube.get(body["apiVersion"], key_of(body))):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _seen(kube: KubeClient, namespace: str) -> str:
    """What pods and Workloads say of themselves, and the last events."""
    pods = [body for body in kube.list("v1", "Pod") if body["metadata"]["namespace"] == namespace]
    workloads = [body for body in kube.list(*WORKLOADS) if body["metadata"]["namespace"] == namespace]
    events = [body for body in kube.list("v1", "Event") if body["metadata"]["namespace"] == namespace]
    told = [
        f"{body['metadata']['name']}: {body.get('spec', {}).get('schedulingGates', '')} {body.get('status')}"
        for body in (*workloads, *pods)
    ]
    events.sort(key=lambda body: str(body.get("lastTimestamp") or body.get("eventTime")))
    said = [f"{body['involvedObject']['name']}: {body['reason']}: {body['message']}" for body in events[-_EVENTS:]]
    return "\n".join((*told, *said))


def _at_its_end(found: Mapping[str, Any] | None) -> bool:
    """Done, or serving; what makes no pods is at its end at once."""
    if found is None:
        return False
    status = found.get("status", {})
    conditions = {item["type"] for item in status.get("conditions", ()) if item["status"] == "True"}
    match found["kind"]:
        case "Job":
            return "Complete" in conditions
        case "JobSet":
            return "Completed" in conditions
        case "Deployment" | "StatefulSet":
            return bool(status.get("readyReplicas") == found["spec"]["replicas"])
        case "Pod":
            return "Ready" in conditions
        case _:
            return True
