"""The API server by plain requests: what a test makes, looks at and takes away hundreds of times a minute."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from allotment.adapters.kube import kubeconfig
from allotment.adapters.kube.client import http_client

Raw = dict[str, Any]

PATIENCE: Final = 60.0
"""Seconds that a state is waited for."""
BUSY: Final = (429, 500, 503)
SYSTEM: Final = ("default", "kube-node-lease", "kube-public", "kube-system", "kueue-system")
KUEUE: Final = "kueue.x-k8s.io/v1beta2"
_IN_NAMESPACES: Final = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "Pod"),
    (KUEUE, "Workload"),
)
_OF_CLUSTERS: Final = (
    (KUEUE, "ClusterQueue"),
    (KUEUE, "Cohort"),
    (KUEUE, "ResourceFlavor"),
    (KUEUE, "AdmissionCheck"),
    (KUEUE, "WorkloadPriorityClass"),
    ("v1", "PersistentVolume"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("v1", "Node"),
)
_AT_ONCE: Final = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
_POLICIES: Final = "admissionregistration.k8s.io/v1"


class NotReachedError(Exception):
    """The cluster did not come to the wanted state."""


@dataclass(frozen=True)
class Refused:
    """What the API server said no with."""

    code: int
    message: str


class Api:
    """One API server, as its administrator or as somebody else."""

    def __init__(self, config: Path) -> None:
        self._http = http_client(kubeconfig.load(config, None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def request(self, method: str, path: str, body: Any = None, *, form: str = "", who: tuple[str, ...] = ()) -> Raw:
        """One request; an `Refused` of the server is raised as an AssertionError."""
        found = self.ask(method, path, body, form=form, who=who)
        assert not isinstance(found, Refused), f"{method} {path}: {found}"
        return found

    def ask(
        self, method: str, path: str, body: Any = None, *, form: str = "", who: tuple[str, ...] = ()
    ) -> Raw | Refused:
        """One request. `who` is a user and the groups; `form` is ``merge``, ``json`` or ``strategic`` of a patch."""
        kind = {"merge": "merge-patch+json", "json": "json-patch+json", "strategic": "strategic-merge-patch+json"}
        headers = [("Content-Type", f"application/{kind.get(form, 'json')}")]
        headers += [("Impersonate-Group" if at else "Impersonate-User", each) for at, each in enumerate(who)]
        content = None if body is None else json.dumps(body).encode()
        response = self._http.request(method, path, content=content, headers=headers)
        ends = time.monotonic() + PATIENCE
        while response.status_code in BUSY and time.monotonic() < ends:
            time.sleep(0.5)
            response = self._http.request(method, path, content=content, headers=headers)
        if response.status_code >= 400:
            return Refused(response.status_code, str(response.json().get("message", "")))
        found: Raw = response.json()
        return found

    def make(self, bodies: Iterable[Raw]) -> None:
        """Create objects, in order."""
        for each in bodies:
            self.request("POST", path_of(each, collection=True), each)

    def items(self, api_version: str, kind: str, namespace: str = "") -> list[Raw]:
        """All objects of a kind, or those of a namespace."""
        found = self.ask("GET", path_to(api_version, kind, namespace))
        if isinstance(found, Refused):
            return []
        return [{"apiVersion": api_version, "kind": kind, **each} for each in found["items"]]

    def patch(self, target: Raw, body: Any, *, form: str = "merge", sub: str = "") -> None:
        """Change an object, or one of its subresources."""
        self.request("PATCH", path_of(target) + (f"/{sub}" if sub else ""), body, form=form)

    def end(self, work: Raw) -> None:
        """Let a piece of work end, with its pods."""
        self.request("DELETE", path_of(work), _AT_ONCE)

    def clear(self) -> None:
        """Take away everything but what a sandbox starts with, whatever state it is in."""
        for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"):
            self._without(_POLICIES, kind)
        spaces = self._spaces()
        for space in spaces:
            self.empty(space)
        for api_version, kind in _OF_CLUSTERS:
            self._without(api_version, kind)
        for each in self.items("scheduling.k8s.io/v1", "PriorityClass"):
            if not each["metadata"]["name"].startswith("system-"):
                self.ask("DELETE", path_of(each))
        self.ask("DELETE", path_to("v1", "ConfigMap", "kube-system", "cluster-autoscaler-status"))
        for space in spaces:
            self.ask("DELETE", path_to("v1", "Namespace", "", space))
        until("an empty cluster", lambda: not self._spaces() and not any(self.items(*each) for each in _OF_CLUSTERS))

    def empty(self, space: str) -> None:
        """Take all work out of a namespace, and wait until nothing of it holds anything."""
        for api_version, kind in _IN_NAMESPACES:
            self._without(api_version, kind, space)
        left = (("v1", "Pod"), (KUEUE, "Workload"), ("batch/v1", "Job"))
        until(f"{space} is empty", lambda: not any(self.items(*each, space) for each in left))

    def _spaces(self) -> list[str]:
        names = [each["metadata"]["name"] for each in self.items("v1", "Namespace")]
        return [each for each in names if each not in SYSTEM]

    def _without(self, api_version: str, kind: str, space: str = "") -> None:
        self.ask("DELETE", path_to(api_version, kind, space), _AT_ONCE)


def until(what: str, holds: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Wait for a state; what it returned.

    Raises:
        NotReachedError: it did not come.
    """
    ends = time.monotonic() + within
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > ends:
            raise NotReachedError(f"not reached: {what}")
        time.sleep(0.2)


def path_of(target: Raw, *, collection: bool = False) -> str:
    """Where an object lies: a whole object, or a reference to one."""
    meta = target.get("metadata", target)
    space = meta.get("namespace", "") or ""
    return path_to(target["apiVersion"], target["kind"], space, "" if collection else meta["name"])


def path_to(api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
    """Where a kind lies, or one object of it."""
    word = kind.lower()
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}es" if word.endswith("s") else f"{word}s"
    root = "/apis" if "/" in api_version else "/api"
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}/{api_version}{where}/{plural}{f'/{name}' if name else ''}"
