"""One start of a sandbox: from files to servers that answer.

Order: etcd, API server; then controller manager, scheduler and KWOK at once, while the objects of Kueue and of the
extensions are applied; then their controllers and the fake nodes; then wait until a dry run passes their webhooks and
every node is Ready. Each process is written down as soon as it runs.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import json
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from allotment.adapters.sandbox import processes
from allotment.adapters.sandbox.build import Kit
from allotment.adapters.sandbox.components import COMPONENTS, Layout, clients, start_order
from allotment.adapters.sandbox.configs import WEBHOOK_SECRET, audit_policy, kubeconfig, kueue_configuration
from allotment.adapters.sandbox.extensions import (
    EXTENSIONS,
    Controller,
    configuration,
    controllers_of,
    extension_objects,
    frameworks_with,
)
from allotment.adapters.sandbox.kueue import install_objects
from allotment.adapters.sandbox.kwok import stages, volume_stages
from allotment.adapters.sandbox.nodes import nodes_ready, reconcile_nodes
from allotment.adapters.sandbox.pki import KUEUE_NAMESPACE, write_pki
from allotment.adapters.sandbox.probe import healthy, tls_context
from allotment.adapters.sandbox.state import Paths, State, save, write_private
from allotment.adapters.sandbox.versions import RUNTIME
from allotment.errors import AllotmentError, TimedOutError, UnreachableError
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.ports.kube import KubePort, RefusedError
from allotment.ports.sandboxes import Progress, SandboxSpec, Step

Connect = Callable[[Path], AbstractContextManager[KubePort]]
"""A client for the API server of a kubeconfig. It asks once: a launcher that waits asks again itself."""

START_SECONDS: Final = 240.0
"""Limit for a whole start; it takes some 20 seconds on an idle machine of two cores."""

GO_SETTINGS: Final = ("GOGC", "GOMEMLIMIT")
"""By which a Go program trades memory for time (pkg.go.dev/runtime, "Environment Variables")."""

_STEPS: Final = (
    "keys and configuration",
    "etcd",
    "kube-apiserver",
    "controllers' objects",
    "controllers",
    "fake nodes",
)
_POLL_SECONDS: Final = 0.1
_ESTABLISHED_SECONDS: Final = 3.0  # one kind after the other is established, each within a second, or never
_ASK_AGAIN_SECONDS: Final = 0.5
_PORT_TAKEN: Final = "address already in use"
_TOO_MANY_FILES: Final = "too many open files"
_API_SERVICE: Final = "apiregistration.k8s.io/v1"
_VISIBILITY_VERSIONS: Final = ("v1beta1", "v1beta2")
_TOUCHED: Final = "allotment.dev/touched"


class PortLostError(UnreachableError):
    """Another process took one of the chosen ports; a start with other ports may succeed."""


class Launch:
    """Carries one start through; `state` grows as processes come up."""

    def __init__(
        self,
        paths: Paths,
        spec: SandboxSpec,
        kit: Kit,
        ports: Mapping[str, int],
        connect: Connect,
        progress: Progress,
        env: Mapping[str, str],
    ) -> None:
        self.state = State(spec, ports, started_at=time.time())
        self._paths = paths
        self._spec = spec
        self._kit = kit
        self._connect = connect
        self._progress = progress
        self._go_settings = {each: env[each] for each in GO_SETTINGS if env.get(each)}
        self._parts = start_order(spec.extensions)
        self._layout = Layout(paths, ports, spec.fast_storage, spec.apiserver_flags)
        self._deadline = time.monotonic() + START_SECONDS
        self._step = (0, 0.0, 0.0)
        self._visibility_asked = 0.0

    def run(self) -> State:
        """Start everything and wait until it is ready.

        Raises:
            PortLostError: try again with other ports.
            UnreachableError: a server ended; the message carries its last log lines.
            TimedOutError: not ready in time.
        """
        self._begin(1)
        self._write_files()
        self._begin(2)
        self._start("etcd")
        tls = tls_context(self._paths.pki)
        self._until(lambda: self._healthy("etcd", tls), "etcd answers", ("etcd",))
        self._begin(3)
        self._start("kube-apiserver")
        base = ("etcd", "kube-apiserver")
        self._until(lambda: self._healthy("kube-apiserver", tls), "the API server is ready", base)
        with self._connect(self._paths.kubeconfig) as kube:
            self._begin(4)
            self._start("kube-controller-manager")
            self._start("kube-scheduler")
            self._start("kwok")
            self._install(kube)
            self._begin(5)
            self._start("kueue")
            for controller in controllers_of(self._spec.extensions):
                self._start(controller.name)
            reconcile_nodes(kube, self._spec)
            self._until(lambda: self._kueue_admits(kube), "Kueue's webhooks answer", self._parts)
            for controller in controllers_of(self._spec.extensions):
                admits = partial(self._admits, kube, controller)
                self._until(admits, f"the webhooks of {controller.name} answer", self._parts)
            self._begin(6)
            self._until(lambda: nodes_ready(kube, self._spec), "the fake nodes are Ready", self._parts)
            for name in self._parts:
                self._until(partial(self._healthy, name, tls), f"{name} is ready", self._parts)
        self._finish()
        self.state = dataclasses.replace(self.state, complete=True)
        save(self._paths, self.state)
        return self.state

    def _write_files(self) -> None:
        paths, spec, ports = self._paths, self._spec, self.state.ports
        for folder in (paths.folder, paths.config, paths.logs, paths.etcd, paths.kueue, paths.webhook_certs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        save(paths, self.state)
        write_pki(paths.pki, dt.datetime.now(dt.UTC))
        files = {file.name: file.read_bytes() for file in paths.pki.iterdir()}
        port = ports["kube-apiserver"]
        for name in clients(spec.extensions):
            config = kubeconfig(context=spec.name, user=name, port=port, files=files, certificate=name)
            write_private(paths.config / f"{name}.kubeconfig", json.dumps(config, indent=1))
        # Users of kubeconfigs that are joined share one list, and the first of a name wins: each sandbox has its own.
        user = f"{spec.name}-admin"
        admin = kubeconfig(context=spec.context_name, user=user, port=port, files=files, certificate="admin")
        write_private(paths.kubeconfig, yaml.safe_dump(admin, sort_keys=False))
        write_private(paths.config / "audit-policy.json", json.dumps(audit_policy(), indent=1))
        options = dataclasses.replace(spec.kueue, frameworks=frameworks_with(spec.kueue.frameworks, spec.extensions))
        kueue = kueue_configuration(options, ports, webhook_certs=str(paths.webhook_certs), visibility=self._visibility)
        write_private(paths.config / "kueue.json", json.dumps(kueue, indent=1))
        for controller in controllers_of(spec.extensions):
            self._write_controller_files(controller, files)
        played = (*stages(self._kit.kwok_stages), *(volume_stages() if spec.volumes else ()))
        documents = [yaml.safe_dump(stage, sort_keys=False) for stage in played]
        write_private(paths.config / "kwok-stages.yaml", "---\n".join(documents))

    def _write_controller_files(self, controller: Controller, files: Mapping[str, bytes]) -> None:
        paths, folder = self._paths, self._paths.certificates(controller.webhook)
        folder.mkdir(exist_ok=True, mode=0o700)
        for ending in ("crt", "key"):
            write_private(folder / f"tls.{ending}", files[f"{controller.webhook}.{ending}"].decode("ascii"))
        settings = configuration(controller, self.state.ports, str(folder))
        write_private(paths.config / f"{controller.name}.json", json.dumps(settings, indent=1))

    @property
    def _visibility(self) -> bool:
        return "kueue" in self._kit.built_here

    def _start(self, name: str) -> None:
        folder = self._paths.kueue if name == "kueue" else self._paths.folder
        process = processes.start(
            COMPONENTS[name].argv(self._kit.binaries[name], self._layout),
            folder=folder,
            # Nothing else of the user's environment: a proxy setting there would catch loopback traffic.
            env={
                **self._go_settings,
                "PATH": os.defpath,
                "HOME": str(self._paths.folder),
                processes.MARKER: str(self._paths.folder),
            },
            log=self._paths.log(name),
        )
        self.state = dataclasses.replace(self.state, processes={**self.state.processes, name: process})
        save(self._paths, self.state)

    def _objects(self) -> Iterator[Body]:
        """What Kueue and the extensions consist of, their processes apart."""
        ports = self.state.ports
        yield from install_objects(self._kit.kueue_manifests, ports, visibility=self._visibility)
        authority = base64.b64encode((self._paths.pki / "ca.crt").read_bytes()).decode("ascii")
        for name in self._spec.extensions:
            manifests = self._kit.manifests[EXTENSIONS[name].manifests]
            yield from extension_objects(name, manifests, ports, authority)

    def _install(self, kube: KubePort) -> None:
        kinds = []
        for manifest in self._objects():
            kube.apply(manifest, force=True)  # the sandbox owns what it installs
            self._tick()
            if manifest["kind"] == "CustomResourceDefinition":
                kinds.append(manifest)
        changed = time.monotonic()
        waiting = len(kinds)

        def served() -> bool:
            # An API server that dies after it accepted a kind's names and before it established the kind never comes
            # back to it: its controller acts on a change of the definition only.
            nonlocal changed, waiting
            missing = self._not_served(kinds)
            if len(missing) != waiting:
                changed, waiting = time.monotonic(), len(missing)
            elif time.monotonic() - changed > _ESTABLISHED_SECONDS:
                for definition in missing:
                    _touch(kube, definition["apiVersion"], key_of(definition))
                changed = time.monotonic()
            return not missing

        self._until(served, "the controllers' kinds are served", RUNTIME[:-1])

    def _not_served(self, definitions: Sequence[Body]) -> list[Body]:
        """The definitions whose kind the API server does not serve yet.

        Discovery is small; the definitions themselves are megabytes. A client remembers it: each look has its own.
        """
        with self._connect(self._paths.kubeconfig) as kube:
            return [
                definition
                for definition in definitions
                if not kube.serves(_stored_version(definition), definition["spec"]["names"]["kind"])
            ]

    def _kueue_admits(self, kube: KubePort) -> bool:
        """Kueue's certificate is in place, its webhooks answer, and a pod could be made (so service accounts exist)."""
        if not self._mount_webhook_certificate(kube) or not self._healthy("kueue", None):
            return False
        return (
            _accepted(kube, {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ResourceFlavor"})
            and _accepted(kube, _PROBE_POD, "default")
            and _is_converted(kube, "kueue.x-k8s.io/v1beta1", "ClusterQueue")
            and (not self._visibility or self._pending_workloads_are_served(kube))
        )

    def _pending_workloads_are_served(self, kube: KubePort) -> bool:
        """Asks for another look: the API server looked in vain while Kueue was starting, and pauses ever longer."""
        if _is_available(kube, _VISIBILITY_VERSIONS[-1]):
            return True
        if time.monotonic() - self._visibility_asked > _ASK_AGAIN_SECONDS:
            for version in _VISIBILITY_VERSIONS:
                _touch(kube, _API_SERVICE, _visibility(version))
            self._visibility_asked = time.monotonic()
        return False

    def _admits(self, kube: KubePort, controller: Controller) -> bool:
        return self._healthy(controller.name, None) and _accepted(kube, controller.probe, "default")

    def _mount_webhook_certificate(self, kube: KubePort) -> bool:
        """Do what a kubelet would: put the Secret that Kueue fills into the folder that it watches."""
        secret = kube.get("v1", ObjectKey("", "Secret", KUEUE_NAMESPACE, WEBHOOK_SECRET)) or {}
        data = secret.get("data") or {}
        if not data.get("tls.crt") or not data.get("tls.key"):
            return False
        for name in ("tls.key", "tls.crt"):
            try:
                text = base64.b64decode(data[name]).decode("ascii")
            except (binascii.Error, UnicodeDecodeError):
                return False
            target = self._paths.webhook_certs / name
            if not target.exists() or target.read_text(encoding="ascii") != text:
                unfinished = target.with_suffix(".partial")
                write_private(unfinished, text)
                unfinished.replace(target)
        return True

    def _healthy(self, name: str, tls: ssl.SSLContext | None) -> bool:
        component = COMPONENTS[name]
        return healthy(self.state.ports[name], component.health, tls if component.tls else None)

    def _until(self, check: Callable[[], bool], what: str, needed: tuple[str, ...]) -> None:
        while not _passes(check):
            for name in needed:
                process = self.state.processes.get(name)
                if process is not None and not processes.alive(process, str(self._paths.folder)):
                    raise self._ended(name)
            if time.monotonic() > self._deadline:
                last = needed[-1]
                raise TimedOutError(
                    f"sandbox {self._spec.name}: {what}: not within {START_SECONDS:.0f} seconds",
                    why=f"last lines of {self._paths.log(last)}:\n{processes.tail(self._paths.log(last))}",
                    fix="try again when the machine is less busy; all logs are in " + str(self._paths.logs),
                )
            self._tick()
            time.sleep(_POLL_SECONDS)

    def _ended(self, name: str) -> UnreachableError:
        log = self._paths.log(name)
        text = processes.tail(log)
        kind = PortLostError if _PORT_TAKEN in text else UnreachableError
        fix = f"run the command again; if that does not help, start anew after: allot sandbox down {self._spec.name}"
        if _TOO_MANY_FILES in text:
            fix = "take other sandboxes down, or let the kernel have more: sysctl fs.inotify.max_user_instances=1024"
        return kind(
            f"sandbox {self._spec.name}: {name} ended while the sandbox was starting",
            why=f"last lines of {log}:\n{text}",
            fix=fix,
        )

    def _begin(self, number: int) -> None:
        self._finish()
        now = time.monotonic()
        self._step = (number, now, now)
        self._progress(Step(number, len(_STEPS), _STEPS[number - 1], 0.0))

    def _finish(self) -> None:
        number, since, _ = self._step
        if number:
            what = _STEPS[number - 1]
            self._progress(Step(number, len(_STEPS), what, time.monotonic() - since, done=True))

    def _tick(self) -> None:
        number, since, told = self._step
        now = time.monotonic()
        if now - told >= 1.0:
            self._step = (number, since, now)
            self._progress(Step(number, len(_STEPS), _STEPS[number - 1], now - since))


_PROBE_POD: Final = {
    "apiVersion": "v1",
    "kind": "Pod",
    "spec": {"containers": [{"name": "probe", "image": "probe"}]},
}


def _stored_version(definition: Body) -> str:
    """``group/version`` of the version that objects of a kind are stored in."""
    spec = definition["spec"]
    version = next(each["name"] for each in spec["versions"] if each["storage"])
    return f"{spec['group']}/{version}"


def _touch(kube: KubePort, api_version: str, key: ObjectKey) -> None:
    """Change an annotation, so that controllers look at the object again."""
    kube.merge_patch(api_version, key, {"metadata": {"annotations": {_TOUCHED: str(time.time())}}})


def _is_available(kube: KubePort, version: str) -> bool:
    """Whether the API server hands requests for a version of the visibility API on to Kueue."""
    service = kube.get(_API_SERVICE, _visibility(version)) or {}
    conditions = service.get("status", {}).get("conditions", ())
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)


def _visibility(version: str) -> ObjectKey:
    return ObjectKey("apiregistration.k8s.io", "APIService", "", f"{version}.visibility.kueue.x-k8s.io")


def _is_converted(kube: KubePort, api_version: str, kind: str) -> bool:
    """Whether the objects of a kind can be read in a version that they are not stored in."""
    if not kube.serves(api_version, kind):
        return False
    for _ in kube.list(api_version, kind):
        pass
    return True


def _accepted(kube: KubePort, body: Body, namespace: str = "") -> bool:
    """Whether a dry run of creating the object passes."""
    inside = {"namespace": namespace} if namespace else {}
    named = {**body, "metadata": {"name": "allotment-readiness-probe", **inside}}
    try:
        kube.create(named, dry_run=True)
    except RefusedError:
        return False
    return True


def _passes(check: Callable[[], bool]) -> bool:
    """A server that does not answer yet, or answers with an error, is not ready."""
    try:
        return check()
    except AllotmentError:
        return False
