"""Why a workload was not admitted: a closed, ordered vocabulary that renders Kueue's own message text.

`Cause` is the dominant reason (ordered, after Kueue's KEP-10852): the larger one hides the smaller one. `Detail` is
one finding about one flavor or PodSet; `Refusal` is everything one scheduling attempt found out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from allotment.scheduling.queueing.quantity import render_amount


class Cause(IntEnum):
    """The dominant reason of a pending workload, least severe first.

    Everything up to WAITING_FOR_QUOTA resolves itself when others finish; from EXCEEDS_MAX_QUOTA on somebody has to
    change the workload, the quota or the flavors, or let the queue go on.
    """

    NOT_EVALUATED = 0
    BEHIND_EQUAL_SHAPE = 1
    WAITING_FOR_PREEMPTED_WORKLOADS = 2
    TOPOLOGY_PLACEMENT_FAILED = 3
    WAITING_FOR_QUOTA = 4
    EXCEEDS_MAX_QUOTA = 5
    NO_MATCHING_FLAVOR = 6
    QUEUE_STOPPED = 7

    @property
    def misconfigured(self) -> bool:
        """True if waiting alone can never help."""
        return self >= Cause.EXCEEDS_MAX_QUOTA


class DetailKind(IntEnum):
    """The kinds of findings a flavor scan can report."""

    FLAVOR_NOT_FOUND = 0
    RESOURCE_UNAVAILABLE = 1
    UNTOLERATED_TAINT = 2
    AFFINITY_MISMATCH = 3
    TOPOLOGY_UNSUPPORTED = 4
    TOPOLOGY_ONLY = 5
    TOPOLOGY_LEVEL_MISSING = 6
    NOT_NOMINATED = 7
    EXCEEDS_MAX_QUOTA = 8
    INSUFFICIENT_UNUSED_QUOTA = 9
    TOPOLOGY_DOES_NOT_FIT = 10
    TOPOLOGY_FLAVOR_UNCLEAR = 11


_CAUSE_OF_KIND: Final = {
    DetailKind.FLAVOR_NOT_FOUND: Cause.NO_MATCHING_FLAVOR,
    DetailKind.RESOURCE_UNAVAILABLE: Cause.NO_MATCHING_FLAVOR,
    DetailKind.UNTOLERATED_TAINT: Cause.NO_MATCHING_FLAVOR,
    DetailKind.AFFINITY_MISMATCH: Cause.NO_MATCHING_FLAVOR,
    DetailKind.TOPOLOGY_UNSUPPORTED: Cause.NO_MATCHING_FLAVOR,
    DetailKind.TOPOLOGY_ONLY: Cause.NO_MATCHING_FLAVOR,
    DetailKind.TOPOLOGY_LEVEL_MISSING: Cause.NO_MATCHING_FLAVOR,
    DetailKind.NOT_NOMINATED: Cause.WAITING_FOR_QUOTA,
    DetailKind.EXCEEDS_MAX_QUOTA: Cause.EXCEEDS_MAX_QUOTA,
    DetailKind.INSUFFICIENT_UNUSED_QUOTA: Cause.WAITING_FOR_QUOTA,
    DetailKind.TOPOLOGY_DOES_NOT_FIT: Cause.TOPOLOGY_PLACEMENT_FAILED,
    DetailKind.TOPOLOGY_FLAVOR_UNCLEAR: Cause.NO_MATCHING_FLAVOR,
}


class Detail:
    """One finding. Which of the fields are set depends on `kind`; amounts are in Kueue's internal units.

    Attributes:
        kind: what was found.
        flavor: the flavor it is about.
        resource: the resource it is about.
        subject: the taint as Kubernetes prints it, or the ready text of a topology finding.
        assumed, requested, limit: the three amounts of a quota finding.
    """

    __slots__ = ("assumed", "flavor", "kind", "limit", "requested", "resource", "subject")

    def __init__(
        self,
        kind: DetailKind,
        flavor: str,
        resource: str = "",
        subject: str = "",
        amounts: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        self.kind: DetailKind = kind
        self.flavor: str = flavor
        self.resource: str = resource
        self.subject: str = subject
        self.assumed: int = amounts[0]
        self.requested: int = amounts[1]
        self.limit: int = amounts[2]

    @property
    def cause(self) -> Cause:
        """The cause this finding argues for."""
        return _CAUSE_OF_KIND[self.kind]

    def text(self) -> str:
        """The finding in Kueue's words."""
        kind = self.kind
        if kind == DetailKind.EXCEEDS_MAX_QUOTA:
            assumed, requested, limit = (
                render_amount(self.resource, amount) for amount in (self.assumed, self.requested, self.limit)
            )
            return (
                f"insufficient quota for {self.resource} in flavor {self.flavor}, previously considered podsets "
                f"requests ({assumed}) + current podset request ({requested}) > maximum capacity ({limit})"
            )
        if kind == DetailKind.INSUFFICIENT_UNUSED_QUOTA:
            missing = render_amount(self.resource, self.assumed + self.requested - self.limit)
            return f"insufficient unused quota for {self.resource} in flavor {self.flavor}, {missing} more needed"
        return _PLAIN_TEXT[kind].format(flavor=self.flavor, resource=self.resource, subject=self.subject)


_PLAIN_TEXT: Final = {
    DetailKind.FLAVOR_NOT_FOUND: "flavor {flavor} not found",
    DetailKind.RESOURCE_UNAVAILABLE: "resource {resource} unavailable in ClusterQueue",
    DetailKind.UNTOLERATED_TAINT: "untolerated taint {subject} in flavor {flavor}",
    DetailKind.AFFINITY_MISMATCH: "flavor {flavor} doesn't match node affinity",
    DetailKind.TOPOLOGY_UNSUPPORTED: 'Flavor "{flavor}" does not support TopologyAwareScheduling',
    DetailKind.TOPOLOGY_ONLY: 'Flavor "{flavor}" supports only TopologyAwareScheduling',
    DetailKind.TOPOLOGY_LEVEL_MISSING: 'Flavor "{flavor}" does not contain the requested level',
    DetailKind.NOT_NOMINATED: (
        "skipping flavor {flavor} as it is not found in the nomination mapping for resource {resource}"
    ),
    DetailKind.TOPOLOGY_DOES_NOT_FIT: "{subject}",
    DetailKind.TOPOLOGY_FLAVOR_UNCLEAR: "{subject}",
}


class RefusalKind(IntEnum):
    """How a scheduling attempt of a head ended without admission."""

    UNASSIGNABLE = 0
    PREEMPTING = 1
    OVERLAPPING_TARGETS = 2
    DEFERRED_BEHIND_PREEMPTION = 3
    LOST_RACE = 4


_KIND_TEXT: Final = {
    RefusalKind.OVERLAPPING_TARGETS: "Workload has overlapping preemption targets with another workload",
    RefusalKind.DEFERRED_BEHIND_PREEMPTION: (
        "Workload has overlapping preemption targets with another workload, "
        "but will fit after these preemptions complete"
    ),
    RefusalKind.LOST_RACE: "Workload no longer fits after processing another workload",
}


class Refusal:
    """Everything one attempt found out.

    Attributes:
        kind: how the attempt ended.
        findings: per PodSet that is not a plain fit, its name and findings.
        preempting: number of workloads whose eviction was asked for (kind PREEMPTING).
    """

    __slots__ = ("_text", "findings", "kind", "preempting")

    def __init__(self, kind: RefusalKind, findings: list[tuple[str, list[Detail]]], preempting: int = 0) -> None:
        self.kind: RefusalKind = kind
        self.findings: list[tuple[str, list[Detail]]] = findings
        self.preempting: int = preempting
        self._text: str | None = None

    @property
    def text(self) -> str:
        """Kueue's message of the QuotaReserved=False condition."""
        if self._text is None:
            self._text = _KIND_TEXT.get(self.kind) or self._findings_text()
        return self._text

    def _findings_text(self) -> str:
        parts: list[str] = []
        for pod_set, details in self.findings:
            if details[-1].kind == DetailKind.TOPOLOGY_FLAVOR_UNCLEAR:
                return f"failed to assign flavors to pod set {pod_set}: {details[-1].text()}"
            joined = ", ".join(sorted(detail.text() for detail in details))
            parts.append(f"couldn't assign flavors to pod set {pod_set}: {joined}")
        text = "; ".join(parts)
        if self.kind == RefusalKind.PREEMPTING:
            text += f". Pending the preemption of {self.preempting} workload(s)"
        return text

    @property
    def cause(self) -> Cause:
        """The dominant reason: among alternative flavors the mildest counts, among PodSets the worst."""
        if self.kind in (RefusalKind.PREEMPTING, RefusalKind.DEFERRED_BEHIND_PREEMPTION):
            return Cause.WAITING_FOR_PREEMPTED_WORKLOADS
        if self.kind != RefusalKind.UNASSIGNABLE:
            return Cause.WAITING_FOR_QUOTA
        worst = Cause.NOT_EVALUATED
        for _, details in self.findings:
            worst = max(worst, _mildest_flavor(details))
        return worst if worst != Cause.NOT_EVALUATED else Cause.WAITING_FOR_QUOTA


def _mildest_flavor(details: list[Detail]) -> Cause:
    """Per flavor the worst finding, over the flavors the mildest."""
    by_flavor: dict[str, Cause] = {}
    for detail in details:
        by_flavor[detail.flavor] = max(by_flavor.get(detail.flavor, Cause.NOT_EVALUATED), detail.cause)
    return min(by_flavor.values(), default=Cause.NOT_EVALUATED)
