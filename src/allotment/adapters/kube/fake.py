"""An API server in memory, with server-side apply and its field ownership; checked against a real one by contract."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Final

from allotment.adapters.kube import fake_ownership as ownership
from allotment.adapters.kube.fake_ownership import ManagedFieldsEntry, Stored
from allotment.adapters.kube.fake_requests import page_of, patched, refused, selected
from allotment.adapters.kube.fake_schema import CLUSTER_SCOPED, completed
from allotment.adapters.kube.fake_watching import ChangeLog, FakeWatch, LoggedChange
from allotment.model.labels import FIELD_MANAGER, WRITE_MANAGER
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.ports.kube import (
    NO_QUERY,
    USUAL_DELETION,
    AccessQuestion,
    Answer,
    Deletion,
    Endpoint,
    FieldConflict,
    FieldConflictError,
    Identity,
    ObjectPart,
    PodLogLine,
    ServerInfo,
    WatchStream,
    WatchWord,
)

_ENGINEER: Final = Identity("engineer", ("platform-engineers", "system:masters", "system:authenticated"))
_EPOCH: Final = "2026-01-01T00:00:00Z"
_PLACE: Final = Endpoint("fake://kube", "fake", namespace="default")


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the fake, as its hook sees it."""

    verb: str
    key: ObjectKey
    body: Body | None = None
    identity: Identity | None = None
    dry_run: bool = False
    done: bool = False
    """Whether it had its effect: False before it, and for what was refused."""


def _nothing(_call: Call) -> None:
    return None


def _nobody(_identity: Identity, _question: AccessQuestion) -> bool:
    return False


def _anything(_question: AccessQuestion) -> bool:
    return True


@dataclass(slots=True)
class FakeKube:
    """`KubePort` in memory.

    Attributes:
        unserved: kinds that the server does not know.
        hook: called before and after every call; it may raise, which is how tests inject refusals, outages, kills.
        rights: the authorizer.
        own_rights: the authorizer, about ourselves; it only answers, and refuses nothing by itself (`hook` does).
        us: who we are.
        now: the time that it gives to what is written, RFC 3339.
        time: gives that time instead, where it goes on.
        calls: every call so far; where they are not kept, a queue without room.
        parts: subresources that can be read.
        logs: what containers have written, by pod and container.
        place: what is said of where it is.
        uids: how those of its objects begin.
        log: what happened, for those who watch.
    """

    unserved: frozenset[str] = frozenset()
    hook: Callable[[Call], None] = _nothing
    rights: Callable[[Identity, AccessQuestion], bool] = _nobody
    own_rights: Callable[[AccessQuestion], bool] = _anything
    us: Identity = _ENGINEER
    now: str = _EPOCH
    time: Callable[[], str] | None = None
    calls: list[Call] | deque[Call] = field(default_factory=list)
    parts: Mapping[ObjectPart, Body] = field(default_factory=dict)
    logs: Mapping[tuple[ObjectKey, str], tuple[PodLogLine, ...]] = field(default_factory=dict)
    place: Endpoint = _PLACE
    uids: str = "uid"
    log: ChangeLog = field(default_factory=ChangeLog)
    _objects: dict[ObjectKey, Stored] = field(default_factory=dict)
    _versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def endpoint(self) -> Endpoint:
        """A made-up address."""
        return self.place

    def server(self) -> ServerInfo:
        """Address and version."""
        return ServerInfo(self.place.url, "v1.36.3")

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the kind is not among the unserved."""
        return kind not in self.unserved and bool(api_version)

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        lenient: bool = False,  # noqa: ARG002 every object here is held
    ) -> Iterator[Body]:
        """All objects of a kind."""
        yield from self._listed(api_version, kind, namespace, labels, fields, attrgetter("shown"))

    def _listed(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        labels: str,
        fields: str,
        shown: Callable[[Stored], dict[str, Any]],
    ) -> Iterator[Body]:
        name, _, value = fields.partition("=")
        group = api_version.rpartition("/")[0]
        call = Call("list", ObjectKey(group, kind, namespace, ""))
        with self._lock, self._called(call):
            found = [
                (key, shown(stored))
                for key, stored in self._objects.items()
                if key.kind == kind
                and key.group == group
                and namespace in ("", key.namespace)
                and selected(stored.body, labels)
                and (not fields or str(stored.body.get(name, "")) == value)
            ]
        found.sort(key=lambda one: one[0])
        yield from (body for _key, body in found)

    def list_metadata(self, api_version: str, kind: str, *, namespace: str = "", fields: str = "") -> Iterator[Body]:
        """The metadata of all objects of a kind."""
        yield from self._listed(api_version, kind, namespace, "", fields, self._metadata)

    def watch(self, api_version: str, kind: str, *, namespace: str = "", since: str = "") -> WatchStream:
        """What happens to a kind."""
        place = ObjectKey(api_version.rpartition("/")[0], kind, namespace, "")

        def listed() -> tuple[list[Body], int]:
            with self._lock:
                return list(self.list(api_version, kind, namespace=namespace)), self.log.latest

        def opened() -> None:
            with self._called(Call("watch", place)):
                pass

        def chooses(key: ObjectKey) -> bool:
            return (key.group, key.kind) == (place.group, kind) and namespace in ("", key.namespace)

        return FakeWatch(self.log, listed, opened, chooses, since, served=self.serves(api_version, kind))

    def get(self, api_version: str, key: ObjectKey, *, lenient: bool = False) -> Body | None:  # noqa: ARG002 as above
        """One object, or None."""
        with self._lock, self._called(Call("get", key)):
            stored = self._objects.get(key)
            return stored.shown if stored is not None and api_version else None

    def read_part(self, part: ObjectPart, *, query: Mapping[str, int] = NO_QUERY) -> Body | None:
        """What `parts` holds; an object's status is the object itself."""
        group = part.api_version.rpartition("/")[0]
        with (
            self._lock,
            self._called(Call(f"get {part.part}", ObjectKey(group, part.resource, part.namespace, part.name))),
        ):
            if part.part != "status":
                found = self.parts.get(part)
                return None if found is None else page_of(found, query)
            wanted = (group, part.resource, part.namespace, part.name)
            for key, stored in self._objects.items():
                if (key.group, f"{key.kind.lower()}s", key.namespace, key.name) == wanted:
                    return stored.shown
            return None

    def apply(self, body: Body, *, dry_run: bool = False, force: bool = False) -> Answer:
        """Server-side apply."""
        return self.apply_as(FIELD_MANAGER, body, dry_run=dry_run, force=force)

    def apply_as(self, manager: str, body: Body, *, dry_run: bool = False, force: bool = False) -> Answer:
        """Server-side apply by any manager; tests play the others with it."""
        key = key_of(body)
        with self._lock, self._called(Call("apply", key, body, None, dry_run)):
            self._check_writable(body, key)
            stored = self._objects.get(key)
            wanted = ownership.leaves(body)
            before = ownership.leaves(stored.body) if stored else {}
            mine = ownership.holding_of(stored, manager, "Apply")
            others = tuple(one for one in stored.holdings if one is not mine) if stored else ()
            disputed = (
                [] if stored is None else ownership.disputes(before, ownership.stored_values(body, stored), others)
            )
            if disputed and not force:
                raise FieldConflictError(
                    key, tuple(FieldConflict(one.manager, ownership.text(path)) for one, path in disputed)
                )
            merged = ownership.merge(ownership.copied(stored.body) if stored else {}, body)
            for path in sorted((mine.paths if mine else frozenset()) - wanted.keys(), key=len, reverse=True):
                if not any(path in one.paths for one in others):
                    ownership.remove(merged, path)
            taken = {path for _, path in disputed}
            holding = ManagedFieldsEntry(manager, "Apply", body["apiVersion"], self._told_time(), frozenset(wanted))
            rest = tuple(replace(one, paths=one.paths - taken) for one in others)
            return self._store(
                key, stored, merged, tuple(one for one in (holding, *rest) if one.paths), dry_run=dry_run
            )

    def create(self, body: Body, *, dry_run: bool = False, identity: Identity | None = None) -> Answer:
        """POST."""
        named = dict(body)
        if "name" not in body["metadata"]:
            name = f"{body['metadata']['generateName']}{next(self._versions)}"
            named = {**body, "metadata": {**body["metadata"], "name": name}}
        key = key_of(named)
        with self._lock, self._called(Call("create", key, named, identity, dry_run)):
            self._check_writable(named, key)
            if key in self._objects:
                raise refused(f"creating {key}", 409, "AlreadyExists", f'{key.kind} "{key.name}" already exists')
            paths = frozenset(ownership.leaves(named))
            holding = ManagedFieldsEntry(WRITE_MANAGER, "Update", named["apiVersion"], self._told_time(), paths)
            return self._store(key, None, ownership.copied(named), (holding,) if paths else (), dry_run=dry_run)

    def merge_patch(
        self,
        api_version: str,
        key: ObjectKey,
        patch: Body,
        *,
        subresource: str = "",
        dry_run: bool = False,
        identity: Identity | None = None,
        manager: str = "",
    ) -> Answer:
        """JSON merge patch."""
        with self._lock, self._called(Call(f"patch {subresource}".strip(), key, patch, identity, dry_run)):
            self._check_served(api_version, key)
            self._check_version(key, patch)
            return self.edit(key, lambda body: patched(body, patch), manager=manager or WRITE_MANAGER, dry_run=dry_run)

    def _check_version(self, key: ObjectKey, patch: Body) -> None:
        seen, stored = (patch.get("metadata") or {}).get("resourceVersion"), self._objects.get(key)
        if seen and stored is not None and seen != stored.body["metadata"]["resourceVersion"]:
            message = f'Operation cannot be fulfilled on "{key.name}": the object has been modified'
            raise refused(f"changing {key}", 409, "Conflict", message)

    def edit(
        self,
        key: ObjectKey,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        manager: str = "kubectl-edit",
        dry_run: bool = False,
    ) -> Answer:
        """An update by any manager, as ``kubectl edit`` would do it.

        Raises:
            RefusedError: no such object.
        """
        with self._lock:
            stored = self._objects.get(key)
            if stored is None:
                raise refused(f"changing {key}", 404, "NotFound", f'{key.kind} "{key.name}" not found')
            after = change(ownership.copied(stored.body))
            touched, removed = ownership.changed_paths(ownership.leaves(stored.body), ownership.leaves(after))
            mine = ownership.holding_of(stored, manager, "Update")
            lost = touched | removed
            rest = tuple(replace(one, paths=one.paths - lost) for one in stored.holdings if one is not mine)
            paths = ((mine.paths if mine else frozenset()) - removed) | touched
            holding = ManagedFieldsEntry(manager, "Update", after["apiVersion"], self._told_time(), paths)
            holdings = tuple(one for one in (*rest, holding) if one.paths)
            return self._store(key, stored, after, holdings, dry_run=dry_run)

    def delete(
        self,
        api_version: str,
        key: ObjectKey,
        *,
        dry_run: bool = False,
        identity: Identity | None = None,
        uid: str = "",
        how: Deletion = USUAL_DELETION,
    ) -> bool:
        """Delete; a namespace goes with what it contains, and with `foreground` an object with what it made."""
        with self._lock, self._called(Call("delete", key, None, identity, dry_run)):
            stored = self._objects.get(key)
            if stored is None or not self.serves(api_version, key.kind):
                return False
            if uid and stored.body["metadata"]["uid"] != uid:
                raise refused(f"deleting {key}", 409, "Conflict", "the UID in the precondition differs")
            if not dry_run and stored.body["metadata"].get("finalizers"):
                marks = {"deletionTimestamp": self._told_time(), "resourceVersion": str(next(self._versions))}
                going = {**stored.body, "metadata": {**stored.body["metadata"], **marks}}
                self._put(key, replace(stored, body=going))
            elif not dry_run:
                doomed = [key, *(self._made_by(stored.body["metadata"]["uid"]) if how.foreground else ())]
                if key.kind == "Namespace":
                    doomed += [other for other in self._objects if other.namespace == key.name]
                for one in doomed:
                    self._take(one)
            return True

    def _made_by(self, uid: str) -> Iterator[ObjectKey]:
        """What names an object as an owner, and what names that."""
        for key, stored in tuple(self._objects.items()):
            metadata = stored.body["metadata"]
            if any(owner.get("uid") == uid for owner in metadata.get("ownerReferences") or ()):
                yield key
                yield from self._made_by(metadata["uid"])

    def pod_log(
        self, pod: ObjectKey, container: str, *, follow: bool = False, tail: int | None = None
    ) -> Iterator[PodLogLine]:
        """What `logs` holds; to follow is to have read all that is there."""
        with self._lock, self._called(Call("follow log" if follow else "get log", pod)):
            stored = self._objects.get(pod)
            if stored is None:
                raise refused(f"the log of {pod}", 404, "NotFound", f'pods "{pod.name}" not found')
            lines = self.logs.get((pod, container), ())
            bound = bool((stored.body.get("spec") or {}).get("nodeName"))
            if bound and (pod, container) not in self.logs:
                raise refused(f"the log of {pod}", 400, "BadRequest", f'container "{container}" is waiting to start')
        yield from lines if tail is None else lines[max(0, len(lines) - tail) :]

    def allowed(self, identity: Identity, question: AccessQuestion) -> bool:
        """Ask `rights`."""
        return self.rights(identity, question)

    def permitted(self, question: AccessQuestion) -> bool:
        """Ask `own_rights`."""
        return self.own_rights(question)

    def whoami(self) -> Identity:
        """Ourselves."""
        return self.us

    def put(self, *bodies: Body) -> None:
        """Objects that are there already, without any manager."""
        with self._lock:
            for body in bodies:
                self._store(key_of(body), None, ownership.copied(dict(body)), (), dry_run=False)

    def hold(self, other: FakeKube) -> None:
        """Hold exactly what another server holds now, owners and versions included; later neither sees the other.

        Whom the server knows, its hook and its calls stay. Stored objects are never changed, so the two share them:
        a server that took long to fill is filled once.
        """
        with other._lock:
            objects, version = dict(other._objects), next(other._versions)
        with self._lock:
            self._objects, self._versions = objects, itertools.count(version)
        self.log.reach(version)

    @property
    def existing(self) -> frozenset[ObjectKey]:
        """What exists."""
        with self._lock:
            return frozenset(self._objects)

    def _told_time(self) -> str:
        return self.now if self.time is None else self.time()

    def _called(self, call: Call) -> _Called:
        return _Called(self, call)

    def _check_served(self, api_version: str, key: ObjectKey) -> None:
        if not self.serves(api_version, key.kind):
            raise refused(f"writing {key}", 404, "NotFound", f"the server does not know the kind {key.kind}")

    def _check_writable(self, body: Body, key: ObjectKey) -> None:
        self._check_served(body["apiVersion"], key)
        if key.kind in CLUSTER_SCOPED:
            return
        if ObjectKey("", "Namespace", "", key.namespace) not in self._objects:
            raise refused(f"writing {key}", 404, "NotFound", f'namespaces "{key.namespace}" not found')

    def _store(
        self,
        key: ObjectKey,
        before: Stored | None,
        body: dict[str, Any],
        holdings: tuple[ManagedFieldsEntry, ...],
        *,
        dry_run: bool,
    ) -> Answer:
        body = completed(body)
        metadata = body["metadata"]
        metadata.setdefault("uid", f"{self.uids}-{next(self._versions)}")
        metadata.setdefault("creationTimestamp", self._told_time())
        after = Stored(body, tuple(sorted(holdings, key=lambda one: (one.manager, one.operation))))
        if before is None or before != after:
            metadata["resourceVersion"] = str(next(self._versions))
        if not dry_run:
            self._put(key, after)
            if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
                self._take(key)  # the last finalizer is off
        return Answer(after.shown, ())

    def _put(self, key: ObjectKey, stored: Stored) -> None:
        version = int(stored.body["metadata"]["resourceVersion"])
        changed = key not in self._objects or self._objects[key] != stored
        self._objects[key] = stored
        if changed:
            self.log.tell(LoggedChange(version, WatchWord.THERE, key, lambda: stored.shown))

    def _take(self, key: ObjectKey) -> None:
        stored, version = self._objects.pop(key), next(self._versions)
        self.log.tell(LoggedChange(version, WatchWord.GONE, key, lambda: stored.shown))

    @staticmethod
    def _metadata(stored: Stored) -> dict[str, Any]:
        return replace(stored, body={part: stored.body[part] for part in ("apiVersion", "kind", "metadata")}).shown


class _Called:
    """Tells the hook before and after."""

    def __init__(self, fake: FakeKube, call: Call) -> None:
        self._fake = fake
        self._call = call

    def __enter__(self) -> None:
        self._fake.hook(self._call)

    def __exit__(self, kind: object, *_: object) -> None:
        call = replace(self._call, done=kind is None)
        self._fake.calls.append(call)
        if call.done:
            self._fake.hook(call)
