"""The composition root: which adapter stands behind which use case. Nothing else puts them together.

Each function imports what it needs when it is called, so that a command pays only for its own part; a test holds
what `--help` may import.
"""
# ruff: noqa: PLC0415 (see above)

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allotment.adapters.folders import Written
    from allotment.adapters.kube.client import KubeClient
    from allotment.adapters.sandbox.spec import Progress, Sandbox, SandboxStatus
    from allotment.model.cluster import Cluster
    from allotment.model.manifest import Manifests
    from allotment.model.platform import Platform
    from allotment.operations.apply import ApplyReport, Outcome
    from allotment.operations.conformance import ConformanceReport
    from allotment.operations.drift import DriftReport
    from allotment.operations.ports import KubePort
    from allotment.operations.rendering import Rendered
    from allotment.operations.simulating import PlacementRuns, RunRequest, Watch
    from allotment.operations.teams import Edit
    from allotment.operations.validating import AcceleratorLine, Summary
    from allotment.plan.changes import Plan
    from allotment.prove.verdicts import ProofReport, Result
    from allotment.scheduling.placement.gpu.policies import GpuPolicy
    from allotment.scheduling.simulate.changes import Change
    from allotment.scheduling.simulate.difference import Difference
    from allotment.scheduling.simulate.figures import RunFigures
    from allotment.scheduling.simulate.lines import ScenarioLine
    from allotment.scheduling.simulate.scenario import Scenario
    from allotment.spec.edit import TeamRequest
    from allotment.spec.load import Loaded


# Settings


def config_path(environment: Mapping[str, str]) -> Path:
    """The configuration file, whether it exists or not."""
    from allotment.adapters import settings_file

    return settings_file.config_path(environment)


def read_settings(path: Path) -> dict[str, str]:
    """What the configuration file says.

    Raises:
        InputError: it cannot be read, or says something that cannot be.
    """
    from allotment.adapters import settings_file
    from allotment.operations.configuration import check_file

    return check_file(settings_file.read_settings(path), str(path))


def store_setting(path: Path, present: Mapping[str, str], key: str, value: str) -> str:
    """Set a setting in the file; the value as it was stored (paths become absolute).

    Raises:
        UsageError: no such setting, or a value that it does not allow.
    """
    from allotment.adapters import settings_file
    from allotment.operations.configuration import setting, with_value

    text = str(user_path(value).absolute()) if setting(key).is_path else value
    values = with_value(present, key, text)
    settings_file.write_settings(path, values)
    return values[key]


def forget_setting(path: Path, present: Mapping[str, str], key: str) -> None:
    """Remove a setting from the file.

    Raises:
        UsageError: no such setting.
    """
    from allotment.adapters import settings_file
    from allotment.operations.configuration import without_value

    settings_file.write_settings(path, without_value(present, key))


# The platform directory


def user_path(text: str) -> Path:
    """A path as settings hold it, ``~`` resolved."""
    from allotment.adapters import folders

    return folders.user_path(text)


def holds_platform(directory: Path) -> bool:
    """Whether a folder is a platform directory."""
    from allotment.adapters import folders

    return folders.holds_platform(directory)


def load(directory: Path) -> Loaded:
    """The platform of a directory, with its warnings.

    Raises:
        InvalidPlatformError: it has errors.
    """
    from allotment.adapters.files.tree import read_tree
    from allotment.spec.load import load_platform

    return load_platform(read_tree(directory))


def start_platform(directory: Path, name: str) -> Edit:
    """A starter directory, not yet written.

    Raises:
        ConflictError: the folder holds YAML files already.
    """
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.teams import start
    from allotment.spec.source import SourceTree

    return start(read_tree(directory) if directory.exists() else SourceTree({}), name)


def add_team(directory: Path, request: TeamRequest) -> Edit:
    """A team to be added, not yet written."""
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.teams import add

    return add(read_tree(directory), request)


def remove_team(directory: Path, name: str, keep_data_until: dt.date) -> Edit:
    """A team to be removed, not yet written."""
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.teams import remove

    return remove(read_tree(directory), name, keep_data_until, _today())


def purge_teams(directory: Path) -> Edit:
    """Teams whose data are due to be taken out, not yet written."""
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.teams import purge

    return purge(read_tree(directory), _today())


def write_edit(directory: Path, edit: Edit) -> None:
    """Write an edit of the platform directory, each file in one step."""
    from allotment.adapters.files.tree import write_files

    write_files(directory, edit.changes)


def summarize(platform: Platform) -> Summary:
    """The platform in numbers."""
    from allotment.operations.validating import summarize as sum_up

    return sum_up(platform)


def accelerator_lines(platform: Platform) -> tuple[AcceleratorLine, ...]:
    """The catalogue and where the platform has it."""
    from allotment.operations import validating

    return validating.accelerator_lines(platform)


def names(directory: Path, what: str) -> Iterator[tuple[str, str]]:
    """Names of the platform's clusters or teams, each with a word on it; for completion."""
    platform = load(directory).platform
    if what == "cluster":
        yield from ((cluster.name, f"{cluster.purpose}, {cluster.region}") for cluster in platform.clusters)
    else:
        yield from ((team.name, team.display_name) for team in platform.teams)


def schema() -> Mapping[str, Any]:
    """The JSON Schema of a document of the platform directory."""
    from allotment.spec.schema import json_schema

    return json_schema()


def schema_text() -> str:
    """The JSON Schema as text for a file."""
    import json

    return json.dumps(schema(), indent=2, ensure_ascii=False)


# Rendering


def render_clusters(platform: Platform, clusters: Sequence[Cluster]) -> tuple[Manifests, ...]:
    """The objects of each cluster."""
    from allotment.operations import rendering

    return rendering.render_clusters(platform, clusters)


def render_tree(platform: Platform, clusters: Sequence[Cluster]) -> Rendered:
    """The GitOps tree of these clusters."""
    from allotment.operations import rendering

    return rendering.render_tree(platform, clusters)


def write_tree(root: Path, files: Mapping[str, str], *, force: bool) -> Written:
    """Make a folder hold these files.

    Raises:
        ConflictError: somebody else's file stands in the way, and `force` is off.
    """
    from allotment.adapters import folders

    return folders.write_tree(root, files, force=force)


def write_file(path: str | Path, text: str) -> None:
    """Write a file in one step."""
    from allotment.adapters import folders

    folders.write_text(Path(path), text)


# Clusters


def connect(kubeconfig: str, context: str) -> KubeClient:
    """A client for an API server; nothing is sent yet. It closes when it is left as a context manager.

    Args:
        kubeconfig: file; empty for KUBECONFIG and ~/.kube/config.
        context: context in it; empty for its current one.

    Raises:
        NotFoundError: no kubeconfig or no such context.
    """
    from allotment.adapters.kube.client import connect as connect_to

    return connect_to(user_path(kubeconfig) if kubeconfig else None, context or None)


def _today() -> dt.date:
    from allotment.adapters.clock import SystemClock

    return SystemClock().now().date()


def offline_plan(platform: Platform, cluster: Cluster) -> Plan:
    """The plan for a cluster that is still empty."""
    from allotment.operations.planning import PlanSettings, plan_for_empty

    (manifests,) = render_clusters(platform, [cluster])
    return plan_for_empty(manifests, PlanSettings(platform.name, _today()))


def live_plan(
    platform: Platform, cluster: Cluster, kube: KubePort, *, force: bool = False, check_creations: bool = False
) -> Plan:
    """The plan for a live cluster; changes nothing."""
    from allotment.operations.planning import PlanSettings, make_plan

    (manifests,) = render_clusters(platform, [cluster])
    settings = PlanSettings(platform.name, _today(), force=force, check_creations=check_creations)
    return make_plan(manifests, kube, settings)


def save_plan(plan: Plan, path: str) -> None:
    """Write a plan to a file that only its owner reads: it holds what is to be written into the cluster.

    Raises:
        UsageError: the plan writes Secrets.
    """
    from allotment.adapters import folders
    from allotment.operations.saved_plans import plan_to_text

    folders.write_text(Path(path), plan_to_text(plan), mode=0o600)


def read_plan(path: str) -> Plan:
    """A saved plan.

    Raises:
        InputError: the file is no plan of ours, or it was damaged.
    """
    from allotment.adapters import folders
    from allotment.operations.saved_plans import plan_from_text

    return plan_from_text(folders.read_text(Path(path)))


def refuse_stale(plan: Plan, kube: KubePort, platform: Platform | None) -> None:
    """Compare a saved plan with the cluster, and with the directory where it is at hand.

    Raises:
        ConflictError: one of them has moved on.
    """
    from allotment.operations import saved_plans
    from allotment.plan.settle import digest_of

    cluster = platform.cluster(plan.cluster) if platform is not None and platform.name == plan.platform else None
    digest = ""
    if platform is not None and cluster is not None:
        digest = digest_of(render_clusters(platform, [cluster])[0])
    saved_plans.refuse_stale(plan, kube, digest=digest)


def find_drift(
    platform: Platform, clusters: Sequence[Cluster], connect_to: Callable[[Cluster], KubePort]
) -> DriftReport:
    """Look at clusters side by side; one that does not answer does not hide the others.

    Args:
        platform: the declaration.
        clusters: which of its clusters.
        connect_to: makes the client of a cluster; may raise.
    """
    from allotment.adapters.clock import SystemClock
    from allotment.operations import drift
    from allotment.operations.planning import PlanSettings

    targets = [
        drift.DriftTarget(manifests, partial(connect_to, cluster))
        for cluster, manifests in zip(clusters, render_clusters(platform, clusters), strict=True)
    ]
    return drift.find_drift(targets, PlanSettings(platform.name, _today()), SystemClock())


def prove(
    platform: Platform,
    cluster: Cluster,
    kube: KubePort,
    *,
    teams: Sequence[str],
    guardrails: Sequence[str],
    progress: Callable[[Result], None],
) -> ProofReport:
    """Try to break a cluster's guardrails; empty `teams` and `guardrails` mean all."""
    from allotment.adapters.clock import SystemClock
    from allotment.operations import prove as proving

    return proving.prove(
        platform, cluster, kube, SystemClock(), teams=teams or None, guardrails=guardrails or None, progress=progress
    )


def evidence(report: ProofReport) -> str:
    """A proof as a Markdown document."""
    from allotment.prove.evidence import to_markdown

    return to_markdown(report)


def guardrails() -> Iterator[tuple[str, str]]:
    """Ids of all guardrails, each with a word on it; for completion."""
    from allotment.prove.guardrails import GUARDRAILS

    yield from ((guardrail.id, guardrail.protects) for guardrail in GUARDRAILS)


def apply(plan: Plan, kube: KubePort, *, force: bool, on_outcome: Callable[[Outcome], None]) -> ApplyReport:
    """Carry a plan out."""
    from allotment.adapters.clock import SystemClock
    from allotment.operations.apply import ApplySettings, apply_plan

    return apply_plan(plan, kube, SystemClock(), ApplySettings(force=force, on_outcome=on_outcome))


# Sandboxes


def sandbox_up(
    platform: Platform,
    cluster: Cluster,
    *,
    name: str,
    max_nodes_per_pool: int | None,
    binaries: str | None,
    progress: Progress,
) -> Sandbox:
    """A real control plane with the nodes of a cluster.

    Raises:
        InputError: a name that cannot be.
        UnreachableError: a server ended, or sources could not be fetched.
        TimedOutError: not ready in time.
    """
    from allotment.adapters.sandbox.spec import FakeNode, KueueOptions, SandboxSpec
    from allotment.adapters.sandbox.store import default_store
    from allotment.operations.sandboxing import frameworks_of, nodes_of

    nodes = tuple(
        FakeNode(shape.name, shape.labels, shape.taints, shape.allocatable)
        for shape in nodes_of(platform, cluster, max_nodes_per_pool)
    )
    kueue = KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing)
    spec = SandboxSpec(name, nodes=nodes, kueue=kueue, context=cluster.context)
    return default_store(folder=Path(binaries) if binaries else None).up(spec, progress=progress)


def sandbox_down(name: str, *, progress: Progress) -> bool:
    """Stop a sandbox and remove its files; whether there was anything."""
    from allotment.adapters.sandbox.store import default_store

    return default_store().down(name, progress=progress)


def sandbox_status(name: str) -> SandboxStatus:
    """How a sandbox is.

    Raises:
        NotFoundError: there is none of that name.
    """
    from allotment.adapters.sandbox.store import default_store

    return default_store().status(name)


def sandbox_names() -> tuple[str, ...]:
    """All sandboxes of this user."""
    from allotment.adapters.sandbox.store import default_store

    return default_store().list()


def sandbox_kubeconfig(name: str) -> Path:
    """A sandbox's kubeconfig.

    Raises:
        NotFoundError: there is none of that name, or it never came that far.
    """
    from allotment.adapters.sandbox.store import default_store

    return default_store().kubeconfig(name)


def sandbox_programs(binaries: str | None, *, progress: Progress) -> dict[str, str]:
    """The programs of a sandbox by name, built where they are missing."""
    from allotment.adapters.sandbox.store import default_store
    from allotment.adapters.sandbox.versions import ALL

    kit = default_store(folder=Path(binaries) if binaries else None).tools(ALL, progress)
    return {name: str(path) for name, path in kit.binaries.items()}


# The engine


def check_conformance(
    reference: str,
    files: Sequence[str],
    *,
    write: str | None,
    progress: Callable[[ScenarioLine, int, int], None],
) -> ConformanceReport:
    """Replay scenario files and compare with the decisions recorded in them.

    Args:
        reference: ``kueue`` or ``placement``.
        files: JSON Lines files, gzipped or not.
        write: file for our own answers, one line a scenario.
        progress: told before each scenario: how many are done, how many of them differ.

    Raises:
        NotFoundError: there is no such file.
        InputError: a file is not of the format; or nothing is recorded and nothing to be written.
        ConflictError: `write` is one of the files.
    """
    from allotment.adapters.traces.files import AnswerFile, scenario_lines
    from allotment.operations.conformance import Reference, check

    paths = [user_path(file) for file in files]
    if write is None:
        return check(Reference(reference), scenario_lines(paths), progress=progress)
    with AnswerFile(user_path(write), paths) as answers:
        return check(Reference(reference), scenario_lines(paths), write=answers.write, progress=progress)


def trace_kind(file: str) -> str:
    """What a file holds, seen from its first line: ``scenario``, ``philly``, ``swf`` or ``openb``.

    Raises:
        NotFoundError: there is no such file.
        InputError: it is none of them.
    """
    from allotment.adapters.traces.kinds import kind_of

    return str(kind_of(user_path(file)))


def load_scenario(
    file: str,
    *,
    wanted: str | None = None,
    capacity: int | None = None,
    quotas: Mapping[str, int] | None = None,
    most_jobs: int | None = None,
    group_by: str = "group",
) -> Scenario:
    """A scenario of a scenario file, or a Philly or Standard Workload Format trace as one.

    Args:
        file: the file.
        wanted: id of the scenario, where the file holds several.
        capacity: for traces: how much of the resource there is.
        quotas: for traces: quota by queue.
        most_jobs: for traces: only the first so many jobs.
        group_by: for the Standard Workload Format: the column that names the queue.

    Raises:
        NotFoundError: there is no such file or scenario.
        InputError: it is not of the format.
        UsageError: what is asked for does not fit the trace.
    """
    from allotment.adapters.traces.files import csv_rows, scenario_lines, text_lines
    from allotment.adapters.traces.kinds import FileKind, kind_of
    from allotment.operations.simulating import pick_scenario
    from allotment.scheduling.simulate.traces import GroupBy, philly_trace, swf_trace, trace_scenario

    path = user_path(file)
    kind = kind_of(path)
    if kind is FileKind.SCENARIO:
        return pick_scenario(scenario_lines([path]), wanted)
    trace = philly_trace(csv_rows(path)) if kind is FileKind.PHILLY else swf_trace(text_lines(path), GroupBy(group_by))
    return trace_scenario(path.name, trace, capacity=capacity, quotas=quotas or {}, most_jobs=most_jobs)


def simulate(scenario: Scenario, request: RunRequest, watch: Watch | None = None) -> RunFigures:
    """Run a scenario under a virtual clock."""
    from allotment.operations import simulating

    return simulating.simulate(scenario, request, watch)


def compare_placement(
    pods: str, nodes: str, policies: Sequence[GpuPolicy], seed: int, watch: Callable[[GpuPolicy], None]
) -> PlacementRuns:
    """Placement experiments on an openb pod list and node list.

    Raises:
        NotFoundError: there is no such file.
        InputError: a list is not of the format.
    """
    from allotment.adapters.traces.files import csv_rows
    from allotment.operations import simulating
    from allotment.scheduling.placement.gpu.model import parse_nodes, parse_pods
    from allotment.scheduling.simulate.lines import at

    with at(nodes):
        node_list = parse_nodes(row.cells for row in csv_rows(user_path(nodes)))
    with at(pods):
        pod_list = parse_pods(row.cells for row in csv_rows(user_path(pods)))
    return simulating.compare_placement(user_path(pods).name, node_list, pod_list, policies, seed, watch)


def compare_runs(before: str, after: str) -> Difference:
    """Two runs that `allot simulate -o json` wrote.

    Raises:
        InputError: a file is no such run, or they have no job in common.
    """
    from allotment.adapters import folders
    from allotment.operations.comparing import compare, read_run

    runs = [read_run(folders.read_text(user_path(file)), file) for file in (before, after)]
    return compare(runs[0], runs[1])


def what_if(
    file: str, changes: Sequence[Change], request: RunRequest, *, wanted: str | None, watch: Watch | None = None
) -> Difference:
    """A scenario with and without changes.

    Raises:
        NotFoundError: no such file, or a change names something that is not in the scenario.
        InputError: a file is not of the format.
        UsageError: a change cannot be read.
    """
    from allotment.adapters.traces.files import scenario_lines
    from allotment.operations import comparing

    def jobs_of(path: str) -> Iterator[ScenarioLine]:
        return scenario_lines([user_path(path)])

    return comparing.what_if(scenario_lines([user_path(file)]), wanted, changes, jobs_of, request, watch)
