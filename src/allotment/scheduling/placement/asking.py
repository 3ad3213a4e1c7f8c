"""A shape in one line, as users ask for it and as reports name it: ``8xa100,cpu=64,memory=512Gi``.

    [GPUS[xMODEL|xRESOURCE]][,RESOURCE=AMOUNT]…[,node:LABEL=VALUE]…[,tolerate:KEY[=VALUE]]…

GPUS below 1 is a share of one GPU. Amounts are written as Kubernetes writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allotment.errors import NotFoundError, UsageError
from allotment.model.devices import DEVICE_RESOURCES, MODEL_LABELS, names_a_part, words_of_model
from allotment.model.quantity import MIB, Bytes, MilliCpu, format_bytes, format_cpu, parse_bytes, parse_cpu, parse_whole
from allotment.scheduling.kinds import Operator, Requirement, Toleration
from allotment.scheduling.placement.gpu.cluster import models_of, node_model
from allotment.scheduling.placement.gpu.model import WHOLE, GpuShape
from allotment.scheduling.placement.model import (
    CPU,
    EPHEMERAL_STORAGE,
    MEMORY,
    Node,
    NodeAffinity,
    NodeSelectorTerm,
    Pairs,
    PodShape,
)

_GPUS: Final = re.compile(r"(?P<number>\d{1,4}(?:\.\d{1,3})?)(?:x(?P<model>[A-Za-z0-9][-A-Za-z0-9_.| /]*))?", re.ASCII)
_MOST_MIB: Final = (1 << 43) - 1
"""Bytes of so many fit 64 bits."""
_EXAMPLE: Final = "write for example 8xa100,cpu=64,memory=512Gi or 1,cpu=4"


@dataclass(frozen=True, slots=True)
class Ask:
    """What was asked for.

    Attributes:
        text: as it was written.
        gpus: number of GPUs.
        milli: share of each in thousandths.
        model: of the GPUs; empty = any.
        resource: that counts the GPUs, where it was named in place of a model.
        requests: milli-CPU, bytes of memory in whole MiB, units of the rest; without GPUs.
        selector: node labels.
        tolerations: taints that are no obstacle.
    """

    text: str
    gpus: int
    milli: int
    model: str
    requests: tuple[tuple[str, int], ...]
    selector: Pairs
    tolerations: tuple[Toleration, ...]
    resource: str = ""


def parse_ask(text: str) -> Ask:
    """Read a shape.

    Raises:
        UsageError: it is none.
    """
    gpus = milli = 0
    model = ""
    requests: dict[str, int] = {}
    selector: dict[str, str] = {}
    tolerations: list[Toleration] = []
    for index, part in enumerate(part.strip() for part in text.split(",")):
        kind, colon, body = part.partition(":")
        name, equals, value = part.partition("=")
        if not equals and not colon and index == 0:
            gpus, milli, model = _gpus(text, part)
        elif colon and kind == "node" and all(body.partition("=")[::2]):
            label, _, wanted = body.partition("=")
            selector[label] = wanted
        elif colon and kind == "tolerate" and body:
            key, with_value, wanted = body.partition("=")
            tolerations.append(Toleration(key, not with_value, wanted))
        elif equals and name and value and not colon:
            if name in requests:
                raise UsageError(f"shape {text!r}: {name} stands twice", fix="give each amount once")
            requests[name] = _amount(text, name, value)
        else:
            raise UsageError(f"shape {text!r}: {part!r} cannot be read", fix=_EXAMPLE)
    named = [name for name in requests if name in DEVICE_RESOURCES]
    if named:
        amount = requests[named[0]]
        raise UsageError(
            f"shape {text!r}: {named[0]} stands among the other amounts",
            fix=f"begin with the GPUs: {amount}x{named[0]}, or with their model: {amount}xa100",
        )
    resource, model = (model, "") if "/" in model else ("", model)
    if resource and resource not in DEVICE_RESOURCES:
        # Slices, cores and what else a plug-in counts: no whole device, so an amount like the others.
        if resource in requests or (milli and milli != WHOLE):
            raise UsageError(f"shape {text!r}: {resource} comes once, and in whole units", fix=_EXAMPLE)
        requests[resource] = gpus
        tolerations.append(Toleration(resource, exists=True))
        gpus = milli = 0
    amounts, selected = tuple(sorted(requests.items())), tuple(sorted(selector.items()))
    return Ask(text, gpus, milli, model, amounts, selected, tuple(tolerations), resource)


def _gpus(text: str, part: str) -> tuple[int, int, str]:
    match = _GPUS.fullmatch(part)
    if match is None:
        raise UsageError(f"shape {text!r}: {part!r} is no number of GPUs", fix=_EXAMPLE)
    milli = int(Fraction(match["number"]) * WHOLE)
    if milli > WHOLE and milli % WHOLE:
        raise UsageError(f"shape {text!r}: only a single GPU can be shared", fix="ask for one share, or for whole GPUs")
    if not milli:
        return 0, 0, ""
    return max(1, milli // WHOLE), min(milli, WHOLE), match["model"] or ""


def _amount(text: str, resource: str, value: str) -> int:
    try:
        if resource == CPU:
            return int(parse_cpu(value))
        if resource in (MEMORY, EPHEMERAL_STORAGE):
            return min(-(-int(parse_bytes(value)) // MIB), _MOST_MIB) * MIB
        return int(parse_bytes(value)) if resource.startswith(_PAGES) else parse_whole(value)
    except ValueError as error:
        if resource in (CPU, MEMORY, EPHEMERAL_STORAGE) or resource.startswith(_PAGES):
            raise UsageError(f"shape {text!r}: {error}", fix=_EXAMPLE) from None
        raise UsageError(
            f"shape {text!r}: {resource} comes in whole units; {error}", fix="write a whole number"
        ) from None


_PAGES: Final = "hugepages-"


def matching_models(wanted: str, known: Iterable[str], *, parts_too: bool = False) -> tuple[str, ...]:
    """The models that a name means: the one of that name in any case, else those that hold all of its words.

    ``a100`` means ``NVIDIA-A100-SXM4-80GB``, ``a100-80gb`` too; ``a100|h100`` means both. Slices and shares of a device
    are meant only by a name that says so: ``1g.5gb``, ``a100-mig``, ``t4-shared``.

    Args:
        wanted: the name.
        known: models.
        parts_too: slices and shares are meant by every name.

    Raises:
        NotFoundError: none.
    """
    models = sorted(set(known) - {""})
    found = [model for name in wanted.split("|") for model in _meant(name.strip(), models, parts_too=parts_too)]
    if not found:
        words = words_of_model(wanted)
        parts = [model for model in models if words and words <= words_of_model(model)]
        raise NotFoundError(
            f"there is no {'whole device of the' if parts else 'GPU'} model {wanted!r}",
            why=f"slices and shares of it are no whole ones: {', '.join(parts)}" if parts else "",
            fix=f"there are {', '.join(models)}" if models else "leave it out, or name the resource: 8xamd.com/gpu",
        )
    return tuple(sorted(set(found)))


def _meant(name: str, models: Sequence[str], *, parts_too: bool) -> list[str]:
    words = words_of_model(name)
    exact = [model for model in models if model.casefold() == name.casefold()]
    parts_too = parts_too or names_a_part(name)
    return exact or [
        model for model in models if words and words <= words_of_model(model) and (parts_too or not names_a_part(model))
    ]


def gpu_shape_of(ask: Ask, models: Iterable[str]) -> GpuShape:
    """The shape on a fleet of these models.

    Raises:
        NotFoundError: there is no such model.
        UsageError: it asks for what the fleet does not know.
    """
    requests = dict(ask.requests)
    if ask.selector or ask.tolerations or ask.resource or set(requests) - {CPU, MEMORY}:
        raise UsageError(
            f"shape {ask.text!r}: a pod list knows GPUs, their model, cpu and memory only", fix="leave the rest out"
        )
    accepted = matching_models(ask.model, models) if ask.model else ()
    return GpuShape(requests.get(CPU, 0), requests.get(MEMORY, 0), ask.gpus, ask.milli, accepted)


def pod_shape_of(ask: Ask, nodes: Iterable[Node]) -> PodShape:
    """The shape on a cluster. A pod that asks for a GPU resource tolerates the taint of that name, as on real clusters.

    Raises:
        NotFoundError: there is no such model, or no node with the resource.
        UsageError: it asks for a share of a GPU, or a cluster with several GPU resources leaves open which one.
    """
    requests = dict(ask.requests)
    tolerations = ask.tolerations
    required = None
    nodes = tuple(nodes)
    _check_resource(ask, nodes)
    if ask.gpus:
        if ask.milli != WHOLE:
            raise UsageError(f"shape {ask.text!r}: pods ask for whole GPUs here", fix="write a whole number of GPUs")
        counted = (ask.resource,) if ask.resource else DEVICE_RESOURCES
        candidates = [node for node in nodes if any(node.allocatable.get(name) for name in counted)]
        if ask.model:
            accepted = matching_models(ask.model, (node_model(node) for node in candidates))
            candidates = [node for node in candidates if node_model(node) in accepted]
            required = _one_of(accepted, candidates)
        resource = ask.resource or _resource(ask, candidates)
        requests[resource] = ask.gpus
        tolerations = (*tolerations, Toleration(resource, exists=True))
    return PodShape(
        requests=tuple(sorted(requests.items())),
        node_affinity=NodeAffinity(ask.selector, required),
        tolerations=tolerations,
    )


def _one_of(models: tuple[str, ...], nodes: Iterable[Node]) -> tuple[NodeSelectorTerm, ...]:
    used = {next(label for label in MODEL_LABELS if label in node.labels) for node in nodes}
    return tuple(
        NodeSelectorTerm((Requirement(label, Operator.IN, models),)) for label in MODEL_LABELS if label in used
    )


def _check_resource(ask: Ask, nodes: Sequence[Node]) -> None:
    if ask.resource and not any(node.allocatable.get(ask.resource) for node in nodes):
        offered = sorted({name for node in nodes for name, left in node.allocatable.items() if left and "/" in name})
        raise NotFoundError(
            f"shape {ask.text!r}: no node has {ask.resource}",
            fix=f"there are {', '.join(offered)}" if offered else "the nodes have no devices; ask for cpu and memory",
        )


def _resource(ask: Ask, nodes: Iterable[Node]) -> str:
    meant = [node for node in nodes if all(node.labels.get(key) == value for key, value in ask.selector)]
    found = [name for name in DEVICE_RESOURCES if any(node.allocatable.get(name) for node in meant)]
    if len(found) > 1:
        raise UsageError(
            f"shape {ask.text!r}: which of {', '.join(found)}?",
            fix=f"name it, for example {ask.gpus}x{found[0]}, or the model, for example {ask.gpus}xa100",
        )
    return found[0] if found else DEVICE_RESOURCES[0]


def ask_text(shape: GpuShape) -> str:
    """A shape of a fleet as `parse_ask` reads it."""
    return _text(shape.gpus * shape.milli, "|".join(shape.models), {CPU: shape.cpu, MEMORY: shape.memory}, ())


def pod_text(shape: PodShape, *, mixed: bool = False) -> str:
    """What a pod asks for, as `parse_ask` reads it; rules it cannot express are named at the end.

    Args:
        shape: of the pod.
        mixed: whether nodes offer several GPU resources, so that a number of GPUs without a name leaves open which.
    """
    requests = dict(shape.requests)
    counted = {name: amount for name in DEVICE_RESOURCES if (amount := requests.pop(name, 0))}
    gpus = sum(counted.values())
    model = "|".join(models_of(shape)) if gpus else ""
    if mixed and not model and len(counted) == 1:
        model = next(iter(counted))
    rules = shape.node_affinity
    extra = [f"node:{key}={value}" for key, value in rules.selector if key not in MODEL_LABELS]
    extra += [
        f"tolerate:{each.key}" + ("" if each.exists else f"={each.value}")
        for each in shape.tolerations
        if each.key and each.key not in DEVICE_RESOURCES
    ]
    if rules.required is not None and not (rules.required and _only_models(rules.required)):
        extra.append("affinity")
    return _text(gpus * WHOLE, model, requests, extra)


def _only_models(terms: Iterable[NodeSelectorTerm]) -> bool:
    return all(
        not term.fields and all(rule.key in MODEL_LABELS and rule.operator is Operator.IN for rule in term.expressions)
        for term in terms
    )


def _text(milli: int, model: str, requests: Mapping[str, int], extra: Iterable[str]) -> str:
    write: dict[str, Callable[[int], str]] = {
        CPU: lambda amount: format_cpu(MilliCpu(amount)),
        MEMORY: lambda amount: format_bytes(Bytes(amount)),
        EPHEMERAL_STORAGE: lambda amount: format_bytes(Bytes(amount)),
    }
    amounts = [f"{name}={write.get(name, str)(amount)}" for name, amount in requests.items() if amount]
    gpus = [f"{milli / WHOLE:g}" + (f"x{model}" if model else "")] if milli else []
    return ",".join([*gpus, *amounts, *extra]) or "nothing"
