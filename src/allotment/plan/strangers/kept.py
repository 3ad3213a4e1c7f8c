"""What an adoption left to its owner on purpose: the namespace's record has it, and it says today what it said then.

Only content counts. When something was made and who wrote it is for the words alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.plan.adoption.left import NamespacedRoles, digest, entry, role_of
from allotment.plan.adoption.record import AdoptionRecord, record_of
from allotment.plan.adoption.words import word_of
from allotment.plan.strangers.access import Roles
from allotment.plan.strangers.grounds import Grounds
from allotment.plan.strangers.stranger import KeptBinding, Live, Stranger

_FIRST: Final[Mapping[str, str]] = {
    "LimitRange": "declare the bounds that are needed (memberLimits of the team)",
    "LocalQueue": "let new work name the team's own queue, and wait until its work has ended",
    "NetworkPolicy": "declare the openings that are needed (sharedServices of the platform)",
    "ResourceQuota": "declare what of it is to stay (namespaceQuota of the placement)",
    "Role": "declare what it is for (groups or extraRules of the team)",
    "RoleBinding": "declare who needs it (groups of the team)",
    "Secret": "let whoever holds the token sign in otherwise",
    "ServiceAccount": "let its pods do without a token for the API server",
}
"""What comes before taking it away, so that nobody misses it."""


def adoptions(live: Live) -> Mapping[str, AdoptionRecord]:
    """By namespace that was taken over and not given back: the record of that."""
    return dict(_adoptions(live))


def _adoptions(live: Live) -> Iterator[tuple[str, AdoptionRecord]]:
    for body in live.of("Namespace"):
        try:
            found = record_of(body)
            if found is not None:
                dt.datetime.fromisoformat(found.at)
                yield str(body["metadata"]["name"]), found
        except (InputError, ValueError):
            continue  # a record that somebody spoilt excuses nothing


def roles_in(live: Live) -> NamespacedRoles | None:
    """The namespaced Roles; None if they could not be read."""
    return {key_of(body): body for body in live.of("Role")} if "Role" in live.objects else None


def told_apart(stranger: Stranger, body: Body, written: AdoptionRecord, roles: NamespacedRoles | None) -> Stranger:
    """The stranger as it stands to the adoption of its namespace: kept by it, changed since, or come since.

    Args:
        stranger: something in that namespace.
        body: the object.
        written: when the namespace was taken over.
        roles: of the namespace; None if they could not be read.
    """
    if entry(stranger.key) not in written.kept:
        return stranger
    if is_kept(body, written, roles):
        return replace(stranger, kept=by_adoption(written.at), fix=taking_away(stranger.key))
    left = f"the adoption of {_day(written.at)} left it, but {_change(body, written.at, roles)}"
    return replace(stranger, why=f"{stranger.why}; {left}")


def keeping(namespace: str) -> str:
    """What keeps all that lies in a namespace which is declared and not ours."""
    word = word_of(ObjectKey("", "Namespace", "", namespace))
    return f"take the namespace over first, with `allot adopt {word}`: it is kept then"


def kept_bindings(live: Live, around: Grounds) -> Iterator[KeptBinding]:
    """The RoleBindings that adoptions left in namespaces of teams."""
    taken_over, rules, roles = adoptions(live), Roles.read(live), roles_in(live)
    for body in live.of("RoleBinding"):
        key = key_of(body)
        tenancy, written = around.tenancies.get(key.namespace), taken_over.get(key.namespace)
        if tenancy is None or tenancy.leaving or written is None or key in around.declared:
            continue
        if is_kept(body, written, roles):
            names = (str(subject.get("name", "")) for subject in body.get("subjects") or ())
            yield KeptBinding(key, rules.of(body), frozenset(names))


def by_adoption(at: str) -> str:
    """Which one left it there, in words."""
    return f"kept by the adoption of {_day(at)}"


def _day(at: str) -> str:
    return at.partition("T")[0]


def is_kept(body: Body, written: AdoptionRecord, roles: NamespacedRoles | None = None) -> bool:
    """Whether it is what was left there; what cannot be told is not."""
    recorded = written.kept.get(entry(key_of(body)))
    return recorded is not None and recorded == digest(body, roles)


def _change(body: Body, at: str, roles: NamespacedRoles | None) -> str:
    """What has become of it, as far as the server knows by whom; a binding changes with the Role that it names."""
    key = role_of(body)
    if key is not None and roles is None:
        return f"what Role {key.name} says today could not be read"
    writes = [(*_last_write(body), "it")]
    role = roles.get(key) if key is not None and roles is not None else None
    if key is not None and role is not None:
        writes.append((*_last_write(role), f"its Role {key.name}"))
    when, by, what = max(writes)
    return f"{by} changed {what} on {when}" if when >= at else "it does not say what it said then"


def _last_write(body: Body) -> tuple[str, str]:
    """When the object itself was written, and by whom; what controllers note in its status is no change of it."""
    entries: list[Mapping[str, Any]] = body["metadata"].get("managedFields") or []
    writes = (
        (str(entry["time"]), str(entry.get("manager", "somebody")))
        for entry in entries
        if entry.get("time") and not entry.get("subresource")
    )
    return max(writes, default=("", ""))


def taking_away(key: ObjectKey) -> str:
    """What it takes to be rid of it."""
    kind = f"{key.kind.lower()}.{key.group}" if key.group else key.kind.lower()
    first = f"{_FIRST[key.kind]}, then " if key.kind in _FIRST else ""
    return (
        f"it is its owner's until you take it away: {first}`kubectl delete {kind} {key.name} "
        f"--namespace {key.namespace}`; or accept it in the Platform document (accepted)"
    )
