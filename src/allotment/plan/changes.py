"""The plan: what would be done to one cluster, one small type for each kind of step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Manifest, ObjectKey
from allotment.plan.difference import FieldChange, declared_part


class Action(StrEnum):
    """What a step does; the sign is what people see in front of it."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    DRAIN = "drain"
    CONFLICT = "conflict"
    BLOCKED = "blocked"


SIGNS: Final[Mapping[Action, str]] = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.DELETE: "-",
    Action.DRAIN: ">",
    Action.CONFLICT: "!",
    Action.BLOCKED: "x",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """The live object a step was planned for.

    Attributes:
        fingerprint: SHA-256 of what is declared in it; unlike the resource version it stands still while controllers
            write status. Empty for Secrets.
    """

    uid: str
    resource_version: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Create:
    """The object is not there."""

    manifest: Manifest

    @property
    def key(self) -> ObjectKey:
        """Identity of the object."""
        return self.manifest.key

    @property
    def action(self) -> Action:
        """What the step does."""
        return Action.CREATE


@dataclass(frozen=True, slots=True)
class Update:
    """The object is ours and differs.

    Attributes:
        fields: what apply would change, as the server's dry run says. Where it says "nothing", but fields that we
            owned are given up, they are listed with equal values.
    """

    manifest: Manifest
    seen: Seen
    fields: tuple[FieldChange, ...]

    @property
    def key(self) -> ObjectKey:
        """Identity of the object."""
        return self.manifest.key

    @property
    def action(self) -> Action:
        """What the step does."""
        return Action.UPDATE


@dataclass(frozen=True, slots=True)
class Contested:
    """A field that somebody else owns with another value than ours.

    Attributes:
        field: path as the server names it.
        manager: who owns it.
        since: when they last wrote, RFC 3339; empty if unknown.
        live: value now, or `ABSENT`.
        desired: value we want, or `ABSENT` where the path names no single value.
    """

    field: str
    manager: str
    since: str
    live: Any
    desired: Any


@dataclass(frozen=True, slots=True)
class Conflict:
    """The object is ours, but others hold fields of it. Apply leaves it alone unless told to force."""

    manifest: Manifest
    seen: Seen
    contested: tuple[Contested, ...]

    @property
    def key(self) -> ObjectKey:
        """Identity of the object."""
        return self.manifest.key

    @property
    def action(self) -> Action:
        """What the step does."""
        return Action.CONFLICT


@dataclass(frozen=True, slots=True)
class Delete:
    """The object carries our inventory and is no longer desired.

    Attributes:
        seen: only that very object is deleted, never one that has taken its name since.
        team: the tenant it belongs to; empty for the platform's own.
    """

    key: ObjectKey
    api_version: str
    seen: Seen
    team: str

    @property
    def action(self) -> Action:
        """What the step does."""
        return Action.DELETE


@dataclass(frozen=True, slots=True)
class Drain:
    """Nothing of a leaving team may run: hold its queues, delete its workloads, wait until no pod is left.

    Attributes:
        team: the tenant; empty if the namespace does not say.
        running: workloads now, by kind.
        again: the second time, after access has been taken away and before guardrails fall: whatever slipped in
            between goes too.
    """

    namespace: str
    team: str
    running: tuple[tuple[str, int], ...]
    again: bool

    @property
    def key(self) -> ObjectKey:
        """The namespace."""
        return ObjectKey("", "Namespace", "", self.namespace)

    @property
    def action(self) -> Action:
        """What the step does."""
        return Action.DRAIN


@dataclass(frozen=True, slots=True)
class Blocked:
    """Apply cannot or must not do this; a person has to.

    Attributes:
        wanted: what would have been done.
        following: object whose own block is the only reason, in words; empty if there is another.
        remedy: arguments with which `allot adopt` solves it; empty if it does not.
    """

    key: ObjectKey
    wanted: Action
    what: str
    why: str
    fix: str
    following: str = ""
    remedy: str = ""

    @property
    def action(self) -> Action:
        """What the step does: nothing."""
        return Action.BLOCKED


Change = Create | Update | Delete | Drain | Conflict | Blocked


class WarningCode(StrEnum):
    """What a warning is about."""

    QUOTA_BELOW_USE = "quota-below-use"
    DATA_DELETED = "data-deleted"
    SERVER = "server"
    BEING_DELETED = "being-deleted"
    DISGUISED = "disguised"
    UNVERIFIED = "unverified"
    UNCOUNTED = "uncounted"
    NODES = "nodes"
    SYNCED = "synced"
    ACCESS_EXCHANGED = "access-exchanged"
    """Nobody whom a binding lets into a team's namespace keeps that, and others get it."""
    ACCESS_GAINED = "access-gained"
    """Somebody gets into a namespace of others in which no binding names him now."""
    IN_USE = "in-use"
    FOREIGN_DEFAULT = "foreign-default"
    DEFAULT_STORAGE = "default-storage"
    PERHAPS_ANOTHER = "perhaps-another-cluster"
    """The cluster carries no mark, and it cannot be seen that it is the one meant."""
    LOCKED_OUT = "locked-out"
    """The policies that are applied would bind whoever applies them."""
    ANOTHER_CLUSTER = "another-cluster"
    """The same, and it looks like another one: applied only after an explicit word."""


DOUBTS: Final = frozenset({WarningCode.PERHAPS_ANOTHER, WarningCode.ANOTHER_CLUSTER})


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """Something that the reader should know before applying."""

    code: WarningCode
    key: ObjectKey
    message: str


@dataclass(frozen=True, slots=True)
class PlanSource:
    """The platform directory that a plan was made from.

    Attributes:
        commit: of the git repository that it lies in; empty if there is none.
        dirty: whether it differs from that commit.
        digest: SHA-256 of its files; empty if unknown.
    """

    commit: str = ""
    dirty: bool = False
    digest: str = ""


UNKNOWN_SOURCE: Final = PlanSource()


@dataclass(frozen=True, slots=True)
class MissingRight:
    """Something that we may not do in the whole cluster or, rarely, in some namespaces.

    Attributes:
        unread: the kind was not looked at; otherwise it was compared here instead of by the server.
    """

    verb: str
    group: str
    resource: str
    unread: bool

    def __str__(self) -> str:
        """``list networkpolicies.networking.k8s.io``."""
        return f"{self.verb} {self.resource}.{self.group}" if self.group else f"{self.verb} {self.resource}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps for one cluster, in the order in which they are taken.

    Attributes:
        digest: of the desired objects (`digest_of`).
        unchanged: how many desired objects are live as desired.
        forced: made to take contested fields over.
        server: URL of the API server that was asked; empty for a plan for an empty cluster.
        context: of the kubeconfig, by which that server was found.
        source: what was declared.
        missing: rights that we lack, each once; a plan that lacks one says less than the server could.
    """

    platform: str
    cluster: str
    digest: str
    changes: tuple[Change, ...]
    unchanged: int
    warnings: tuple[PlanWarning, ...]
    forced: bool
    server: str = ""
    context: str = ""
    source: PlanSource = UNKNOWN_SOURCE
    missing: tuple[MissingRight, ...] = ()

    @property
    def place(self) -> str:
        """The cluster with its server and context, as questions and headlines name it."""
        return place_of(self.cluster, self.server, self.context)

    @property
    def unread(self) -> tuple[MissingRight, ...]:
        """Kinds that were not looked at: of them nothing is known."""
        return tuple(right for right in self.missing if right.unread)

    @property
    def doubts(self) -> tuple[PlanWarning, ...]:
        """Signs that it may be another cluster than is meant."""
        return tuple(one for one in self.warnings if one.code in DOUBTS)

    @property
    def lockout(self) -> PlanWarning | None:
        """Why whoever asks for the plan could apply it once only, and nothing more after it."""
        return next((one for one in self.warnings if one.code is WarningCode.LOCKED_OUT), None)

    @property
    def doubted(self) -> bool:
        """Whether nothing may be applied before somebody has said that it is the right cluster."""
        return any(one.code is WarningCode.ANOTHER_CLUSTER for one in self.warnings)

    @property
    def empty(self) -> bool:
        """Whether the cluster is as declared."""
        return not self.changes

    def of(self, action: Action) -> Iterator[Change]:
        """The steps of one sort, in order."""
        return (change for change in self.changes if change.action is action)

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many steps of each sort; all sorts are there."""
        counts = dict.fromkeys(Action, 0)
        for change in self.changes:
            counts[change.action] += 1
        return counts

    @property
    def doomed_namespaces(self) -> tuple[str, ...]:
        """Namespaces that would go with all that is in them: ask for their names before applying."""
        return tuple(change.key.name for change in self.of(Action.DELETE) if change.key.kind == "Namespace")

    @property
    def emptied_namespaces(self) -> tuple[str, ...]:
        """Namespaces that nobody declares and that stay for their data, while work and access there go: ask, too."""
        touched = {change.key.name for change in self.of(Action.DRAIN)}
        touched |= {change.key.namespace for change in self.of(Action.DELETE)}
        stay = (change for change in self.changes if isinstance(change, Blocked) and change.wanted is Action.DELETE)
        return tuple(
            change.key.name for change in stay if change.key.kind == "Namespace" and change.key.name in touched
        )

    @property
    def abandoned_namespaces(self) -> tuple[str, ...]:
        """All whose names are asked for before applying."""
        return (*self.doomed_namespaces, *self.emptied_namespaces)


def place_of(cluster: str, server: str, context: str) -> str:
    """``prod at https://10.0.0.1:6443 (context prod-admin)``; the name alone where no server was asked."""
    if not server:
        return cluster
    return f"{cluster} at {server} (context {context})" if context else f"{cluster} at {server}"


def seen(body: Mapping[str, Any]) -> Seen:
    """The live object as a step remembers it."""
    metadata = body["metadata"]
    fingerprint = ""
    if body["kind"] != "Secret":
        declared = json.dumps(declared_part(body), sort_keys=True, separators=(",", ":"))
        fingerprint = hashlib.sha256(declared.encode()).hexdigest()
    return Seen(metadata.get("uid", ""), metadata.get("resourceVersion", ""), fingerprint)


def team_of(body: Mapping[str, Any]) -> str:
    """The team a live object belongs to by its labels; empty for the platform's own."""
    found = body.get("metadata", {}).get("labels") or {}
    return str(found.get(labels.TENANT) or found.get(labels.TEAM) or "")
