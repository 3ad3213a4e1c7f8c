"""Carries probes out against a live cluster, one after the other, and keeps what came of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from allotment.errors import AllotmentError, NotSignedInError, UnreachableError
from allotment.model.manifest import Body, ObjectKey
from allotment.operations.change import keeping
from allotment.operations.change.nodes import look_at_nodes
from allotment.operations.change.planning import look_at_work, side_by_side
from allotment.operations.prove.jobs import make_for_real, run_job
from allotment.operations.prove.work import run_work
from allotment.plan.nodes import declared_nodes
from allotment.plan.strangers.stranger import Stranger, Surroundings
from allotment.ports.clock import Clock
from allotment.ports.kube import AccessQuestion, Identity, KubePort, RefusedError
from allotment.prove.guardrails import Guardrail, probes
from allotment.prove.judging import Allowed, Denied, Found, Judged, NotTried, Outcome, judge
from allotment.prove.probes import (
    Amend,
    AsDeclared,
    AskRights,
    CompareNodes,
    CompareWork,
    Inspect,
    Look,
    LookAround,
    Nobody,
    Persona,
    Post,
    Probe,
    Remove,
    Right,
    RunJob,
    RunWork,
)
from allotment.prove.refusers import forbids_impersonation, refuses
from allotment.prove.scene import DeclaredCluster, Scene
from allotment.prove.verdicts import Result, Verdict

Progress = Callable[[Result], None]

GIVE_UP_AFTER: Final = 3
"""Probes in a row that the server did not answer, after which the rest is not tried."""


@dataclass(slots=True)
class Prover:
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

    def try_all(self, guardrail: Guardrail, here: DeclaredCluster, scenes: tuple[Scene, ...]) -> None:
        """All probes of one guardrail."""
        for team, probe in probes(guardrail, here, scenes):
            at = self.clock.now()
            verdict, got = self._judged(probe)
            while verdict is Verdict.FAILED and _is_dry_run(probe) and self.clock.now().timestamp() < self.settled:
                self.clock.sleep(1.0)
                verdict, got = self._judged(probe)
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

    def _judged(self, probe: Probe) -> Judged:
        outcome = self._outcome(probe)
        judged = judge(probe, outcome)
        if judged[0] is Verdict.FAILED and isinstance(outcome, Denied):
            kept = keeping.refusal(probe, outcome, self._kept())
            return judged if kept is None else judge(probe, kept)
        return judged

    def _kept(self) -> tuple[Stranger, ...]:
        """What adoptions left to its owners, as far as we may look."""
        return tuple(stranger for stranger in self._seen().strangers if stranger.kept)

    def _seen(self) -> Surroundings:
        with suppress(RefusedError):
            return self.look()
        return Surroundings((), ())

    def _outcome(self, probe: Probe) -> Outcome:
        if self.silent >= GIVE_UP_AFTER:
            return NotTried("the server stopped answering")
        try:
            outcome = self._may(probe) or self._attempt(probe)
        except RefusedError as error:
            outcome = self._refusal(probe, error.message)
        except NotSignedInError:
            raise
        except UnreachableError as error:
            self.silent += 1
            return NotTried(str(error))
        except AllotmentError as error:
            outcome = NotTried(str(error))
        self.silent = 0
        return outcome

    def _refusal(self, probe: Probe, message: str) -> Outcome:
        """A refusal of the persona; or of ourselves, which says nothing about the guardrail."""
        own = forbids_impersonation(message) or refuses(message, self.ourselves)
        if own and probe.persona.account is not None:
            # Who may act as a controller everywhere owns the cluster: nobody has to have that for a proof.
            return NotTried(f"not tried: we may not act as {probe.persona.title} there: {message}", harmless=True)
        return NotTried(f"not tried, for want of our own rights: {message}") if own else Denied(message)

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
        identity = None if probe.persona.is_ourselves else _acting(probe.persona)
        match probe.attempt:
            case Post(body):
                answer = self.kube.create(body, dry_run=True, identity=identity)
                return Allowed(answer.body, answer.warnings)
            case Amend() as patch:
                return self._patch(patch, identity)
            case Remove(api_version, key):
                there = self.kube.delete(api_version, key, dry_run=True, identity=identity)
                return Allowed({}) if there else NotTried(f"{key} is not there")
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
            case AsDeclared(keys):
                return self._compare(keys)
            case LookAround():
                return self._look_around(look)
            case Inspect(api_version, kind, namespace):
                return self._inspect(look, tuple(self.kube.list(api_version, kind, namespace=namespace)), probe)
            case Nobody(why):
                return NotTried(why, harmless=True)
            case CompareNodes() | CompareWork():
                return _compared(look, self.kube, str(probe.expected))

    def _inspect(self, look: Inspect, found: tuple[Body, ...], probe: Probe) -> Found:
        wrong = look.fault(found)
        if not wrong:
            return Found((), str(probe.expected))
        kept = keeping.without(found, look, self._kept())
        return Found((), kept=(wrong,)) if len(kept) < len(found) and not look.fault(kept) else Found((wrong,))

    def _patch(self, patch: Amend, identity: Identity | None) -> Outcome:
        def tried() -> Outcome:
            answer = self.kube.merge_patch(patch.api_version, patch.key, patch.patch, dry_run=True, identity=identity)
            return Allowed(answer.body, answer.warnings)

        return tried() if patch.given is None else make_for_real(self.kube, patch.given, identity, lambda _: tried())

    def _ask(self, persona: Persona, cells: tuple[tuple[Right, bool], ...]) -> Found:
        identity = _identity(persona)
        answers = side_by_side(lambda cell: self.kube.allowed(identity, _question(cell[0])), cells, _WORKERS)
        wrong: list[str] = []
        kept: list[str] = []
        by: dict[str, None] = {}
        for (right, wanted), answer in zip(cells, answers, strict=True):
            given = keeping.bindings(right, persona, self._seen().bindings) if answer and not wanted else ()
            by |= dict.fromkeys(given)
            if answer is not wanted:
                (kept if given else wrong).append(f"may{'' if answer else ' not'} {right}")
        told = (f"{', '.join(kept)}; by {', '.join(by)}, which an adoption left there",) if kept else ()
        return Found(tuple(wrong), f"{len(cells)} of {len(cells)} answers as promised", kept=told)

    def _compare(self, keys: tuple[ObjectKey, ...]) -> Outcome:
        if isinstance(self.differences, AllotmentError):
            return NotTried(str(self.differences))
        faults = tuple(self.differences[key] for key in keys if key in self.differences)
        return Found(faults, f"{len(keys)} as declared")

    def _look_around(self, attempt: LookAround) -> Found:
        around, wanted = self.look(), attempt.kinds
        here = [
            found
            for found in around.strangers
            if found.team == attempt.team and (not wanted or found.key.kind in wanted)
        ]
        faults = tuple(f"{found}; {found.next_step}" for found in here if not found.kept)
        kept = tuple(f"{found}; {found.next_step}" for found in here if found.kept)
        unseen = "; ".join(str(unread) for unread in around.unread if not wanted or unread.kind in wanted)
        return Found(faults, "nothing that is not ours", unseen, kept)


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


def _acting(persona: Persona) -> Identity:
    """The same for a request: the server knows a service account's groups, and bounds only who leaves them to it."""
    return Identity(persona.user, () if persona.account is not None else persona.groups)


def _question(right: Right) -> AccessQuestion:
    return AccessQuestion(right.verb, right.group, right.resource, right.subresource, right.namespace)


def _is_dry_run(probe: Probe) -> bool:
    match probe.attempt:
        case Post() | Remove():
            return True
        case Amend(given=given):
            return given is None
        case _:
            return False
