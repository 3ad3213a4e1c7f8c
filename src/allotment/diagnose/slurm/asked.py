"""The job of a Slurm that a case is about."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.slurm.view import SlurmView


def slurm_view(case: Case) -> SlurmView | None:
    """The job among all others; None where the source is no Slurm, or the subject none of its jobs."""
    facts, work = case.source.slurm, case.work or case.subject
    if facts is None or work is None:
        return None
    number = facts.named.get(f"{work.namespace}/{work.name}")
    job = next((each for each in facts.jobs if each.job_id == number), None)
    return None if job is None else SlurmView(facts, job, case.now)
