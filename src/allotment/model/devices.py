"""Devices of every vendor as nodes offer them: the resources that count them, the labels that name their model.

What a GPU is, everywhere: in capacity, in figures of simulations, in the words of a plan. Each whole device of the
catalogue is counted by one of these resources; a test holds the two together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from allotment.model import labels
from allotment.model.accelerator import Vendor


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """What a vendor's device plug-in and node labeller call its devices.

    Attributes:
        resource: extended resource that counts whole devices.
        words: what they are called, in the plural.
        model_labels: node labels whose value is the model.
    """

    vendor: Vendor
    resource: str
    words: str
    model_labels: tuple[str, ...]


DEVICE_KINDS: Final = (
    DeviceKind(Vendor.NVIDIA, "nvidia.com/gpu", "GPUs", ("nvidia.com/gpu.product",)),
    DeviceKind(Vendor.AMD, "amd.com/gpu", "GPUs", ("amd.com/gpu.product-name",)),
    DeviceKind(Vendor.INTEL, "habana.ai/gaudi", "Gaudi devices", ("habana.ai/model",)),
    DeviceKind(Vendor.GOOGLE, "google.com/tpu", "TPU chips", ("cloud.google.com/gke-tpu-accelerator",)),
    DeviceKind(Vendor.AWS, "aws.amazon.com/neuron", "Neuron devices", ()),
)
DEVICE_RESOURCES: Final = tuple(kind.resource for kind in DEVICE_KINDS)
"""Resources that count whole devices."""
MODEL_LABELS: Final = (
    "nvidia.com/gpu.product",
    labels.ACCELERATOR,
    "cloud.google.com/gke-accelerator",
    *(label for kind in DEVICE_KINDS for label in kind.model_labels if kind.vendor is not Vendor.NVIDIA),
)
"""Node labels that name a device's model; the first one that a node carries counts."""

_WORDS: Final = {kind.resource: kind.words for kind in DEVICE_KINDS}
_MIG: Final = "nvidia.com/mig-"
_PART: Final = re.compile(r"(?:^|[-_.])(?:mig|shared|\d+g[-_.]\d+gb)(?=$|[-_.])")
_ALSO: Final = (
    # GKE writes v5e as "v5-lite"; Intel's labels have the card's number.
    ("v5-lite", "v5e"),
    ("hl-20", "gaudi"),
    ("hl-22", "gaudi2"),
    ("hl-28", "gaudi2"),
    ("hl-32", "gaudi3"),
    ("hl-33", "gaudi3"),
)


def device_words(resource: str) -> str:
    """``GPUs``, ``MIG 1g.10gb``; empty for what is no device."""
    return f"MIG {resource.removeprefix(_MIG)}" if is_partition(resource) else _WORDS.get(resource, "")


def is_partition(resource: str) -> bool:
    """Whether it counts hardware slices of a device under a name of their own (MIG, strategy `mixed`)."""
    return resource.startswith(_MIG)


def names_a_part(model: str) -> bool:
    """Whether a model's name is that of a slice or a share of a device.

    Under the MIG strategy `single` and under time-slicing, such are counted as ``nvidia.com/gpu``; only the product
    tells: ``NVIDIA-A100-PCIE-40GB-MIG-1g.5gb``, ``Tesla-T4-SHARED``.
    """
    return _PART.search(model.casefold()) is not None


def words_of_model(model: str) -> frozenset[str]:
    """The words in a model's name, and what else it is called: ``tpu-v5-lite-podslice`` is a ``v5e`` too."""
    name = model.casefold()
    further = {word for written, word in _ALSO if name.startswith(written) or f"-{written}" in name}
    return frozenset(word for word in re.split(r"[-_ ./]+", name) if word) | further


SHARED: Final = ".shared"
"""Ending of a resource that NVIDIA's plug-in renames where it shares devices in time."""


def is_device(resource: str) -> bool:
    """Whether a resource counts devices, slices or shares of them."""
    return resource.removesuffix(SHARED) in DEVICE_RESOURCES or is_partition(resource)
