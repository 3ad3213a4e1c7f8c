"""Kind SlurmCluster: a Slurm beside the Kubernetes clusters, to which jobs are submitted."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field

from allotment.spec.problems import echo
from allotment.spec.schema.base import KindSpec, refuse
from allotment.spec.schema.scalars import Line, Name, Text, scalar

_WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,127}", re.ASCII)
_FOLDER: Final = re.compile(r"/[ -~]{1,500}", re.ASCII)
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]{1,200}/?", re.ASCII)


def _word(value: str) -> str:
    if _WORD.fullmatch(value) is None:
        refuse(f"{echo(value)} is no word that Slurm takes", "use letters, digits and _ . @ -, without spaces")
    return value


def _folder(value: str) -> str:
    if _FOLDER.fullmatch(value) is None or ".." in value.split("/"):
        refuse(f"{echo(value)} is no absolute path", "write the path under which all nodes see it, such as /shared")
    return value


def _bundle(value: str) -> str:
    return value and _folder(value)


def _address(value: str) -> str:
    if _ADDRESS.fullmatch(value) is None:
        refuse(f"{echo(value)} is no address of a slurmrestd", "write it like https://slurm.example:6820")
    return value


SlurmWord = Annotated[
    str, *scalar(_word, {"type": ["string", "number"], "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.@-]*$"}, "word of Slurm's")
]
SlurmFolder = Annotated[str, *scalar(_folder, {"type": "string", "pattern": "^/"}, "absolute path")]
SlurmBundle = Annotated[str, *scalar(_bundle, {"type": "string", "pattern": "^(/|$)"}, "absolute path, or empty")]
SlurmAddress = Annotated[str, *scalar(_address, {"type": "string", "pattern": "^https?://"}, "address of a slurmrestd")]


class SlurmClusterSpec(KindSpec):
    """A Slurm, for `allot submit --on NAME`. Nothing is rendered for it, and no quota of Kueue counts its devices."""

    kind: Literal["SlurmCluster"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="As users name it after --on; no Cluster has the same name.")
    folder: SlurmFolder = Field(
        description="Folder that all its nodes see under this path; code, checkpoints and output of jobs lie below it."
    )
    slurmrestd: SlurmAddress | None = Field(
        default=None,
        description="Address of its slurmrestd. Without it, Slurm's commands on the user's machine are used.",
    )
    accounts: dict[Name, SlurmWord] = Field(
        default_factory=dict, description="Account by team. By default the account has the team's name."
    )
    partitions: dict[Name, tuple[SlurmWord, ...]] = Field(
        default_factory=dict, description="Partitions by rung. By default the cluster's default partition."
    )
    qualities: dict[Name, SlurmWord] = Field(
        default_factory=dict, description="Quality of service by rung. By default the account's default."
    )
    classes: dict[Name, SlurmWord] = Field(
        default_factory=dict, description="GRES type by accelerator. By default the type has the accelerator's name."
    )
    images: dict[Line, SlurmBundle] = Field(
        default_factory=dict,
        description='Folder of an OCI bundle by image, where containers are set up; "" where nodes have what is in it.',
    )
    description: Text = Field(default="", validate_default=False, description="For people. Empty by default.")
