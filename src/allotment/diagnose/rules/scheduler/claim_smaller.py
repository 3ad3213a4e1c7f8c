"""What a claim for devices asks for that no device offers, and what it could ask for instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from allotment.diagnose.amending import worked_on
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.machines import A_NODE
from allotment.diagnose.rules.scheduler.device_expressions import DeviceTerm, PublishedDevice, terms_of
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.nodes import DeviceRequest, ExactRequest, ResourceClaimSpec
from allotment.scheduling.snapshot.quantities import billionths

_LEAST: Final = (">=", "==")
"""Signs of terms that another value can take the place of."""


@dataclass(frozen=True, slots=True)
class UnmetTerm:
    """A term that alone keeps a request from all devices.

    Attributes:
        best: the value nearest to what is asked for that enough devices on one node have.
    """

    term: DeviceTerm
    best: Any

    @property
    def name(self) -> str:
        """Of the attribute or capacity."""
        return self.term.name


def unmet_terms(exact: ExactRequest, of_class: Sequence[PublishedDevice]) -> tuple[UnmetTerm, ...]:
    """Terms of a request which no device of its class meets, where each is the only one that is in the way."""
    terms = [term for each in exact.selectors if each.cel is not None for term in terms_of(each.cel.expression)]
    found = []
    for term in terms:
        if term is None:
            return ()
        if term.sign not in _LEAST or term.kind == "driver":
            continue
        others = [other for other in terms if other is not None and other is not term]
        rest = [each for each in of_class if all(other.of(each) for other in others)]
        best = _best(term, rest, exact.count)
        if best is not None:
            found.append(UnmetTerm(term, best))
    return tuple(found)


def _best(term: DeviceTerm, devices: Sequence[PublishedDevice], count: int) -> Any:
    """The largest value that so many devices of a node have; of values without an order, the most frequent."""
    values = [(each.node, value) for each in devices if (value := _usable(term, each)) is not None]
    if not values:
        return None
    if term.kind == "capacity":
        for value in sorted({value for _, value in values}, key=billionths, reverse=True):
            there = Counter(node for node, other in values if billionths(other) >= billionths(value))
            if max(there.values()) >= count:
                return value
        return None
    together = Counter(values)
    (_, value), number = together.most_common(1)[0]
    return value if number >= count else None


def _usable(term: DeviceTerm, each: PublishedDevice) -> Any:
    """A value that may stand in an expression: names that drivers publish are not to end a text there."""
    value = each.value(term.kind, term.domain, term.name)
    if type(value) is not type(term.wanted) or (isinstance(value, str) and not value.replace(" ", "-").isprintable()):
        return None
    return None if isinstance(value, str) and set(value) & set("\"'\\") else value


def in_words(unmet: Sequence[UnmetTerm]) -> str:
    """What is asked for beside what there is."""
    return "".join(
        f", for {each.name} {each.term.sign} {each.term.wanted} is asked for and the best is {each.best}"
        for each in unmet
    )


def proposals_of(
    case: Case,
    claim: tuple[Reference, ResourceClaimSpec],
    request: DeviceRequest,
    unmet: Sequence[UnmetTerm],
    most: int,
) -> Iterator[Proposal]:
    """Ask for what is published, or for fewer on a node; else a node with such devices is needed.

    Args:
        case: the subject.
        claim: the claim or the template of it, with what it asks for.
        request: the one of its requests that is in the way.
        unmet: its terms that no device meets.
        most: devices that it selects on the node which has most of them.
    """
    exact = request.exact
    if 0 < most < exact.count:
        yield _asking(case, claim, request, {"count": most}, f"ask for {exact.count} → {most} devices in one claim")
    for position, each in enumerate(unmet):
        changed = [
            {"cel": {"expression": selector.cel.expression.replace(each.term.text, each.term.asking(each.best), 1)}}
            for selector in exact.selectors
            if selector.cel is not None
        ]
        what = f"ask for {each.name} {each.term.wanted} → {each.best}"
        yield _asking(case, claim, request, {"selectors": changed}, what, position)
    yield Proposal(
        RemedyKind.ADD_NODE,
        Doer.PLATFORM,
        f"add a node with {exact.count} devices of class {exact.device_class_name} that the claim selects",
        A_NODE,
        Patch(PatchOp.SIGNAL, {"deviceClassName": exact.device_class_name, "devices": exact.count}),
        cost=50,
    )


def _asking(
    case: Case,
    claim: tuple[Reference, ResourceClaimSpec],
    request: DeviceRequest,
    change: dict[str, Any],
    what: str,
    cost: int = 0,
) -> Proposal:
    """The claim made anew, then the work: its pods keep the claims that were made for them."""
    target, spec = claim
    requests = []
    for each in spec.devices.requests:
        raw: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(each))
        if each is request:
            inner = raw["exactly"] if each.exactly is not None else raw
            inner |= change
        requests.append(raw)
    body: dict[str, Any] = {"spec": {"devices": {"requests": requests}}}
    if target.kind == "ResourceClaimTemplate":
        body = {"spec": body}
    work = worked_on(case)
    again = case.reference if work is None else reference_of(work)
    return Proposal(
        RemedyKind.REDUCE_REQUEST,
        Doer.USER,
        f"{what} in the {target.kind} {target.name}, and submit {again.name} again",
        again,
        Patch(PatchOp.RESUBMIT, {}),
        first=((target, Patch(PatchOp.RESUBMIT, body)),),
        cost=cost,
    )
