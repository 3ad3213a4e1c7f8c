"""Which namespaces that nobody declares are shown to be the platform's: who wrote something is no proof.

A field manager is a word that whoever writes chooses. So who may change a namespace could write our marks on it as
Argo CD, or as Allotment, and its work and its data would go with the next apply. From one moment on that is over: once
`no-namespace-adoption` holds, only engineers make a namespace with our marks, and none that is there gets them but by
an adoption, which leaves its record. When a namespace was made, and when that policy, the API server itself says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from allotment.model.manifest import Body
from allotment.plan.selectors import matches

_NAME_LABEL: Final = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Gate:
    """The live policy by which nobody claims a namespace.

    Attributes:
        since: when it and its binding were both there, and the binding was last changed; None: it refuses nothing.
        spaces: selector of the namespaces that it holds for.
    """

    since: dt.datetime | None = None
    spaces: Body = field(default_factory=dict)

    def proves(self, namespace: Body) -> bool:
        """Whether an engineer made a namespace that has our marks: it is no older than what keeps all others out.

        Times have seconds, and a first apply makes both in one: so the same second counts.
        """
        made, metadata = _made(namespace), namespace["metadata"]
        if self.since is None or made is None:
            return False
        marks = {**(metadata.get("labels") or {}), _NAME_LABEL: metadata["name"]}
        return made >= self.since and matches(self.spaces, marks)


def gate_of(policy: Body | None, binding: Body | None) -> Gate:
    """Read it off the two live objects; None: one is not there, or may not be read."""
    if policy is None or binding is None:
        return Gate()
    first, second = _made(policy), _changed(binding)
    spec = binding.get("spec") or {}
    if first is None or second is None or "Deny" not in (spec.get("validationActions") or ()):
        return Gate()
    return Gate(max(first, second), (spec.get("matchResources") or {}).get("namespaceSelector") or {})


def _changed(binding: Body) -> dt.datetime | None:
    """When its spec was last written: one that only warned for a while kept nobody out meanwhile."""
    made = _made(binding)
    entries: Iterable[Body] = binding["metadata"].get("managedFields") or ()
    times = (entry.get("time") for entry in entries if "f:spec" in (entry.get("fieldsV1") or {}))
    return made and max([made, *(dt.datetime.fromisoformat(time) for time in times if time)])


def _made(body: Body) -> dt.datetime | None:
    time = body["metadata"].get("creationTimestamp")
    return dt.datetime.fromisoformat(time) if time else None
