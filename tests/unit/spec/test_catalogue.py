"""The built-in catalogue."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from allotment.model.accelerator import CapacityType, Vendor
from allotment.spec.catalogue import FILE, catalogue
from allotment.spec.devices import device_meant

EXPECTED = [
    ("t4", "nvidia.com/gpu", 16),
    ("v100", "nvidia.com/gpu", 16),
    ("v100-32gb", "nvidia.com/gpu", 32),
    ("a10", "nvidia.com/gpu", 24),
    ("a30", "nvidia.com/gpu", 24),
    ("gb200", "nvidia.com/gpu", 186),
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


def test_every_figure_names_its_source_or_says_that_it_has_none():
    text = resources.files("allotment.spec").joinpath(FILE).read_text(encoding="utf-8")
    entries = text.split("\n---\n")[1:]
    assert len(entries) == len(catalogue())
    assert [entry.splitlines()[:2] for entry in entries if not entry.startswith("# Memory: ")] == []


MEANT = {
    "a100-80": 'did you mean "a100"?',
    "A100-80GB": 'did you mean "a100"?',
    "a100-40": 'did you mean "a100-40gb"?',
    "nvidia-h100": 'did you mean "h100"?',
    "V100": 'did you mean "v100"?',
    "nvidia-tesla-t4": 'did you mean "t4"?',
    "gaudii2": 'did you mean "gaudi2"?',
    "trainum2": 'did you mean "trainium2"?',
}
"""A word, and the device that it can only have meant."""

OTHERS = (
    "p100",
    "h20",
    "a1000",
    "l400",
    "mi300a",
    "mi355x",
    "mi250",
    "mi300",
    "b100",
    "gaudi4",
    "inferentia3",
    "tpu-v7",
    "h100-94gb",
    "gpu",
    "",
)
"""Words that look like a device of the catalogue, and are another or none."""


@pytest.mark.parametrize(("word", "fix"), MEANT.items(), ids=MEANT)
def test_a_mistyped_device_is_named(word, fix):
    assert device_meant(word, catalogue()) == fix


@pytest.mark.parametrize("word", OTHERS)
def test_no_word_leads_to_another_device(word):
    assert "did you mean" not in device_meant(word, catalogue())


def test_who_looks_for_another_device_is_told_which_there_are():
    assert device_meant("mi250", catalogue()) == "known devices of a like name: mi210, mi250x, mi300x, mi325x"
