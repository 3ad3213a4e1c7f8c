"""Accelerators of the catalogue and of the directory, with the directory's prices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from allotment.model import labels
from allotment.model.accelerator import Accelerator, CapacityType
from allotment.model.quantity import Bytes
from allotment.spec.catalogue import CURRENCY, catalogue
from allotment.spec.declared import Declared
from allotment.spec.schema.accelerator import AcceleratorSpec


def accelerator_specs(declared: Declared) -> dict[str, AcceleratorSpec]:
    """Every accelerator by name; the directory's own replace the catalogue's."""
    specs = dict(catalogue())
    specs.update({entry.spec.name: entry.spec for entry in declared.accelerators})
    return specs


def accelerators(specs: Mapping[str, AcceleratorSpec], declared: Declared) -> dict[str, Accelerator]:
    """The model's accelerators by name.

    In another currency than its own the catalogue has no prices: its figures would only be called by another name.
    """
    foreign = declared.platform is not None and declared.platform.spec.currency != CURRENCY
    prices: dict[str, dict[CapacityType, int]] = {}
    for entry in declared.prices:
        for name, by_type in entry.spec.accelerators.items():
            prices.setdefault(name, {}).update(by_type)
    ready = _built_in()
    builtin = catalogue()
    return {
        name: _accelerator(spec.model_copy(update={"price_per_hour": {}}), prices.get(name, {}))
        if spec is builtin.get(name) and foreign
        else ready[name]
        if spec is builtin.get(name) and name not in prices
        else _accelerator(spec, prices.get(name, {}))
        for name, spec in specs.items()
    }


@cache
def _built_in() -> Mapping[str, Accelerator]:
    """The catalogue's own entries, converted once."""
    return {name: _accelerator(spec, {}) for name, spec in catalogue().items()}


def _accelerator(spec: AcceleratorSpec, prices: Mapping[CapacityType, int]) -> Accelerator:
    label = spec.node_label
    return Accelerator(
        name=spec.name,
        vendor=spec.vendor,
        product=spec.product,
        resource_name=spec.resource_name,
        memory=Bytes(spec.memory),
        interconnect=spec.interconnect,
        architecture=spec.architecture,
        node_label=(labels.ACCELERATOR, spec.name) if label is None else (label.key, label.value),
        taint_key=spec.taint_key,
        partition_of=spec.partition_of,
        partitions=spec.partitions,
        price_per_hour={**spec.price_per_hour, **prices},
    )
