"""Use case: try to break the guardrails of a live cluster, and write down what happened.

Everything is a server-side dry run, as somebody else where it matters, but for what a dry run cannot show: a Deployment
without pods, from which a queue label is taken, and small work that Kueue is to admit, charge and run. All of it is
removed whatever happens, and a run that was killed is swept up after by the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final

from allotment.errors import AllotmentError, NotFoundError
from allotment.model.cluster import Cluster
from allotment.model.labels import FIELD_MANAGER
from allotment.model.manifest import Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.operations.change.living import wanted_of
from allotment.operations.change.planning import WORKERS, PlanSettings, make_plan, side_by_side
from allotment.operations.change.surroundings import look_around
from allotment.operations.prove.jobs import sweep
from allotment.operations.prove.probes import Progress, Prover
from allotment.plan.changes import Blocked, Change, Conflict, Delete, Drain, Update
from allotment.plan.changes import Create as PlannedCreate
from allotment.plan.strangers.grounds import grounds
from allotment.ports.clock import Clock
from allotment.ports.kube import AccessQuestion, KubePort, RefusedError
from allotment.prove.guardrails import GUARDRAILS
from allotment.prove.scene import DeclaredCluster, Scene
from allotment.prove.verdicts import ProofReport, Result
from allotment.render.policies.admission import ADMISSION_API

_FIELDS_SHOWN: Final = 3


def _silent(_result: Result) -> None:
    return None


SETTLING: Final = 60.0
"""Seconds after our last apply within which the API server may not have read all policies yet (over 30 s seen, on a
busy machine): so long a probe that fails is tried again."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What of all that can be tried is tried, and how.

    Attributes:
        teams: names of teams; None means all of the cluster. The platform's own guardrails are tried anyway.
        guardrails: ids of guardrails; None means all.
        work: whether work is run for real, too.
        settling: seconds after our last apply for which a dry run that fails is repeated.
    """

    teams: Collection[str] | None = None
    guardrails: Collection[str] | None = None
    work: bool = True
    settling: float = SETTLING


EVERYTHING: Final = Selection()


def prove(
    platform: Platform,
    cluster: Cluster,
    kube: KubePort,
    clock: Clock,
    *,
    selection: Selection = EVERYTHING,
    progress: Progress = _silent,
) -> ProofReport:
    """Try every guardrail of a cluster; one bad probe does not stop the rest.

    Args:
        platform: the declaration.
        cluster: which of its clusters.
        kube: that cluster's API server, as a platform engineer who may impersonate.
        clock: time of the evidence, and of waiting for Kueue.
        selection: what is tried, and how.
        progress: told every result as it comes.

    Raises:
        NotFoundError: no such team in the cluster, or no such guardrail.
        NotSignedInError: no valid credentials.
        UnreachableError: the server does not answer at all.
    """
    _check_names(platform, cluster, selection)
    wanted = wanted_of(platform, cluster, kube)
    platform, cluster = wanted.platform, wanted.cluster
    here = DeclaredCluster(platform, cluster, wanted.manifests)
    scenes = tuple(here.scenes(selection.teams))
    started, server = clock.now(), kube.server()
    for scene in scenes:
        sweep(kube, scene.namespace)
    around = cache(partial(look_around, kube, grounds(platform, cluster, here.manifests, clock.now().date())))
    missing = _missing(kube, scenes)
    prover = Prover(
        kube,
        clock,
        _differences(here.manifests, platform, kube, clock),
        around,
        progress,
        work=selection.work,
        settled=_applied(kube) + selection.settling,
        ourselves=kube.whoami().user,
    )
    for guardrail in GUARDRAILS:
        if selection.guardrails is None or guardrail.id in selection.guardrails:
            prover.try_all(guardrail, here, scenes)
    return ProofReport(
        platform=platform.name,
        cluster=cluster.name,
        server=server.url,
        version=server.version,
        started=started,
        finished=clock.now(),
        results=tuple(prover.results),
        missing=missing,
    )


def _applied(kube: KubePort) -> float:
    """When we last wrote a policy, by the server's own record, in seconds since the epoch; 0 if that is not known."""
    written = [0.0]
    with suppress(RefusedError):
        for kind in ("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"):
            for body in kube.list(ADMISSION_API, kind):
                written += [
                    dt.datetime.fromisoformat(entry["time"]).timestamp()
                    for entry in body["metadata"].get("managedFields") or ()
                    if entry.get("manager") == FIELD_MANAGER and entry.get("time")
                ]
    return max(written)


def _check_names(platform: Platform, cluster: Cluster, selection: Selection) -> None:
    present = [team.name for team, _ in platform.teams_in(cluster.name)]
    for team in selection.teams or ():
        if team not in present:
            raise NotFoundError(
                f"team {team} is not in cluster {cluster.name}", fix=f"its teams are {', '.join(present) or 'none'}"
            )
    known = [guardrail.id for guardrail in GUARDRAILS]
    for name in selection.guardrails or ():
        if name not in known:
            raise NotFoundError(f"there is no guardrail {name}", fix=f"there are {', '.join(known)}")


def _differences(
    desired: Manifests, platform: Platform, kube: KubePort, clock: Clock
) -> Mapping[ObjectKey, str] | AllotmentError:
    """What differs from the declaration, by object; or why that could not be found out."""
    try:
        plan = make_plan(desired, kube, PlanSettings(platform.name, clock.now().date()))
    except RefusedError as error:
        return error
    return {change.key: text for change in plan.changes if (text := _difference(change))}


def _difference(change: Change) -> str:
    match change:
        case PlannedCreate(manifest):
            return f"{manifest.key} is missing"
        case Update(manifest, _, fields):
            shown = ", ".join(f"{item.field} is {item.old!r}, not {item.new!r}" for item in fields[:_FIELDS_SHOWN])
            return f"{manifest.key} was changed: {shown or 'fields of ours were given up'}"
        case Conflict(manifest, _, contested):
            shown = ", ".join(f"{item.field} by {item.manager}" for item in contested[:_FIELDS_SHOWN])
            return f"{manifest.key} was changed: {shown}"
        case Blocked(key, _, what, why, _):
            return f"{key}: {what}: {why}"
        case Delete() | Drain():
            return ""


_REVIEWS: Final = AccessQuestion("create", "authorization.k8s.io", "subjectaccessreviews")
_ACTING: Final = {resource: AccessQuestion("impersonate", "", resource) for resource in ("users", "groups")}


def _missing(kube: KubePort, scenes: tuple[Scene, ...]) -> tuple[str, ...]:
    """Rights without which nothing can be tried as somebody of the teams, if we lack them; before anything is tried."""
    people = {persona for scene in scenes for persona in scene.people}
    names = {
        "users": {persona.user for persona in people},
        "groups": {group for persona in people for group in persona.groups},
    }
    lacking = [question for resource, question in _ACTING.items() if not _may_act(kube, question, names[resource])]
    return tuple(map(str, (*lacking, *(() if kube.permitted(_REVIEWS) else (_REVIEWS,)))))


def _may_act(kube: KubePort, question: AccessQuestion, names: Collection[str]) -> bool:
    """Whether we may be all of these: because we may be anybody, or by name."""
    named = [replace(question, name=name) for name in sorted(names)]
    return kube.permitted(question) or all(side_by_side(kube.permitted, named, WORKERS))
