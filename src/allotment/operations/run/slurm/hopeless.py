"""What a Slurm could never run, whoever ends there: told before it is handed in, with the field of its job file.

Only what nothing else can overrule: a limit of a quality of service holds in place of those of accounts, and that of a
partition's own in place of all. What is merely not known refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.rules.slurm.places import no_such_node
from allotment.diagnose.slurm.limits import JOBS, MINUTES, BindingLimit, binding_limits, job_limits
from allotment.diagnose.slurm.room import room_for
from allotment.diagnose.slurm.view import SlurmView
from allotment.model.slurm.seen import SlurmQos
from allotment.model.slurm.tres import GPUS

_ACCELERATORS: Final = "resources.accelerators.count"
_FIELDS: Final = {"cpu": "resources.cpu", "mem": "resources.memory", "node": "replicas"}


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Why a job could never start.

    Attributes:
        why: in a sentence.
        fix: with the field of the job file.
        amounts: whether CPU or memory may be what is too much.
    """

    why: str
    fix: str
    amounts: bool = False


def hopeless_there(view: SlurmView, *, timed: bool) -> Hopeless | None:
    """Why a job that is supposed could never start; None where it could, or that is not sure.

    Args:
        view: with the job.
        timed: whether it asks for a time limit; else Slurm gives it one that is let.
    """
    if not view.partitions:
        return None
    for limit in _limits(view):
        if limit.resource != MINUTES or timed:
            return Hopeless(limit.exceeded(), _lower(limit), amounts=limit.resource in {"cpu", "mem"})
    finding = no_such_node(view)
    if finding is None:
        return None
    room = room_for(view)
    if room.ever:
        return Hopeless(finding.summary, f"lower replicas in its job file: {len(room.ever)} such nodes are there")
    fields = f"{_ACCELERATORS}, " if room.need.gres else ""
    return Hopeless(
        finding.summary,
        f"ask for less in one replica ({fields}resources.cpu, resources.memory in its job file), or for fewer replicas",
        amounts=True,
    )


def _limits(view: SlurmView) -> Iterator[BindingLimit]:
    """Those that the job alone exceeds and that hold whatever else is set."""
    names = {each.own_qos for each in view.partitions}
    first = tuple(each for each in view.facts.qualities if each.name in names)
    then = () if view.qos is None else (view.qos,)
    for each in (*job_limits(view), *binding_limits(view)):
        before = first if each.key.startswith("qos:") else (*first, *then)
        if each.hopeless and each.resource != JOBS and not any(_sets(qos, each) for qos in before):
            yield each


def _sets(qos: SlurmQos, limit: BindingLimit) -> bool:
    """Whether a quality of service says something of what is limited, and so may hold in place of the limit."""
    if limit.resource == MINUTES:
        return qos.minutes is not None
    return any(limit.resource in each for each in (qos.group, qos.per_user, qos.per_account, qos.per_job))


def _lower(limit: BindingLimit) -> str:
    if limit.resource == MINUTES:
        return f"lower maxRunTime in its job file to {limit.most}m at most"
    field = _FIELDS.get(limit.resource, _ACCELERATORS if limit.resource.startswith(GPUS) else "")
    named = f"{field}, or replicas," if field != "replicas" else field
    return f"lower {named} in its job file" if field else f"ask for {limit.most} {limit.resource} at most"
