"""Changes as values: each gives another scenario and leaves the given one as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.errors import AllotmentError, InputError, NotFoundError, UsageError
from allotment.scenarios.changes import KINDS, JobFile, parse_change
from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.simulation.changes import (
    Absence,
    AddNode,
    DropNode,
    GrantQuota,
    Hold,
    MoreJobs,
    QuotaLimit,
    QuotaPlace,
    Resume,
    ScenarioChange,
    SetLimit,
    SetQuota,
    SetWeight,
    Sign,
    TakeAway,
    Term,
    UsePolicy,
    changed,
    setting,
)
from allotment.simulation.events import (
    Cordon,
    NodeDown,
    NodeDrain,
    NodeUp,
    QuotaChange,
    StopChange,
    StopPolicy,
    Uncordon,
)
from allotment.simulation.policies import QueuePolicy
from allotment.simulation.scenario import Arrival, Scenario
from tests.unit.scheduling.queueing.states import cohort, queue, workload
from tests.unit.simulation.changing import hosts, story

PLACE = QuotaPlace("q", "f", "cpu")
WORLD = story(
    replace(hosts(2, queue("q", 10, cohort="c"), queue("r", 4, cohort="c")), cohorts=(cohort("c", 6),)),
    [(workload("w", "q", 1), 10)],
    NodeDown(5, "n1"),
)

READ: dict[str, tuple[str, object]] = {
    "quota": ("quota:nlp/a100/nvidia.com/gpu=16", SetQuota(QuotaPlace("nlp", "a100", "nvidia.com/gpu"), 16)),
    "quota of CPUs": ("quota:q/f/cpu=1500m", SetQuota(PLACE, 1500)),
    "quota of memory": ("quota:q/f/memory=2Gi", SetQuota(QuotaPlace("q", "f", "memory"), 2 << 30)),
    "quota with a sign": ("quota:q/f/cpu=-2", SetQuota(PLACE, 2000, Sign.MINUS)),
    "borrowing": ("borrowing:q/f/cpu=3", SetLimit(PLACE, QuotaLimit.BORROWING, 3000)),
    "borrowing without a bound": ("borrowing:q/f/cpu=none", SetLimit(PLACE, QuotaLimit.BORROWING, None)),
    "lending": ("lending:q/f/cpu=1", SetLimit(PLACE, QuotaLimit.LENDING, 1000)),
    "grant": ("grant:q/f/cpu=+2,from=1h,until=2h,lender=r", GrantQuota(PLACE, 2000, Term(3_600_000, 7_200_000), "r")),
    "grant for good": ("grant:q/f/cpu=+2", GrantQuota(PLACE, 2000, Term())),
    "weight": ("weight:q=2.5", SetWeight("q", 2.5)),
    "weight with a sign": ("weight:q=+1", SetWeight("q", 1.0, Sign.PLUS)),
    "hold": ("hold:q,until=1s", Hold("q", Term(0, 1000))),
    "resume": ("resume:q,from=1s", Resume("q", Term(1000))),
    "add-node": ("add-node:n9=n1", AddNode("n9", "n1")),
    "drop-node": ("drop-node:n1", DropNode("n1")),
    "cordon": ("cordon:n1", TakeAway("n1", Absence.CORDON, Term())),
    "drain": ("drain:n1,from=2s", TakeAway("n1", Absence.DRAIN, Term(2000))),
    "node-down": ("node-down:n1", TakeAway("n1", Absence.DOWN, Term())),
    "policy": ("policy:strict-fifo", UsePolicy(QueuePolicy.STRICT_FIFO)),
    "job": ("job:more.jsonl", JobFile("more.jsonl")),
}


@pytest.mark.parametrize(("text", "value"), READ.values(), ids=READ)
def test_words_are_read_into_values(text: str, value: object) -> None:
    written = parse_change(text)
    assert written.change == value
    assert str(written) == text


def test_every_kind_is_read_here() -> None:
    assert {text.partition(":")[0] for text, _ in READ.values()} == set(KINDS)


def nominal(scenario: Scenario, owner: str = "q") -> int:
    everyone = (*scenario.state.cluster_queues, *scenario.state.cohorts)
    found = next(each for each in everyone if each.name == owner)
    return found.resource_groups[0].flavors[0].resources[0][1].nominal


def test_a_quota_and_a_weight_are_set_and_told() -> None:
    done = changed(changed(WORLD, SetQuota(PLACE, 7)), SetWeight("c", 3.0))
    assert (nominal(done), nominal(WORLD), nominal(done, "r")) == (7, 10, 4)
    assert done.state.cohorts[0].fair_weight == 3.0
    assert setting(done, SetQuota(PLACE, 0)) == ("quota q/f/cpu", "7m")
    assert setting(done, SetWeight("c", 0)) == ("weight c", "3")
    assert setting(done, DropNode("n1")) == ("", "")


def test_limits_are_set_and_told_and_leave_the_quota() -> None:
    borrowing, lending = (SetLimit(PLACE, each, 3) for each in (QuotaLimit.BORROWING, QuotaLimit.LENDING))
    done = changed(changed(WORLD, borrowing), lending)
    ((_, quota),) = done.state.cluster_queues[0].resource_groups[0].flavors[0].resources
    assert (quota.nominal, quota.borrowing_limit, quota.lending_limit) == (10, 3, 3)
    assert setting(WORLD, borrowing) == ("borrowing limit q/f/cpu", "none")
    assert setting(done, lending) == ("lending limit q/f/cpu", "3m")
    assert changed(changed(done, replace(borrowing, amount=None)), replace(lending, amount=None)) == WORLD


def test_a_cohort_s_quota_is_its_own() -> None:
    done = changed(WORLD, SetQuota(QuotaPlace("c", "f", "cpu"), 8))
    assert (nominal(done, "c"), nominal(done)) == (8, 10)


def test_a_grant_comes_and_goes_on_both_sides() -> None:
    done = changed(WORLD, GrantQuota(PLACE, 2, Term(10, 20), "c"))
    assert done.events[1:] == (
        QuotaChange(10, "q", False, "f", "cpu", 12),
        QuotaChange(20, "q", False, "f", "cpu", 10),
        QuotaChange(10, "c", True, "f", "cpu", 4),
        QuotaChange(20, "c", True, "f", "cpu", 6),
    )


@pytest.mark.parametrize(
    ("how", "first", "last"),
    [
        (Absence.CORDON, Cordon(3, "n0"), Uncordon(9, "n0")),
        (Absence.DRAIN, NodeDrain(3, "n0"), Uncordon(9, "n0")),
        (Absence.DOWN, NodeDown(3, "n0"), NodeUp(9, "n0")),
    ],
)
def test_a_node_is_away_for_a_term(how: Absence, first: object, last: object) -> None:
    assert changed(WORLD, TakeAway("n0", how, Term(3, 9))).events == (*WORLD.events, first, last)
    assert changed(WORLD, TakeAway("n0", how, Term(3))).events == (*WORLD.events, first)


def test_a_queue_is_held_and_goes_on() -> None:
    assert changed(WORLD, Hold("r", Term(1, 2))).events[1:] == (
        StopChange(1, "r", StopPolicy.HOLD),
        StopChange(2, "r", StopPolicy.NONE),
    )


def test_nodes_come_and_go() -> None:
    more = changed(WORLD, AddNode("n9", "n1"))
    new = more.state.nodes[-1]
    assert (new.name, dict(new.labels)[HOSTNAME], dict(new.labels)["rack"]) == ("n9", "n9", "r0")
    less = changed(more, DropNode("n1"))
    assert [node.name for node in less.state.nodes] == ["n0", "n9"]
    assert less.events == ()


def test_jobs_are_added() -> None:
    done = changed(WORLD, MoreJobs((Arrival(workload("v", "r", 1), 0, 5),)))
    assert [each.workload.name for each in done.arrivals] == ["w", "v"]


def _job(name: str, queue_name: str) -> MoreJobs:
    return MoreJobs((Arrival(workload(name, queue_name, 1), 0, 5),))


CANNOT: dict[str, tuple[ScenarioChange, type[AllotmentError], str]] = {
    "no such queue": (SetWeight("x", 1.0), NotFoundError, "there is no queue or cohort 'x'"),
    "no such flavor": (SetQuota(QuotaPlace("q", "g", "cpu"), 1), NotFoundError, "no quota of cpu in flavor g"),
    "a sign": (SetQuota(PLACE, 2, Sign.PLUS), UsageError, "a quota is written without a sign"),
    "a weight with a sign": (SetWeight("q", 2.0, Sign.PLUS), UsageError, "a weight is written without a sign"),
    "a limit of no cohort": (
        SetLimit(QuotaPlace("c", "f", "cpu"), QuotaLimit.BORROWING, 1),
        UsageError,
        "c is in no cohort",
    ),
    "lends more than there is": (
        SetLimit(PLACE, QuotaLimit.LENDING, 11),
        UsageError,
        "more would be lent than there is",
    ),
    "a limit of no quota": (
        SetLimit(QuotaPlace("q", "g", "cpu"), QuotaLimit.LENDING, 1),
        NotFoundError,
        "no quota of cpu in flavor g",
    ),
    "lends to itself": (GrantQuota(PLACE, 1, Term(), "q"), UsageError, "q would lend to itself"),
    "lends what it has not": (GrantQuota(PLACE, 5, Term(), "r"), UsageError, "r has not that much cpu"),
    "a cohort is held": (Hold("c", Term()), UsageError, "c is a cohort"),
    "no such node": (DropNode("n7"), NotFoundError, "there is no node 'n7'"),
    "a node that is there": (AddNode("n0", "n1"), InputError, "there is a node 'n0' already"),
    "a job that is there": (_job("w", "q"), InputError, "there is a workload 'w' already"),
    "a job for no queue": (_job("v", "x"), InputError, "there is no queue 'x'"),
}


@pytest.mark.parametrize(("change", "error", "what"), CANNOT.values(), ids=CANNOT)
def test_what_cannot_be(change: ScenarioChange, error: type[AllotmentError], what: str) -> None:
    with pytest.raises(error) as caught:
        changed(WORLD, change)
    assert what in caught.value.what
    assert caught.value.fix


def test_the_sign_that_was_meant_is_offered() -> None:
    with pytest.raises(UsageError) as caught:
        changed(WORLD, SetQuota(PLACE, 4, Sign.PLUS))
    assert "now it is 10m" in caught.value.why
    assert caught.value.fix == "write quota:q/f/cpu=14m; or, for a while, grant:q/f/cpu=+4m"
