"""Which directory, which cluster, which team a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError, UsageError
from allotment.model.spelling import did_you_mean

if TYPE_CHECKING:
    from allotment.model.cluster import Cluster
    from allotment.model.platform import Platform
    from allotment.model.team import Team


def platform_directory(session: Session, argument: str | None = None) -> Path:
    """The platform directory: argument, ``--platform`` and its kin, or the current one when it holds a platform.

    Raises:
        UsageError: argument and flag contradict each other, or nobody names a directory.
        NotFoundError: there is no such directory.
    """
    flag = session.flags.get("platform")
    if argument is not None and flag is not None and Path(argument) != Path(flag):
        raise UsageError(
            f"the platform directory is given twice: {argument} and --platform {flag}", fix="leave one of the two out"
        )
    named = argument if argument is not None else session.value("platform")
    from allotment import wiring

    files = wiring.files()
    if named:
        directory = files.user_path(named)
        if not directory.is_dir():
            raise NotFoundError(
                f"there is no directory {named}",
                why="it is a file" if directory.exists() else "",
                fix=f"check the path, or begin a platform with `allot init {named}`",
            )
        return directory
    here = Path()
    if files.holds_platform(here):
        return here
    raise UsageError(
        "no platform directory is named, and the current directory holds none",
        fix="name it: as DIR, with --platform, in ALLOTMENT_PLATFORM, or with `allot config set platform DIR`",
    )


def chosen_cluster(session: Session, platform: Platform) -> Cluster:
    """The cluster that ``--cluster`` and its kin name, or the only one.

    Raises:
        NotFoundError: the platform has no cluster of that name.
        UsageError: nobody names one, and there are several.
    """
    name = session.value("cluster")
    if name:
        return named_cluster(platform, name)
    if len(platform.clusters) == 1:
        return platform.clusters[0]
    names = [cluster.name for cluster in platform.clusters]
    raise UsageError(
        "which cluster?",
        why=f"{platform.name} has {', '.join(names)}" if names else f"{platform.name} has no cluster",
        fix=f"name one, for example --cluster {names[0]}" if names else "declare a cluster in the directory",
    )


def named_cluster(platform: Platform, name: str) -> Cluster:
    """The cluster of that name.

    Raises:
        NotFoundError: there is none; the message suggests the nearest.
    """
    found = platform.cluster(name)
    if found is None and platform.slurm(name) is not None:
        raise UsageError(
            f"{name} is a Slurm, and this is about Kubernetes clusters",
            why="nothing is rendered for it or applied to it: it has its own accounts and limits",
            fix=f"submit jobs to it with `allot submit --on {name}`, ask it with `allot why --on {name}`",
        )
    if found is None:
        raise _absent("cluster", name, [cluster.name for cluster in platform.clusters], platform)
    return found


def named_team(platform: Platform, name: str) -> Team:
    """The team of that name.

    Raises:
        NotFoundError: there is none; the message suggests the nearest.
    """
    found = platform.team(name)
    if found is None:
        raise _absent("team", name, [team.name for team in platform.teams], platform)
    return found


def _absent(kind: str, name: str, known: Sequence[str], platform: Platform) -> NotFoundError:
    return NotFoundError(
        f"there is no {kind} {name!r} in {platform.name}",
        why=f"it has {', '.join(known)}" if known else f"it has no {kind} at all",
        fix=did_you_mean(name, known, f"list them with `allot {kind} list`"),
    )


DEFAULT_NAME: Final = "my-platform"


def name_for(root: Path) -> str:
    """Name of a platform that is written into a new folder: the folder's, if that can be one."""
    from allotment.model.names import is_plain

    name = root.absolute().name.lower().replace("_", "-")
    return name if is_plain(name) else DEFAULT_NAME
