"""The gates of the reference platform, row by row; and what is not known meets none that asks for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.model.requests.gates import AT_ONCE
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.requests.gates import GivenBeside, MetGate, gate_met, given_beside
from tests.unit.requests.cases import DAY, HOUR, MILLION, START, USUAL, gate, terms, wish

CHEAP, DEAR = 299 * MILLION, 300 * MILLION
MINUTES = 600


@pytest.mark.parametrize(
    ("kind", "environment", "devices", "met"),
    [
        # self-service: development namespaces, 1 or 2 GPUs, notebooks, storage volumes
        (RequestKind.NAMESPACE, "development", 0, MetGate("development-namespaces", AT_ONCE)),
        (RequestKind.NAMESPACE, "production", 0, MetGate("", "platform-lead")),
        (RequestKind.NAMESPACE, "", 0, MetGate("", "platform-lead")),
        (RequestKind.GPUS, "", 1, MetGate("small", AT_ONCE)),
        (RequestKind.GPUS, "", 2, MetGate("small", AT_ONCE)),
        (RequestKind.NOTEBOOK, "", 0, MetGate("notebooks-and-volumes", AT_ONCE)),
        (RequestKind.NOTEBOOK, "", 2, MetGate("notebooks-and-volumes", AT_ONCE)),
        (RequestKind.NOTEBOOK, "", 3, MetGate("", "platform-lead")),
        (RequestKind.VOLUME, "", 0, MetGate("notebooks-and-volumes", AT_ONCE)),
        # approval: production endpoints, 8 or more GPUs, new clusters, paid endpoints of others' models
        (RequestKind.ENDPOINT, "production", 0, MetGate("production-endpoints", "platform-lead")),
        (RequestKind.ENDPOINT, "production", 8, MetGate("large", "leadership")),
        (RequestKind.ENDPOINT, "development", 1, MetGate("", "platform-lead")),
        (RequestKind.GPUS, "", 8, MetGate("large", "leadership")),
        (RequestKind.GPUS, "", 64, MetGate("large", "leadership")),
        (RequestKind.NOTEBOOK, "", 8, MetGate("large", "leadership")),
        (RequestKind.CLUSTER, "", 0, MetGate("clusters", "leadership")),
        (RequestKind.MODEL_API, "", 0, MetGate("paid-apis", "leadership")),
    ],
)
def test_a_row_of_the_reference_platform(kind: RequestKind, environment: str, devices: int, met: MetGate) -> None:
    asked = wish(kind, environment=environment)

    assert gate_met(asked, terms(devices), USUAL, None, None) == met
    # Neither money nor haste opens what is gated by what it is.
    if met.route != AT_ONCE and kind is not RequestKind.GPUS:
        assert gate_met(asked, terms(devices, price=0), USUAL, 0, 0) == met


@pytest.mark.parametrize("devices", [3, 7])
@pytest.mark.parametrize(
    ("price", "left", "undone_in", "met"),
    [
        (CHEAP, None, MINUTES, MetGate("cheap", AT_ONCE)),
        (DEAR, None, MINUTES, MetGate("", "platform-lead")),
        (CHEAP, None, MINUTES + 1, MetGate("", "platform-lead")),
        (CHEAP, None, None, MetGate("", "platform-lead")),
        (None, None, 0, MetGate("", "platform-lead")),
        (DEAR, 0, None, MetGate("budget", AT_ONCE)),
        (DEAR, -1, None, MetGate("", "platform-lead")),
        (None, 10**12, 0, MetGate("", "platform-lead")),
    ],
)
def test_between_it_is_by_price_and_budget(
    devices: int, price: int | None, left: int | None, undone_in: int | None, met: MetGate
) -> None:
    """3 to 7 GPUs: below a few hundred and undone in minutes, or inside the budget."""
    assert gate_met(wish(), terms(devices, price=price), USUAL, left, undone_in) == met


def test_what_has_no_end_has_no_price_and_no_budget() -> None:
    for_good = terms(4, hours=None, price=0)

    assert gate_met(wish(), for_good, USUAL, 10**12, 0) == MetGate("", "platform-lead")


def test_the_first_gate_counts_and_a_workload_may_be_asked_for() -> None:
    serving = replace(gate("serving", "leadership"), workloads=(WorkloadType.SERVING,))
    both = replace(USUAL, gates=(serving, gate("all", "owners"), *USUAL.gates))

    assert gate_met(wish(), terms(1), both, None, None) == MetGate("all", "owners")
    assert gate_met(replace(wish(), workload=WorkloadType.SERVING), terms(1), both, None, None).name == "serving"


@pytest.mark.parametrize(
    ("beside", "met"), [(0, "small"), (1, ""), (6, "large"), (7, "large")], ids=["alone", "third", "eighth", "ninth"]
)
def test_devices_asked_for_one_by_one_count_together(beside: int, met: str) -> None:
    having = GivenBeside(beside)
    assert gate_met(wish(), terms(2 if beside < 7 else 1), USUAL, None, None, having).name == met
    # What gives no devices is no more for what is beside it.
    assert gate_met(wish(RequestKind.VOLUME), terms(0), USUAL, None, None, having).name == "notebooks-and-volumes"


@pytest.mark.parametrize(
    ("having", "price", "left", "met"),
    [
        (GivenBeside(0, MILLION), 299 * MILLION, None, ""),
        (GivenBeside(0, MILLION), 298 * MILLION, None, "cheap"),
        (GivenBeside(0, None), 5, None, ""),
        (GivenBeside(0, None), 5, 0, "budget"),
        (GivenBeside(0, None), None, 0, ""),
    ],
)
def test_prices_of_pieces_count_together(having: GivenBeside, price: int | None, left: int | None, met: str) -> None:
    assert gate_met(wish(), terms(4, price=price), USUAL, left, MINUTES, having).name == met
    waits = gate_met(wish(), terms(4, price=price), USUAL, left, MINUTES, having, at_once=False)
    assert waits == MetGate("", "platform-lead")


@pytest.mark.parametrize(
    ("hours", "since", "counts"),
    [
        (72, START, True),
        (None, START - 30 * DAY, True),
        (24, START - DAY, False),
        (25, START - DAY, True),
        (1, START + 72 * HOUR, False),
        (1, START + 71 * HOUR, True),
    ],
)
def test_what_is_given_at_another_time_is_not_beside(hours: int | None, since: int, *, counts: bool) -> None:
    assert given_beside(terms(1), [terms(2, hours=hours, since=since)], 0).devices == (2 if counts else 0)
    assert given_beside(terms(1, hours=None), [terms(2, hours=1, since=START + 9 * DAY)], 0).devices == 2
