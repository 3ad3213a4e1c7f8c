"""What is read of a cluster to be imported, and what of it cannot be said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.model.manifest import Body
from allotment.model.names import is_reserved


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What is needed of the pods of one namespace, without holding them.

    Attributes:
        pods: that have not ended.
        classes: priority classes that they name.
        asks: whether one of them asks for accelerators.
    """

    pods: int = 0
    classes: frozenset[str] = frozenset()
    asks: bool = False


@dataclass(frozen=True, slots=True)
class LiveCluster:
    """The objects of one cluster; each family in the order of names.

    Attributes:
        version: of the API server, such as v1.36.3; empty if unknown.
        kueue_api: the newest served version of Kueue's API, such as v1beta2; empty where there is no Kueue.
        kinds: names of further features whose kinds are served.
        pods: by namespace.
        makers: namespaces of what makes pods that ask for accelerators, whether or not there is one now.
    """

    version: str
    kueue_api: str
    kinds: tuple[str, ...] = ()
    nodes: tuple[Body, ...] = ()
    namespaces: tuple[Body, ...] = ()
    cluster_queues: tuple[Body, ...] = ()
    local_queues: tuple[Body, ...] = ()
    flavors: tuple[Body, ...] = ()
    cohorts: tuple[Body, ...] = ()
    quotas: tuple[Body, ...] = ()
    limit_ranges: tuple[Body, ...] = ()
    bindings: tuple[Body, ...] = ()
    cluster_bindings: tuple[Body, ...] = ()
    priorities: tuple[Body, ...] = ()
    claims: tuple[Body, ...] = ()
    network_policies: tuple[Body, ...] = ()
    pods: Mapping[str, PodFacts] = field(default_factory=dict)
    makers: frozenset[str] = frozenset()

    @property
    def asking(self) -> frozenset[str]:
        """Namespaces with work that asks for accelerators."""
        return self.makers | {space for space, facts in self.pods.items() if facts.asks}


@dataclass(frozen=True, slots=True)
class Unsaid:
    """Something that the directory does not say as it is in the cluster.

    Attributes:
        what: the object, such as ``RoleBinding genomics/robot``.
        how: what is not said, or said otherwise.
    """

    what: str
    how: str


class Notes:
    """Collects what cannot be said, in the order in which it is met, each once."""

    def __init__(self) -> None:
        self._found: dict[Unsaid, None] = {}
        self._first: dict[Unsaid, None] = {}

    def add(self, body: Body, how: str) -> None:
        """Note it about an object."""
        self.say(title(body), how)

    def say(self, what: str, how: str) -> None:
        """Note it about something else."""
        self._found.setdefault(Unsaid(what, how))

    def warn(self, what: str, how: str) -> None:
        """Note what is to be read before anything else: who would get what he has not now, and what would stop."""
        self._first.setdefault(Unsaid(what, how))

    @property
    def first(self) -> tuple[Unsaid, ...]:
        """What is to be read first."""
        return tuple(self._first)

    @property
    def all(self) -> tuple[Unsaid, ...]:
        """Everything else noted."""
        return tuple(self._found)


def title(body: Body) -> str:
    """``Kind [namespace/]name``."""
    space = body["metadata"].get("namespace", "")
    return f"{body['kind']} {space}/{name_of(body)}" if space else f"{body['kind']} {name_of(body)}"


def name_of(body: Body) -> str:
    """Its name."""
    return str(body["metadata"]["name"])


def space_of(body: Body) -> str:
    """Its namespace; empty for cluster-scoped objects."""
    return str(body["metadata"].get("namespace", ""))


def marks_of(body: Body) -> Mapping[str, str]:
    """Its labels."""
    found: Mapping[str, str] = body["metadata"].get("labels") or {}
    return found


def is_system(namespace: str) -> bool:
    """Whether a namespace is never a team's."""
    return is_reserved(namespace) or namespace in GITOPS


GITOPS: Final = ("argocd", "flux-system")
"""Namespaces of controllers that write into team namespaces."""


def in_spaces(bodies: Iterable[Body], spaces: Iterable[str]) -> list[Body]:
    """Those in some namespaces."""
    wanted = set(spaces)
    return [body for body in bodies if space_of(body) in wanted]
