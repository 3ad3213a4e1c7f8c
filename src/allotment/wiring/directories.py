"""The platform directory: load, edit, render."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allotment.wiring.settings import user_path

if TYPE_CHECKING:
    from allotment.adapters.folders import Written
    from allotment.model.cluster import Cluster
    from allotment.model.manifest import Manifests
    from allotment.model.platform import Platform
    from allotment.operations.directory.rendering import Rendered
    from allotment.operations.directory.teams import Edit
    from allotment.operations.directory.validating import AcceleratorLine, Summary
    from allotment.plan.changes import Source
    from allotment.render.pruning import Loss
    from allotment.spec.amounts import AmountsRequest
    from allotment.spec.edit import TeamRequest
    from allotment.spec.load import Loaded


def holds_platform(directory: Path) -> bool:
    """Whether a folder is a platform directory."""
    from allotment.adapters import folders

    return folders.holds_platform(directory)


def load(directory: Path) -> Loaded:
    """The platform of a directory as it is today, with its warnings.

    Raises:
        InvalidPlatformError: it has errors.
    """
    from allotment.adapters.files.tree import read_tree
    from allotment.spec.load import load_platform

    return load_platform(read_tree(directory), today())


def start_platform(directory: Path, name: str) -> Edit:
    """A starter directory, not yet written.

    Raises:
        ConflictError: the folder holds YAML files already.
    """
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.directory.teams import start
    from allotment.spec.source import SourceTree

    return start(read_tree(directory) if directory.exists() else SourceTree({}), name)


def add_team(directory: Path, request: TeamRequest) -> Edit:
    """A team to be added, not yet written."""
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.directory.teams import add

    return add(read_tree(directory), request)


def set_amounts(directory: Path, request: AmountsRequest) -> Edit:
    """Other guarantees for a team, not yet written."""
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.directory import teams

    return teams.set_amounts(read_tree(directory), request)


def rename_team(directory: Path, name: str, new: str) -> Edit:
    """Another name for a team, not yet written."""
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.directory.teams import rename

    return rename(read_tree(directory), name, new)


def remove_team(directory: Path, name: str, keep_data_until: dt.date) -> Edit:
    """A team to be removed, not yet written."""
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.directory.teams import remove

    return remove(read_tree(directory), name, keep_data_until, today())


def purge_teams(directory: Path) -> Edit:
    """Teams whose data are due to be taken out, not yet written."""
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.directory.teams import purge

    return purge(read_tree(directory), today())


def write_edit(directory: Path, edit: Edit) -> None:
    """Write an edit of the platform directory, each file in one step."""
    from allotment.adapters.files.tree import write_files

    write_files(directory, edit.changes)


def summarize(platform: Platform) -> Summary:
    """The platform in numbers."""
    from allotment.operations.directory.validating import summarize as sum_up

    return sum_up(platform)


def accelerator_lines(platform: Platform) -> tuple[AcceleratorLine, ...]:
    """The catalogue and where the platform has it."""
    from allotment.operations.directory import validating

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


def render_clusters(platform: Platform, clusters: Sequence[Cluster]) -> tuple[Manifests, ...]:
    """The objects of each cluster."""
    from allotment.operations.directory import rendering

    return rendering.render_clusters(platform, clusters)


def render_tree(platform: Platform, clusters: Sequence[Cluster]) -> Rendered:
    """The GitOps tree of these clusters."""
    from allotment.operations.directory import rendering

    return rendering.render_tree(platform, clusters)


def lost_by(root: Path, rendered: Rendered) -> tuple[Loss, ...]:
    """What a sync would delete once the tree in a folder is replaced by this one.

    Raises:
        InputError: the tree that lies there cannot be read.
    """
    from allotment.adapters import folders
    from allotment.operations.directory import rendering

    return rendering.lost(folders.read_tree(root), rendered)


def write_tree(root: Path, files: Mapping[str, str], *, force: bool) -> Written:
    """Make a folder hold these files.

    Raises:
        ConflictError: somebody else's file stands in the way, and `force` is off.
    """
    from allotment.adapters import folders

    return folders.write_tree(root, files, force=force)


def in_repository(root: Path) -> bool:
    """Whether a folder lies in a working tree of git."""
    from allotment.adapters import folders

    return folders.in_repository(root)


def source_of(directory: Path) -> Source:
    """The digest of a platform directory, and the commit it is at."""
    from allotment.adapters.files.tree import read_tree
    from allotment.adapters.git import revision
    from allotment.plan.changes import Source

    commit, dirty = revision(directory)
    return Source(commit, dirty, read_tree(directory).digest)


def read_text(path: str) -> str:
    """The text of a file that a user names.

    Raises:
        InputError: it cannot be read, is too large, or is no text.
    """
    from allotment.adapters import folders

    return folders.read_text(user_path(path))


def write_file(path: str | Path, text: str) -> None:
    """Write a file in one step."""
    from allotment.adapters import folders

    folders.write_text(Path(path), text)


def today() -> dt.date:
    """Today's date, UTC: what decides whether an exception has ended, and a leaving team's data may go."""
    from allotment.adapters.clock import SystemClock

    return SystemClock().now().date()
