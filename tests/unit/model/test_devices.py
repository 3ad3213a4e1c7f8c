"""What counts as a GPU: one table for every vendor, held against the catalogue."""

from __future__ import annotations

import pytest

from allotment.model.devices import (
    DEVICE_KINDS,
    DEVICE_RESOURCES,
    MODEL_LABELS,
    device_words,
    is_partition,
    names_a_part,
    words_of_model,
)
from allotment.spec.catalogue import catalogue


def test_every_device_of_the_catalogue_is_one() -> None:
    by_vendor = {kind.vendor: kind.resource for kind in DEVICE_KINDS}
    assert catalogue()
    for name, spec in catalogue().items():
        if spec.partition_of is None:
            assert spec.resource_name == by_vendor[spec.vendor], name
        else:
            assert is_partition(spec.resource_name), name
            assert spec.resource_name not in DEVICE_RESOURCES, name
        assert device_words(spec.resource_name), name


def test_slices_of_the_catalogue_are_told_by_their_names_and_whole_devices_are_not() -> None:
    for name, spec in catalogue().items():
        assert names_a_part(name) == (spec.partition_of is not None), name


@pytest.mark.parametrize(
    ("model", "part"),
    [
        ("NVIDIA-A100-PCIE-40GB-MIG-1g.5gb", True),
        ("NVIDIA-H100-80GB-HBM3-MIG-1g.10gb.me", True),
        ("Tesla-T4-SHARED", True),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb-SHARED", True),
        ("NVIDIA-A100-SXM4-80GB", False),
        ("NVIDIA-A10G", False),
        ("NVIDIA-GH200-480GB", False),
        ("AMD_Instinct_MI300X_OAM", False),
        ("V100M32", False),
    ],
)
def test_slices_and_shares_are_told_by_the_product(model: str, part: bool) -> None:
    assert names_a_part(model) is part


@pytest.mark.parametrize(
    ("asked", "model"),
    [
        ("mi300x", "AMD_Instinct_MI300X_OAM"),
        ("gaudi", "HL-205"),
        ("gaudi2", "HL-225"),
        ("gaudi3", "HL-325L"),
        ("hl-225", "HL-225"),
        ("tpu-v5e", "tpu-v5-lite-podslice"),
        ("tpu-v5p", "tpu-v5p-slice"),
        ("tpu-v4", "tpu-v4-podslice"),
    ],
)
def test_a_model_is_meant_by_the_words_of_its_vendor_s_label(asked: str, model: str) -> None:
    assert words_of_model(asked) <= words_of_model(model)


def test_one_generation_is_not_meant_by_another_s_name() -> None:
    assert not words_of_model("gaudi2") <= words_of_model("HL-325L")
    assert not words_of_model("tpu-v5e") <= words_of_model("tpu-v5p-slice")


def test_every_label_of_a_vendor_names_a_model() -> None:
    assert {label for kind in DEVICE_KINDS for label in kind.model_labels} <= set(MODEL_LABELS)
    assert len(MODEL_LABELS) == len(set(MODEL_LABELS))
