"""Kueue's feature gates that change decisions, by minor version (`pkg/features/kube_features.go`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import InputError


@dataclass(frozen=True, slots=True)
class Gates:
    """Decision-relevant gates. Field names are Kueue's gate names in snake case."""

    priority_sorting_within_cohort: bool = True
    partial_admission: bool = True
    prioritize_preemptor_workloads: bool = False
    fair_sharing_preempt_within_nominal: bool = True
    fair_sharing_prioritize_non_borrowing: bool = True
    scheduling_equivalence_hashing: bool = True
    flavor_fungibility_preserve_scan_progress: bool = True
    recompute_assignment_upon_overlap: bool = True
    tas_profile_mixed: bool = True
    tas_recompute_assignment_within_cycle: bool = True
    tas_handle_overlapping_flavors: bool = True


_V020: Final = Gates()
_V019: Final = replace(_V020, recompute_assignment_upon_overlap=False)
# Patch releases of 0.19 preserve the progress of the flavor scan: seen on the real v0.19.2.
_V018: Final = replace(
    _V019, flavor_fungibility_preserve_scan_progress=False, tas_recompute_assignment_within_cycle=False
)
_V017: Final = replace(_V018, scheduling_equivalence_hashing=False, tas_handle_overlapping_flavors=False)

_BY_VERSION: Final = {"0.17": _V017, "0.18": _V018, "0.19": _V019, "0.20": _V020}
SUPPORTED_VERSIONS: Final = tuple(_BY_VERSION)


def gates_for(version: str) -> Gates:
    """Gate defaults of a Kueue minor version ("0.17" to "0.20").

    Raises:
        InputError: the version is not one of `SUPPORTED_VERSIONS`.
    """
    gates = _BY_VERSION.get(version)
    if gates is None:
        raise InputError(
            f"Kueue version {version!r} is not known to the engine",
            fix=f"use one of {', '.join(SUPPORTED_VERSIONS)}",
        )
    return gates
