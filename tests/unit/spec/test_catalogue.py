"""The built-in catalogue."""

from __future__ import annotations

import re

import pytest

from allotment.model.accelerator import CapacityType, Vendor
from allotment.spec.catalogue import catalogue

EXPECTED = [
    ("t4", "nvidia.com/gpu", 16),
    ("a10g", "nvidia.com/gpu", 24),
    ("l4", "nvidia.com/gpu", 24),
    ("l40s", "nvidia.com/gpu", 48),
    ("a100", "nvidia.com/gpu", 80),
    ("a100-40gb", "nvidia.com/gpu", 40),
    ("h100", "nvidia.com/gpu", 80),
    ("h200", "nvidia.com/gpu", 141),
    ("b200", "nvidia.com/gpu", 180),
    ("mi210", "amd.com/gpu", 64),
    ("mi250x", "amd.com/gpu", 128),
    ("mi300x", "amd.com/gpu", 192),
    ("mi325x", "amd.com/gpu", 256),
    ("gaudi2", "habana.ai/gaudi", 96),
    ("gaudi3", "habana.ai/gaudi", 128),
    ("tpu-v4", "google.com/tpu", 32),
    ("tpu-v5e", "google.com/tpu", 16),
    ("tpu-v5p", "google.com/tpu", 95),
    ("tpu-v6e", "google.com/tpu", 32),
    ("trainium1", "aws.amazon.com/neuron", 32),
    ("trainium2", "aws.amazon.com/neuron", 96),
    ("inferentia1", "aws.amazon.com/neuron", 8),
    ("inferentia2", "aws.amazon.com/neuron", 32),
    ("a100-1g-10gb", "nvidia.com/mig-1g.10gb", 10),
    ("h100-3g-40gb", "nvidia.com/mig-3g.40gb", 40),
]


@pytest.mark.parametrize(("name", "resource", "gib"), EXPECTED)
def test_entry(name, resource, gib):
    spec = catalogue()[name]
    assert (spec.resource_name, spec.memory) == (resource, gib << 30)


def test_every_vendor_is_there():
    assert {spec.vendor for spec in catalogue().values()} == set(Vendor)


def test_spot_is_60_to_70_percent_cheaper_and_reserved_about_40():
    for spec in catalogue().values():
        prices = spec.price_per_hour
        on_demand = prices[CapacityType.ON_DEMAND]
        assert 0.28 <= prices[CapacityType.SPOT] / on_demand <= 0.42, spec.name
        assert 0.55 <= prices[CapacityType.RESERVED] / on_demand <= 0.65, spec.name


def test_an_a100_is_the_reference_figure():
    assert catalogue()["a100"].price_per_hour[CapacityType.ON_DEMAND] == 3_000_000


def test_slices_fit_into_their_device():
    slices = [spec for spec in catalogue().values() if spec.partition_of is not None]
    assert len(slices) == 18
    for spec in slices:
        whole = catalogue()[spec.partition_of]
        profile = re.fullmatch(r"nvidia\.com/mig-(\d)g\.(\d+)gb", spec.resource_name)
        assert spec.memory == int(profile[2]) << 30
        assert spec.memory * spec.partitions <= whole.memory
        assert int(profile[1]) * spec.partitions <= 7
        assert spec.name == f"{whole.name}-{profile[1]}g-{profile[2]}gb"


def test_it_is_read_once():
    assert catalogue() is catalogue()
