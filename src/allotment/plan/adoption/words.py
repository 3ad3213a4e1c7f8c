"""How people name an object on the command line: ``clusterqueue/genomics``, ``resourcequota/genomics/team``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.errors import UsageError
from allotment.model.manifest import ObjectKey
from allotment.plan import order

_SHORT: Final = {
    "cq": "clusterqueue",
    "lq": "localqueue",
    "limits": "limitrange",
    "netpol": "networkpolicy",
    "ns": "namespace",
    "pc": "priorityclass",
    "pvc": "persistentvolumeclaim",
    "quota": "resourcequota",
    "rf": "resourceflavor",
    "sa": "serviceaccount",
    "sc": "storageclass",
}
"""kubectl's own short names, by the kind's name in small letters."""


@dataclass(frozen=True, slots=True)
class Word:
    """Objects that somebody named.

    Attributes:
        text: as it was typed.
        kind: in small letters.
        namespace: empty for cluster-scoped objects.
        name: empty for every object of the kind.
    """

    text: str
    kind: str
    namespace: str
    name: str

    def means(self, key: ObjectKey) -> bool:
        """Whether it names this object; a namespace brings what is declared in it."""
        if self.kind == "namespace" and key.namespace:
            return key.namespace == self.name
        if key.kind.lower() != self.kind:
            return False
        return not self.name or (key.namespace, key.name) == (self.namespace, self.name)


def word_of(key: ObjectKey) -> str:
    """The word for one object."""
    return "/".join(part for part in (key.kind.lower(), key.namespace, key.name) if part)


def word(text: str) -> Word:
    """What somebody typed.

    Raises:
        UsageError: it names no kind that Allotment declares, or no object; or all namespaces at once.
    """
    typed, *rest = text.split("/")
    kind = _kind(typed)
    if kind is None:
        known = ", ".join(sorted({one.kind.lower() for one in order.kinds()}))
        raise UsageError(f"{text!r} names no kind that a platform declares", fix=f"the kinds are {known}")
    if len(rest) > _MOST_PARTS or not all(rest):
        raise UsageError(f"{text!r} names no object", fix="write KIND/NAME, or KIND/NAMESPACE/NAME")
    if kind == "namespace" and not rest:
        raise UsageError(
            "namespaces are taken over one at a time",
            why="with each go somebody's work, secrets and data",
            fix="name one, such as namespace/genomics",
        )
    return Word(text, kind, rest[0] if len(rest) == _MOST_PARTS else "", rest[-1] if rest else "")


_MOST_PARTS: Final = 2


def _kind(typed: str) -> str | None:
    small = typed.lower()
    known = {one.kind.lower() for one in order.kinds()}
    plain = _SHORT.get(small, small)
    candidates = (plain, plain.removesuffix("s"), plain.removesuffix("es"), f"{plain.removesuffix('ies')}y")
    return next((candidate for candidate in candidates if candidate in known), None)
