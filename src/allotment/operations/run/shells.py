"""The server has the environment of the shell that started it, which may say something else than the shell of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allotment.errors import shown

OF_CLUSTERS: Final = ("KUBECONFIG",)
"""Variables that say how Kubernetes clusters are reached."""
OF_SLURMS: Final = ("SLURM_CONF", "SLURM_JWT")
"""Variables that say how Slurms are reached."""
_SECRET: Final = frozenset({"SLURM_JWT"})
_IS_SET: Final = "set"
"""In place of the value of a secret."""
STARTED_FROM: Final = "the server has the environment of the shell that started it"
ANEW: Final = "`allot down`, then `allot up` in a shell that sets"
"""What makes a server have another environment; a variable follows."""


def of_shell(environment: Mapping[str, str]) -> Mapping[str, str]:
    """What an environment says of how back ends are reached; of a secret only that it is there."""
    there = {name: environment.get(name, "") for name in (*OF_CLUSTERS, *OF_SLURMS)}
    return {name: _IS_SET if name in _SECRET else value for name, value in there.items() if value}


def unlike(server: Mapping[str, str] | None, environment: Mapping[str, str], *, cluster: bool) -> str:
    """What is to be said where this shell sets something that the server knows nothing of, or differently.

    Args:
        server: what `of_shell` said of the server's environment; None where it does not tell.
        environment: of this shell.
        cluster: whether a Kubernetes cluster is meant; else a Slurm.

    Returns:
        A sentence; empty where nothing is to be said.
    """
    mine = of_shell(environment)
    names = OF_CLUSTERS if cluster else OF_SLURMS
    there = {} if server is None else server
    differ = [name for name in names if mine.get(name, "") not in {"", there.get(name, "")}]
    if server is None or not differ:
        return ""
    has = ", ".join(f"{name}={shown(server[name])}" if name in server else f"no {name}" for name in differ)
    return f"{STARTED_FROM}: {has}, unlike this one; `allot down`, then `allot up` here makes it use this shell's"
