"""What a cause on a Slurm rests on, as evidence."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.slurm.view import SlurmView
from allotment.model.explanation import Evidence
from allotment.model.observed.base import Reference

_API: Final = "slurm"


def slurm_reference(kind: str, name: str) -> Reference:
    """An object of a Slurm, such as a node."""
    return Reference(api_version=_API, kind=kind, namespace="", name=name)


def reason_evidence(view: SlurmView) -> tuple[Evidence, ...]:
    """The reason that Slurm gives; nothing of a job that is only supposed."""
    if view.supposed or not view.job.reasons:
        return ()
    job = view.job
    said = ", ".join(job.reasons)
    return (Evidence(slurm_reference("Job", job.called), "reason", f"{said}: {job.said}" if job.said else said),)
