"""All rules together, and what the platform directory accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from allotment.model.manifest import Body, key_of
from allotment.model.platform import AcceptedStranger
from allotment.plan.adoption.left import NamespacedRoles
from allotment.plan.adoption.record import AdoptionRecord, is_adopted
from allotment.plan.strangers.access import access, subjects
from allotment.plan.strangers.admission import bindings, kueues_webhooks
from allotment.plan.strangers.grounds import Grounds
from allotment.plan.strangers.kept import adoptions, keeping, roles_in, told_apart
from allotment.plan.strangers.limits import limits, queues
from allotment.plan.strangers.priorities import default_class
from allotment.plan.strangers.stranger import Live, Stranger
from allotment.plan.strangers.subjects import Standing
from allotment.plan.survey import in_inventory

RULES: Final[tuple[Callable[[Live, Grounds], Iterator[Stranger]], ...]] = (
    access,
    limits,
    queues,
    bindings,
    kueues_webhooks,
    default_class,
)
"""Where a new rule goes."""


def strangers(live: Live, around: Grounds) -> tuple[Stranger, ...]:
    """Everything that is not ours and matters, but for what the platform accepts; sorted by object."""
    before = _not_taken_over(live, around)
    told = (_before(stranger, before) for rule in RULES for stranger in rule(live, around))
    found = sorted(told, key=lambda each: each.key)
    judged = [stranger for each in found if (stranger := _accepted(each, live, around)) is not None]
    taken_over, roles = adoptions(live), roles_in(live)
    return tuple(_told_apart(stranger, live, around, taken_over, roles) for stranger in judged)


def _not_taken_over(live: Live, around: Grounds) -> frozenset[str]:
    """Declared namespaces that are there and somebody else's: adoption keeps what lies in them."""
    others = (body for body in live.of("Namespace") if not (in_inventory(body, around.platform) or is_adopted(body)))
    names = (str(body["metadata"]["name"]) for body in others)
    return frozenset(name for name in names if name in around.tenancies and not around.tenancies[name].leaving)


def _before(stranger: Stranger, spaces: frozenset[str]) -> Stranger:
    """What is to be done about it as long as its namespace is not ours: work may go by it."""
    if stranger.key.namespace not in spaces:
        return stranger
    return replace(stranger, fix=f"{keeping(stranger.key.namespace)}; or, if nobody needs it, {stranger.fix}")


def _told_apart(
    stranger: Stranger,
    live: Live,
    around: Grounds,
    taken_over: Mapping[str, AdoptionRecord],
    roles: NamespacedRoles | None,
) -> Stranger:
    """What an adoption left to its owner, and what came since; of a team that leaves, nothing stays."""
    written = taken_over.get(stranger.key.namespace)
    tenancy = around.tenancies.get(stranger.key.namespace)
    body = _body_of(stranger, live)
    if written is None or tenancy is None or tenancy.leaving or body is None:
        return stranger
    return told_apart(stranger, body, written, roles)


def _accepted(stranger: Stranger, live: Live, around: Grounds) -> Stranger | None:
    """None if it is accepted; otherwise with what may still be done about it."""
    entry = next((entry for entry in around.accepted if _means(entry, stranger)), None)
    if entry is None:
        return replace(stranger, fix=f"{stranger.fix}, or accept it in the Platform document (accepted)")
    if entry.until is not None and around.today > entry.until:
        return replace(stranger, why=f"{stranger.why}; accepted until {entry.until}, which has passed")
    more = _beyond(entry, stranger, live, around)
    if more:
        return replace(stranger, why=f"{stranger.why}; accepted, but not for {', '.join(more)}")
    return None


def _means(entry: AcceptedStranger, stranger: Stranger) -> bool:
    key = stranger.key
    return (entry.kind, entry.name) == (key.kind, key.name) and entry.namespace in ("", key.namespace)


def _beyond(entry: AcceptedStranger, stranger: Stranger, live: Live, around: Grounds) -> list[str]:
    """Subjects that were added to a binding after it was accepted."""
    if not entry.subjects:
        return []
    body = _body_of(stranger, live)
    found = subjects(body, around) if body is not None else ()
    return [
        str(subject)
        for subject in found
        if subject.name not in entry.subjects and subject.standing not in {Standing.SYSTEM, Standing.ENGINEER}
    ]


def _body_of(stranger: Stranger, live: Live) -> Body | None:
    return next((body for body in live.of(stranger.key.kind) if key_of(body) == stranger.key), None)
