"""What giving an object back does to the work that relies on it: decided from what was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.model.manifest import Body
from allotment.model.policy import PolicyName
from allotment.plan.adoption.adopting import Hindrance
from allotment.plan.adoption.around import queue_stake
from allotment.plan.caution import cautions
from allotment.plan.selectors import matches
from allotment.plan.uncounted import Holding, told

_NAME: Final = "kubernetes.io/metadata.name"
_NAMED: Final = 5
_UNCOUNTED: Final = (
    "wait until the work has ended, or end it: Kueue does not stop it and would count it nowhere any more, so the same "
    "devices would be promised again"
)
LEFT_WAITING: Final = (
    "what waits in it waits for ever once it is gone, and what is evicted later does not come back: let that work name "
    "another LocalQueue first (label kueue.x-k8s.io/queue-name, which a Job takes while it waits), or make one of this "
    "name afterwards"
)
"""What becomes of work in a LocalQueue that is deleted."""


def queue_at_stake(queue: Body, work: Iterable[Body]) -> str:
    """Work that a ClusterQueue or LocalQueue holds, with the names of what waits in a LocalQueue.

    Args:
        queue: live.
        work: Kueue's Workloads of its namespace; nothing for a ClusterQueue.
    """
    names = sorted(_owner(body) for body in work if _waits_in(body, queue))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    waiting = f"waiting: {', '.join(names[:_NAMED])}{more}" if names else ""
    return ", ".join(filter(None, (queue_stake(queue), waiting)))


def _waits_in(workload: Body, queue: Body) -> bool:
    status = workload.get("status") or {}
    ended = any(
        (each.get("type"), each.get("status")) == ("Finished", "True") for each in status.get("conditions") or ()
    )
    mine = (workload.get("spec") or {}).get("queueName") == queue["metadata"]["name"]
    return mine and not ended and not status.get("admission")


def _owner(workload: Body) -> str:
    """What people know it by: the Job, not Kueue's Workload."""
    owners = workload["metadata"].get("ownerReferences") or ()
    return next((f"{owner['kind']} {owner['name']}" for owner in owners), f"Workload {workload['metadata']['name']}")


def lowered(live: Body, after: Body) -> tuple[str, ...]:
    """Earlier limits that lie below what is in use."""
    return tuple(warning.message for warning in cautions(live, after))


def no_longer_counted(lost: tuple[Holding, ...]) -> tuple[Hindrance, ...]:
    """What stands against giving a queue back that earlier did not have a flavor which work holds now."""
    return (Hindrance(f"it would no longer count what runs: {told(lost)}", _UNCOUNTED),) if lost else ()


def refused_outside(space: Body, after: Body, selectors: Iterable[Body]) -> Iterator[str]:
    """What a namespace's work loses with its team, where the policy about accelerators then refuses there.

    Args:
        space: the namespace, live.
        after: as it is when it was given back.
        selectors: of the live bindings that refuse outside of teams (`plan.in_use.Reach`).
    """
    name = space["metadata"]["name"]
    before, then = ({**(body["metadata"].get("labels") or {}), _NAME: name} for body in (space, after))
    if any(matches(selector, then) and not matches(selector, before) for selector in selectors):
        yield (
            f"once it is no team's, {PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES} refuses the replacement pods of "
            f"work with accelerators there: for that work to go on, put {name} into warnNamespaces and `allot apply` "
            "first"
        )
