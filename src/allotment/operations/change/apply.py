"""Use case: carry a plan out.

Ranks one after the other, the objects of a rank side by side. One bad object does not stop the rest; what depends on
it is skipped and said so. There is no journal: killed at any point, a new plan finds what is left to do.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Final

from allotment.errors import (
    INTERRUPTED,
    AllotmentError,
    ConflictError,
    NotSignedInError,
    TimedOutError,
    UnreachableError,
)
from allotment.model import labels
from allotment.model.manifest import Body, Manifest
from allotment.operations.change.draining import close, drain, let_namespace_go
from allotment.operations.change.planning import WORKERS, side_by_side
from allotment.operations.change.stopping import StoppableClock, StoppedError
from allotment.plan.additions import additions, if_unchanged, removal
from allotment.plan.changes import Blocked, Change, Conflict, Create, Delete, Drain, Plan, Update, place_of
from allotment.plan.fields import ownership_of
from allotment.plan.order import position
from allotment.plan.setbacks import Setbacks
from allotment.plan.survey import belongs_to, in_inventory
from allotment.ports.clock import Clock
from allotment.ports.kube import Answer, FieldConflictError, KubePort, RefusedError

DRAIN_LIMIT: Final = dt.timedelta(minutes=5)
"""How long apply waits for the pods of a leaving team; longer than most grace periods."""

GIVE_UP_AFTER: Final = 3
"""Objects that the server did not answer for, each tried with patience, after which the rest is not tried."""


class Status(StrEnum):
    """How a step ended."""

    APPLIED = "applied"
    DELETED = "deleted"
    DRAINED = "drained"
    CONFLICT = "conflict"
    REFUSED = "refused"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    INTERRUPTED = "interrupted"


DONE: Final = frozenset({Status.APPLIED, Status.DELETED, Status.DRAINED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step.

    Attributes:
        message: why, where it was not done; empty otherwise.
        warnings: what the server said besides.
        error: the error behind it, if there was one.
    """

    change: Change
    status: Status
    message: str = ""
    warnings: tuple[str, ...] = ()
    error: AllotmentError | None = None

    @property
    def done(self) -> bool:
        """Whether the step needs no repetition."""
        return self.status in DONE


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What apply did, step by step, in the plan's order.

    Attributes:
        unchanged: objects that were as desired already.
        server: URL of the API server.
        context: of the kubeconfig.
    """

    platform: str
    cluster: str
    outcomes: tuple[Outcome, ...]
    unchanged: int
    server: str = ""
    context: str = ""

    @property
    def place(self) -> str:
        """The cluster with its server and context."""
        return place_of(self.cluster, self.server, self.context)

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped it half-way."""
        return any(outcome.status is Status.INTERRUPTED for outcome in self.outcomes)

    @property
    def complete(self) -> bool:
        """Whether the cluster is now as planned."""
        return all(outcome.done for outcome in self.outcomes)

    @property
    def remaining(self) -> tuple[Outcome, ...]:
        """What is left to do; planning and applying again takes it up."""
        return tuple(outcome for outcome in self.outcomes if not outcome.done)

    @property
    def exit_code(self) -> int:
        """The CLI contract's code: 0, or that of the gravest thing that happened."""
        found = {outcome.status for outcome in self.outcomes}
        for status, code in _EXIT_CODES:
            if status in found:
                return code
        return 0


"""What a shell says of a command that SIGINT ended."""

_EXIT_CODES: Final = (
    (Status.INTERRUPTED, INTERRUPTED),
    (Status.UNREACHABLE, UnreachableError.exit_code),
    (Status.REFUSED, AllotmentError.exit_code),
    (Status.BLOCKED, ConflictError.exit_code),
    (Status.CONFLICT, ConflictError.exit_code),
    (Status.TIMED_OUT, TimedOutError.exit_code),
    (Status.SKIPPED, AllotmentError.exit_code),
)


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """How to apply.

    Attributes:
        force: take contested fields over, even if the plan was made without.
        workers: requests under way at once.
        drain_limit: how long to wait for the pods of one leaving team.
        on_outcome: told of every outcome as it happens, from worker threads.
        hindrance: asked before every step; once it gives a reason, nothing more is tried.
    """

    force: bool = False
    workers: int = WORKERS
    drain_limit: dt.timedelta = DRAIN_LIMIT
    on_outcome: Callable[[Outcome], None] = field(default=lambda _outcome: None)
    hindrance: Callable[[], str] = field(default=lambda: "")


def apply_plan(plan: Plan, kube: KubePort, clock: Clock, settings: ApplySettings | None = None) -> ApplyReport:
    """Carry out every step of a plan that can be.

    Never raises for a single object; look at the report. Contested fields are taken over only if the plan or the
    settings say so. A keyboard interrupt ends it after the requests under way, and is told in the report.
    """
    run = _Run(plan, kube, StoppableClock(clock), settings or ApplySettings(), Setbacks())
    try:
        for _, group in groupby(plan.changes, key=lambda change: position(change)[:2]):
            # Setbacks count from the next rank on, so that the outcome does not depend on which thread was faster.
            for outcome in side_by_side(run.step, group, run.settings.workers, on_interrupt=run.clock.stop):
                if not outcome.done:
                    run.setbacks.note(outcome.change)
    except KeyboardInterrupt:
        run.clock.stop()
    outcomes = tuple(run.outcome_of(step) for step in plan.changes)
    return ApplyReport(plan.platform, plan.cluster, outcomes, plan.unchanged, plan.server, plan.context)


UNDER_WAY: Final = "it was under way, and may have been done"
NOT_BEGUN: Final = "it was not begun"


_CLAIMED: Final = (labels.PLATFORM, labels.MANAGED_BY, labels.TENANT, labels.TEAM)
"""Labels that a namespace has from its first moment."""

_TRIES: Final = 5
"""How often an object is looked at anew when somebody else writes to it at the same time."""


@dataclass(slots=True)
class _Run:
    """One apply under way."""

    plan: Plan
    kube: KubePort
    clock: StoppableClock
    settings: ApplySettings
    setbacks: Setbacks
    unanswered: list[AllotmentError] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    begun: dict[int, Outcome | None] = field(default_factory=dict)
    """What became of each step so far, by its identity in the plan; None while it is under way."""

    def step(self, change: Change) -> Outcome:
        if self.clock.stopped:
            return Outcome(change, Status.INTERRUPTED, NOT_BEGUN)
        self.begun[id(change)] = None
        outcome = self._attempt(change)
        self.begun[id(change)] = outcome
        self.settings.on_outcome(outcome)
        return outcome

    def outcome_of(self, change: Change) -> Outcome:
        """What became of a step; one that was never reached was interrupted."""
        message = UNDER_WAY if id(change) in self.begun else NOT_BEGUN
        return self.begun.get(id(change)) or Outcome(change, Status.INTERRUPTED, message)

    def _attempt(self, change: Change) -> Outcome:
        hindrance = self._server_lost() or self.settings.hindrance()
        if not hindrance and (found := self.setbacks.hindrance(change)):
            hindrance = found.why
        if hindrance:
            return Outcome(change, Status.SKIPPED, hindrance)
        try:
            return self._act(change)
        except FieldConflictError as error:
            return Outcome(change, Status.CONFLICT, str(error), error=error)
        except RefusedError as error:
            return Outcome(change, Status.REFUSED, error.message, error=error)
        except TimedOutError as error:
            return Outcome(change, Status.TIMED_OUT, error.what, error=error)
        except StoppedError:
            return Outcome(change, Status.INTERRUPTED, UNDER_WAY)
        except (UnreachableError, NotSignedInError) as error:
            with self.lock:
                self.unanswered.append(error)
            return Outcome(change, Status.UNREACHABLE, error.what, error=error)

    def _server_lost(self) -> str:
        with self.lock:
            lost = len(self.unanswered) >= GIVE_UP_AFTER or any(
                isinstance(error, NotSignedInError) for error in self.unanswered
            )
            return self.unanswered[0].what if lost else ""

    def _act(self, change: Change) -> Outcome:
        match change:
            case Blocked():
                return Outcome(change, Status.BLOCKED, f"{change.what}: {change.why}")
            case Drain() if not self._is_ours(change):
                return Outcome(change, Status.BLOCKED, f"{change.key} is not ours any more: nothing is ended in it")
            case Drain():
                self._drain(change)
                return Outcome(change, Status.DRAINED)
            case Delete():
                self.kube.delete(change.api_version, change.key, uid=change.seen.uid)
                if change.key.kind == "Namespace":
                    let_namespace_go(self.kube, change.key.name, self.clock.now())
                return Outcome(change, Status.DELETED)
            case Conflict() if not self._force:
                return Outcome(change, Status.CONFLICT, _contested_text(change))
            case Create() if change.key.kind == "Namespace" and (taken := self._claim(change.manifest)):
                return Outcome(change, Status.BLOCKED, taken)
            case Create() | Update() | Conflict():
                answer = self._apply(change.manifest)
                if self._force:
                    take_out(self.kube, change.manifest, answer.body)
                return Outcome(change, Status.APPLIED, warnings=answer.warnings)

    def _apply(self, manifest: Manifest) -> Answer:
        try:
            return self.kube.apply(manifest.body, force=self._force)
        except FieldConflictError as error:
            if not error.with_ourselves:
                raise
            return self.kube.apply(manifest.body, force=True)

    def _drain(self, change: Drain) -> None:
        try:
            if change.again:
                close(self.kube, change.namespace, self.clock)
        finally:
            # What cannot be closed is no reason to let work run on.
            drain(self.kube, change.namespace, self.clock, self.settings.drain_limit)

    def _is_ours(self, change: Drain) -> bool:
        """Whether the namespace is still ours: somebody may have made another of that name since the plan."""
        live = self.kube.get("v1", change.key)
        platform = self.plan.platform
        return live is None or belongs_to(live, platform) or in_inventory(live, platform)

    @property
    def _force(self) -> bool:
        return self.settings.force or self.plan.forced

    def _claim(self, manifest: Manifest) -> str:
        """Make a namespace, or say why it cannot be ours.

        Server-side apply would take over a namespace that somebody made after the plan; a plain create cannot. The
        claim carries the inventory and the team, so that a kill right after it leaves a namespace that is known as ours
        and that nobody else can be given: admission lets no team have an existing one.
        """
        metadata = manifest.body["metadata"]
        wanted = metadata.get("labels") or {}
        inventory = {key: wanted[key] for key in _CLAIMED if key in wanted}
        claim = {
            "apiVersion": manifest.api_version,
            "kind": "Namespace",
            "metadata": {"name": metadata["name"], "labels": inventory},
        }
        try:
            self.kube.create(claim)
        except RefusedError as error:
            if error.reason != "AlreadyExists":
                raise
            live = self.kube.get(manifest.api_version, manifest.key)
            if live is None or not belongs_to(live, self.plan.platform):
                return f"{manifest.key} was made by somebody else since the plan, and is not taken over"
        return ""


def take_out(kube: KubePort, manifest: Manifest, live: Body) -> None:
    """Remove what others added to an object that is ours whole; apply alone leaves it to them."""
    for attempt in range(_TRIES):
        added = additions(manifest.body, live, ownership_of(live).shape)
        if not added:
            return
        try:
            kube.merge_patch(manifest.api_version, manifest.key, if_unchanged(removal(live, added), live))
        except RefusedError as error:
            # The removal names the version that was looked at; a status written since makes it stale.
            if error.reason != "Conflict" or attempt == _TRIES - 1:
                raise
            live = kube.get(manifest.api_version, manifest.key) or live
        else:
            return


def _contested_text(change: Conflict) -> str:
    fields: Iterator[str] = (f"{field.field} is owned by {field.manager}" for field in change.contested)
    return "; ".join(fields)
