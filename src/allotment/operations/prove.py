"""Use case: try to break the guardrails of a live cluster, and write down what happened.

Everything is a server-side dry run, as somebody else where it matters, but for what a dry run cannot show: a Deployment
without pods, from which a queue label is taken, and small work that Kueue is to admit, charge and run. All of it is
removed whatever happens, and a run that was killed is swept up after by the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Final

from allotment.errors import AllotmentError, NotFoundError, NotSignedInError, UnreachableError
from allotment.model.cluster import Cluster
from allotment.model.labels import FIELD_MANAGER
from allotment.model.manifest import Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.operations.living import wanted_of
from allotment.operations.nodes import look_at_nodes
from allotment.operations.planning import PlanSettings, look_at_work, make_plan, side_by_side
from allotment.operations.ports import AccessQuestion, Clock, Identity, KubePort, RefusedError
from allotment.operations.proving_jobs import make_for_real, run_job, sweep
from allotment.operations.proving_work import run_work
from allotment.operations.surroundings import look_around
from allotment.plan.changes import Blocked, Change, Conflict, Delete, Drain, Update
from allotment.plan.changes import Create as PlannedCreate
from allotment.plan.nodes import declared_nodes
from allotment.plan.strangers.grounds import grounds
from allotment.plan.strangers.stranger import Surroundings
from allotment.prove.guardrails import GUARDRAILS, Guardrail, probes
from allotment.prove.judging import Accepted, Found, NotTried, Outcome, Refused, judge
from allotment.prove.probes import (
    AskRights,
    CompareNodes,
    CompareWork,
    Create,
    Declared,
    Inspect,
    Look,
    LookAround,
    Nobody,
    Patch,
    Persona,
    Probe,
    Remove,
    Right,
    RunJob,
    RunWork,
)
from allotment.prove.scene import Scene, Stage
from allotment.prove.sources import forbids_impersonation, refuses
from allotment.prove.verdicts import ProofReport, Result, Verdict
from allotment.render.policies.admission import ADMISSION_API

Progress = Callable[[Result], None]

GIVE_UP_AFTER: Final = 3
"""Probes in a row that the server did not answer, after which the rest is not tried."""

_FIELDS_SHOWN: Final = 3


def _silent(_result: Result) -> None:
    return None


SETTLING: Final = 30.0
"""Seconds after our last apply within which the API server may not have read all policies yet (15 s seen, on a busy
machine): so long a probe that fails is tried again."""


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
    stage = Stage(platform, cluster, wanted.manifests)
    scenes = tuple(stage.scenes(selection.teams))
    started, server = clock.now(), kube.server()
    for scene in scenes:
        sweep(kube, scene.namespace)
    around = cache(partial(look_around, kube, grounds(platform, cluster, stage.manifests, clock.now().date())))
    missing = _missing(kube)
    prover = _Prover(
        kube,
        clock,
        _differences(stage.manifests, platform, kube, clock),
        around,
        progress,
        work=selection.work,
        settled=_applied(kube) + selection.settling,
        ourselves=kube.whoami().user,
    )
    for guardrail in GUARDRAILS:
        if selection.guardrails is None or guardrail.id in selection.guardrails:
            prover.try_all(guardrail, stage, scenes)
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


def _is_dry_run(probe: Probe) -> bool:
    match probe.attempt:
        case Create() | Remove():
            return True
        case Patch(given=given):
            return given is None
        case _:
            return False


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


@dataclass(slots=True)
class _Prover:
    """Carries probes out, one after the other.

    Attributes:
        differences: by object, from one plan over the whole cluster; or the error that kept us from it.
        look: at what lies beside our objects; read when it is first asked for, and then remembered.
        work: whether work is run for real, too.
        settled: when what we applied is in force for certain, in seconds since the epoch.
        silent: probes in a row that the server did not answer.
        ourselves: our own user name; a refusal of ourselves says nothing about a guardrail.
    """

    kube: KubePort
    clock: Clock
    differences: Mapping[ObjectKey, str] | AllotmentError
    look: Callable[[], Surroundings]
    progress: Progress
    results: list[Result] = field(default_factory=list)
    work: bool = True
    settled: float = 0.0
    silent: int = 0
    ourselves: str = ""
    known: dict[tuple[Persona, Right], bool] = field(default_factory=dict)

    def try_all(self, guardrail: Guardrail, stage: Stage, scenes: tuple[Scene, ...]) -> None:
        """All probes of one guardrail."""
        for team, probe in probes(guardrail, stage, scenes):
            at = self.clock.now()
            verdict, got = judge(probe, self._outcome(probe))
            while verdict is Verdict.FAILED and _is_dry_run(probe) and self.clock.now().timestamp() < self.settled:
                self.clock.sleep(1.0)
                verdict, got = judge(probe, self._outcome(probe))
            result = Result(
                guardrail=guardrail.id,
                team=team,
                tried=probe.tried,
                object=probe.object,
                persona=probe.persona.title,
                expected=str(probe.expected),
                got=got,
                verdict=verdict,
                at=at,
            )
            self.results.append(result)
            self.progress(result)

    def _outcome(self, probe: Probe) -> Outcome:
        if self.silent >= GIVE_UP_AFTER:
            return NotTried("the server stopped answering")
        try:
            outcome = self._may(probe) or self._attempt(probe)
        except RefusedError as error:
            own = forbids_impersonation(error.message) or refuses(error.message, self.ourselves)
            outcome = (
                NotTried(f"not tried, for want of our own rights: {error.message}") if own else Refused(error.message)
            )
        except NotSignedInError:
            raise
        except UnreachableError as error:
            self.silent += 1
            return NotTried(str(error))
        except AllotmentError as error:
            outcome = NotTried(str(error))
        self.silent = 0
        return outcome

    def _may(self, probe: Probe) -> NotTried | None:
        """Without the right, RBAC would refuse, and that would say nothing about the guardrail."""
        if probe.needs is None or self._allowed(probe.persona, probe.needs):
            return None
        return NotTried(f"{probe.persona.title} may not {probe.needs} here, so nothing can be tried; see roles")

    def _allowed(self, persona: Persona, right: Right) -> bool:
        answer = self.known.get((persona, right))
        if answer is None:
            answer = self.known[persona, right] = self.kube.allowed(_identity(persona), _question(right))
        return answer

    def _attempt(self, probe: Probe) -> Outcome:
        identity = None if probe.persona.is_ourselves else _identity(probe.persona)
        match probe.attempt:
            case Create(body):
                answer = self.kube.create(body, dry_run=True, identity=identity)
                return Accepted(answer.body, answer.warnings)
            case Patch() as patch:
                return self._patch(patch, identity)
            case Remove(api_version, key):
                there = self.kube.delete(api_version, key, dry_run=True, identity=identity)
                return Accepted({}) if there else NotTried(f"{key} is not there")
            case RunJob() | RunWork() if not self.work:
                return NotTried("left out (--no-work)", harmless=True)
            case RunJob() as attempt:
                return run_job(attempt, self.kube, self.clock, identity)
            case RunWork() as attempt:
                return run_work(attempt, self.kube, self.clock, identity)
            case _ as look:
                return self._look(look, probe)

    def _look(self, look: Look, probe: Probe) -> Outcome:
        """Attempts that ask or read, and change nothing."""
        match look:
            case AskRights(cells):
                return self._ask(probe.persona, cells)
            case Declared(keys):
                return self._compare(keys)
            case LookAround():
                return self._look_around(look)
            case Inspect(api_version, kind, namespace, fault):
                wrong = fault(tuple(self.kube.list(api_version, kind, namespace=namespace)))
                return Found((wrong,) if wrong else (), str(probe.expected))
            case Nobody(why):
                return NotTried(why, harmless=True)
            case CompareNodes() | CompareWork():
                return _compared(look, self.kube, str(probe.expected))

    def _patch(self, patch: Patch, identity: Identity | None) -> Outcome:
        def tried() -> Outcome:
            answer = self.kube.merge_patch(patch.api_version, patch.key, patch.patch, dry_run=True, identity=identity)
            return Accepted(answer.body, answer.warnings)

        return tried() if patch.given is None else make_for_real(self.kube, patch.given, identity, lambda _: tried())

    def _ask(self, persona: Persona, cells: tuple[tuple[Right, bool], ...]) -> Found:
        identity = _identity(persona)
        answers = side_by_side(lambda cell: self.kube.allowed(identity, _question(cell[0])), cells, _WORKERS)
        wrong = tuple(
            f"may{'' if answer else ' not'} {right}"
            for (right, wanted), answer in zip(cells, answers, strict=True)
            if answer is not wanted
        )
        return Found(wrong, f"{len(cells)} of {len(cells)} answers as promised")

    def _compare(self, keys: tuple[ObjectKey, ...]) -> Outcome:
        if isinstance(self.differences, AllotmentError):
            return NotTried(str(self.differences))
        faults = tuple(self.differences[key] for key in keys if key in self.differences)
        return Found(faults, f"{len(keys)} as declared")

    def _look_around(self, attempt: LookAround) -> Found:
        around, wanted = self.look(), attempt.kinds
        faults = tuple(
            f"{found}; {found.fix}"
            for found in around.strangers
            if found.team == attempt.team and (not wanted or found.key.kind in wanted)
        )
        unseen = "; ".join(str(unread) for unread in around.unread if not wanted or unread.kind in wanted)
        return Found(faults, "nothing that is not ours", unseen)


def _compared(look: CompareNodes | CompareWork, kube: KubePort, well: str) -> Outcome:
    """What comparing finds; who may not look has found nothing wrong."""
    if isinstance(look, CompareNodes):
        nodes = look_at_nodes(kube, declared_nodes(look.platform, look.cluster))
        faults, unknown = tuple(map(str, nodes.findings)), nodes.unknown
    else:
        work = look_at_work(kube, look.manifests)
        faults, unknown = tuple(f"{queue} does not count {told}" for queue, told in work.uncounted), work.unknown
    return NotTried(unknown, harmless=True) if unknown else Found(faults, well)


_WORKERS: Final = 8
"""Questions to the authorizer under way at once."""


def _identity(persona: Persona) -> Identity:
    return Identity(persona.user, persona.groups)


def _question(right: Right) -> AccessQuestion:
    return AccessQuestion(right.verb, right.group, right.resource, right.subresource, right.namespace)


_NEEDED: Final = (
    AccessQuestion("impersonate", "", "users"),
    AccessQuestion("impersonate", "", "groups"),
    AccessQuestion("impersonate", "", "serviceaccounts"),
    AccessQuestion("create", "authorization.k8s.io", "subjectaccessreviews"),
)
"""Without these, nothing can be tried as somebody else."""


def _missing(kube: KubePort) -> tuple[str, ...]:
    """Rights that prove needs and we lack, before anything is tried. They may still be granted for some names."""
    return tuple(str(question) for question in _NEEDED if not kube.permitted(question))
