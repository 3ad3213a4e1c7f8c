"""One Kubernetes API server: what is asked of it, and how it answers and refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol

from allotment.errors import AllotmentError, ConflictError, ForbiddenError, UnreachableError
from allotment.model import labels
from allotment.model.manifest import Body, ObjectKey

NO_QUERY: Final[Mapping[str, int]] = MappingProxyType({})
"""No parameters."""


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that another manager owns, as the API server names it."""

    manager: str
    field: str


class FieldConflictError(ConflictError):
    """Server-side apply met fields of other managers; nothing was written."""

    def __init__(self, key: ObjectKey, conflicts: tuple[FieldConflict, ...]) -> None:
        managers = ", ".join(sorted({conflict.manager for conflict in conflicts}))
        super().__init__(
            f"{key} has fields that belong to {managers}",
            why="; ".join(f"{conflict.field} is owned by {conflict.manager}" for conflict in conflicts),
            fix="let that manager give the fields up, or take them over with --force-conflicts",
        )
        self.key = key
        self.conflicts = conflicts

    @property
    def with_ourselves(self) -> bool:
        """Whether nobody else holds the fields: namespaces are first created with their inventory."""
        return self.key.kind == "Namespace" and all(
            conflict.manager == labels.WRITE_MANAGER for conflict in self.conflicts
        )


class RefusedError(AllotmentError):
    """The API server understood the request and refused it (400, 403, 404 of a kind, 409, 422).

    Attributes:
        status: HTTP status code.
        reason: Kubernetes' reason word (``Forbidden``, ``Invalid``, ``AlreadyExists`` …).
        message: the server's own words, unchanged.
    """

    def __init__(self, what: str, *, status: int, reason: str, message: str) -> None:
        super().__init__(what, why=message)
        self.status = status
        self.reason = reason
        self.message = message


class AccessRefusedError(RefusedError, ForbiddenError):
    """The refusal was 403: missing rights, or an admission policy."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody to act as: an impersonated user with groups."""

    user: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's answer to a write: the object as it now is, and the Warning headers that came with it."""

    body: Body
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """One cell of a can-i matrix; `namespace` empty means cluster-wide."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        """``verb resource[/subresource][.group] [in namespace]``."""
        path = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        name = f"{path}.{self.group}" if self.group else path
        return f"{self.verb} {name} in {self.namespace}" if self.namespace else f"{self.verb} {name}"


@dataclass(frozen=True, slots=True)
class ObjectPart:
    """A subresource of an object, by the resource's name in paths: some resources share one kind.

    Attributes:
        resource: plural, such as ``clusterqueues``.
        part: such as ``pendingworkloads``.
        namespace: empty where the resource lies in none.
    """

    api_version: str
    resource: str
    name: str
    part: str
    namespace: str = ""

    def __str__(self) -> str:
        """As messages show it."""
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.part} of {self.resource} {name}"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Where the API server is and what it calls itself."""

    url: str
    version: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Which API server a client speaks to, known without asking it.

    Attributes:
        context: of the kubeconfig; empty if none was used (a pod's own account).
        aliases: the other contexts of the kubeconfig that lead to the same server.
        namespace: of the context; where kubectl looks if nobody says otherwise.
    """

    url: str
    context: str = ""
    aliases: tuple[str, ...] = ()
    namespace: str = ""

    def __str__(self) -> str:
        """As plans and questions show it."""
        return f"{self.url} (context {self.context})" if self.context else self.url


@dataclass(frozen=True, slots=True)
class Deletion:
    """How an object is deleted.

    Attributes:
        foreground: it stays, marked, until what it made is gone; else that goes after it.
        grace: seconds that a pod may take to end; None for what it says itself.
    """

    foreground: bool = False
    grace: int | None = None


USUAL_DELETION: Final = Deletion()
"""In the background, within the object's own grace."""


@dataclass(frozen=True, slots=True)
class PodLogLine:
    """A line that a container wrote, without its end.

    Attributes:
        at: when, RFC 3339 as the node wrote it; empty where it did not.
        text: the bytes as they came; a line of more than a mebibyte comes in pieces.
    """

    at: str
    text: bytes


class WatchWord(Enum):
    """What a watch tells."""

    THERE = "there"
    """An object as it is now: it was there, came or changed."""
    GONE = "gone"
    """An object as it was when it went."""
    CURRENT = "current"
    """All up to a version has been told: the end of the list, then the watch stands, then now and then a bookmark."""
    UNREADABLE = "unreadable"
    """Something came that is no event."""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One thing that a watch tells.

    Attributes:
        body: the object; empty where there is none.
        version: from which a later watch goes on; empty where it is not known.
    """

    word: WatchWord
    body: Body
    version: str = ""


class UnendingError(UnreachableError):
    """The server answers, and goes on with it for longer, or with more, than is borne."""


class VersionGoneError(AllotmentError):
    """The server no longer knows what happened since the version that was named (410): list again."""


class WatchStream(Protocol):
    """What happens to the objects of a kind, as it happens.

    Iterating raises `VersionGoneError`, `UnreachableError` where the stream broke off, and what a list raises; it ends
    where the server ends it, as it does every few minutes.
    """

    def __iter__(self) -> Iterator[WatchEvent]:
        """To be called once."""
        ...

    def close(self) -> None:
        """End it; from another thread too, where the iteration then ends or raises."""
        ...


class KubePort(Protocol):
    """One Kubernetes API server.

    Every method raises `UnreachableError` when the server does not answer, `UnendingError` when its answer, or a whole
    list, has no end, `NotSignedInError` on 401, and `RefusedError` when it refuses. Reads and idempotent writes are
    retried inside on 429, 5xx and dropped connections; the caller never retries.
    """

    def endpoint(self) -> Endpoint:
        """Which server this is; nothing is sent."""
        ...

    def server(self) -> ServerInfo:
        """Address and version."""
        ...

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the server knows the kind in that version (CRDs may be absent)."""
        ...

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        lenient: bool = False,
    ) -> Iterator[Body]:
        """All objects of a kind, in pages; `managedFields` included. Nothing if the kind is not served.

        `labels` and `fields` are selectors; the server knows few fields of a kind. `lenient`, for who only looks: an
        object that holds a value that cannot be held is an `UnreadableObject`; otherwise it ends the list with
        `UnreachableError`.
        """
        ...

    def list_metadata(self, api_version: str, kind: str, *, namespace: str = "", fields: str = "") -> Iterator[Body]:
        """The metadata of all objects of a kind, and nothing else: the server sends no more. For Secrets.

        `fields` is a field selector, such as ``type=kubernetes.io/service-account-token``.
        """
        ...

    def watch(self, api_version: str, kind: str, *, namespace: str = "", since: str = "") -> WatchStream:
        """What happens to a kind after a version; without one, first all that is there, then `CURRENT`, then that.

        Nothing is sent before the iteration begins. Of a kind that is not served, nothing is there and it ends. Objects
        with a value that cannot be held are `UnreadableObject`, as where `list` is lenient.
        """
        ...

    def get(self, api_version: str, key: ObjectKey, *, lenient: bool = False) -> Body | None:
        """One object, or None if it does not exist; `lenient` as for `list`."""
        ...

    def read_part(self, part: ObjectPart, *, query: Mapping[str, int] = NO_QUERY) -> Body | None:
        """A subresource of an object; None if either does not exist, or is not served."""
        ...

    def apply(self, body: Body, *, dry_run: bool = False, force: bool = False) -> Answer:
        """Server-side apply with our field manager.

        Raises:
            FieldConflictError: another manager owns a field with another value, and `force` is off.
        """
        ...

    def create(self, body: Body, *, dry_run: bool = False, identity: Identity | None = None) -> Answer:
        """POST, perhaps as somebody else."""
        ...

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
        """JSON merge patch, perhaps of a subresource, perhaps as somebody else.

        `manager` is the field manager; empty for that of plain writes.
        """
        ...

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
        """Delete; with `uid` only that very object. False if it was not there."""
        ...

    def pod_log(
        self, pod: ObjectKey, container: str, *, follow: bool = False, tail: int | None = None
    ) -> Iterator[PodLogLine]:
        """What a container of a pod has written so far; with `follow` until it ends. Nothing is sent before the first.

        Nothing comes of a pod that has no node yet. A pod that is not there is refused with 404, one whose container
        has not started with 400. A stream that breaks off raises `UnreachableError`.

        Args:
            pod: which.
            container: its name.
            follow: wait for more.
            tail: of what is there, the last so many lines; all for None.
        """
        ...

    def allowed(self, identity: Identity, question: AccessQuestion) -> bool:
        """Ask the server's authorizer (SubjectAccessReview)."""
        ...

    def permitted(self, question: AccessQuestion) -> bool:
        """Ask it about ourselves (SelfSubjectAccessReview), which everybody who is signed in may."""
        ...

    def whoami(self) -> Identity:
        """Who we are to the server (SelfSubjectReview)."""
        ...
