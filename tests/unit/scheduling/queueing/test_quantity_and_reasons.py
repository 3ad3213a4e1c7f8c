"""Amounts and messages as Kueue prints them; the dominant cause."""

import pytest

from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.queueing.reasons import Cause, Detail, DetailKind, Refusal, RefusalKind

AMOUNTS = {
    "cpu 500": "500m",
    "cpu 2000": "2",
    "cpu 1000000": "1k",
    "cpu 0": "0",
    "memory 17179869184": "16Gi",
    "memory 4026531840": "3840Mi",
    "memory 1000": "1k",
    "memory 1023": "1023",
    "memory 1025": "1025",
    "nvidia.com/gpu 8": "8",
    "nvidia.com/gpu 12000": "12k",
}


@pytest.mark.parametrize(("amount", "text"), AMOUNTS.items())
def test_amount(amount: str, text: str) -> None:
    resource, _, value = amount.partition(" ")
    assert render_amount(resource, int(value)) == text


def short(flavor: str) -> Detail:
    return Detail(DetailKind.INSUFFICIENT_UNUSED_QUOTA, flavor, "cpu", amounts=(1000, 2000, 500))


def too_large(flavor: str) -> Detail:
    return Detail(DetailKind.EXCEEDS_MAX_QUOTA, flavor, "cpu", amounts=(1500, 3000, 3000))


def tainted(flavor: str) -> Detail:
    return Detail(DetailKind.UNTOLERATED_TAINT, flavor, subject="{spot x NoSchedule <nil>}")


def test_message_lists_sorted_findings_per_pod_set() -> None:
    refusal = Refusal(RefusalKind.UNASSIGNABLE, [("a", [tainted("f1"), short("f0")]), ("b", [too_large("f0")])])
    assert refusal.text == (
        "couldn't assign flavors to pod set a: insufficient unused quota for cpu in flavor f0, 2500m more needed, "
        "untolerated taint {spot x NoSchedule <nil>} in flavor f1; "
        "couldn't assign flavors to pod set b: insufficient quota for cpu in flavor f0, previously considered "
        "podsets requests (1500m) + current podset request (3) > maximum capacity (3)"
    )


def test_message_of_a_preemptor_counts_its_victims() -> None:
    refusal = Refusal(RefusalKind.PREEMPTING, [("a", [short("f0")])], preempting=3)
    assert refusal.text.endswith("2500m more needed. Pending the preemption of 3 workload(s)")


CAUSES = {
    "the mildest flavor counts": ([("a", [too_large("f0"), short("f1"), tainted("f2")])], Cause.WAITING_FOR_QUOTA),
    "in a flavor the worst finding counts": ([("a", [short("f0"), too_large("f0")])], Cause.EXCEEDS_MAX_QUOTA),
    "the worst pod set counts": ([("a", [short("f0")]), ("b", [tainted("f0")])], Cause.NO_MATCHING_FLAVOR),
}


@pytest.mark.parametrize(("findings", "cause"), CAUSES.values(), ids=CAUSES)
def test_dominant_cause(findings: list[tuple[str, list[Detail]]], cause: Cause) -> None:
    assert Refusal(RefusalKind.UNASSIGNABLE, findings).cause is cause


def test_misconfigured_is_what_waiting_cannot_cure() -> None:
    assert [cause for cause in Cause if cause.misconfigured] == [
        Cause.EXCEEDS_MAX_QUOTA,
        Cause.NO_MATCHING_FLAVOR,
        Cause.QUEUE_STOPPED,
    ]
