"""Submit work as people do, many at a time, and follow each to where it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any, TypeVar

from allotment.adapters.kube.client import KubeClient
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.ports.kube import Identity, RefusedError
from tests.live.books.accounts import Amounts, charged, difference, pod_requests, times, total

WORKERS = 8
PATIENCE = 12.0
"""Seconds in which work that nobody stands in the way of runs on KWOK; it takes two or three."""

PAUSE = 0.4
WORKLOADS = ("kueue.x-k8s.io/v1beta2", "Workload")
MAKERS = (
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("v1", "Service"),
)
PODS = ("v1", "Pod")

One = TypeVar("One")
Result = TypeVar("Result")


class End(Enum):
    """How a submission ended."""

    REFUSED = "refused at creation"
    RAN = "ran to its end"
    READY = "became ready"
    HANGS = "admitted, and neither runs nor ends"


@dataclass(frozen=True)
class Submission:
    """Objects that somebody creates in one go; all of one namespace, and all pods are called `name` or `name-…`."""

    name: str
    who: Identity
    objects: tuple[Body, ...]

    @property
    def namespace(self) -> str:
        return str(self.objects[0]["metadata"]["namespace"])


@dataclass(frozen=True)
class Outcome:
    """What became of a submission.

    Attributes:
        words: the refusal, or what is known about why it hangs.
        charged: what Kueue charged, summed over its Workloads; None: it made none.
        asked: what its pods requested.
    """

    end: End
    words: str = ""
    charged: Amounts | None = None
    asked: Amounts = field(default_factory=dict)

    @property
    def miscounted(self) -> dict[str, tuple[str, str]]:
        """(charged, requested) where Kueue's books are not what the pods take. CPU without a queue is not counted."""
        if self.end in (End.REFUSED, End.HANGS):
            return {}
        if self.charged is None:
            return difference({}, {name: amount for name, amount in self.asked.items() if "/" in name})
        return difference(self.charged, self.asked)

    def __str__(self) -> str:
        return f"{self.end.value}{': ' if self.words else ''}{self.words}"


def follow(kube: KubeClient, submissions: Sequence[Submission], patience: float = PATIENCE) -> list[Outcome]:
    """Submit all at once and wait for each. Those that still wait then are tried again, each on a cluster of its own:
    what hangs now does not hang for want of quota that others held."""
    outcomes = _follow_together(kube, submissions, patience)
    for position, outcome in enumerate(outcomes):
        if outcome.end is End.HANGS and len(submissions) > 1:
            [outcomes[position]] = _follow_together(kube, [submissions[position]], patience)
    return outcomes


def _follow_together(kube: KubeClient, submissions: Sequence[Submission], patience: float) -> list[Outcome]:
    refusals = side_by_side(lambda each: _submit(kube, each), submissions)
    waiting = {each.name: each for each, words in zip(submissions, refusals, strict=True) if not words}
    seen, ended = _Seen(), dict[str, End]()
    deadline = time.monotonic() + patience
    while len(ended) < len(waiting) and time.monotonic() < deadline:
        time.sleep(PAUSE)
        seen.look(kube)
        for name, each in waiting.items():
            end = seen.end_of(each)
            if end is not None and name not in ended:
                ended[name] = end
    outcomes = [
        Outcome(End.REFUSED, words) if words else seen.outcome(kube, each, ended.get(each.name, End.HANGS))
        for each, words in zip(submissions, refusals, strict=True)
    ]
    clear(kube, {each.namespace for each in submissions})
    return outcomes


def side_by_side(act: Callable[[One], Result], items: Iterable[One]) -> list[Result]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(act, items))


def _submit(kube: KubeClient, submission: Submission) -> str:
    """The first refusal; what was created before it stays, as with kubectl."""
    for body in submission.objects:
        try:
            kube.create(body, identity=submission.who)
        except RefusedError as error:
            return error.message
    return ""


class _Seen:
    """What the API server showed, kept where it has gone already."""

    def __init__(self) -> None:
        self._pods: dict[str, Body] = {}
        self._workloads: dict[str, Body] = {}
        self._makers: dict[ObjectKey, Body] = {}

    def look(self, kube: KubeClient) -> None:
        for body in kube.list(*PODS):
            self._pods[body["metadata"]["uid"]] = body
        for body in kube.list(*WORKLOADS):
            if charged(body) or body["metadata"]["uid"] not in self._workloads:
                self._workloads[body["metadata"]["uid"]] = body
        for api_version, kind in MAKERS:
            for body in kube.list(api_version, kind):
                self._makers[key_of(body)] = body

    def end_of(self, submission: Submission) -> End | None:
        """None while it goes on."""
        ends = [self._end_of_object(body) for body in submission.objects]
        if any(end is None for end in ends):
            return None
        return End.READY if End.READY in ends else End.RAN

    def _end_of_object(self, body: Body) -> End | None:
        if body["kind"] == "Pod":
            return self._end_of_pod(body["metadata"]["namespace"], body["metadata"]["name"])
        live = self._makers.get(key_of(body), {})
        status = live.get("status", {})
        match body["kind"]:
            case "Job":
                return End.RAN if condition(live, "Complete") else None
            case "Deployment" | "StatefulSet":
                wanted = live.get("spec", {}).get("replicas", 1)
                return End.READY if live and status.get("readyReplicas", 0) == wanted else None
        return End.RAN

    def _end_of_pod(self, namespace: str, name: str) -> End | None:
        found = [pod for pod in self._pods.values() if _named(pod) == (namespace, name)]
        phase = found[-1].get("status", {}).get("phase") if found else ""
        return {"Running": End.READY, "Succeeded": End.RAN}.get(str(phase))

    def outcome(self, kube: KubeClient, submission: Submission, end: End) -> Outcome:
        pods = [pod for pod in self._pods.values() if _belongs(submission, _named(pod))]
        workloads = [each for each in self._workloads.values() if any(
            _belongs(submission, owner) for owner in _owners(each)
        )]  # fmt: skip
        counted = total(charged(each) for each in workloads) if workloads else None
        asked = self._asked(submission, pods)
        words = self._why(kube, submission, pods, workloads) if end is End.HANGS else ""
        return Outcome(end, words, counted, asked)

    def _asked(self, submission: Submission, pods: Sequence[Body]) -> Amounts:
        """A Job's pods come one after the other: what counts is one of them, times those that run together."""
        jobs = [body for body in submission.objects if body["kind"] == "Job"]
        if not jobs or not pods:
            return total(pod_requests(pod["spec"]) for pod in pods)
        spec = self._makers.get(key_of(jobs[0]), jobs[0])["spec"]
        number = min(spec.get("parallelism", 1), spec.get("completions", spec.get("parallelism", 1)))
        return times(number, pod_requests(pods[0]["spec"]))

    def _why(self, kube: KubeClient, submission: Submission, pods: Sequence[Body], workloads: Sequence[Body]) -> str:
        said = [
            f"Workload {each['type']}={each['status']}: {each.get('message', '')}"
            for body in workloads
            for each in body.get("status", {}).get("conditions", ())
        ]
        said += [
            f"pod {pod['metadata']['name']} {each['type']}={each['status']}: {each.get('message', '')}"
            for pod in pods[:1]
            for each in pod.get("status", {}).get("conditions", ())
            if each["status"] != "True"
        ]
        said += sorted(
            {
                f"event: {event.get('message', '')}"
                for event in kube.list("v1", "Event", namespace=submission.namespace)
                if event.get("type") == "Warning"
                and _belongs(submission, (submission.namespace, event["involvedObject"].get("name", "")))
            }
        )[:3]
        return "; ".join(said) or "nothing is said anywhere"


def condition(body: Mapping[str, Any], kind: str) -> bool:
    conditions = body.get("status", {}).get("conditions") or ()
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _named(body: Mapping[str, Any]) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _owners(workload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    namespace, name = _named(workload)
    yield namespace, name  # a pod group's Workload is called like the group
    for owner in workload["metadata"].get("ownerReferences", ()):
        yield namespace, owner["name"]


def _belongs(submission: Submission, named: tuple[str, str]) -> bool:
    namespace, name = named
    return namespace == submission.namespace and (name == submission.name or name.startswith(f"{submission.name}-"))


def clear(kube: KubeClient, namespaces: Iterable[str], seconds: float = 60.0) -> None:
    """Take all work off these namespaces, and wait until its quota is free again."""
    spaces = sorted(set(namespaces))
    makers = [body for space in spaces for kind in MAKERS for body in kube.list(*kind, namespace=space)]
    side_by_side(lambda body: _remove(kube, body), makers)
    deadline = time.monotonic() + seconds
    while left := [
        body for space in spaces for kind in (PODS, WORKLOADS) for body in kube.list(*kind, namespace=space)
    ]:
        assert time.monotonic() < deadline, f"do not go away: {[str(key_of(body)) for body in left]}"
        side_by_side(lambda body: _remove(kube, body), [body for body in left if body["kind"] == "Pod"])
        time.sleep(PAUSE)


def _remove(kube: KubeClient, body: Body) -> None:
    """As an administrator would: no finalizer holds it up."""
    with suppress(RefusedError):
        if body["metadata"].get("finalizers"):
            kube.merge_patch(body["apiVersion"], key_of(body), {"metadata": {"finalizers": None}})
        kube.delete(body["apiVersion"], key_of(body))


def devices(part: Mapping[str, Fraction]) -> int:
    """GPUs in an account."""
    return int(part.get("nvidia.com/gpu", 0))
