"""A real control plane on which a situation is played and recorded: objects are made, waited for, listed, changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from allotment import wiring
from allotment.observe.kinds import KINDS
from allotment.ports.sandboxes import FakeNode, KueueOptions, SandboxSpec

Raw = dict[str, Any]
PATIENCE = 90.0
"""Seconds that a state is waited for; controllers answer within a few."""


class NotReachedError(AssertionError):
    """The control plane did not come to the state that a situation is about."""


class Stage:
    """kubectl on one sandbox. Everything is asked of the real API server.

    Attributes:
        cloud: behind a real Karpenter, where there is one.
        worker: a second cluster, where there is one.
    """

    def __init__(self, kubeconfig: str, kubectl: str) -> None:
        self.access = (kubeconfig, kubectl)
        self.cloud: Any = None
        self.worker: Stage | None = None
        self._base = [kubectl, f"--kubeconfig={kubeconfig}"]

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True) -> tuple[int, str]:
        done = subprocess.run(
            [*self._base, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=120
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.returncode, done.stdout if done.returncode == 0 else done.stderr

    def make(self, *objects: Raw) -> None:
        """Create objects with their status, in order; a server that is not ready yet is asked again."""
        for each in objects:
            self.run("create", "-f", "-", stdin=json.dumps(each))
            if "status" in each:
                self.patch(each, {"status": each["status"]}, subresource="status")

    def attempt(self, each: Raw, user: str = "", groups: tuple[str, ...] = ()) -> tuple[int, str]:
        """Create an object as somebody; exit code and the server's words."""
        who = [f"--as={user}", *(f"--as-group={group}" for group in groups)] if user else []
        return self.run("create", "-f", "-", *who, stdin=json.dumps(each), check=False)

    def patch(self, target: Raw, body: Any, *, op: str = "merge", subresource: str = "") -> None:
        meta = target.get("metadata", target)
        where = ["-n", meta["namespace"]] if meta.get("namespace") else []
        sub = [f"--subresource={subresource}"] if subresource else []
        self.run("patch", named(target), *where, *sub, f"--type={op}", "-p", json.dumps(body))

    def delete(self, target: Raw) -> None:
        meta = target.get("metadata", target)
        where = ["-n", meta["namespace"]] if meta.get("namespace") else []
        # What a finalizer keeps goes later, or never: what the deletion does is looked at, not its end.
        self.run("delete", named(target), *where, "--wait=true", "--timeout=40s", check=False)

    def get(self, kind: str, name: str = "", namespace: str = "") -> Any:
        """One object (None if it is not there), or the items of a list."""
        where = ["-n", namespace] if namespace else ["-A"]
        code, text = self.run("get", kind, *([name] if name else []), *(where), "-o", "json", check=False)
        if code:
            return None if name else []
        found = json.loads(text)
        return found if name else found["items"]

    def until(self, what: str, holds: Callable[[], Any]) -> Any:
        """Wait for a state; what it returned."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            found = holds()
            if found:
                return found
            time.sleep(0.3)
        raise NotReachedError(f"not reached: {what}")

    def everything(self) -> list[Raw]:
        """All objects of all kinds that are read, as the API returns them."""
        found: list[Raw] = []
        for kind in KINDS:
            plural = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
            code, text = self.run("get", plural, "-A", "-o", "json", check=False)
            if code == 0:
                found += [_slim(each) for each in json.loads(text)["items"] if _wanted(each, kind.only)]
        return found


@contextmanager
def stage(
    name: str,
    nodes: tuple[FakeNode, ...],
    kueue: KueueOptions,
    extensions: tuple[str, ...] = (),
    definitions: tuple[Raw, ...] = (),
) -> Iterator[Stage]:
    """A sandbox of its own, taken down at the end. Kueue asks once, at its start, which kinds there are."""
    store = wiring.sandboxes()
    try:
        spec = SandboxSpec(name, nodes, kueue=kueue, extensions=extensions)
        made = store.up(spec)
        if definitions:
            Stage(str(made.kubeconfig), str(store.programs()["kubectl"])).make(*definitions)
            os.kill(made.pids["kueue"], signal.SIGKILL)
            while any(part.name == "kueue" and part.running for part in store.status(name).components):
                time.sleep(0.1)
            made = store.up(spec)
        yield Stage(str(made.kubeconfig), str(store.programs()["kubectl"]))
    finally:
        store.down(name)


def named(target: Raw) -> str:
    version = target.get("apiVersion", "v1")
    group, slash, _ = version.partition("/")
    name = target["metadata"]["name"] if "metadata" in target else target["name"]
    return f"{target['kind'].lower()}{f'.{group}' if slash else ''}/{name}"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wanted(each: Raw, only: tuple[str, ...]) -> bool:
    meta = each["metadata"]
    return not only or f"{meta.get('namespace', '')}/{meta['name']}" in only


def _slim(each: Raw) -> Raw:
    each["metadata"].pop("managedFields", None)
    return each
