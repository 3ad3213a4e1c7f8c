"""Work that was there before the policies: which namespaces start in warn, and what the reader is told of them.

A policy refuses what controllers make anew, too. So from the first apply on, replacement pods of running work and the
Jobs of a CronJob would be refused in every namespace that the policies had not reached before. They only warn there
until an engineer decides. Where policies refuse already they go on refusing, whatever is made later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body, Manifests, ObjectKey
from allotment.model.policy import NEVER_SOFTENED, PolicyName
from allotment.plan.changes import PlanWarning, WarningCode
from allotment.plan.selectors import matches
from allotment.plan.work_found import Work, told

_NAME_LABEL: Final = "kubernetes.io/metadata.name"
_WARN: Final = "-warn"
_SOFTENED: Final = frozenset(f"{name}.{labels.DOMAIN}" for name in PolicyName if name not in NEVER_SOFTENED)
_OUTSIDE_TEAMS: Final = f"{PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES}.{labels.DOMAIN}"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the policies reach in a live cluster.

    Attributes:
        known: whether policies for the teams' namespaces were ever applied.
        refused_outside: selectors of the bindings that refuse work with accelerators outside the teams' namespaces.
        warned: namespaces in which policies only warn now.
        kept: those of them that nobody declared.
    """

    known: bool
    refused_outside: tuple[Body, ...]
    warned: frozenset[str]
    kept: frozenset[str]


NOWHERE: Final = Reach(known=False, refused_outside=(), warned=frozenset(), kept=frozenset())


def reach_of(policies: Iterable[Body], bindings: Iterable[Body]) -> Reach:
    """Read it off the live policies and bindings that carry our platform's label."""
    refused: list[Body] = []
    warned: set[str] = set()
    kept: set[str] = set()
    for body in bindings:
        policy = str(body["spec"].get("policyName", ""))
        selector = (body["spec"].get("matchResources") or {}).get("namespaceSelector") or {}
        if policy in _SOFTENED and body["metadata"]["name"] == f"{policy}{_WARN}":
            warned |= _among(selector)
            kept |= _noted(body)
        elif policy == _OUTSIDE_TEAMS and "Deny" in (body["spec"].get("validationActions") or ()):
            refused.append(selector)
    names = {body["metadata"]["name"] for body in policies}
    return Reach(bool(names & (_SOFTENED - {_OUTSIDE_TEAMS})), tuple(refused), frozenset(warned), frozenset(kept))


def _among(selector: Body) -> set[str]:
    return {
        str(value)
        for one in selector.get("matchExpressions") or ()
        if (one.get("key"), one.get("operator")) == (_NAME_LABEL, "In")
        for value in one.get("values") or ()
    }


def _noted(binding: Body) -> set[str]:
    text = (binding["metadata"].get("annotations") or {}).get(labels.KEPT_IN_WARN, "")
    return {name for name in text.split(",") if name}


@dataclass(frozen=True, slots=True)
class Reached:
    """Namespaces that exist and that the policies are about to reach.

    Attributes:
        of_teams: those of teams that stay: policies reach all work in them.
        others: those of nobody: only work with accelerators is reached.
        unlisted: namespaces that only warned because the directory named them, and that it names no longer.
    """

    of_teams: frozenset[str]
    others: frozenset[str]
    unlisted: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted(self.of_teams | self.others))


def reached(
    spaces: Iterable[Body], teams: Iterable[str], left_alone: Iterable[str], declared: Iterable[str], reach: Reach
) -> Reached:
    """Which namespaces to look at for work.

    Args:
        spaces: the live namespaces.
        teams: names of the namespaces of teams that stay.
        left_alone: namespaces that no policy touches.
        declared: `warnNamespaces` of the cluster.
        reach: how far the policies reach now.
    """
    ours, settled = frozenset(teams), {*left_alone, *declared}
    live = {body["metadata"]["name"]: body["metadata"].get("labels") or {} for body in spaces}
    concerned = {name: marks for name, marks in live.items() if name not in settled}
    unlisted = (reach.warned - reach.kept) & concerned.keys()

    def new(name: str, marks: Mapping[str, str]) -> bool:
        if name not in ours and labels.TENANT in marks:
            return False  # of a team that leaves, or that nobody declares: nothing new may run there
        if name in reach.warned:
            return True
        if name in ours:
            # One of ours that lost its team's label is no newcomer: what is put right goes on refusing.
            ours_already = labels.TENANT in marks or marks.get(labels.MANAGED_BY) == labels.MANAGED_BY_VALUE
            return not (reach.known and ours_already)
        return not any(matches(selector, {**marks, _NAME_LABEL: name}) for selector in reach.refused_outside)

    found = frozenset(name for name, marks in concerned.items() if new(name, marks))
    return Reached(found & ours, found - ours, unlisted)


def kept_in_warn(found: Iterable[Work], places: Reached) -> tuple[str, ...]:
    """Namespaces that start in warn: with work that the policies reach, and that the directory has not let go of."""
    return tuple(sorted({work.namespace for work in touched(found, places)} - places.unlisted))


def touched(found: Iterable[Work], places: Reached) -> tuple[Work, ...]:
    """The work that policies reach: all of a team's, and elsewhere what asks for accelerators."""
    return tuple(
        work for work in found if work.namespace in places.of_teams or (work.namespace in places.others and work.asks)
    )


def warnings(found: Iterable[Work], places: Reached, listed: Iterable[str], where: str) -> tuple[PlanWarning, ...]:
    """What is said of each of these namespaces.

    Args:
        found: the work in them.
        places: the namespaces.
        listed: `warnNamespaces` as declared.
        where: the file of the Cluster document; empty if it is not known.
    """
    by_namespace: dict[str, list[Work]] = {}
    for work in touched(found, places):
        by_namespace.setdefault(work.namespace, []).append(work)
    kept = set(by_namespace) - places.unlisted

    def edit(names: Iterable[str]) -> str:
        return f"warnNamespaces: [{', '.join(sorted(names))}] in {where or 'the Cluster document'}"

    make, back = edit({*listed, *kept}), edit({*listed, *by_namespace})
    return tuple(
        PlanWarning(
            WarningCode.IN_USE,
            ObjectKey("", "Namespace", "", name),
            _message(name, works, places, back if name in places.unlisted else make),
        )
        for name, works in sorted(by_namespace.items())
    )


def _message(name: str, works: list[Work], places: Reached, edit: str) -> str:
    if name in places.unlisted:
        return (
            f"from now on policies refuse here what only got a warning, replacement pods included: {told(works)}. "
            f"For that work to go on, write {edit} before you apply, and take the name out when it has ended"
        )
    of_team = name in places.of_teams
    warn = "policies about work only warn" if of_team else "the policy about accelerators outside of teams only warns"
    exempt = "" if of_team else "; if it is the system's, name it in exemptNamespaces of the Platform document"
    return (
        f"was in use before the policies: {told(works)}. So {warn} here, until that work is gone or you decide: "
        f"write {edit}, and take the name out again for them to refuse{exempt}"
    )


def only_warned(desired: Manifests) -> str:
    """Where policies only warn, in a sentence; empty where there is no such namespace."""
    bindings = (item.body for item in desired if item.key.kind == "ValidatingAdmissionPolicyBinding")
    reach = reach_of((), bindings)
    if not reach.warned:
        return ""
    names = (f"{name} (in use before them)" if name in reach.kept else name for name in sorted(reach.warned))
    return f"policies about work only warn in {', '.join(names)}"
