"""How answers say it: what is cut, what is counted, and what a filter that matches nothing says."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest

from allotment.accounting.fleet_devices import AcceleratorRoom
from allotment.accounting.quota_use import QuotaLayer, QuotaUse
from allotment.cli.commands.ask.gpus_view import gpus_text
from allotment.cli.commands.ask.quotas_view import quotas_text
from allotment.cli.commands.foresee.capacity_view import short_shape
from allotment.operations.ask.devices import GpuCount
from allotment.operations.ask.quotas import QuotasAnswer
from tests.unit.cli.conftest import ROOT, Run

EXAMPLE = ("--snapshot", str(ROOT / "examples" / "snapshots" / "training-eastus.json"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("gpus", "-l", "accelerator=a101"), 3, "nothing here has the accelerator a101"),
        (("gpus", "-l", "model=a100"), 2, "the labels are accelerator, cluster, resource"),
        (("queues", "-l", "cohort in (train, inference)"), 3, "nothing here has the cohort"),
        (("quotas", "-l", "alarm=none,resource=x"), 0, "matches -l alarm=none,resource=x; here alarm is "),
        (("why", "-n", "nlp", "-l", "app=nope"), 0, "matches -l app=nope; "),
    ],
)
def test_a_filter_that_matches_nothing_says_what_there_is(
    run: Run, words: tuple[str, ...], code: int, says: str
) -> None:
    ran = run(*words, *EXAMPLE)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err


def test_a_namespace_that_is_not_there_is_an_error_in_every_answer(run: Run) -> None:
    for words in (("why",), ("who",), ("quotas",), ("when",), ("gpus",), ("whatif", "--change", "hold:nlp")):
        ran = run(*words, "-n", "nlpp", *EXAMPLE)
        assert (ran.code, "did you mean 'nlp'?" in ran.err) == (3, True), words


def test_shapes_that_are_cut_stay_apart() -> None:
    long = "1xnvidia.com/gpu,cpu=2,memory=4Gi,node:campus.example/hw=l40s"
    tolerant, other = f"{long},tolerate:gpu-only", f"2{long}"

    assert short_shape(other, [other, long]) == f"{other[:59]}…"
    assert [short_shape(each, [long, tolerant, other]) for each in (long, tolerant)] == [long, tolerant]


def limit(layer: QuotaLayer, name: str, used: int, namespaces: int = 1) -> QuotaUse:
    return QuotaUse("dev", layer, name, "pods", used, 10, namespaces=namespaces)


def test_a_team_of_one_namespace_is_told_once() -> None:
    alone, both = QuotaLayer.NAMESPACE, QuotaLayer.TEAM
    rows = (limit(alone, "nlp-a", 3), limit(both, "nlp", 3), limit(alone, "cv-a", 4), limit(both, "cv", 4, 2))
    found = QuotasAnswer(rows, paced=False)
    short, full = (quotas_text(found, rows, None, headers=False, by_layer=each).splitlines() for each in (False, True))

    assert [line.split()[1] for line in short[:3]] == ["nlp-a", "cv-a", "cv"]
    assert short[-1].startswith("1 row of teams with one namespace says the same")
    assert len(full) == 4


def test_a_percentage_is_not_rounded_up_to_an_alarm_that_does_not_hold() -> None:
    near = QuotaUse("dev", QuotaLayer.NAMESPACE, "nlp", "pods", 947, 1000)
    text = quotas_text(QuotasAnswer((near,), paced=False), (near,), None, headers=False, by_layer=False)

    assert (near.words, "94%" in text.split()) == ("warning", True)


def test_what_is_stored_is_told_as_bytes() -> None:
    rows = tuple(
        QuotaUse("dev", QuotaLayer.NAMESPACE, "nlp", resource, 1 << 30, 1 << 40)
        for resource in ("requests.storage", "fast.storageclass.storage.k8s.io/requests.storage", "hugepages-2Mi")
    )
    text = quotas_text(QuotasAnswer(rows, paced=False), rows, None, headers=False, by_layer=False)

    assert [line.split()[3:5] for line in text.splitlines()] == [["1Gi", "1Ti"]] * 3


def room(accelerator: str, free: int, fragmented: int | None, cpu: int = 4000) -> AcceleratorRoom:
    one = 1_000_000
    lost = None if fragmented is None else fragmented * one
    fits = dict.fromkeys((1, 2, 4, 8), 0)
    return AcceleratorRoom(
        "dev", accelerator, "nvidia.com/gpu", 1, 8 * one, 0, 0, 0, None, free * one, lost, fits, {"cpu": cpu}
    )


def test_what_is_of_no_use_is_the_sum_of_the_column_and_what_is_asked_alike_is_one_line() -> None:
    rooms = (room("a100", 6, 3), room("h100", 4, 1), room("l4", 2, None, cpu=1000))
    text = gpus_text(GpuCount(rooms, {"dev": 9_000_000}), rooms, None, headers=False).splitlines()

    assert text[4:6] == ["fits: for each device 4 cpu (a100, h100)", "fits: for each device 1 cpu (l4)"]
    assert text[6].startswith("4 of 12 free are fragmented; 9 by the published measure")
    (one,) = (room("a100", 6, 1),)
    assert "1 of 6 free is fragmented" in gpus_text(GpuCount(rooms, {"dev": None}), (one,), None, headers=False)


def test_slices_of_one_model_keep_their_resource_on_a_narrow_screen() -> None:
    whole = room("a100", 6, 3)
    slices = replace(room("a100", 4, 1), resource="nvidia.com/mig-1g.10gb")
    for rooms, kept in (((whole, slices), True), ((whole, room("h100", 4, 1)), False)):
        head = gpus_text(GpuCount(rooms, {"dev": None}), rooms, 90, headers=True).splitlines()[0]
        assert ("RESOURCE" in head) is kept


def test_a_narrow_screen_keeps_what_is_free() -> None:
    rooms = (room("NVIDIA-A100-SXM4-80GB", 6, 3), room("h100", 4, 1))
    head = gpus_text(GpuCount(rooms, {"dev": None}), rooms, 32, headers=True).splitlines()[0]
    assert click.unstyle(head).split() == ["ACCELERATOR", "FREE"]
