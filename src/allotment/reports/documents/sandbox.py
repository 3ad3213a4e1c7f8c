"""Sandboxes, their processes and their programs, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.ports.sandboxes import ComponentStatus, Sandbox, SandboxStatus


def started_document(row: Sandbox) -> Mapping[str, Any]:
    """The sandbox that is up."""
    return {
        "name": row.name,
        "context": row.context,
        "kubeconfig": str(row.kubeconfig),
        "directory": str(row.directory),
        "ports": row.ports,
        "pids": row.pids,
        "programs": {name: str(path) for name, path in row.binaries.items()},
        "created": row.created,
    }


def status_document(found: SandboxStatus, rows: Sequence[ComponentStatus]) -> Mapping[str, Any]:
    """A sandbox's state as JSON."""
    return {
        "kind": "SandboxStatus",
        "name": found.name,
        "context": found.context,
        "ready": found.ready,
        "ageSeconds": round(found.age_seconds),
        "memoryBytes": found.memory_bytes,
        "directory": str(found.directory),
        "nodes": [{"name": name, "ready": ready} for name, ready in found.nodes],
        "components": [component_document(row) for row in rows],
    }


def component_document(row: ComponentStatus) -> Mapping[str, Any]:
    """A process as JSON."""
    return {
        "name": row.name,
        "running": row.running,
        "ready": row.ready,
        "pid": row.pid,
        "port": row.port,
        "memoryBytes": row.memory_bytes,
        "log": str(row.log),
    }


def program_document(row: tuple[str, str]) -> Mapping[str, str]:
    """Where a program is: (tool, path)."""
    return {"name": row[0], "path": row[1]}
