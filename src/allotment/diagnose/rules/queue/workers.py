"""Worker clusters of MultiKueue: which a check names, which of them cannot be used, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import condition, is_true
from allotment.model.observed.queueing import AdmissionCheck, MultiKueueCluster
from allotment.scheduling.snapshot.queues import MULTI_KUEUE

_UNREACHED: Final = ("ClientConnectionFailed", "")
"""Reasons that tell of the connection; all others tell of how the cluster is named or its kubeconfig kept."""


@dataclass(frozen=True, slots=True)
class LostWorker:
    """A worker cluster that cannot be used.

    Attributes:
        cluster: None if there is no MultiKueueCluster of the name.
    """

    name: str
    cluster: MultiKueueCluster | None

    @property
    def reason(self) -> str:
        """In Kueue's words; empty where it has not said any."""
        told = None if self.cluster is None else condition(self.cluster.status.conditions, "Active")
        return "" if told is None else told.reason

    @property
    def misconfigured(self) -> bool:
        """Whether somebody has to change what is written of it; a connection can come back by itself."""
        return self.cluster is None or self.reason not in _UNREACHED

    @property
    def says(self) -> str:
        """Its name with why it cannot be used."""
        if self.cluster is None:
            return f"{self.name} (no such MultiKueueCluster)"
        told = condition(self.cluster.status.conditions, "Active")
        return (
            f"{self.name} ({quoted_message(told.message or told.reason)})"
            if told is not None
            else f"{self.name} (state not known)"
        )

    @property
    def mended(self) -> Proposal:
        """Whether work then runs there cannot be tried here: the worker is another cluster."""
        return Proposal(
            RemedyKind.FIX_ADMISSION_CHECK,
            Doer.PLATFORM,
            self._what(),
            None if self.cluster is None else reference_of(self.cluster),
            Patch(PatchOp.SIGNAL, {"cluster": self.name}),
            cost=2,
        )

    def _what(self) -> str:
        if self.cluster is None:
            return f"create the MultiKueueCluster {self.name}"
        spec = self.cluster.spec
        place = spec.cluster_source.kube_config or spec.kube_config
        if not self.misconfigured or place is None:
            return f"mend the connection to the worker cluster {self.name}"
        return (
            f"put a kubeconfig of the worker cluster {self.name} into the {place.location_type} {place.location}"
            " that Kueue reads"
        )


def workers_of(case: Case, check: AdmissionCheck | None) -> tuple[str, ...] | None:
    """Worker clusters that a check's configuration names; None where that was not seen."""
    if check is None or check.spec.controller_name != MULTI_KUEUE or check.spec.parameters is None:
        return None
    named = check.spec.parameters.name
    return next((each.spec.clusters for each in case.index.objects.multi_kueue_configs if each.name == named), None)


def lost_workers(case: Case, check: AdmissionCheck | None) -> tuple[LostWorker, ...]:
    """Those of a check's worker clusters that cannot be used."""
    return tuple(lost_among(case, workers_of(case, check) or ()))


def lost_among(case: Case, names: Sequence[str]) -> Iterator[LostWorker]:
    """Those of some worker clusters that cannot be used."""
    if not case.seen("multikueueclusters"):
        return
    known = {each.name: each for each in case.index.objects.multi_kueue_clusters}
    for name in names:
        cluster = known.get(name)
        if cluster is None or not is_true(cluster.status.conditions, "Active"):
            yield LostWorker(name, cluster)


def fault_of(lost: Sequence[LostWorker]) -> CauseVerdict:
    """Broken where one of them may be reached again as it is written."""
    return CauseVerdict.MISCONFIGURED if all(each.misconfigured for each in lost) else CauseVerdict.BROKEN


def seen(lost: Sequence[LostWorker]) -> Iterator[Evidence]:
    """What Kueue says of them."""
    for each in lost:
        if each.cluster is not None:
            yield Evidence(reference_of(each.cluster), "status.conditions[Active]", "False", each.says)
