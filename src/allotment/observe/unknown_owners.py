"""Which objects stand above the observed ones, of kinds that no table names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.model.observed.base import ObjectMeta, OwnerReference
from allotment.model.observed.snapshot import Objects
from allotment.observe.kinds import BY_KIND

MOST_LEVELS: Final = 4
"""Such objects one above the other: a step of a workflow of a pipeline, and one to spare."""
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_SUBDOMAIN: Final = 253
_VERSION: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KIND: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
"""Begins with a capital, as every kind does and no resource's name in paths."""
_WORK: Final = frozenset({"jobs", "cron_jobs", "replicas", "daemon_sets", "owners"})
_NEVER_READ: Final = frozenset({"Secret"})
"""Kinds that are not read, whoever serves them."""
_BUILT_IN: Final = ".k8s.io"
_OF_EXTENSIONS: Final = ("x-k8s.io", "sigs.k8s.io")


@dataclass(frozen=True, slots=True, order=True)
class UnknownOwner:
    """An owner as a reference names it; its namespace is that of what it owns."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    @property
    def group(self) -> str:
        """Its API group."""
        return self.api_version.rpartition("/")[0]


def unknown_owners(objects: Objects) -> frozenset[UnknownOwner]:
    """The controllers of pods and work whose kinds are not read, and that were not found yet.

    A reference is written by whoever makes the object. So only kinds of extensions are followed, and only where all of
    it is well-formed: nobody gets us to read a Secret, or anything else that the API server itself holds.
    """
    known = {each.metadata.uid for each in objects.owners}
    return frozenset(each for each in _controllers(_below(objects)) if each.uid not in known)


def _below(objects: Objects) -> Iterator[ObjectMeta]:
    for pod in objects.pods:
        yield pod.metadata
    for found in (objects.jobs, objects.replicas, objects.owners):
        for each in found:
            yield each.metadata


def _controllers(metas: Iterable[ObjectMeta]) -> Iterator[UnknownOwner]:
    for meta in metas:
        owner = meta.controller
        if owner is None:
            continue
        group = owner.api_version.partition("/")[0]
        named = owner.uid and (not meta.namespace or _is_subdomain(meta.namespace))
        typed = is_well_formed(owner) and owner.kind not in _NEVER_READ
        if named and typed and _is_extension(group) and (group, owner.kind) not in BY_KIND:
            yield UnknownOwner(owner.api_version, owner.kind, meta.namespace, owner.name, owner.uid)


def is_well_formed(owner: OwnerReference) -> bool:
    """Whether a reference can be of an object at all: anybody may write any text into one, and nobody checks it."""
    group, _, version = owner.api_version.partition("/")
    version = version or group
    return bool(_VERSION.fullmatch(version) and _KIND.fullmatch(owner.kind) and _is_subdomain(owner.name))


def makes_pods(owner: OwnerReference) -> bool:
    """Whether it is of a kind of work, or of one that is not read and may be work."""
    kind = BY_KIND.get((owner.api_version.rpartition("/")[0], owner.kind))
    return kind is None or kind.field in _WORK


def _is_subdomain(name: str) -> bool:
    return len(name) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(name) is not None


def _is_extension(group: str) -> bool:
    return "." in group and _is_subdomain(group) and (not group.endswith(_BUILT_IN) or group.endswith(_OF_EXTENSIONS))


def fair_shares(wanted: Sequence[UnknownOwner], most: int, first: Sequence[str] = ()) -> tuple[UnknownOwner, ...]:
    """Which of the owners are asked for: each namespace gets as many as any other, and what one leaves, others get.

    Args:
        wanted: in the order in which a namespace's own are chosen.
        most: in all.
        first: namespaces that are served before others, where there are more namespaces than `most`.
    """
    rank = {name: place for place, name in enumerate(first)}
    turns: Counter[str] = Counter()
    turn: dict[UnknownOwner, int] = {}
    for each in wanted:
        turn[each] = turns[each.namespace]
        turns[each.namespace] += 1
    in_turn = sorted(turn, key=lambda each: (turn[each], rank.get(each.namespace, len(rank)), each))
    return tuple(in_turn[:most])
