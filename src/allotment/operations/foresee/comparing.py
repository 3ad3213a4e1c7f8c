"""Compare: two runs, or a scenario with and without a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from allotment.errors import InputError, NotFoundError, UsageError, at
from allotment.operations.foresee.opening import pick_line, queueing_lines, read_line, scenario_lines
from allotment.operations.foresee.simulating import RunRequest, Watch, simulate
from allotment.ports.scenario_files import ScenarioFilesPort
from allotment.scenarios.changes import JobFile, WrittenChange, parse_change
from allotment.scenarios.lines import ScenarioLine
from allotment.scenarios.reading import read_further_arrival
from allotment.simulation.changes import MoreJobs, UsePolicy, changed, setting
from allotment.simulation.difference import ChangedSetting, RunDifference, RunSummary, difference, summary_of
from allotment.simulation.policies import with_policies
from allotment.simulation.scenario import Scenario


def compare(before: RunSummary, after: RunSummary) -> RunDifference:
    """The second run against the first.

    Raises:
        InputError: they have no job in common.
    """
    found = difference(before, after)
    if not found.queues and (before.jobs or after.jobs):
        raise InputError(
            f"{before.name} and {after.name} have no job in common",
            fix="compare runs of the same scenario or trace under different policies",
        )
    return found


def _with_jobs(scenario: Scenario, lines: Iterable[ScenarioLine]) -> Scenario:
    for line in lines:
        with at(line.where):
            scenario = changed(scenario, MoreJobs((read_further_arrival(line.data),)))
    return scenario


def what_if(
    files: ScenarioFilesPort,
    file: str,
    wanted: str | None,
    changes: Sequence[str],
    request: RunRequest,
    watch: Watch | None = None,
) -> RunDifference:
    """Run a scenario as it is and with all changes, and compare.

    Args:
        files: where the scenario is read, and the files of ``job:`` changes.
        file: the scenario file.
        wanted: id of the scenario, where the file holds several.
        changes: as they were written; applied in order.
        request: how to run both.
        watch: told how far each of the two has come.

    Raises:
        InputError: the scenario or a job is not of the format.
        NotFoundError: no such file or scenario, or a change names something that is not in the scenario.
        UsageError: a change cannot be read or applied.
    """
    # What a change says is about the scenario: while that cannot be read, nothing else is worth correcting.
    scenario = after_scenario = read_line(pick_line(queueing_lines(files, file), wanted))
    written_changes = [parse_change(text) for text in changes]
    policies = request.policies
    settings: list[ChangedSetting] = []
    for written in written_changes:
        if isinstance(written.change, UsePolicy):
            policies = (*policies, written.change.policy)
            continue
        if isinstance(written.change, JobFile):
            after_scenario = _with_jobs(after_scenario, scenario_lines(files, written.change.path))
            continue
        with _said_of(written):
            what, now = setting(after_scenario, written.change)
            after_scenario = changed(after_scenario, written.change)
        if what:
            settings.append(ChangedSetting(what, now, setting(after_scenario, written.change)[1], ""))
    after_request = RunRequest(policies, request.until, request.seed, request.spread)
    before = simulate(scenario, request, watch)
    after = simulate(after_scenario, after_request, watch)
    fair = with_policies(after_scenario, policies).settings.fair_sharing
    found = difference(summary_of(before), summary_of(after, ", ".join(map(str, written_changes))))
    return replace(found, settings=tuple(each if fair else _unweighed(each) for each in settings))


@contextmanager
def _said_of(written: WrittenChange) -> Iterator[None]:
    """Whatever is wrong with a change is said with the words it was written in."""
    try:
        yield
    except (NotFoundError, InputError, UsageError) as error:
        raise type(error)(f"{written}: {error.what}", why=error.why, fix=error.fix) from error


def _unweighed(setting: ChangedSetting) -> ChangedSetting:
    return replace(setting, note=_NOT_FAIR) if setting.what.startswith("weight ") else setting


_NOT_FAIR: Final = "without fair sharing a weight changes nothing; add --change policy:fair-sharing"
