"""Argo CD's library as a program: it syncs a tree to a cluster, or compares the two."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.program import Program

PROGRAM = Program(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Synced:
    """What Argo CD did and found.

    Attributes:
        phase: ``Succeeded``, ``Failed``, or ``Running`` where time ran out; empty if it only compared.
        failures: messages of objects that could not be synced, by ``group/Kind/namespace/name``.
        out_of_sync: what it still finds different: ``changed``, ``missing`` or ``extra``, and the object.
    """

    phase: str
    failures: Mapping[str, str]
    out_of_sync: tuple[str, ...]


def sync(
    program: Path,
    kubeconfig: Path,
    tree: Iterable[Mapping[str, Any]],
    *,
    server_side: bool = True,
    compare_only: bool = False,
) -> Synced:
    """Sync with pruning, as an Application with automated sync and pruning does.

    Raises:
        RuntimeError: the program failed.
    """
    flags = [f"-server-side={str(server_side).lower()}", f"-compare={str(compare_only).lower()}"]
    done = subprocess.run(
        [program, f"-kubeconfig={kubeconfig}", *flags],
        input=json.dumps(list(tree)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    told = json.loads(done.stdout)
    failures = {one["key"]: one["message"] for one in told["results"] if one["status"] == "SyncFailed"}
    return Synced(told["phase"], failures, tuple(told["outOfSync"]))
