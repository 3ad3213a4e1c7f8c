"""A shape in one line, as users ask for it and as reports name it: ``8xa100,cpu=64,memory=512Gi``.

    [GPUS[xMODEL]][,RESOURCE=AMOUNT]…[,node:LABEL=VALUE]…[,tolerate:KEY[=VALUE]]…

GPUS below 1 is a share of one GPU. Amounts are written as Kubernetes writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allotment.errors import NotFoundError, UsageError
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu, parse_bytes, parse_cpu, parse_quantity
from allotment.scheduling.placement.gpu.cluster import GPU_RESOURCES, MODEL_LABELS, models_of, node_model
from allotment.scheduling.placement.gpu.model import WHOLE, GpuShape
from allotment.scheduling.placement.model import (
    CPU,
    EPHEMERAL_STORAGE,
    MEMORY,
    Node,
    NodeAffinity,
    NodeSelectorTerm,
    Operator,
    Pairs,
    PodShape,
    Requirement,
    Toleration,
)

MIB: Final = 1 << 20
_GPUS = re.compile(r"(?P<number>\d{1,4}(?:\.\d{1,3})?)(?:x(?P<model>[A-Za-z0-9][-A-Za-z0-9_.| ]*))?", re.ASCII)
_EXAMPLE: Final = "write for example 8xa100,cpu=64,memory=512Gi or 1,cpu=4"


@dataclass(frozen=True, slots=True)
class Ask:
    """What was asked for.

    Attributes:
        text: as it was written.
        gpus: number of GPUs.
        milli: share of each in thousandths.
        model: of the GPUs; empty = any.
        requests: milli-CPU, MiB of memory, units of the rest; without GPUs.
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
    named = [name for name in requests if name in GPU_RESOURCES]
    if named:
        raise UsageError(
            f"shape {text!r}: {named[0]} stands among the other amounts", fix="begin with the GPUs: 8xa100"
        )
    return Ask(
        text, gpus, milli, model, tuple(sorted(requests.items())), tuple(sorted(selector.items())), tuple(tolerations)
    )


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
            return -(-int(parse_bytes(value)) // MIB)
        exact = parse_quantity(value)
    except ValueError as error:
        raise UsageError(f"shape {text!r}: {error}", fix=_EXAMPLE) from None
    if exact.denominator != 1 or exact < 0:
        raise UsageError(f"shape {text!r}: {resource} comes in whole units", fix="write a whole number")
    return int(exact)


def matching_models(wanted: str, known: Iterable[str]) -> tuple[str, ...]:
    """The models that a name means: the one of that name in any case, else those that hold all of its words.

    ``a100`` means ``NVIDIA-A100-SXM4-80GB``, ``a100-80gb`` too; ``a100|h100`` means both.

    Raises:
        NotFoundError: none.
    """
    models = sorted(set(known) - {""})
    found = [model for name in wanted.split("|") for model in _meant(name.strip(), models)]
    if not found:
        raise NotFoundError(
            f"there is no GPU model {wanted!r}", fix=f"there are {', '.join(models)}" if models else "leave it out"
        )
    return tuple(sorted(set(found)))


def _meant(name: str, models: Sequence[str]) -> list[str]:
    words = _words(name)
    exact = [model for model in models if model.casefold() == name.casefold()]
    return exact or [model for model in models if words and words <= _words(model)]


def _words(model: str) -> frozenset[str]:
    return frozenset(word for word in re.split(r"[-_ ./]+", model.casefold()) if word)


def gpu_shape_of(ask: Ask, models: Iterable[str]) -> GpuShape:
    """The shape on a fleet of these models.

    Raises:
        NotFoundError: there is no such model.
        UsageError: it asks for what the fleet does not know.
    """
    requests = dict(ask.requests)
    if ask.selector or ask.tolerations or set(requests) - {CPU, MEMORY}:
        raise UsageError(
            f"shape {ask.text!r}: a pod list knows GPUs, their model, cpu and memory only", fix="leave the rest out"
        )
    accepted = matching_models(ask.model, models) if ask.model else ()
    return GpuShape(requests.get(CPU, 0), requests.get(MEMORY, 0), ask.gpus, ask.milli, accepted)


def pod_shape_of(ask: Ask, nodes: Iterable[Node]) -> PodShape:
    """The shape on a cluster. A pod that asks for a GPU resource tolerates the taint of that name, as on real clusters.

    Raises:
        NotFoundError: there is no such model.
        UsageError: it asks for a share of a GPU, or a cluster with several GPU resources leaves open which one.
    """
    requests = dict(ask.requests)
    tolerations = ask.tolerations
    required = None
    if ask.gpus:
        if ask.milli != WHOLE:
            raise UsageError(f"shape {ask.text!r}: pods ask for whole GPUs here", fix="write a whole number of GPUs")
        candidates = [node for node in nodes if any(node.allocatable.get(name) for name in GPU_RESOURCES)]
        if ask.model:
            accepted = matching_models(ask.model, (node_model(node) for node in candidates))
            candidates = [node for node in candidates if node_model(node) in accepted]
            required = _one_of(accepted, candidates)
        resource = _resource(ask, candidates)
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


def _resource(ask: Ask, nodes: Iterable[Node]) -> str:
    found = [name for name in GPU_RESOURCES if any(node.allocatable.get(name) for node in nodes)]
    if len(found) > 1:
        raise UsageError(
            f"shape {ask.text!r}: which of {', '.join(found)}?", fix="name the model as well, for example 8xa100"
        )
    return found[0] if found else GPU_RESOURCES[0]


def ask_text(shape: GpuShape, memory: int = 0) -> str:
    """A shape of a fleet as `parse_ask` reads it; memory in MiB."""
    return _text(shape.gpus * shape.milli, "|".join(shape.models), {CPU: shape.cpu, MEMORY: memory or shape.memory}, ())


def pod_text(shape: PodShape) -> str:
    """What a pod asks for, as `parse_ask` reads it; rules it cannot express are named at the end."""
    requests = dict(shape.requests)
    gpus = sum(requests.pop(name, 0) for name in GPU_RESOURCES)
    rules = shape.node_affinity
    extra = [f"node:{key}={value}" for key, value in rules.selector if key not in MODEL_LABELS]
    extra += [
        f"tolerate:{each.key}" + ("" if each.exists else f"={each.value}")
        for each in shape.tolerations
        if each.key and each.key not in GPU_RESOURCES
    ]
    if rules.required is not None and not (rules.required and _only_models(rules.required)):
        extra.append("affinity")
    return _text(gpus * WHOLE, "|".join(models_of(shape)) if gpus else "", requests, extra)


def _only_models(terms: Iterable[NodeSelectorTerm]) -> bool:
    return all(
        not term.fields and all(rule.key in MODEL_LABELS and rule.operator is Operator.IN for rule in term.expressions)
        for term in terms
    )


def _text(milli: int, model: str, requests: Mapping[str, int], extra: Iterable[str]) -> str:
    write: dict[str, Callable[[int], str]] = {
        CPU: lambda amount: format_cpu(MilliCpu(amount)),
        MEMORY: lambda amount: format_bytes(Bytes(amount * MIB)),
        EPHEMERAL_STORAGE: lambda amount: format_bytes(Bytes(amount * MIB)),
    }
    amounts = [f"{name}={write.get(name, str)(amount)}" for name, amount in requests.items() if amount]
    gpus = [f"{milli / WHOLE:g}" + (f"x{model}" if model else "")] if milli else []
    return ",".join([*gpus, *amounts, *extra]) or "nothing"
