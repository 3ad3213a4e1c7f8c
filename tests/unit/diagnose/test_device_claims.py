"""Claims for devices: which devices an expression selects, and what is said where it selects too few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pytest

from allotment.diagnose.causes import BY_ID
from allotment.diagnose.explaining import explain
from allotment.diagnose.rules.scheduler.device_expressions import PublishedDevice, says
from allotment.model.explanation import CauseVerdict, Confidence, RemedyKind, StartsWhen
from allotment.model.observed.nodes import Device, ResourceClaim
from allotment.operations.ask.explaining import why_all
from tests.unit.diagnose.building import TEAM, Raw, case_of, node, waiting

API = "resource.k8s.io/v1"
GPU = PublishedDevice(
    "gpu.example",
    Device(
        attributes={"model": {"string": "L40S"}, "index": {"int": 3}, "ecc": {"bool": True}, "at": {"version": "1.2"}},
        capacity={"memory": {"value": "48Gi"}},
    ),
    "a",
    taken=False,
)
MEMORY = 'device.capacity["gpu.example"].memory.compareTo(quantity("{}")) >= 0'
MODEL = 'device.attributes["gpu.example"].model == "{}"'

EXPRESSIONS = {
    'device.driver == "gpu.example"': True,
    'device.driver == "nic.example"': False,
    MEMORY.format("48Gi"): True,
    MEMORY.format("49152Mi"): True,
    MEMORY.format("80Gi"): False,
    "device.capacity['gpu.example'].memory.isGreaterThan(quantity('48Gi'))": False,
    MODEL.format("L40S"): True,
    MODEL.format("a && b"): False,
    'device.attributes["gpu.example"].index < 4': True,
    'device.attributes["gpu.example"].ecc': True,
    '!(device.attributes["gpu.example"].ecc)': False,
    f"({MODEL.format('H100')} || {MEMORY.format('40Gi')}) && device.driver != 'x'": True,
    f"device.driver == 'x' && {MODEL.format('L40S')}.unheardOf()": False,
    # Nothing is said of what is not read, of another kind of value, or of what a device does not have.
    f"device.driver == 'gpu.example' && {MODEL.format('L40S')}.unheardOf()": None,
    'device.attributes["gpu.example"].index == "3"': None,
    'device.attributes["gpu.example"].at == "1.2"': None,
    'device.attributes["other.example"].model == "L40S"': None,
    '!(device.attributes["gpu.example"].absent)': None,
    "((((": None,
    "": None,
}


@pytest.mark.parametrize(("expression", "selects"), EXPRESSIONS.items(), ids=[each[:60] for each in EXPRESSIONS])
def test_an_expression_selects_or_does_not_or_is_not_read(expression: str, selects: bool | None) -> None:
    assert says(expression, GPU) is selects


def thing(kind: str, name: str, namespace: str = TEAM, **further: Any) -> Raw:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **further}


def devices(node_name: str, *memory: str, taken: tuple[int, ...] = ()) -> list[Raw]:
    """GPUs of a node by their memory, and the claims that have some of them."""
    listed = [
        {"name": f"gpu-{n}", "capacity": {"memory": {"value": each}}, "attributes": {"model": {"string": f"m{each}"}}}
        for n, each in enumerate(memory)
    ]
    slice_ = {"driver": "gpu.example", "nodeName": node_name, "pool": {"name": node_name}, "devices": listed}
    claims = [
        thing("ResourceClaim", f"{node_name}-{n}", "team-b", spec={}, status={"allocation": {"devices": {"results": [
            {"request": "gpu", "driver": "gpu.example", "pool": node_name, "device": f"gpu-{n}"}
        ]}}})
        for n in taken
    ]  # fmt: skip
    return [node(node_name), thing("ResourceSlice", node_name, "", spec=slice_), *claims]


def asking(expression: str, *objects: Raw, count: int = 1) -> list[Raw]:
    """A Job whose pod claims devices by a template."""
    exactly = {"deviceClassName": "gpu", "count": count, "selectors": [{"cel": {"expression": expression}}]}
    template = {"spec": {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}}}
    claims = [{"name": "gpu", "resourceClaimTemplateName": "mine"}]
    return [
        *objects,
        thing(
            "DeviceClass", "gpu", "", spec={"selectors": [{"cel": {"expression": "device.driver == 'gpu.example'"}}]}
        ),
        thing("ResourceClaimTemplate", "mine", spec=template),
        *waiting(gpus=0, resourceClaims=claims),
    ]


@pytest.mark.parametrize(
    ("expression", "count", "less"),
    [
        (MEMORY.format("80Gi"), 1, "ask for memory 80Gi → 48Gi"),
        (MEMORY.format("80Gi"), 2, "ask for memory 80Gi → 24Gi"),
        (MODEL.format("H100"), 2, "ask for model H100 → m24Gi"),
        (MEMORY.format("40Gi"), 2, "ask for 2 → 1 devices in one claim"),
    ],
)
def test_what_no_device_offers_is_asked_for_less_and_is_not_waited_for(expression: str, count: int, less: str) -> None:
    objects = asking(expression, *devices("a", "48Gi", "24Gi", "24Gi", taken=(1,)), count=count)
    found = explain(case_of(objects))
    assert (found.cause, found.verdict, found.confidence) == (
        "claim-unallocatable",
        CauseVerdict.MISCONFIGURED,
        Confidence.SURE,
    )
    asked = BY_ID["claim-unallocatable"].find(case_of(objects))
    assert asked is not None
    assert any(each.summary.startswith(less) for each in asked.proposals)
    assert not any(each.kind is RemedyKind.WAIT_FOR_CAPACITY for each in found.remedies)


def test_less_is_tried_and_the_claim_is_made_before_the_work() -> None:
    first = explain(case_of(asking(MEMORY.format("80Gi"), *devices("a", "48Gi")))).remedies[0]
    assert (first.kind, first.tried.starts) == (RemedyKind.REDUCE_REQUEST, StartsWhen.NOW)
    made, _, again = first.command.partition("was=$(kubectl get job.batch/train")
    assert "resourceclaimtemplate.resource.k8s.io/mine" in made
    assert "48Gi" in made
    assert again


def test_devices_that_match_and_are_taken_are_waited_for() -> None:
    found = explain(case_of(asking(MEMORY.format("40Gi"), *devices("a", "48Gi", "24Gi", taken=(0,)))))
    assert (found.cause, found.verdict) == ("claim-unallocatable", CauseVerdict.WAITING)
    assert [each.kind for each in found.remedies] == [RemedyKind.WAIT_FOR_CAPACITY]


@pytest.mark.parametrize("expression", [MEMORY.format("40Gi"), f"{MODEL.format('x')}.unheardOf()"])
def test_what_is_free_or_not_read_is_no_such_cause(expression: str) -> None:
    case = case_of(asking(expression, *devices("a", "48Gi")))
    assert BY_ID["claim-unallocatable"].find(case) is None


def test_a_name_that_would_end_its_text_is_put_into_no_expression() -> None:
    named = devices("a", "48Gi")
    named[1]["spec"]["devices"][0]["attributes"]["model"]["string"] = 'x" || true || "'
    found = BY_ID["claim-unallocatable"].find(case_of(asking(MODEL.format("H100"), *named)))
    assert found is not None
    assert [each.kind for each in found.proposals] == [RemedyKind.ADD_NODE]


class GoneThrough(tuple[ResourceClaim, ...]):
    """Claims that count how often somebody looks through all of them."""

    __slots__ = ()
    times: ClassVar[int] = 0

    def __iter__(self) -> Iterator[ResourceClaim]:
        GoneThrough.times += 1
        return super().__iter__()


def test_claims_are_looked_up_and_not_gone_through_for_every_pod() -> None:
    asked: Any = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}}
    objects = devices("n", "24Gi", taken=(0,)) + asking("true")
    for number in range(30):
        objects.append(thing("ResourceClaim", f"c{number}", spec=asked))
        objects += waiting(f"w{number}", gpus=0, resourceClaims=[{"name": "gpu", "resourceClaimName": f"c{number}"}])
    snapshot = case_of(objects, "job/w0").snapshot
    source = snapshot.sources[0]
    counted = msgspec.structs.replace(source.objects, resource_claims=GoneThrough(source.objects.resource_claims))
    told = why_all(msgspec.structs.replace(snapshot, sources=(msgspec.structs.replace(source, objects=counted),)))
    assert len(told.waiting) >= 30
    assert GoneThrough.times < 20
