"""Open files of scenarios and traces: one scenario of a file, a trace as a scenario, a pod list with its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final, assert_never

from allotment.errors import AllotmentError, InputError, NotFoundError, at
from allotment.ports.scenario_files import ScenarioFilesPort
from allotment.scenarios.kinds import (
    ANY_FILE,
    IN_WORDS,
    PLACEMENT_SCENARIOS,
    QUEUEING_SCENARIOS,
    FileKind,
    ScenarioKind,
    scenario_kind,
)
from allotment.scenarios.kinds import kind_of as kind_of_lines
from allotment.scenarios.lines import ScenarioLine, csv_rows
from allotment.scenarios.lines import scenario_lines as scenarios_in
from allotment.scenarios.openb import openb_nodes, openb_pods
from allotment.scenarios.reading import read_scenario
from allotment.scenarios.traces import GroupBy, philly_trace, swf_trace, trace_scenario
from allotment.scheduling.placement.gpu.model import GpuNode, GpuPod
from allotment.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class TraceWishes:
    """How a trace becomes a scenario.

    Attributes:
        capacity: how much of the resource there is; None takes the file's own number.
        quotas: quota by queue, where it is not to follow demand.
        most_jobs: only the first so many jobs; None takes all.
        group_by: for the Standard Workload Format: the column that names the queue.
    """

    capacity: int | None = None
    quotas: Mapping[str, int] = field(default_factory=dict)
    most_jobs: int | None = None
    group_by: GroupBy = GroupBy.GROUP


@dataclass(frozen=True, slots=True)
class PodList:
    """An openb pod list and the nodes to place it on; there are GPUs, and there are pods.

    Attributes:
        name: of the list's file.
    """

    name: str
    nodes: tuple[GpuNode, ...]
    pods: tuple[GpuPod, ...]

    def __post_init__(self) -> None:
        """Refuse a list of which nothing can be placed."""
        gpus = any(node.gpus for node in self.nodes)
        if not gpus or not self.pods:
            raise InputError(
                f"{self.name}: no {'pods' if gpus else 'GPUs'}", fix="name a pod list, and --nodes a node list"
            )


def kind_of(files: ScenarioFilesPort, file: str, wanted: str = ANY_FILE) -> FileKind:
    """What a file holds, seen from its first line.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or holds none of the kinds; `wanted` is what is to be named instead.
    """
    return kind_of_lines(files.place(file), files.lines(file), wanted)


def scenario_lines(files: ScenarioFilesPort, *names: str) -> Iterator[ScenarioLine]:
    """The scenarios of JSON Lines files, one after the other.

    Raises:
        NotFoundError: there is no such file.
        InputError: a file cannot be read, or a line is no JSON object.
    """
    for name in names:
        yield from scenarios_in(files.lines(name))


def holds_scenarios(files: ScenarioFilesPort, file: str) -> bool:
    """Whether a file looks like one of scenarios, and not like a snapshot; False of one that cannot be read."""
    try:
        first = next(scenario_lines(files, file), None)
    except AllotmentError:
        return False
    return first is not None and scenario_kind(first.data) is not None


def check_scenarios(files: ScenarioFilesPort, file: str, wanted: str) -> None:
    """Whether a file holds scenarios, and no trace; `wanted` is what is taken here.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or holds no scenarios; what it is, and what takes it, is said.
    """
    kind = kind_of(files, file, wanted)
    if kind is not FileKind.SCENARIO:
        raise InputError(
            f"{files.place(file)} is {IN_WORDS[kind]}", why=_TAKEN_HERE.format(wanted), fix=_taken_by(kind)
        )


def queueing_lines(files: ScenarioFilesPort, file: str) -> Iterator[ScenarioLine]:
    """The scenarios of a file that a question about queues is asked of.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or holds no scenarios; what it is, and what takes it, is said.
    """
    check_scenarios(files, file, QUEUEING_SCENARIOS)
    return scenario_lines(files, file)


def check_survey(files: ScenarioFilesPort, file: str) -> FileKind:
    """Whether a file can be asked for what a cluster has left: which of the two kinds it is.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or is a trace, which knows no nodes; what takes it is said.
    """
    wanted = f"{PLACEMENT_SCENARIOS}, or an openb pod list"
    kind = kind_of(files, file, wanted)
    if kind in (FileKind.PHILLY, FileKind.SWF):
        raise InputError(
            f"{files.place(file)} is {IN_WORDS[kind]}: it does not say which pod runs on which node",
            why=_TAKEN_HERE.format(wanted),
            fix=_taken_by(kind),
        )
    return kind


_TAKEN_HERE: Final = "what is taken here: {}"


def _taken_by(kind: FileKind | ScenarioKind) -> str:
    match kind:
        case FileKind.PHILLY | FileKind.SWF:
            return "`allot simulate --file FILE` takes it"
        case FileKind.OPENB:
            return "`allot simulate` and `allot capacity` take it, both as --file FILE --nodes NODES"
        case ScenarioKind.PLACEMENT:
            return "`allot capacity --file FILE` takes it"
        case FileKind.SCENARIO | ScenarioKind.QUEUEING:
            return "`allot simulate`, `allot whatif` and `allot when` take it, as --file FILE"
        case _:
            assert_never(kind)


def open_scenario(files: ScenarioFilesPort, file: str, wanted: str | None, wishes: TraceWishes) -> Scenario:
    """A scenario of a scenario file, or a Philly or Standard Workload Format trace as one.

    Args:
        files: where they are read.
        file: the file.
        wanted: id of the scenario, where the file holds several.
        wishes: for traces.

    Raises:
        NotFoundError: there is no such file or scenario.
        InputError: it is not of the format.
        UsageError: what is asked for does not fit the trace.
    """
    match kind := kind_of(files, file):
        case FileKind.SCENARIO:
            return read_line(pick_line(scenario_lines(files, file), wanted))
        case FileKind.PHILLY:
            trace = philly_trace(csv_rows(files.lines(file)))
        case FileKind.SWF:
            trace = swf_trace(files.lines(file), wishes.group_by)
        case FileKind.OPENB:
            raise InputError(
                f"{files.place(file)} is {IN_WORDS[kind]}",
                why="its pods are placed on nodes, and no queue is in it",
                fix=_taken_by(kind),
            )
        case _:
            assert_never(kind)
    return trace_scenario(
        _name(files, file), trace, capacity=wishes.capacity, quotas=wishes.quotas, most_jobs=wishes.most_jobs
    )


def open_pod_list(files: ScenarioFilesPort, pods: str, nodes: str) -> PodList:
    """An openb pod list and a node list.

    Raises:
        NotFoundError: there is no such file.
        InputError: a list is not of the format; or there are no GPUs, or no pods.
    """
    fleet = openb_nodes(csv_rows(files.lines(nodes)))
    return PodList(_name(files, pods), tuple(fleet), tuple(openb_pods(csv_rows(files.lines(pods)))))


def _name(files: ScenarioFilesPort, file: str) -> str:
    return PurePath(files.place(file)).name


def pick_line(lines: Iterable[ScenarioLine], wanted: str | None) -> ScenarioLine:
    """The line of a scenario, not yet read, by id where the file holds several.

    Raises:
        InputError: the file has none, or several and none was named.
        NotFoundError: none has that id.
    """
    found: list[ScenarioLine] = []
    for line in lines:
        found.append(line)
        if wanted is not None and line.id == wanted:
            return line
        if wanted is None and len(found) > _NAMED_IDS:
            break
    ids = [line.id or "(no id)" for line in found[:_NAMED_IDS]]
    if wanted is not None:
        raise NotFoundError(f"there is no scenario {wanted!r} in the file", fix=f"its first are {', '.join(ids)}")
    if not found:
        raise InputError("the file holds no scenario", fix="name a file of scenarios or a trace")
    if len(found) > 1:
        raise InputError(
            "the file holds several scenarios",
            why=f"the first are {', '.join(ids)}",
            fix=f"say which, for example --scenario {ids[0]}",
        )
    return found[0]


_NAMED_IDS: Final = 5


def read_line(line: ScenarioLine) -> Scenario:
    """A queueing scenario from its line; recorded answers in it are left alone.

    Raises:
        InputError: it is not of the format; file, line and field are named.
    """
    refuse(ScenarioKind.PLACEMENT, line)
    with at(line.where):
        return read_scenario(line.data)


def refuse(kind: ScenarioKind, line: ScenarioLine, fix: str = "") -> None:
    """A scenario of this kind is of no use where the other is asked for.

    Args:
        kind: that is of no use.
        line: the scenario.
        fix: what takes it, if not what takes all of its kind.

    Raises:
        InputError: it is one; what takes it is said.
    """
    if scenario_kind(line.data) is not kind:
        return
    match kind:
        case ScenarioKind.PLACEMENT:
            what, wanted = "it has nodes and pods, but no queues", QUEUEING_SCENARIOS
        case ScenarioKind.QUEUEING:
            what, wanted = "it does not say which pod runs on which node", PLACEMENT_SCENARIOS
        case _:
            assert_never(kind)
    raise InputError(
        f"{line.where}: this is a {kind} scenario: {what}", why=_TAKEN_HERE.format(wanted), fix=fix or _taken_by(kind)
    )
