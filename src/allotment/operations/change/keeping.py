"""Whether a guardrail does not hold because of what an adoption left to its owner: decided from what was found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from allotment.model.manifest import Body
from allotment.plan.strangers.rights import gives
from allotment.plan.strangers.stranger import KeptBinding, Stranger
from allotment.prove.judging import Denied, Kept
from allotment.prove.probes import Amend, Inspect, Persona, Post, Probe, Right
from allotment.prove.refusers import RefuserKind, refuser_of

_LIMITS: Final = {RefuserKind.QUOTA: "ResourceQuota", RefuserKind.LIMIT_RANGE: "LimitRange"}


def bindings(right: Right, persona: Persona, kept: Iterable[KeptBinding]) -> tuple[str, ...]:
    """Bindings that give somebody a right that the platform does not."""
    return tuple(
        str(each.key)
        for each in kept
        if each.key.namespace == right.namespace
        and each.to & {persona.user, *persona.groups}
        and gives(each.gives, right.group, right.path, right.verb)
    )


def refusal(probe: Probe, refused: Denied, kept: Iterable[Stranger]) -> Kept | None:
    """A refusal by an older quota or limit; None if it is none."""
    refuser = refuser_of(refused.message)
    kind = _LIMITS.get(refuser.kind)
    # The server names a quota, but of a limit only the resource.
    by = [
        str(each.key)
        for each in kept
        if (each.key.kind, each.key.namespace) == (kind, _namespace(probe))
        and (kind == "LimitRange" or each.key.name == refuser.name)
    ]
    return Kept(", ".join(by), refused.message) if by else None


def _namespace(probe: Probe) -> str:
    match probe.attempt:
        case Post(body):
            return str(body["metadata"].get("namespace", ""))
        case Amend(_, key):
            return key.namespace
        case _:
            return ""


def without(found: Iterable[Body], look: Inspect, kept: Iterable[Stranger]) -> tuple[Body, ...]:
    """What was read, but for what an adoption left."""
    left = {each.key.name for each in kept if (each.key.kind, each.key.namespace) == (look.kind, look.namespace)}
    return tuple(body for body in found if body["metadata"]["name"] not in left)
