"""All sandboxes of a user: bring up, take down, look at.

State lies below one root, a folder each. A lock keeps two commands on one sandbox apart; whatever a killed command left
behind is found by the next one, by its records and by the marker that every process of a sandbox carries.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

import platformdirs

from allotment.adapters.sandbox import apiserver_flags, processes
from allotment.adapters.sandbox.binaries import require_folder
from allotment.adapters.sandbox.build import Kit, ensure
from allotment.adapters.sandbox.components import COMPONENTS, OWN_APISERVER_FLAGS, port_names, start_order
from allotment.adapters.sandbox.extensions import EXTENSIONS, controllers_of, resolved
from allotment.adapters.sandbox.launch import Connect, Launch, PortLostError
from allotment.adapters.sandbox.locking import exclusive
from allotment.adapters.sandbox.manifests import STANDARD_SETS
from allotment.adapters.sandbox.nodes import nodes_ready, read_nodes, reconcile_nodes
from allotment.adapters.sandbox.ports import choose, is_free, renewed
from allotment.adapters.sandbox.probe import healthy, tls_context
from allotment.adapters.sandbox.state import Paths, State, load, save
from allotment.adapters.sandbox.versions import RUNTIME, STANDARD
from allotment.errors import AllotmentError, NotFoundError, TimedOutError
from allotment.ports.sandboxes import (
    ComponentStatus,
    Progress,
    Sandbox,
    SandboxSpec,
    SandboxStatus,
    Step,
    check_name,
    silent,
)

_LOCK_WAIT_SECONDS: Final = 300.0
_STARTS: Final = 3
_GRACE_SECONDS: Final = 4.0
_NODE_SECONDS: Final = 60.0


class SandboxStore:
    """The sandboxes below one folder.

    Args:
        root: state folder; a sandbox's files lie in `root/NAME`.
        cache: folder of built binaries, shared by all sandboxes.
        env: environment that binaries are looked for and built with; servers get how Go spends memory from it.
        connect: opens a client for a sandbox's API server.
        folder: explicit folder with binaries.
        rng: source of port numbers.
    """

    def __init__(
        self,
        root: Path,
        *,
        cache: Path,
        env: Mapping[str, str],
        connect: Connect,
        folder: Path | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._root = root.absolute()
        self._cache = cache.absolute()
        self._env = env
        self._connect = connect
        self._folder = None if folder is None else require_folder(folder.absolute())
        self._rng = rng or random.SystemRandom()

    def tools(
        self,
        names: Iterable[str],
        progress: Progress = silent,
        extensions: Iterable[str] = (),
        *,
        manifests: Iterable[str] = (),
    ) -> Kit:
        """Find tools (see `versions.STANDARD`), building what is missing; no sandbox is touched.

        Args:
            names: tools wanted.
            progress: told about every step.
            extensions: whose controllers and objects are wanted too.
            manifests: further sets of objects, by their names in `manifests.SOURCES`.

        Raises:
            InputError: no such extension.
            UnreachableError: sources could not be fetched.
        """
        added = resolved(extensions)
        return ensure(
            (*names, *(controller.name for controller in controllers_of(added))),
            cache=self._cache,
            env=self._env,
            progress=progress,
            folder=self._folder,
            manifests=(*STANDARD_SETS, *(EXTENSIONS[name].manifests for name in added), *manifests),
        )

    def programs(self, extensions: Iterable[str] = (), *, progress: Progress = silent) -> Mapping[str, Path]:
        """The standard programs by name, and those of extensions; see `tools`.

        Raises:
            InputError: no such extension.
            UnreachableError: sources could not be fetched.
        """
        return self.tools(STANDARD, progress, extensions).binaries

    def up(self, spec: SandboxSpec, *, progress: Progress = silent) -> Sandbox:
        """Bring the sandbox about, whatever state it is in.

        A healthy one with the same configuration stays and only gets its fake nodes changed. Otherwise what is left of
        it is stopped and everything started again on the same data, and on the same ports where they are free.

        What extends a sandbox stays until `down`: extensions and API server flags of an earlier `up` that this one
        does not name. Objects of the extension are in the data, and would hang without its controller.

        Raises:
            InputError: the specification cannot work.
            ConflictError: another command works on this sandbox.
            UnreachableError: a server ended, or sources could not be fetched.
            TimedOutError: not ready in time.
        """
        spec.check()
        apiserver_flags.check(spec.apiserver_flags, OWN_APISERVER_FLAGS)
        paths = Paths(self._root, spec.name)
        kit = self.tools(RUNTIME, progress, _with_earlier(spec, load(paths)).extensions)  # a build may take minutes
        with self._locked(paths, progress):
            state = load(paths)
            spec = _with_earlier(spec, state)
            if not {EXTENSIONS[name].manifests for name in spec.extensions} <= set(kit.manifests):
                kit = self.tools(RUNTIME, progress, spec.extensions)  # another command extended it meanwhile
            if state is not None and _same_configuration(state, spec) and self._all_healthy(paths, state):
                state = dataclasses.replace(state, spec=spec)
                save(paths, state)
                self._reconcile(paths, state)
                return _sandbox(paths, state, kit, created=False)
            self._stop(paths, state)
            state = self._start(paths, spec, kit, state.ports if state else {}, progress)
            return _sandbox(paths, state, kit, created=True)

    def down(self, name: str, *, progress: Progress = silent) -> bool:
        """Stop the sandbox and remove all its files; fine to repeat, and on a half-made one.

        Returns:
            Whether there was anything.

        Raises:
            ConflictError: another command works on this sandbox.
        """
        check_name(name)
        paths = Paths(self._root, name)
        with self._locked(paths, progress):
            there = paths.folder.exists() or bool(processes.marked(str(paths.folder)))
            self._stop(paths, load(paths))
            if paths.folder.exists():
                shutil.rmtree(paths.folder)
            paths.lock.unlink()
        with suppress(OSError):
            self._root.rmdir()
        return there

    def status(self, name: str) -> SandboxStatus:
        """What runs, and how it is.

        Raises:
            NotFoundError: there is no sandbox of that name.
        """
        paths = self._existing(name)
        state = load(paths)
        if state is None:
            return SandboxStatus(name, name, (), 0.0, (), paths.folder)
        tls = _tls(paths)
        parts = tuple(_component_status(paths, state, part, tls) for part in start_order(state.spec.extensions))
        nodes: tuple[tuple[str, bool], ...] = ()
        if tls is not None and any(part.name == "kube-apiserver" and part.ready for part in parts):
            with suppress(AllotmentError), self._connect(paths.kubeconfig) as kube:
                nodes = read_nodes(kube)
        age = max(0.0, time.time() - state.started_at)
        return SandboxStatus(name, state.spec.context_name, parts, age, nodes, paths.folder)

    def list(self) -> tuple[str, ...]:
        """Names of all sandboxes, running or not."""
        if not self._root.is_dir():
            return ()
        return tuple(sorted(entry.name for entry in self._root.iterdir() if entry.is_dir()))

    def kubeconfig(self, name: str) -> Path:
        """The administrator's kubeconfig.

        Raises:
            NotFoundError: no such sandbox, or it never got that far.
        """
        path = self._existing(name).kubeconfig
        if not path.exists():
            raise NotFoundError(
                f"sandbox {name} has no kubeconfig yet",
                why="its start did not come that far",
                fix=f"allot sandbox up {name}",
            )
        return path

    def _existing(self, name: str) -> Paths:
        check_name(name)
        paths = Paths(self._root, name)
        if not paths.folder.is_dir():
            names = ", ".join(self.list()) or "there are none"
            raise NotFoundError(
                f"there is no sandbox {name}", why=f"sandboxes: {names}", fix=f"allot sandbox up {name}"
            )
        return paths

    def _locked(self, paths: Paths, progress: Progress) -> AbstractContextManager[None]:
        return exclusive(
            paths.lock,
            wait_seconds=_LOCK_WAIT_SECONDS,
            what=f"sandbox {paths.name}",
            waiting=lambda waited: progress(Step(1, 1, "another command works on this sandbox", waited)),
        )

    def _start(
        self, paths: Paths, spec: SandboxSpec, kit: Kit, earlier: Mapping[str, int], progress: Progress
    ) -> State:
        names = port_names(spec.extensions)
        ports = renewed(names, earlier, self._rng)
        for attempt in range(1, _STARTS + 1):
            launch = Launch(paths, spec, kit, ports, self._connect, progress, self._env)
            ready = False
            try:
                state = launch.run()
                ready = True
            except PortLostError:
                if attempt == _STARTS:
                    raise
                ports = choose(names, self._rng)
            else:
                return state
            finally:
                if not ready:  # also when interrupted: no half sandbox keeps running
                    self._stop(paths, launch.state)
        raise AssertionError("unreachable")

    def _stop(self, paths: Paths, state: State | None) -> None:
        """Stop what is written down, then whatever else carries the marker, and wait for the ports.

        etcd goes last and alone: an API server whose etcd is gone first hangs in its own shutdown.
        """
        marker = str(paths.folder)
        recorded = {} if state is None else dict(state.processes)
        storage = [recorded.pop("etcd")] if "etcd" in recorded else []
        others = list(reversed(recorded.values()))
        for group in (others, storage):
            processes.stop(group, marker, grace_seconds=_GRACE_SECONDS)
        processes.stop(processes.marked(marker), marker, grace_seconds=_GRACE_SECONDS)
        deadline = time.monotonic() + _GRACE_SECONDS
        ports = () if state is None else tuple(state.ports.values())
        while not all(is_free(port) for port in ports) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _all_healthy(self, paths: Paths, state: State) -> bool:
        tls = _tls(paths)
        parts = (_component_status(paths, state, part, tls) for part in start_order(state.spec.extensions))
        return state.complete and all(part.running and part.ready for part in parts)

    def _reconcile(self, paths: Paths, state: State) -> None:
        with self._connect(paths.kubeconfig) as kube:
            reconcile_nodes(kube, state.spec)
            deadline = time.monotonic() + _NODE_SECONDS
            while not nodes_ready(kube, state.spec):
                if time.monotonic() > deadline:
                    raise TimedOutError(
                        f"sandbox {paths.name}: not every fake node became Ready in {_NODE_SECONDS:.0f} seconds",
                        why=f"last lines of {paths.log('kwok')}:\n{processes.tail(paths.log('kwok'))}",
                        fix=f"allot sandbox status {paths.name} shows which",
                    )
                time.sleep(0.1)


def default_store(connect: Connect, folder: Path | None = None) -> SandboxStore:
    """The user's store: state below XDG_STATE_HOME, binaries below XDG_CACHE_HOME, application `allotment`."""
    return SandboxStore(
        platformdirs.user_state_path("allotment") / "sandboxes",
        cache=platformdirs.user_cache_path("allotment") / "sandbox",
        env=os.environ,
        connect=connect,
        folder=folder,
    )


def _with_earlier(spec: SandboxSpec, state: State | None) -> SandboxSpec:
    """What is asked for, with what the sandbox was extended by before; a flag that is given again has its new value.

    Flags stay only when the start with them succeeded: one that the API server does not know must not.
    """
    earlier = spec if state is None else state.spec
    flags = earlier.apiserver_flags if state is not None and state.complete else {}
    return dataclasses.replace(
        spec,
        extensions=resolved((*earlier.extensions, *spec.extensions)),
        apiserver_flags={**flags, **spec.apiserver_flags},
    )


def _same_configuration(state: State, spec: SandboxSpec) -> bool:
    """Compared as written: what was loaded has lists where the caller may have tuples."""
    old, new = (
        json.dumps(dataclasses.asdict(each), sort_keys=True)
        for each in (dataclasses.replace(state.spec, nodes=()), dataclasses.replace(spec, nodes=()))
    )
    return old == new


def _tls(paths: Paths) -> ssl.SSLContext | None:
    """None while the keys are not made."""
    return tls_context(paths.pki) if paths.pki.is_dir() else None


def _component_status(paths: Paths, state: State, name: str, tls: ssl.SSLContext | None) -> ComponentStatus:
    component, port = COMPONENTS[name], state.ports[name]
    process = state.processes.get(name)
    running = process is not None and processes.alive(process, str(paths.folder))
    reachable = running and not (component.tls and tls is None)
    ready = reachable and healthy(port, component.health, tls if component.tls else None)
    pid = process.pid if process is not None and running else None
    memory = 0 if pid is None else processes.memory_bytes(pid)
    return ComponentStatus(name, running, ready, pid, port, memory, paths.log(name))


def _sandbox(paths: Paths, state: State, kit: Kit, *, created: bool) -> Sandbox:
    return Sandbox(
        name=paths.name,
        context=state.spec.context_name,
        kubeconfig=paths.kubeconfig,
        directory=paths.folder,
        ports=dict(state.ports),
        pids={name: process.pid for name, process in state.processes.items()},
        binaries=kit.binaries,
        created=created,
    )
