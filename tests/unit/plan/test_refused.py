"""What controllers' events say of work that our policies refuse."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from allotment.plan.refused import Refusals, refusals

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
SAYS = (
    "Error creating: pods \"x-abc\" is forbidden: ValidatingAdmissionPolicy '{}' with binding '{}' denied request: "
    "the label allotment.dev/team is missing;\n  write it"
)


def event(name: str, minutes: int, *, kind: str = "Job", namespace: str = "legacy", **more: Any) -> dict[str, Any]:
    time = (NOW - dt.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    policy = more.pop("policy", "labels-required.allotment.dev")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{minutes}", "namespace": namespace},
        "reason": "FailedCreate",
        "involvedObject": {"kind": kind, "name": name, "namespace": namespace},
        "message": SAYS.format(policy, policy),
        "firstTimestamp": time,
        "lastTimestamp": time,
        **more,
    }


def found(*events: dict[str, Any]) -> dict[tuple[str, str], Refusals]:
    return {(each.namespace, each.policy): each for each in refusals(events, NOW)}


def test_they_are_put_together_by_namespace_and_policy() -> None:
    seen = found(
        event("b", 30), event("a", 5), event("a", 50), event("nightly", 20, kind="CronJob"), event("c", 8),
        event("x", 5, namespace="nlp"), event("x", 5, policy="queue-required.allotment.dev"),
    )  # fmt: skip
    assert set(seen) == {("legacy", "labels-required"), ("nlp", "labels-required"), ("legacy", "queue-required")}
    legacy = seen["legacy", "labels-required"]
    assert legacy.works == ("CronJob nightly", "Job a", "Job b", "Job c")
    assert str(legacy) == (
        "in legacy the policy labels-required refuses what CronJob nightly, Job a, Job b and 1 more would make, since "
        "2026-11-27T03:10:00Z, last 2026-11-27T03:55:00Z: the label allotment.dev/team is missing; write it; mend it "
        "there, or let policies only warn in legacy until then: warnNamespaces of the Cluster document"
    )


@pytest.mark.parametrize(
    "other",
    [
        event("a", 61),
        event("a", 5, policy="somebody-elses.example.com"),
        event("a", 5, message='Error creating: pods "x" is forbidden: exceeded quota: compute'),
        event("a", 5, message=None),
        event("a", 5, firstTimestamp=None, lastTimestamp=None),
        event("a", 5, firstTimestamp="soon", lastTimestamp=5),
        event("a", 5, firstTimestamp="2026-11-27T03:55:00", lastTimestamp=None),
    ],
    ids=["long ago", "another's policy", "a quota", "no message", "no time", "no such time", "no zone"],
)  # fmt: skip
def test_what_says_nothing_of_ours_is_passed_over(other: dict[str, Any]) -> None:
    assert not found(other)


def test_events_of_the_newer_kind_carry_their_time_elsewhere() -> None:
    series = {"count": 3, "lastObservedTime": "2026-11-27T03:59:00.000000Z"}
    more = {"firstTimestamp": None, "lastTimestamp": None, "eventTime": "2026-11-27T02:00:00.000000Z", "series": series}
    (seen,) = found(event("a", 5, **more)).values()
    assert (seen.since.hour, seen.last.minute) == (2, 59)
