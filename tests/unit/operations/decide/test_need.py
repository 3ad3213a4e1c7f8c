"""The need of a team from what is kept: devices' times, jobs, recorded snapshots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.model.jobs.family import FamilyStanding
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.queueing import ClusterQueue, LocalQueue, LocalQueueSpec
from allotment.model.observed.snapshot import DeviceUse as MeasuredUse
from allotment.model.observed.snapshot import Gap, Snapshot
from allotment.model.requests.request import DemonstratedNeed
from allotment.operations.decide.need import guaranteed_devices, kept_need, recorded_need
from allotment.ports.device_times import DeviceTurn, DeviceUse, TimedDevice
from allotment.ports.stored_jobs import JobAttempt, StoredJob
from tests.unit.accounting.scenes import GPU, moment_of, node, pod, workload
from tests.unit.adapters.store.jobs import job
from tests.unit.builders import placement, platform, team

NOW = 1_800_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


def turn(device: str, hours_ago: float, cause: str, of: str = "") -> DeviceTurn:
    use = DeviceUse(cause, job="j1" if of else "", team=of)
    return DeviceTurn(TimedDevice("local", "here", device), NOW - round(hours_ago * HOUR), use)


def watched(*turns: DeviceTurn) -> MemoryStore:
    store = MemoryStore()
    store.record([], sorted(turns, key=lambda each: each.at))
    return store


def need(store: MemoryStore, *backends: str, whose: str = "nlp", guaranteed: int = 2) -> DemonstratedNeed:
    found, _ = kept_need(store, whose, backends, guaranteed, NOW)
    assert found is not None
    return found


def test_of_devices_that_are_watched_the_use_of_each_is_known() -> None:
    """Two devices for ten hours: one is held for six, of which two idle; the other for one, by another team for two."""
    store = watched(
        turn("0", 10, "unallocated"),
        turn("0", 7, "starting", "nlp"),
        turn("0", 6, "productive", "nlp"),
        turn("0", 3, "idle-held", "nlp"),
        turn("0", 1, "unallocated"),
        turn("1", 10, "productive", "cv"),
        turn("1", 8, "unallocated"),
        turn("1", 2, "unmeasured", "nlp"),
        turn("1", 1, "unallocated"),
    )
    seconds = HOUR // 1000
    assert need(store, "local") == DemonstratedNeed(
        days=1, granted=20 * seconds, used=7 * seconds, idle=2 * seconds, half=1, most=2, waited=0
    )
    assert need(store, "local", whose="cv").used == 2 * seconds
    assert need(store, "local", whose="ads") == DemonstratedNeed(1, 20 * seconds, 0, None, 0, 0, 0)


def test_only_the_last_days_count() -> None:
    store = watched(turn("0", 50 * 24, "productive", "nlp"))
    found = need(store, "local")
    assert (found.days, found.used, found.idle) == (30, 30 * DAY // 1000, 0)


def kept(
    id_: str, *moves: tuple[JobState, float, int], of: str = "nlp", where: str = "train", devices: int = 4
) -> StoredJob:
    """A job of a cluster; moves are states with hours ago and their attempt."""
    history = tuple(Move(NOW - round(ago * HOUR), state, MoveCause.TAKEN, attempt) for state, ago, attempt in moves)
    return StoredJob(id_, replace(job(team=of, devices=devices), sweep=None), "ada", where, JobHistory(history))


TWICE = kept(
    "aaaa",
    (JobState.SUBMITTED, 10, 0),
    (JobState.QUEUED, 10, 0),
    (JobState.STARTING, 8, 1),
    (JobState.RUNNING, 7, 1),
    (JobState.QUEUED, 5, 1),
    (JobState.RUNNING, 2, 2),
    (JobState.SUCCEEDED, 1, 2),
)
"""Waits two hours, holds three, waits three, holds one."""


def of_jobs(*jobs: StoredJob) -> MemoryStore:
    store = MemoryStore()
    for each in jobs:
        store.add(each)
    return store


def test_of_jobs_it_is_known_when_they_held_and_when_they_waited() -> None:
    others = kept("bbbb", (JobState.SUBMITTED, 9, 0), (JobState.QUEUED, 9, 0), (JobState.RUNNING, 9, 1), of="cv")
    elsewhere = kept("cccc", (JobState.SUBMITTED, 9, 0), (JobState.QUEUED, 9, 0), (JobState.RUNNING, 9, 1), where="x")
    plain = kept("dddd", (JobState.SUBMITTED, 20, 0), (JobState.QUEUED, 20, 0), devices=0)
    store = of_jobs(TWICE, others, elsewhere, plain)
    found, said = kept_need(store, "nlp", ["train"], 8, NOW)
    seconds = HOUR // 1000
    assert found == DemonstratedNeed(1, 80 * seconds, 16 * seconds, None, 0, 4, 20 * seconds)
    assert said == "only work that came through this server is known of train"
    assert need(store, "train", "x").used == (16 + 36) * seconds


def test_what_runs_still_is_counted_up_to_now_and_what_is_told_of_it_counts() -> None:
    running = kept("eeee", (JobState.SUBMITTED, 3, 0), (JobState.QUEUED, 3, 0), (JobState.RUNNING, 2, 1))
    held = replace(running, attempts=(JobAttempt(1, NOW - 2 * HOUR, places=(RunningPlace(0, "n", held=3),)),))
    assert (need(of_jobs(held), "train").used, need(of_jobs(held), "train").most) == (3 * 2 * HOUR // 1000, 3)


def test_a_long_job_counts_for_the_days_that_are_looked_at() -> None:
    long = kept("ffff", (JobState.SUBMITTED, 45 * 24, 0), (JobState.QUEUED, 45 * 24, 0), (JobState.RUNNING, 44 * 24, 1))
    found = need(of_jobs(long), "train")
    assert (found.days, found.used, found.half) == (30, 4 * 30 * DAY // 1000, 4)


def test_what_a_sweep_asks_for_its_members_do() -> None:
    sweep = replace(kept("ssss", (JobState.SUBMITTED, 4, 0), (JobState.QUEUED, 4, 0)), standing=FamilyStanding())
    assert kept_need(of_jobs(sweep), "nlp", ["train"], 8, NOW)[0] is None


def test_back_ends_are_known_together() -> None:
    store = watched(turn("0", 5, "productive", "nlp"))
    store.add(TWICE)
    found = need(store, "local", "train")
    assert (found.used, found.most) == ((5 + 16) * HOUR // 1000, 5)


def test_where_nothing_is_kept_that_is_said() -> None:
    assert kept_need(MemoryStore(), "nlp", ["train", "prod"], 8, NOW) == (
        None,
        "nothing is kept of what nlp used on train, prod",
    )


# Recorded snapshots


STEP = 60_000


def recorded(*held: int, busy: float | None = None) -> list[Snapshot]:
    """A snapshot a minute of a node with eight devices, so many of which a pod of the team holds."""
    found = []
    for number, devices in enumerate(held):
        pods = [pod(f"p{number}", "n", {GPU: str(devices)})] if devices else []
        use = [
            MeasuredUse(node="n", device=str(each), pod=f"team/p{number}", busy=busy, over=3600)
            for each in range(devices)
            if busy is not None
        ]
        found.append(
            moment_of(
                NOW + STEP * (number - len(held) + 1),
                nodes=[node("n", {GPU: "8"})],
                pods=pods,
                use=use,
            )
        )
    return found


def told(snapshots: list[Snapshot]) -> DemonstratedNeed | None:
    return recorded_need(snapshots, platform(teams=[team("nlp")]), "nlp", 4, NOW)[0]


def test_a_recording_holds_until_the_next_snapshot() -> None:
    assert told(recorded(8, 2, 0, 5)) == DemonstratedNeed(1, 4 * 3 * 60, 10 * 60, None, 2, 8, 0)


def test_what_was_longer_ago_is_not_counted_and_what_comes_too_late_is_passed_over() -> None:
    early = [
        moment_of(NOW - 30 * DAY + at, nodes=[node("n", {GPU: "8"})], pods=[pod("p", "n", {GPU: "4"})])
        for at in (-2 * STEP, -STEP, STEP)
    ]
    assert told(early) == DemonstratedNeed(1, 4 * 60, 4 * 60, None, 4, 4, 0)
    first, second, third, last = recorded(2, 8, 8, 8)
    assert told([first, third, second, last]) == told([first, third, last])


def test_what_work_of_the_team_asks_for_while_it_waits_is_told() -> None:
    main = LocalQueue(metadata=ObjectMeta(name="main", namespace="team"), spec=LocalQueueSpec(cluster_queue="cq"))
    others = LocalQueue(metadata=ObjectMeta(name="main", namespace="others"), spec=LocalQueueSpec(cluster_queue="cq"))
    queues = {"local_queues": (main, others), "cluster_queues": (ClusterQueue(metadata=ObjectMeta(name="cq")),)}
    waits = [workload("w", "gpu", 3, admitted=False), workload("x", "gpu", 5, admitted=False, namespace="others")]
    nodes = [node("n", {GPU: "8"})]
    found = told([moment_of(NOW - at * STEP, nodes=nodes, workloads=waits, **queues) for at in (1, 0)])
    assert found is not None
    assert found.waited == 3 * 60


def test_what_is_measured_idle_is_told() -> None:
    found = told(recorded(4, 4, 4, busy=0.0))
    assert found is not None
    assert (found.used, found.idle) == (480, 480)
    found = told(recorded(4, 4, 4, busy=0.9))
    assert found is not None
    assert (found.used, found.idle) == (480, 0)


def test_over_a_gap_nothing_is_known() -> None:
    first, _, *others = recorded(8, 8, 0, 0)
    late = [*recorded(8), *others]
    late[0] = moment_of(NOW - HOUR, nodes=first.sources[0].objects.nodes, pods=first.sources[0].objects.pods)
    found = told(late)
    assert found is not None
    assert (found.granted, found.used) == (4 * 60, 0)
    assert told([late[0]]) is None


def test_what_could_not_be_seen_is_no_time_without_devices() -> None:
    blind = [
        moment_of(NOW - STEP * at, nodes=[node("n", {GPU: "8"})], gaps=(Gap(what="pods", reason="forbidden"),))
        for at in (2, 1, 0)
    ]
    assert recorded_need(blind, platform(teams=[team("nlp")]), "nlp", 4, NOW) == (
        None,
        "no two snapshots that were recorded follow each other closely enough",
    )


@pytest.mark.parametrize(("clusters", "number"), [(["dev"], 4), (["prod"], 6), (["dev", "prod"], 10), ([], 0)])
def test_what_a_team_is_guaranteed(clusters: list[str], number: int) -> None:
    places = [placement("dev"), placement("prod", accelerators={"a100-spot": 4, "h100": 2})]
    assert guaranteed_devices(platform(teams=[team("nlp", placements=places)]), "nlp", clusters) == number
    assert guaranteed_devices(platform(), "nobody", clusters) == 0
