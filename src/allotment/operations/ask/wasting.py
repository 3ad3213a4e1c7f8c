"""Use case: where the devices' time goes, at a moment or over a recorded time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.accounting.ledger import MS_PER_HOUR, CauseOfTime, Ledger, LedgerEntry, TimeGroup, grouped
from allotment.accounting.moment import HIDING, CountingRules
from allotment.accounting.series import LONGEST_STEP, SeriesLedger, moment_ledger
from allotment.accounting.simulated import simulated_ledger
from allotment.errors import UsageError, shown
from allotment.model.moments import moment
from allotment.model.observed.snapshot import IdleMarked, Snapshot
from allotment.observe.anonymous import HIDDEN_NAMESPACE
from allotment.operations.ask.devices import ANOTHER_TEAM
from allotment.operations.ask.metered import MeteredTime, doubted_ledger
from allotment.operations.ask.recorded import Recording
from allotment.operations.ask.resting import demand_nodes
from allotment.operations.ask.sparing import BEYOND, spared
from allotment.ports.metrics import MetricsPort
from allotment.scenarios.times import milliseconds
from allotment.simulation.figures import RunFigures
from allotment.simulation.outcome import Standstill

NOBODY_HOLDS: Final = "(nobody)"
_MEASURED_ALONE: Final = "from measurements alone: what is reserved, blocked by quota or fragmented is unallocated here"


@dataclass(frozen=True, slots=True)
class WasteAnswer:
    """Where the time went.

    Attributes:
        moment: at a moment: the ledger is of one hour in which nothing changes.
        missing_ms: of the time that was asked for, what lies before the first snapshot.
        groups: the ledger by what was asked for.
        causes: the ledger by cause.
        remarks: what narrows the answer.
        idle_marks: what rules of idleness in shadow mode would have done to work that runs now.
    """

    ledger: Ledger
    moment: bool
    by: str
    currency: str
    missing_ms: int
    groups: tuple[TimeGroup, ...]
    causes: tuple[TimeGroup, ...]
    remarks: tuple[str, ...] = ()
    idle_marks: tuple[IdleMarked, ...] = ()


def waste_now(snapshot: Snapshot, rules: CountingRules, by: str) -> WasteAnswer:
    """Devices by cause at the moment of a snapshot.

    Raises:
        ForbiddenError: no nodes could be read.
    """
    demand_nodes(snapshot, for_what="which devices there are")
    rules = _priced_by_name(rules, snapshot)
    ledger, left = spared(snapshot, lambda each: moment_ledger(each, rules)[0])
    answer = _answer(ledger, rules, by, moment=True, missing=0, remarks=(*_unseen(snapshot), *left))
    return replace(answer, idle_marks=tuple(each for source in snapshot.sources for each in source.idle_marks))


def waste_since(recorded: Recording, since: str, rules: CountingRules, by: str, longest: str = "") -> WasteAnswer:
    """Device time by cause over a recorded time.

    Args:
        recorded: the snapshots.
        since: how long before the last snapshot it begins; empty for all that is recorded.
        rules: how devices are judged and priced.
        by: ``cause``, ``team`` or ``node``.
        longest: the longest time between two snapshots that is no gap.

    Raises:
        UsageError: a time cannot be read.
        InputError: nothing that was recorded can be read.
    """
    wanted = milliseconds(since) if since else None
    step = milliseconds(longest) if longest else LONGEST_STEP
    last = recorded.last()
    rules = _priced_by_name(rules, last)
    end = max((at for each in last.sources if (at := moment(each.observed_at or last.taken_at))), default=0)
    series = SeriesLedger(rules, since=None if wanted is None else end - wanted, longest_step=step)
    remarks: dict[str, None] = {}
    for snapshot in recorded.snapshots():
        try:
            series.add(snapshot)
        except BEYOND:
            # Of several sources those that were taken before one failed are passed over the second time.
            whole, left = spared(snapshot, lambda each: _reckoned(each, rules))
            series.add(whole)
            remarks.update(dict.fromkeys(left))
    ledger = series.close()
    missing = 0 if wanted is None else max(0, wanted - (ledger.until - ledger.since))
    told = (*recorded.remarks(), *_unseen(last), *remarks)
    return _answer(ledger, rules, by, moment=False, missing=missing, remarks=told)


def _priced_by_name(rules: CountingRules, snapshot: Snapshot) -> CountingRules:
    """Of several clusters each has the prices that are declared under its name, if any are."""
    return rules if len(snapshot.sources) == 1 else replace(rules, prices=rules.prices.of_several())


def _reckoned(snapshot: Snapshot, rules: CountingRules) -> Snapshot:
    """The snapshot itself, if a ledger of its moment can be made."""
    moment_ledger(snapshot, rules)
    return snapshot


def waste_metered(metrics: MetricsPort, asked: MeteredTime, rules: CountingRules, by: str) -> WasteAnswer:
    """Device time by cause over a time, as a Prometheus measured it.

    Args:
        metrics: the Prometheus.
        asked: which time.
        rules: how devices are judged and priced.
        by: ``cause``, ``team`` or ``node``.

    Raises:
        NotFoundError: no device was measured.
        UnreachableError: it does not answer.
    """
    ledger, doubts = doubted_ledger(metrics, asked, rules)
    missing = max(0, ledger.since - asked.since)
    return _answer(ledger, rules, by, moment=False, missing=missing, remarks=(_MEASURED_ALONE, *doubts))


def waste_simulated(run: RunFigures, standstills: Sequence[Standstill], rules: CountingRules, by: str) -> WasteAnswer:
    """Device time by cause over a simulation.

    Args:
        run: its figures.
        standstills: when jobs of it held quota without getting on.
        rules: for the currency; what is simulated has no nodes with a price.
        by: ``cause``, ``team`` (its queues) or ``node``.
    """
    ledger = simulated_ledger(run, standstills)
    return _answer(ledger, rules, by, moment=False, missing=0, remarks=run.remarks)


def no_history(since: str) -> UsageError:
    """What is to be said where a time is asked for, and nothing recorded it."""
    return UsageError(
        f"nothing is known of the last {since}",
        why="a cluster shows this moment alone; what was before is known only where snapshots were recorded",
        fix="begin with: allot snapshot record DIR --every 30s; then ask with --recorded DIR; "
        "or name a Prometheus that measures the devices: --prometheus URL. "
        "Without --since the answer is about this moment",
    )


def _answer(
    ledger: Ledger, rules: CountingRules, by: str, *, moment: bool, missing: int, remarks: tuple[str, ...]
) -> WasteAnswer:
    causes = grouped(ledger, _cause)
    groups = causes if by == "cause" else grouped(ledger, _team if by == "team" else _node)
    told = (*remarks, *_unpriced(ledger, rules, moment=moment))
    return WasteAnswer(ledger, moment, by, rules.prices.currency, missing, groups, causes, told)


def _unpriced(ledger: Ledger, rules: CountingRules, *, moment: bool) -> Iterator[str]:
    """What the sums of money are without."""
    hours = sum(each.gpu_ms for each in ledger.entries if each.charge.price is None) / MS_PER_HOUR
    if rules.prices.currency and hours:
        yield f"{hours:,.2f} {'GPUs' if moment else 'GPU-hours'} have no price, and are in no sum of money"


def _cause(entry: LedgerEntry) -> str:
    return entry.charge.cause.value


def _team(entry: LedgerEntry) -> str:
    owner = entry.charge.owner
    if owner.namespace == HIDDEN_NAMESPACE:
        return ANOTHER_TEAM
    return owner.team or owner.namespace or owner.queue or NOBODY_HOLDS


def _node(entry: LedgerEntry) -> str:
    charge = entry.charge
    return f"{charge.cluster}/{charge.node}" if charge.cluster else charge.node


def _unseen(snapshot: Snapshot) -> Sequence[str]:
    told = []
    for source in snapshot.sources:
        name = shown(source.name) or "the source"
        kinds = sorted(
            {gap.what for gap in source.gaps if gap.reason in HIDING and gap.what in {"nodes", "pods", "workloads"}}
        )
        if kinds:
            told.append(f"{name}: {' and '.join(kinds)} could not be read")
        if source.namespaces:
            told.append(
                f"{name}: only {', '.join(map(shown, source.namespaces))} was read: who holds the rest is not known"
            )
    if not any(source.objects.nodes for source in snapshot.sources):
        told.append("no nodes were seen, so there are no devices to count")
    return told


CAUSES: Final = tuple(cause.value for cause in CauseOfTime)
