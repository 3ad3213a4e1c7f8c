"""The composition root: which adapter stands behind which use case. Nothing else puts them together.

Each function imports what it needs when it is called, so that a command pays only for its own part; a test holds
what `--help` may import.
"""
# ruff: noqa: PLC0415 (see above)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allotment.adapters.folders import Written
    from allotment.model.cluster import Cluster
    from allotment.model.manifest import Manifests
    from allotment.model.platform import Platform
    from allotment.operations.rendering import Rendered
    from allotment.operations.validating import AcceleratorLine, Summary
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

    text = str(Path(value).expanduser().absolute()) if setting(key).is_path else value
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
