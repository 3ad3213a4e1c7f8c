"""A platform directory from a live cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from allotment.wiring.adoptions import look_at_adoptions
from allotment.wiring.directories import today

if TYPE_CHECKING:
    from allotment.operations.adopt.looking import AdoptionLook
    from allotment.operations.directory.teams import Edit
    from allotment.ports.kube import KubePort
    from allotment.spec.imports.directory import Imported, ImportWishes
    from allotment.spec.load import Loaded


def read_import(directory: Path, kube: KubePort, wishes: ImportWishes) -> Imported:
    """The directory of a live cluster, not yet written.

    Raises:
        UsageError: a name cannot be.
        ConflictError: the folder holds YAML files already.
        RefusedError: we may not read what is to be imported.
    """
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.adopt.importing import import_directory
    from allotment.spec.source import SourceTree

    present = read_tree(directory) if directory.exists() else SourceTree({})
    return import_directory(present, kube, wishes, today())


def load_imported(imported: Imported) -> Loaded:
    """The platform that was imported.

    Raises:
        InvalidPlatformError: the cluster holds what no directory may say.
    """
    from allotment.spec.load import load_platform
    from allotment.spec.source import SourceTree

    return load_platform(SourceTree(dict(imported.files)), today())


def look_at_imported(loaded: Loaded, kube: KubePort) -> AdoptionLook:
    """What taking over would change, now that it is declared."""
    (cluster,) = loaded.platform.clusters
    return look_at_adoptions(loaded.platform, cluster, kube, (), enforce=False)


def import_edit(imported: Imported, report: str) -> Edit:
    """All files of an import as one edit."""
    from allotment.operations.directory.teams import Edit, diff_of
    from allotment.spec.imports.directory import REPORT
    from allotment.spec.source import SourceTree

    changes: dict[str, str | None] = {**imported.files, REPORT: report}
    return Edit(changes, diff_of(SourceTree({}), changes), ())
