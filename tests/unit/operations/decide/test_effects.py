"""What a grant would do: to whom, by how much, and what is not known of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.model.observed.snapshot import Gap, Snapshot
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.request import Effect
from allotment.model.requests.terms import QuotaShare, TakenShare, Terms
from allotment.operations.decide import effects
from allotment.operations.decide.effects import effects_of
from allotment.operations.foresee.live.whatif import LiveWhatIfRequest, what_if_live
from allotment.simulation.live.seen import SeenCluster
from allotment.simulation.live.starts import StartEstimator, StartWishes
from tests.by_day import by_day
from tests.unit.builders import cluster, cpu_flavor, flavor, node_pool, placement, platform, team
from tests.unit.simulation.live.cluster import GPU, NOW, ended, node, queue, snapshot, work
from tests.unit.simulation.live.test_when import Ticking

MINUTE = 60
AT = round(NOW.timestamp() * 1000)
NLP, CV = "nlp", "cv"


def declared(*teams: str) -> Platform:
    """Teams in the cluster `test`, which has a100."""
    where = cluster(
        "test",
        node_pools=[node_pool(flavor="a100"), node_pool("s", accelerator="a100", flavor="spot")],
        flavors=[flavor("a100"), flavor("spot"), cpu_flavor()],
    )
    names = teams or ("nlp", "cv")
    placed = placement("test", accelerators={"a100": 4})
    return platform(clusters=[where], teams=[team(name, placements=[placed]) for name in names])


def share(devices: int, *, in_flavor: str = "a100", where: str = "test", cpu: int = 0) -> QuotaShare:
    return QuotaShare(where, in_flavor, devices, MilliCpu(cpu), Bytes(0))


def terms(devices: int, *, of: str = "cv", since: int = AT, **more: Any) -> Terms:
    some = share(devices, **more)
    return Terms((some,), (TakenShare(of, some),) if of else (), since, None, None)


def queues(nlp: int, cv: int, **spec: Any) -> list[dict[str, Any]]:
    return [*queue(NLP, nlp, cohort="all", **spec), *queue(CV, cv, cohort="all", **spec)]


def asked(read: Snapshot, wanted: Terms, *, of: Platform | None = None, seed: int = 1) -> tuple[list[Effect], str]:
    found, unknown = effects_of(of or declared(), [read], wanted, "nlp", seed)
    return list(found), unknown


def before(where: str = CV) -> list[dict[str, Any]]:
    """Six jobs of exactly an hour each, from which run times are known."""
    return ended(6, minutes=60, where=where)


# Two teams in a cohort of twelve: each runs four, since 50 minutes, and has one that waits.
WAITING = [
    *queues(4, 8),
    work("mine", 4, came=50, got=50, where=NLP),
    work("theirs", 4, came=50, got=50, where=CV),
    work("ours", 4, came=10, where=NLP),
    work("other", 4, came=10, where=CV),
    *before(),
]


def test_what_is_taken_makes_the_other_wait_for_as_long_as_the_job_before_it_runs() -> None:
    """All ran an hour and these have run 50 minutes: ten are left, and Kueue looks a second later."""
    found, unknown = asked(snapshot(*WAITING), terms(4))
    left = 10 * MINUTE + 1
    assert found == [Effect("cv", "other", 0, left), Effect("nlp", "ours", left, 0)]
    assert "not known" not in unknown


def test_it_is_what_the_twin_says_of_the_same_change() -> None:
    """Twenty minutes are left of one of those that run, ten of the other: it matters whose turn comes first."""
    later = work("theirs", 4, came=40, got=40, where=CV)
    others = [each for each in WAITING if each["metadata"]["name"] != "theirs"]
    read = snapshot(*others, later, work("third", 4, came=9, where=NLP))
    change = f"grant:{NLP}/a100/{GPU}=+4,lender={CV}"
    tried = what_if_live(read, LiveWhatIfRequest((change,), wishes=StartWishes(futures=25), seed=7), Ticking())
    direct = {
        row.change.job.partition("/")[2]: tuple(
            None if wait is None or wait == float("inf") else round(wait / 1000)
            for wait in (row.change.before, row.change.after)
        )
        for row in tried.rows
    }
    found, _ = asked(read, terms(4), seed=7)
    assert {each.work: (each.before, each.after) for each in found} == direct
    assert [each.work for each in found] == ["other", "third", "ours"]


def test_who_is_displaced_waits_until_there_is_room_again() -> None:
    """Of the other team's two jobs the later one makes room, and runs again once the first jobs have ended."""
    taking = {"preemption": {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"}}
    read = snapshot(
        *queues(4, 8, **taking),
        work("mine", 4, came=50, got=50, where=NLP),
        work("first", 4, came=50, got=50, where=CV),
        work("second", 4, came=40, got=40, where=CV),
        work("ours", 4, came=10, where=NLP),
        *before(),
    )
    found, _ = asked(read, terms(4))
    stop = 30  # seconds that pods are given to stop
    assert found == [Effect("cv", "second", 0, 10 * MINUTE + 1), Effect("nlp", "ours", 10 * MINUTE + 1, stop)]


def test_what_nobody_does_without_harms_nobody() -> None:
    found, _ = asked(snapshot(*queues(4, 4), *WAITING[6:]), terms(4, of=""))
    assert [(each.team, each.work) for each in found] == [("nlp", "ours")]
    assert found[0].after == 0


def test_without_a_past_only_what_starts_at_once_is_told() -> None:
    found, unknown = asked(snapshot(*WAITING[:-6]), terms(4))
    assert found == [Effect("cv", "other", 0, None), Effect("nlp", "ours", None, 0)]
    assert "test: too little has ended there to foresee when work starts" in unknown


@pytest.mark.parametrize(
    ("read", "wanted", "says"),
    [
        ([], terms(4), "test: what waits there has not been read"),
        ([snapshot(*WAITING)], terms(4, where="prod"), "prod: what waits there has not been read"),
        ([snapshot(*WAITING)], terms(9), "test: the queues are not as they are declared"),
        ([snapshot(*WAITING)], terms(4, in_flavor="spot"), f"{NLP} has no quota of {GPU} in flavor spot"),
        ([snapshot(*queue(CV, 8), *WAITING[-7:])], terms(4), f"there is no queue or cohort '{NLP}'"),
        ([snapshot(*WAITING)], terms(4, cpu=4000), f"{NLP} has no quota of cpu in flavor cpu"),
        ([snapshot(*WAITING)], terms(4, since=AT + 3_600_000), "the grant begins later"),
    ],
    ids=["no snapshot", "another cluster", "more than there is", "no such flavor", "no such queue", "cpu", "later"],
)
def test_what_is_not_known_is_said(read: list[Snapshot], wanted: Terms, says: str) -> None:
    _, unknown = effects_of(declared(), read, wanted, "nlp", 1)
    assert says in unknown


def test_a_grant_that_begins_now_is_not_called_later() -> None:
    assert "begins later" not in asked(snapshot(*WAITING), terms(4, since=AT + 5000))[1]


def test_a_cluster_that_does_not_answer_or_hides_its_queues_is_not_taken_to_be_empty() -> None:
    read = snapshot(*WAITING)
    (source,) = read.sources
    for change, says in (
        ({"unreached": "no route to host"}, "test: what waits there has not been read"),
        (
            {
                "objects": msgspec.structs.replace(source.objects, workloads=()),
                "gaps": (Gap(what="workloads", reason="forbidden"),),
            },
            "test: workloads could not be read",
        ),
        ({"kind": "machine"}, "test: what waits there has not been read"),
    ):
        blind = msgspec.structs.replace(read, sources=(msgspec.structs.replace(source, **change),))
        found, unknown = asked(blind, terms(4))
        assert (found, says in unknown) == ([], True)


def test_where_nothing_waits_nothing_changes() -> None:
    calm = snapshot(*queues(4, 8), work("mine", 4, came=50, got=50, where=NLP), *before())
    assert asked(calm, terms(4))[0] == []


def test_what_starts_after_its_end_starts_without_it() -> None:
    short = replace(terms(4), until=AT + 5 * MINUTE * 1000)
    assert asked(snapshot(*WAITING), short)[0] == [Effect("cv", "other", 0, None), Effect("nlp", "ours", None, 0)]
    whole = replace(terms(4), until=AT + 11 * MINUTE * 1000)
    assert asked(snapshot(*WAITING), whole) == asked(snapshot(*WAITING), terms(4))


def test_where_too_much_waits_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "_MOST_INSTANTS", 0)
    found, unknown = asked(snapshot(*WAITING), terms(4))
    assert "test: too much waits there to foresee when" in unknown
    assert found == [Effect("cv", "other", 0, None), Effect("nlp", "ours", None, 0)]
    monkeypatch.setattr(effects, "_MOST_INSTANTS", 300)
    found, unknown = asked(snapshot(*WAITING), terms(4))
    assert "too much" not in unknown
    assert found[0].after == 10 * MINUTE + 1


def test_where_too_much_waits_to_look_far_the_next_hours_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some forty start one after the other, an hour each: of the last of them nobody can tell in so few instants."""
    for name, value in (("_MOST_WORSE", 100), ("_MOST_BETTER", 100), ("_WISHES", StartWishes(futures=2))):
        monkeypatch.setattr(effects, name, value)
    line = [work(f"{where}-{each}", 4, came=9, where=where) for each in range(20) for where in (NLP, CV)]
    read = snapshot(*WAITING, *line)
    whole = {each.work: each for each in asked(read, terms(4))[0]}
    monkeypatch.setattr(effects, "_MOST_INSTANTS", 90)
    found, unknown = asked(read, terms(4))
    said = re.search(r"test: too much waits there to look further than the next (\d+) minutes: what starts", unknown)
    assert said, unknown
    reach = (int(said[1]) + 1) * MINUTE
    assert 3 <= len(found) < len(whole)
    for each in found:
        true = whole[each.work]
        assert each.before == (true.before if true.before is not None and true.before < reach else None)
        assert each.after == (true.after if true.after is not None and true.after < reach else None)


def test_an_object_that_nothing_can_be_reckoned_from_is_named_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = effects.StartEstimator

    def failing(seen: SeenCluster, *rest: Any) -> StartEstimator:
        if any(each.name.endswith("/poison") for each in seen.jobs):
            raise OverflowError("too large")
        return whole(seen, *rest)

    monkeypatch.setattr(effects, "StartEstimator", failing)
    read = snapshot(*WAITING, work("poison", 1, came=5, where=CV))
    found, unknown = asked(read, terms(4))
    assert [each.work for each in found] == ["other", "ours"]
    assert f"test: Workload/{CV}/poison cannot be reckoned with" in unknown


def test_too_many_are_summed_by_team_those_that_lose_apart_from_those_that_gain() -> None:
    """Two queues that lend nothing: of a hundred in each, the later fifty wait for the others where there is less."""
    many = [
        *queue(NLP, 50),
        *queue(CV, 100),
        *(work(f"{where}{number}", 1, came=20 + number, where=where) for where in (NLP, CV) for number in range(100)),
        *before(),
    ]
    found, _ = asked(snapshot(*many), terms(50))
    worse = [each for each in found if each.team == "cv"]
    better = [each for each in found if each.team == "nlp"]
    assert (len(worse), len(better)) == (31, 11)
    assert [each.work for each in found].count("") == 2
    assert found == [*worse, *better]
    assert (worse[-1], better[0]) == (Effect("cv", "", 0, 20 * 3601), Effect("nlp", "", 40 * 3601, 0))
    found, _ = asked(snapshot(*many[:-6]), terms(50))
    assert (found[30], found[31]) == (Effect("cv", "", 0, None), Effect("nlp", "", None, 0))


def test_whose_work_it_is_is_told_by_the_directory_else_by_labels_else_by_the_namespace() -> None:
    """Of twelve devices eight are free: enough for one of the two. Of sixteen, for the one that came first."""
    labelled = queue("theirs", 4, cohort="all")
    labelled[1]["metadata"]["labels"] = {"allotment.dev/tenant": "ads"}
    world = [
        *queues(4, 0),
        *labelled,
        *queue("lone", 4, cohort="all"),
        work("mine", 4, came=50, got=50, where=NLP),
        work("large", 9, came=10, where="theirs"),
        work("small", 8, came=9, where="lone"),
        *before("lone"),
    ]
    found, _ = asked(snapshot(*world), terms(4, of=""))
    assert found == [Effect("lone", "small", 0, 3601), Effect("ads", "large", 3601, 0)]


def test_another_seed_plays_other_futures() -> None:
    past = [work(f"old{each}", 1, came=400, got=400, ended=400 - 35 * each, where=CV) for each in range(2, 11)]
    read = snapshot(*WAITING[:-6], *past)
    assert len({str(asked(read, terms(4), seed=seed)) for seed in range(4)}) > 1


@st.composite
def moments(draw: st.DrawFn) -> Snapshot:
    """Two queues of a cohort, with work that runs and waits in both."""
    objects = queues(draw(st.integers(0, 8)), draw(st.integers(4, 8)), preemption={"reclaimWithinCohort": "Any"})
    for number in range(draw(st.integers(0, 6))):
        where = draw(st.sampled_from([NLP, CV]))
        came = draw(st.integers(1, 59))
        got = came if draw(st.booleans()) else None
        objects.append(work(f"w{number}", draw(st.integers(1, 4)), came=came, got=got, where=where))
    return snapshot(*objects, *before(draw(st.sampled_from([NLP, CV]))), node("n", 8))


@given(moments(), st.integers(0, 4), st.integers(0, 9))
@settings(max_examples=by_day(60), deadline=None)
def test_the_same_seed_says_the_same_and_only_what_changes_is_told(read: Snapshot, devices: int, seed: int) -> None:
    found, unknown = asked(read, terms(devices), seed=seed)
    assert asked(read, terms(devices), seed=seed) == (found, unknown)
    assert all(each.before != each.after for each in found)
    assert len({(each.team, each.work) for each in found}) == len(found)
    if not devices:
        assert found == []
    inf = float("inf")
    known = [each for each in found if each.before is not None]
    waits = [(inf if each.after is None else each.after) - (each.before or 0) for each in known]
    assert waits == sorted(waits, reverse=True)
