"""What stands beside an object that is taken over, and would suffer by it: pure readings of live objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body, Manifest, Manifests, ObjectKey, key_of
from allotment.plan.adoption.adopting import Facts, Hindrance
from allotment.plan.adoption.record import LONGEST
from allotment.plan.adoption.words import word_of
from allotment.plan.order import DEFAULT_ACCOUNT
from allotment.plan.selectors import holds, matches
from allotment.plan.survey import Survey

_NAME: Final = "kubernetes.io/metadata.name"
_BINDINGS: Final = ("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding")
_NAMED: Final = 5


def shut_out(queue: Body, local_queues: Iterable[Body], namespaces: Iterable[Body]) -> Iterator[str]:
    """Namespaces whose LocalQueues lead to a ClusterQueue that, as declared, would take no work of theirs."""
    leading = {
        body["metadata"]["namespace"] for body in local_queues if body["spec"].get("clusterQueue") == _name(queue)
    }
    selector = queue["spec"].get("namespaceSelector") or {}
    for body in namespaces:
        found = {**(body["metadata"].get("labels") or {}), _NAME: _name(body)}
        if _name(body) in leading and not matches(selector, found):
            yield _name(body)


def shut_out_by(queue: Body, spaces: Iterable[str], own: Iterable[str]) -> Hindrance | None:
    """The hindrance that follows.

    Args:
        queue: as declared.
        spaces: of which it takes no work.
        own: namespaces of its team; taking another over would not make it one.
    """
    names = sorted(spaces)
    if not names:
        return None
    why = f"as declared, {_name(queue)} takes no work of {', '.join(names)}, whose LocalQueues lead to it"
    others = sorted(set(names) - set(own))
    if others:
        return Hindrance(
            why,
            f"move the work of {', '.join(others)} to a queue of its own team, and delete its LocalQueues that lead "
            f"here; or declare {', '.join(others)} as a namespace of this team, whose groups then get into it",
        )
    first = word_of(ObjectKey("", "Namespace", "", names[0]))
    return Hindrance(
        why, f"take over the namespace first: `allot adopt {first}`; or move its work to a queue of its own team"
    )


def not_alone(found: Iterable[Body]) -> Hindrance | None:
    """What stands against taking over the platform's own namespace; its accounts count as the system's."""
    names = [str(key_of(body)) for body in found]
    if not names:
        return None
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return Hindrance(
        f"others have something in it: {', '.join(names[:_NAMED])}{more}; no policy binds whoever acts from there",
        "move or delete that first; what is left there then is Allotment's alone",
    )


def of_flavor(live: Body, declared: Body, nodes: Iterable[Body]) -> Facts:
    """What a ResourceFlavor's other node labels mean for new work: fewer nodes are said, none at all is refused."""
    seen = [node["metadata"].get("labels") or {} for node in nodes]
    before, after = (
        sum(matches({"matchLabels": body.get("spec", {}).get("nodeLabels") or {}}, found) for found in seen)
        for body in (live, declared)
    )
    if after >= before:
        return Facts()
    if not after:
        none = Hindrance(
            f"{before} nodes carry its labels now, and no node the declared ones: what is admitted from then on would "
            "wait for ever",
            "label the nodes first: `allot preflight` says which can be whose",
        )
        return Facts(hindrances=(none,))
    fewer = f"{before} nodes carry its labels now, {after} the declared ones: new work finds no other node"
    return Facts(remarks=(f"{fewer}; `allot preflight` says which can still be labelled",))


def guarded(namespace: str, found: Survey) -> Iterator[str]:
    """Policies whose live bindings refuse in a namespace where the declared ones leave it out."""
    for each in found.different:
        left_out = each.manifest.key.kind in _BINDINGS and _leaves_out(each.manifest.body, namespace)
        if left_out and not _leaves_out(each.live, namespace) and _refuses(each.live):
            yield each.manifest.key.name


def _leaves_out(binding: Body, namespace: str) -> bool:
    selector = (binding["spec"].get("matchResources") or {}).get("namespaceSelector") or {}
    names = [item for item in selector.get("matchExpressions") or () if item["key"] == _NAME]
    return not all(holds(item, {_NAME: namespace}) for item in names)


def _refuses(binding: Body) -> bool:
    actions = binding["spec"].get("validationActions")
    return actions is None or "Deny" in actions


def declared_in(desired: Manifests, namespace: str, kind: str) -> list[Manifest]:
    """What is declared of one kind in a namespace."""
    return [item for item in desired if item.key.namespace == namespace and item.key.kind == kind]


def work_in_words(bodies: Iterable[Body]) -> str:
    """``2 Job, 3 Pod``."""
    return ", ".join(f"{number} {kind}" for kind, number in sorted(Counter(body["kind"] for body in bodies).items()))


def claims_in_words(claims: Iterable[Body]) -> str:
    """Claims by number and name, with what they ask for."""
    told = [f"{_name(body)} ({_size(body)})" for body in claims]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    what = "one claim with its data" if len(told) == 1 else f"{len(told)} claims with their data"
    return f"{what}: {', '.join(told[:_NAMED])}{more}" if told else ""


def _size(claim: Body) -> str:
    return str(claim["spec"].get("resources", {}).get("requests", {}).get("storage", "of unknown size"))


def queue_stake(queue: Body) -> str:
    """Work that a ClusterQueue or LocalQueue holds."""
    status = queue.get("status") or {}
    admitted, pending = status.get("admittedWorkloads", 0), status.get("pendingWorkloads", 0)
    return f"{admitted} admitted and {pending} pending workloads" if admitted or pending else ""


def services_in_words(services: Iterable[Body]) -> str:
    """Services that connections from outside the namespace may come in by."""
    names = sorted(f"{_name(body)} ({body['spec'].get('type', 'ClusterIP')})" for body in services)
    return ", ".join(names)


def undeclared(bodies: Iterable[Body], desired: Manifests) -> list[Body]:
    """What stays in a namespace that is taken over: nobody declares it, and it does not pass for the platform's."""
    declared = {item.key for item in desired}
    return [
        body
        for body in bodies
        if key_of(body) not in declared
        and (body["metadata"].get("labels") or {}).get(labels.PLATFORM) is None
        # Kubernetes makes it in each namespace; apply hardens it later.
        and (body["kind"], _name(body)) != ("ServiceAccount", DEFAULT_ACCOUNT)
    ]


def beside(kind: str, bodies: Iterable[Body]) -> str:
    """What of one kind stays in the namespace as it is, and goes on to count."""
    many = ", ".join(sorted(map(_name, bodies)))
    if not many:
        return ""
    return f"{kind} {many} stays as it is, and goes on to hold; drift and prove name it as kept until you take it away"


def unwritten(names: Sequence[str]) -> str:
    """What of it the record of the adoption has no room for."""
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        f"the record of the adoption holds {LONGEST >> 10} KiB, which is too little for {', '.join(names[:_NAMED])}"
        f"{more}: drift and prove will name these as not ours, not as kept; take away first what nobody needs"
    )


def _name(body: Body) -> str:
    return str(body["metadata"]["name"])
