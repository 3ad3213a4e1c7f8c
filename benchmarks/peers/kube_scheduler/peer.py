"""The real kube-scheduler as a process beside ours: built once from pinned modules, asked over stdin and stdout."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import platformdirs

from allotment.adapters.sandbox.golang import find_go, go_environment

SOURCES = Path(__file__).parent
BINARY = "kube_scheduler"
MISSING = "no Go tool chain of at least 1.26 on PATH"

Scenario = Mapping[str, Any]
Answer = dict[str, Any]


def _cache() -> Path:
    return platformdirs.user_cache_path("allotment")


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for source in sorted([*SOURCES.glob("*.go"), SOURCES / "go.mod", SOURCES / "go.sum"]):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def available() -> bool:
    """Whether the peer is built for these sources, or can be."""
    return _binary().exists() or find_go(_cache() / "sandbox", os.environ) is not None


def _binary() -> Path:
    return _cache() / "peers" / f"{BINARY}-{_fingerprint()}" / BINARY


def ensure() -> Path:
    """The peer's binary; the first call for a version of the sources builds it, which takes minutes without a cache."""
    target = _binary()
    if target.exists():
        return target
    go = find_go(_cache() / "sandbox", os.environ)
    if go is None:
        raise SystemExit(MISSING)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    environment = go_environment(os.environ, go)
    environment["GOFLAGS"] += " -p=1"
    subprocess.run([go, "build", "-o", partial, "."], cwd=SOURCES, env=environment, check=True)
    partial.replace(target)
    return target


def ask(command: str, scenarios: Iterable[Scenario]) -> list[Answer]:
    """Run one command of the peer over scenarios; one answer for each, in order."""
    lines = "".join(json.dumps(s, separators=(",", ":")) + "\n" for s in scenarios)
    done = subprocess.run([ensure(), command], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def decide(scenarios: Iterable[Scenario]) -> list[Answer]:
    """What the real scheduler decides: `id` and `answers` for each scenario, or `error` where it could not be run.

    Answers that a scenario already has are followed where the scheduler would pick at random.
    """
    return ask("decide", scenarios)
