"""What an adoption left to its owner on purpose: there before the namespace was taken over, and not changed since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.manifest import ObjectKey, key_of
from allotment.plan.adoption.record import record_of
from allotment.plan.strangers.access import Roles
from allotment.plan.strangers.grounds import Grounds
from allotment.plan.strangers.stranger import Body, KeptBinding, Live, Stranger

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

_NEVER: Final = "9999"


def adoptions(live: Live) -> Mapping[str, str]:
    """By namespace that was taken over and not given back: when, RFC 3339."""
    return dict(_adoptions(live))


def _adoptions(live: Live) -> Iterator[tuple[str, str]]:
    for body in live.of("Namespace"):
        try:
            found = record_of(body)
            if found is not None:
                dt.datetime.fromisoformat(found.at)
                yield str(body["metadata"]["name"]), found.at
        except (InputError, ValueError):
            continue  # a record that somebody spoilt excuses nothing


def told_apart(stranger: Stranger, body: Body, at: str) -> Stranger:
    """The stranger as it stands to the adoption of its namespace: kept by it, changed since, or come since.

    Args:
        stranger: something in that namespace.
        body: the object.
        at: when the namespace was taken over.
    """
    if is_kept(body, at):
        return replace(stranger, kept=by_adoption(at), fix=taking_away(stranger.key))
    when, by = _last_write(body)
    if when >= at > _created(body):
        return replace(
            stranger, why=f"{stranger.why}; the adoption of {_day(at)} left it, but {by} changed it on {when}"
        )
    return stranger


def kept_bindings(live: Live, around: Grounds) -> Iterator[KeptBinding]:
    """The RoleBindings that adoptions left in namespaces of teams."""
    taken_over, roles = adoptions(live), Roles.read(live)
    for body in live.of("RoleBinding"):
        key = key_of(body)
        tenancy, at = around.tenancies.get(key.namespace), taken_over.get(key.namespace)
        if tenancy is None or tenancy.leaving or at is None or key in around.declared or not is_kept(body, at):
            continue
        names = (str(subject.get("name", "")) for subject in body.get("subjects") or ())
        yield KeptBinding(key, roles.of(body), frozenset(names))


def by_adoption(at: str) -> str:
    """Which one left it there, in words."""
    return f"kept by the adoption of {_day(at)}"


def _day(at: str) -> str:
    return at.partition("T")[0]


def is_kept(body: Body, at: str) -> bool:
    """Whether it was there before; without a record of writes nothing shows that it still is what was left there."""
    # Times have seconds: what was written in that one may have been written after it.
    return _created(body) < at and "" < _last_write(body)[0] < at


def _created(body: Body) -> str:
    return str(body["metadata"].get("creationTimestamp") or _NEVER)


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
