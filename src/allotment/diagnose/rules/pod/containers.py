"""What the rules of this layer share: containers of the subject's pods that do not run, and how they ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.reach import over
from allotment.model.explanation import Evidence
from allotment.model.moments import seconds
from allotment.model.observed.base import condition
from allotment.model.observed.pods import Container, ContainerStatus, Pod, Terminated
from allotment.model.observed.work import Job

CRASH_LOOP: Final = "CrashLoopBackOff"
REFUSED: Final = frozenset({"CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun"})
"""Reasons by which the runtime says that it did not start a container."""
_STEADY: Final = 600.0
"""Seconds after which a container that runs is no longer taken to be in a loop."""
_NO_FORM: Final = "exec format error"


@dataclass(frozen=True, slots=True)
class Stuck:
    """A container of a pod that has its node, or had it.

    Attributes:
        list: of the status: ``containerStatuses`` or ``initContainerStatuses``.
    """

    pod: Pod
    status: ContainerStatus
    list: str

    @property
    def reason(self) -> str:
        """Why it waits; empty if it does not."""
        return self.status.state.waiting.reason if self.status.state.waiting is not None else ""

    @property
    def message(self) -> str:
        """The kubelet's words for it."""
        return self.status.state.waiting.message if self.status.state.waiting is not None else ""

    @property
    def container(self) -> Container:
        """What it was made from."""
        listed = (*self.pod.spec.containers, *self.pod.spec.init_containers)
        return next((each for each in listed if each.name == self.status.name), Container(name=self.status.name))

    @property
    def initial(self) -> bool:
        """Whether it is an init container."""
        return self.list == "initContainerStatuses"

    @property
    def ended(self) -> Terminated | None:
        """How it ended last."""
        return self.status.state.terminated or self.status.last_state.terminated

    @property
    def passing(self) -> bool:
        """Whether it is an init container that is to end; sidecars stay."""
        return self.initial and not self.container.sidecar

    @property
    def listed(self) -> str:
        """The list of the pod's spec that it stands in."""
        return "initContainers" if self.initial else "containers"

    @property
    def wrong_machine(self) -> bool:
        """Whether the kernel did not know the form of its program."""
        return _NO_FORM in self.message or (self.ended is not None and _NO_FORM in self.ended.message)

    @property
    def said(self) -> str:
        """What the runtime says of why it could not be started; empty where it says nothing of the kind."""
        if self.reason in REFUSED:
            return self.message or self.reason
        ended = self.status.last_state.terminated or self.status.state.terminated
        return ended.message if ended is not None and ended.reason in REFUSED else ""

    def age(self, now: float) -> float:
        """Seconds for which it has run; 0 if it does not run, or not since a known time."""
        running = self.status.state.running
        return now - seconds(running.started_at) if running is not None and running.started_at else 0.0

    def steady(self, now: float) -> bool:
        """Whether it has run for so long that how it ended before says nothing."""
        return self.age(now) > _STEADY

    def facts(self) -> dict[str, object]:
        """Names that every answer about a container has."""
        return {"pod": self.pod.name, "container": self.status.name, "node": self.pod.spec.node_name}

    def evidence(self, field: str, value: object, says: str = "") -> Evidence:
        """A value of its status."""
        return Evidence(reference_of(self.pod), f"status.{self.list}[{self.status.name}].{field}", value, says)


def statuses(pod: Pod) -> Iterator[Stuck]:
    """All containers of a pod."""
    for each in pod.status.init_container_statuses:
        yield Stuck(pod, each, "initContainerStatuses")
    for each in pod.status.container_statuses:
        yield Stuck(pod, each, "containerStatuses")


def stuck(case: Case) -> Iterator[Stuck]:
    """Containers of pods that have a node and do not do their work."""
    for pod in case.starting_pods:
        yield from statuses(pod)


def crashed(case: Case) -> Iterator[Stuck]:
    """Containers that ended and are to run: in a loop, or in the newest failed pod of work that tries again."""
    for each in stuck(case):
        stays = each.status.state.terminated  # beside others that run on, and not started again
        loops = each.reason == CRASH_LOOP or each.status.restart_count > 0 or (stays is not None and stays.exit_code)
        # Between two tries a container runs for a moment; what counts is how the one before ended.
        if each.steady(case.now):
            continue
        if each.ended is not None and loops and not each.status.ready and not each.passing:
            yield each
    yield from (each for each in of_the_failed(case) if each.ended is not None and not each.passing)


def of_the_failed(case: Case) -> Iterator[Stuck]:
    """Containers of the newest pod that failed, where no other is there and it was not taken away."""
    if case.running_pods or case.starting_pods or (isinstance(case.work, Job) and over(case.work)):
        return
    failed = newest_failed(case)
    if failed is not None and not disrupted(failed):
        yield from statuses(failed)


def killed_by(case: Case, each: Stuck, probe: str) -> str:
    """The kubelet's words that it killed a container because of a probe; empty if it has run for long since."""
    words, running = f"Container {each.status.name} failed {probe} probe", each.status.state.running
    since = seconds(running.started_at) if running is not None and each.steady(case.now) else 0.0
    for event in reversed(case.events(each.pod)):
        if event.reason == "Killing" and words in event.message and seconds(event.at) >= since:
            return event.message
    return ""


def disrupted(pod: Pod) -> str:
    """Why a pod was taken away, whatever its program did: drained, preempted, by its kubelet; empty if it was not."""
    said = condition(pod.status.conditions, "DisruptionTarget")
    return said.reason if said is not None and said.true else ""


def newest_failed(case: Case) -> Pod | None:
    """The subject's pod that failed last."""
    failed = [pod for pod in case.pods if pod.status.phase == "Failed"]
    return max(failed, key=lambda pod: pod.metadata.creation_timestamp, default=None)


def said_last(case: Case, pod: Pod, reason: str, words: str) -> str:
    """The newest event of a pod with a reason and these words in it; empty if there is none."""
    for each in reversed(case.events(pod)):
        if each.reason == reason and words in each.message:
            return each.message
    return ""
