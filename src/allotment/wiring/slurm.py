"""Settings → the ports of a Slurm. Each function imports what it needs when it is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from allotment.errors import NotFoundError, spelled

if TYPE_CHECKING:
    from allotment.ports.job_folders import JobFolders
    from allotment.ports.job_output import JobOutput
    from allotment.ports.settings import SettingsPort
    from allotment.ports.slurm import SlurmPort

_WORD: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def slurm(
    url: str, environment: Mapping[str, str], described: Callable[[], str] = lambda: ""
) -> AbstractContextManager[SlurmPort]:
    """A Slurm; nothing is asked yet. It closes when it is left.

    Args:
        url: of its slurmrestd; empty for the commands of this machine.
        environment: SLURM_JWT is the token, else `scontrol` makes one; SLURM_CONF says which Slurm commands ask.
        described: where its address stands, told where nothing answers; empty for nothing.

    Raises:
        UsageError: it is no address, or a token would go over the network in the clear.
    """
    if not url:
        from allotment.adapters.slurm.commands import command_line

        return nullcontext(command_line(environment, described))
    from allotment.adapters.slurm.client import connect_slurm
    from allotment.adapters.slurm.tokens import GivenToken, MadeToken

    given = environment.get("SLURM_JWT")
    return connect_slurm(url, GivenToken(given) if given else MadeToken(environment), described=described)


def slurm_folder(environment: Mapping[str, str]) -> Path:
    """Where files that describe a Slurm lie: ``$XDG_CONFIG_HOME/allotment/slurm``."""
    from allotment.adapters.settings_file import config_path

    return config_path(environment).parent / "slurm"


def slurm_file(name: str, environment: Mapping[str, str]) -> SettingsPort:
    """The file that describes a Slurm: ``$XDG_CONFIG_HOME/allotment/slurm/NAME.yaml``.

    Args:
        name: a word; anything else is described in no file.
        environment: says where the user's configuration lies.

    Raises:
        NotFoundError: it is no such word, or there is no such file.
    """
    from allotment.adapters.settings_file import SettingsFile

    path = slurm_folder(environment) / f"{name}.yaml"
    if not _WORD.fullmatch(name) or not path.is_file():
        raise NotFoundError(f"no file describes a Slurm {spelled(name)}", fix=f"write {path.parent}/NAME.yaml")
    return SettingsFile(path)


def slurm_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Those that files describe."""
    found = slurm_folder(environment).glob("*.yaml")
    return tuple(sorted(each.stem for each in found if _WORD.fullmatch(each.stem)))


def slurm_folders(root: Path) -> tuple[JobFolders, JobOutput]:
    """Folders and output of one user's jobs, below a folder of his that all nodes see."""
    from allotment.adapters.local.job_folders import LocalJobFolders
    from allotment.adapters.local.own_root import made_own_root
    from allotment.adapters.slurm.output import SharedOutput

    return LocalJobFolders(root, made_own_root), SharedOutput(root)


def slurm_root_check(root: Path) -> Callable[[], None]:
    """What makes that folder, and raises where anybody else could put something into it."""
    from allotment.adapters.local.own_root import made_own_root

    return lambda: made_own_root(root.absolute())
