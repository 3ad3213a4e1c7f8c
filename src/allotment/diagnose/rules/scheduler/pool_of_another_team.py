"""The only nodes that would do are dedicated to another team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.diagnose.rules.scheduler.shaping import other_pools
from allotment.diagnose.rules.scheduler.tainted import untolerated, written
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind
from allotment.model.labels import TEAM, TENANT
from allotment.model.observed.namespaced import Namespace

_OWNERS: Final = frozenset({"team", "tenant", "owner", "owned-by", "group", "project", "customer"})


class _Names:
    """Names of all namespaces, and of the teams that they are of."""

    def __init__(self, namespaces: Sequence[Namespace]) -> None:
        self.namespaces = {each.name for each in namespaces}
        self.teams = {each.metadata.labels.get(key, "") for each in namespaces for key in (TEAM, TENANT)}


def find(case: Case) -> Finding | None:
    """The value of the taint is the name of a team or namespace, and not of the asker's."""
    found, it = untolerated(case), placing(case)
    if not found:
        return None
    known = case.index.beside.once(_Names, lambda: _Names(case.index.objects.namespaces))
    names, teams, own = known.namespaces, known.teams, _own(case)
    kinds = set(found.values())
    foreign = {
        taint
        for taints in kinds
        for taint in taints
        if taint.value in (names | teams) - {""} - own
        or f"team-{taint.value}" in names - own
        or (_says_whose(taint.key) and taint.value not in own)
    }
    if any(not set(taints) & foreign for taints in kinds):
        return None
    said = ", ".join(sorted(written(each) for each in foreign))
    ask = Proposal(
        RemedyKind.ASK_PERMISSION,
        Doer.TEAM_OWNER,
        "ask those who own the nodes, or use nodes that are open to all",
        None,
        Patch(PatchOp.SIGNAL, {"taint": said}),
        cost=5,
    )
    return about_room(
        "pool-of-another-team",
        CauseVerdict.MISCONFIGURED,
        f"{listed(found)} {'is' if len(found) == 1 else 'are'} kept for another team by the taint "
        f"{', '.join(sorted({each.key for each in foreign}))}",
        it,
        together(other_pools(it, 0), (ask,)),
        {"taint_keys": sorted({each.key for each in foreign}), "nodes_with_taint": sorted(found)},
    )


def _says_whose(key: str) -> bool:
    """Whether a taint is there to keep nodes for somebody, by its key."""
    return key.rpartition("/")[2].lower() in _OWNERS


def _own(case: Case) -> set[str]:
    labels = case.namespace_object.metadata.labels if case.namespace_object is not None else {}
    return {case.namespace, case.namespace.removeprefix("team-"), labels.get(TEAM, ""), labels.get(TENANT, "")}
