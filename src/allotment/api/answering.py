"""The documents that the answering commands give, made by the same operations of what a server knows.

A row of the table is a route's: what it takes, and how its document is made. Nothing of a back end is asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.accounting.moment import CountingRules
from allotment.errors import UsageError
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.books import DeclaredBooks, books_of
from allotment.operations.ask.counting_rules import counting_rules
from allotment.operations.ask.devices import count_gpus, saturated, who_holds
from allotment.operations.ask.directing import WayToCluster, books_directed, why_directed
from allotment.operations.ask.explaining import why, why_all
from allotment.operations.ask.places import check_place, refuse_slurm
from allotment.operations.ask.quotas import narrowed, queues_of, quotas_of
from allotment.operations.ask.recorded import Recording
from allotment.operations.ask.wasting import waste_now, waste_since
from allotment.operations.fleet.joined import AnswerScope, DeclaredPlatform
from allotment.operations.foresee.live.capacity import capacity_live, survey_live
from allotment.operations.foresee.live.whatif import LiveWhatIfRequest, what_if_live
from allotment.operations.foresee.live.when import LiveWhenRequest, when_live
from allotment.operations.run.trials_in_cluster import told_of_trials
from allotment.ports.clock import Clock
from allotment.reports.documents.books import books_document
from allotment.reports.documents.capacity import NodeRow, capacity_document
from allotment.reports.documents.devices import gpus_document, holdings_document, saturation_document
from allotment.reports.documents.explanation_of_waiting import explanation_of_waiting, explanations_document
from allotment.reports.documents.live_capacity import live_capacity_document
from allotment.reports.documents.live_change import live_whatif_document, rows_of
from allotment.reports.documents.live_start import live_when_document
from allotment.reports.documents.quotas import queues_document, quotas_document
from allotment.reports.documents.snapshot import counts_of, snapshot_document
from allotment.reports.documents.waste import waste_document
from allotment.scheduling.placement.asking import parse_ask
from allotment.simulation.live.starts import StartWishes

Document = Mapping[str, Any]
ALL_RECORDED: Final = "all"
"""The whole time that was recorded."""


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """What is asked; fields are named as the commands' options.

    Attributes:
        subject: name or ``KIND/NAME`` of what is asked about; empty for all.
        namespace: only there; empty for everywhere.
        everything: limits of which nothing is used, too; of a what-if, those for whom nothing changes.
        by: rows of waste: ``cause``, ``team`` or ``node``.
        idle: when work is idle, as ``--idle`` has it.
        since: how far back waste is told of, such as ``7d``, or ``all`` of what was recorded; empty for this moment.
        shapes: of which it is asked how many more fit.
        remedies: whether what would help is tried.
        changes: that are tried.
    """

    subject: str = ""
    namespace: str = ""
    accelerator: str = ""
    team: str = ""
    everything: bool = False
    by: str = "cause"
    idle: tuple[str, ...] = ()
    since: str = ""
    shapes: tuple[str, ...] = ()
    remedies: bool = True
    wishes: StartWishes = field(default_factory=StartWishes)
    seed: int = 0
    changes: tuple[str, ...] = ()


STILL_WANTED: Final[Callable[[], bool]] = lambda: True  # noqa: E731 (a value: for whoever cannot go)


@dataclass(frozen=True, slots=True)
class AnswerGround:
    """What an answer is made of.

    Attributes:
        snapshot: what was seen, as far as the caller may see it.
        scope: what that is.
        wanted: whether somebody still waits for it.
    """

    snapshot: Snapshot
    scope: AnswerScope
    clock: Clock
    wanted: Callable[[], bool] = STILL_WANTED

    @property
    def declared(self) -> DeclaredPlatform | None:
        """The platform, as far as the caller may read it."""
        return self.scope.declared


def queues(ground: AnswerGround, _question: AnswerQuestion) -> Document:
    """As `allot queues`."""
    found = queues_of(ground.snapshot)
    return queues_document(found, {(each.cluster, each.name) for each in found.standings})


def gpus(ground: AnswerGround, _question: AnswerQuestion) -> Document:
    """As `allot gpus`."""
    found = count_gpus(ground.snapshot, _counting(ground.declared).idle)
    return gpus_document(found, found.rooms)


def who(ground: AnswerGround, question: AnswerQuestion) -> Document:
    """As `allot who`."""
    found = who_holds(
        ground.snapshot,
        accelerator=question.accelerator,
        team=question.team,
        namespace=question.namespace,
        idle=_counting(ground.declared).idle,
    )
    return holdings_document(found, found.holds)


def quotas(ground: AnswerGround, question: AnswerQuestion) -> Document:
    """As `allot quotas`."""
    declared = ground.declared
    teams = None if declared is None else {team.id: team.name for team in declared.platform.teams}
    found = narrowed(quotas_of(ground.snapshot, teams), question.namespace, everything=question.everything)
    return quotas_document(found, found.uses)


def books(ground: AnswerGround, _question: AnswerQuestion) -> Document:
    """As `allot books`."""
    refuse_slurm(ground.snapshot, "quota against hardware")
    found = books_directed(books_of(ground.snapshot, _declared_books(ground)), _no_way)
    return books_document(found, found.books)


def _counting(declared: DeclaredPlatform | None, idle: tuple[str, ...] = ()) -> CountingRules:
    return counting_rules(None if declared is None else declared.platform, "", idle)


def waste(ground: AnswerGround, question: AnswerQuestion) -> Document:
    """As `allot waste`, of this moment."""
    found = waste_now(ground.snapshot, _counting(ground.declared, question.idle), question.by)
    return waste_document(found, found.groups)


def waste_recorded(
    recorded: Recording, declared: DeclaredPlatform | None, question: AnswerQuestion
) -> tuple[Document, Snapshot]:
    """As `allot waste --recorded`, over a time; with the snapshot at its end.

    Args:
        recorded: as far as the caller may see it.
        declared: the platform, as far as the caller may read it.
        question: what is asked.
    """
    rules = _counting(declared, question.idle)
    since = "" if question.since == ALL_RECORDED else question.since
    found = waste_since(recorded, since, rules, question.by)
    return waste_document(found, found.groups), recorded.last()


def saturation(ground: AnswerGround, _question: AnswerQuestion) -> Document:
    """As `allot saturation`."""
    found = saturated(ground.snapshot)
    return saturation_document(found, found.accelerators)


def capacity(ground: AnswerGround, question: AnswerQuestion) -> Document:
    """As `allot capacity`."""
    refuse_slurm(ground.snapshot, "room in queues")
    asks = [parse_ask(each) for each in question.shapes]
    if asks:
        rooms = capacity_live(ground.snapshot, asks)
        return live_capacity_document(rooms, rooms.rooms)
    if len(ground.snapshot.sources) != 1:
        raise UsageError("nodes are listed of one cluster", fix="add cluster=NAME, or shape=SHAPE")
    found = survey_live(ground.snapshot, ())
    return capacity_document(found, tuple(NodeRow(at, node) for at, node in enumerate(found.nodes)))


def explained(ground: AnswerGround, question: AnswerQuestion) -> Document:
    """As `allot why`."""
    if not question.subject:
        every = why_all(ground.snapshot, question.namespace)
        return explanations_document(every, every.waiting)
    found = why(ground.snapshot, question.subject, question.namespace, with_remedies=question.remedies)
    return explanation_of_waiting(why_directed(told_of_trials(found, ground.snapshot), _no_way))


def starts(ground: AnswerGround, question: AnswerQuestion) -> Document:
    """As `allot when`."""
    refuse_slurm(ground.snapshot, "a start")
    jobs = (question.subject,) if question.subject else ()
    request = LiveWhenRequest(jobs, question.namespace, question.wishes, question.seed)
    found = when_live(ground.snapshot, request, ground.clock)
    return live_when_document(found, found.rows)


def changed_futures(ground: AnswerGround, question: AnswerQuestion) -> Document:
    """As `allot whatif` of a cluster."""
    refuse_slurm(ground.snapshot, "what comes of a change")
    if len(ground.snapshot.sources) != 1:
        raise UsageError("a change is made in one cluster", fix="add cluster=NAME")
    request = LiveWhatIfRequest(
        question.changes, question.namespace, question.wishes, question.seed, everybody=question.everything
    )
    found = what_if_live(ground.snapshot, request, ground.clock, wanted=ground.wanted)
    return live_whatif_document(found, rows_of(found))


def summary(ground: AnswerGround, _question: AnswerQuestion) -> Document:
    """As `allot snapshot show`."""
    found = ground.snapshot
    return snapshot_document(found, counts_of(found), ground.clock.now())


def answered(
    make: Callable[[AnswerGround, AnswerQuestion], Document], ground: AnswerGround, question: AnswerQuestion
) -> Document:
    """A document.

    Args:
        make: a row of the table.
        ground: what it is made of.
        question: what is asked.

    Raises:
        NotFoundError: the namespace is not there, or not for the caller.
    """
    check_place(ground.snapshot, question.namespace)
    return make(ground, question)


def _declared_books(ground: AnswerGround) -> DeclaredBooks | None:
    """Where the one cluster that is asked about is declared; changes of the directory are no team's."""
    declared, sources = ground.declared, ground.snapshot.sources
    if declared is None or not ground.scope.whole or len(sources) != 1:
        return None
    cluster = declared.platform.cluster(sources[0].name)
    return None if cluster is None else DeclaredBooks(declared.tree, declared.platform, cluster)


def _no_way(_name: str) -> WayToCluster:
    """Commands name no cluster: how it is reached is not the caller's business."""
    return WayToCluster(known=False, here=True)


Answers = Mapping[str, Callable[[AnswerGround, AnswerQuestion], Document]]
QUICK: Final[Answers] = {
    "queues": queues,
    "gpus": gpus,
    "who": who,
    "quotas": quotas,
    "books": books,
    "waste": waste,
    "saturation": saturation,
    "snapshot-summary": summary,
}
"""Answers that count what is there."""
SIMULATED: Final[Answers] = {"why": explained, "when": starts, "capacity": capacity}
"""Answers that try things on the twins, or may: that takes seconds."""


def shapes_of(words: Sequence[str]) -> tuple[str, ...]:
    """Shapes, as many as are asked for at once at most.

    Raises:
        UsageError: there are more.
    """
    if len(words) > _MOST_SHAPES:
        raise UsageError(f"{len(words)} shapes are too many at once", fix=f"ask for {_MOST_SHAPES} at most")
    return tuple(words)


def changes_of(words: Sequence[str]) -> tuple[str, ...]:
    """Changes, as many as are tried at once at most.

    Raises:
        UsageError: there are none, or more.
    """
    if not words:
        raise UsageError("nothing is to be changed", fix="add change=CHANGE, as `allot whatif --change` takes it")
    if len(words) > _MOST_CHANGES:
        raise UsageError(f"{len(words)} changes are too many at once", fix=f"try {_MOST_CHANGES} at most")
    return tuple(words)


_MOST_SHAPES: Final = 16
_MOST_CHANGES: Final = 32
