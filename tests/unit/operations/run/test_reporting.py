"""The report of a job: what was used, what nobody measured, what to ask for next time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.cli.commands.run.report_view import report_text
from allotment.model.accelerator import CapacityType
from allotment.model.jobs.family import FamilyStanding
from allotment.model.jobs.job import AcceleratorWish, CheckpointPolicy, EarlyStop, Sweep, SweptParameter
from allotment.model.jobs.run import GivenClass, JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.jobs.use import AttemptUse, UseSummary
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.local.conclusions import RankEnds, concluded
from allotment.operations.run.reporting import family_report_of, report_of
from allotment.operations.run.using import NO_JOB_PRICES, JobPrices, use_of, used_together
from allotment.ports.backends import EndOfRun
from allotment.ports.job_processes import JobEnded
from allotment.ports.job_service import FamilySummary
from allotment.ports.stored_jobs import JobAttempt, StoredJob, row_of
from allotment.reports.documents.jobs import job_report_document
from tests.unit.operations.run.machine import GIB, job

S = JobState
HOUR = 3_600_000


def stored(*, memory: int | None = GIB // 4, cpu_ms: int | None = HOUR // 10, **more: object) -> StoredJob:
    """Waits an hour, runs one, is displaced, waits two, runs one more on two devices."""
    history = JobHistory()
    for hour, state, attempt in (
        (0, S.SUBMITTED, 0), (0, S.QUEUED, 1), (1, S.RUNNING, 1),
        (2, S.QUEUED, 2), (4, S.RUNNING, 2), (5, S.SUCCEEDED, 2),
    ):  # fmt: skip
        history = history.become(Move(hour * HOUR, state, MoveCause.TAKEN, attempt))
    places = (RunningPlace(0, "here", ("g0", "g1")),)
    attempts = (
        JobAttempt(1, HOUR, 2 * HOUR, places, EndOfRun(None, displaced=True, memory=memory, cpu_ms=cpu_ms)),
        JobAttempt(2, 4 * HOUR, 5 * HOUR, places, EndOfRun(0, memory=memory, cpu_ms=cpu_ms)),
    )
    wanted = job(devices=2, **more)
    bare = StoredJob("j1", wanted, "ada", "local", history, attempts=attempts)
    return replace(bare, use=use_of(bare, JobPrices({"g0": 3_000_000, "g1": 1_000_000})))


def test_what_was_used_is_the_sum_of_its_attempts() -> None:
    use = stored().use
    assert use is not None
    assert (use.run_ms, use.held_ms, use.displaced, use.cost) == (2 * HOUR, 4 * HOUR, 1, 8_000_000)
    assert (use.memory, use.cpu) == (GIB // 4, 100)
    assert report_of(stored(), 9 * HOUR).waited_ms == 3 * HOUR


def given(of: StoredJob, one: GivenClass) -> StoredJob:
    """The same, as a back end tells it that knows classes and no devices."""
    places = (RunningPlace(0, "node-a", given=one),)
    return replace(of, attempts=tuple(replace(each, places=places) for each in of.attempts))


def test_what_was_held_is_what_its_back_end_gave_it_whatever_it_asked_for() -> None:
    one = replace(stored(), job=job(devices=2))
    prices = JobPrices(classes={"a100": {CapacityType.ON_DEMAND: 1_000_000}})
    told = []
    for held in (1, None):
        places = (RunningPlace(0, "gpu0", held=held),)
        use = use_of(replace(one, attempts=tuple(replace(each, places=places) for each in one.attempts)), prices)
        told.append((use.held_ms, use.cost))
    assert told == [(2 * HOUR, 2_000_000), (4 * HOUR, 4_000_000)]


def test_a_dry_run_is_priced_as_the_capacity_that_is_asked_for() -> None:
    classes = {"a100": {CapacityType.ON_DEMAND: 5, CapacityType.SPOT: 2}}
    for capacity, price in (("", 10), ("spot", 4), ("reserved", None)):
        asked = job(needs=replace(job().needs, accelerators=AcceleratorWish(2, ("a100",), capacity_type=capacity)))
        assert JobPrices(classes=classes).an_hour(asked) == price


def test_a_cost_says_at_whose_price_it_is_where_the_class_that_was_given_is_not_known() -> None:
    wish = AcceleratorWish(2, ("a100", "h100"))
    either = stored(needs=replace(job().needs, accelerators=wish))
    on_demand, spot = CapacityType.ON_DEMAND, CapacityType.SPOT
    classes = {"a100": {on_demand: 1_000_000}, "h100": {on_demand: 5_000_000, spot: 2_000_000}}
    given_costs = [(20_000_000, None), (8_000_000, None), (None, None)]
    told = []
    for asked, prices in (
        (either, JobPrices({"g0": 3_000_000, "g1": 1_000_000}, classes)),
        (stored(), JobPrices(classes=classes)),
        (either, JobPrices(classes={"h100": {on_demand: 5_000_000}})),
        (either, JobPrices(classes=classes)),
        (given(either, GivenClass("h100")), JobPrices(classes=classes)),
        (given(either, GivenClass("h100", spot)), JobPrices(classes=classes)),
        (given(either, GivenClass("a100", spot)), JobPrices(classes=classes)),
    ):
        report = report_of(replace(asked, use=use_of(asked, prices)), 9 * HOUR)
        assert report.use is not None
        told.append((report.use.cost, job_report_document(report)["used"]["pricedAs"]))
        line = "the cost is at the price of a100, the first class it asked for: which class it was given is not known"
        assert (line in report_text(report, "USD")) is (report.use.priced_as == "a100")
    assert told == [(8_000_000, None), (4_000_000, None), (None, None), (4_000_000, "a100"), *given_costs]
    several = used_together([UseSummary(run_ms=1, cost=1), UseSummary(run_ms=1, cost=1, priced_as="a100")])
    assert several is not None
    assert several.priced_as == "a100"


def test_what_several_used_is_a_sum_but_for_means_and_peaks() -> None:
    one = UseSummary(run_ms=1000, held_ms=2000, cpu=MilliCpu(100), memory=Bytes(7), idle_ms=3, displaced=1, cost=5)
    other = UseSummary(run_ms=3000, cpu=MilliCpu(500), memory=Bytes(9), cost=6)
    together = used_together([one, other, UseSummary(run_ms=6)])
    assert together is not None
    assert (together.run_ms, together.held_ms, together.cpu, together.memory) == (4006, 2000, 400, 9)
    assert (together.idle_ms, together.staging_ms, together.displaced, together.cost) == (3, None, 1, None)
    assert used_together([]) is None


def test_a_sweep_that_its_back_end_runs_as_one_held_the_devices_of_all_its_trials_at_once() -> None:
    sweep = Sweep((SweptParameter("lr", ("1", "2", "3", "4")),), 4, 0, 3)
    there = stored(sweep=sweep)
    places = (RunningPlace(0, "a"), RunningPlace(1, "b"))
    one = replace(there, attempts=tuple(replace(each, places=places) for each in there.attempts))
    wish = one.job.needs.accelerators
    assert wish is not None
    use = use_of(one, JobPrices(classes={wish.classes[0]: {CapacityType.ON_DEMAND: 2_000_000}}))
    # Two attempts held for an hour, and its three trials at once two devices each.
    assert (use.held_ms, use.cost) == (2 * HOUR * 6, 2 * 6 * 2_000_000)
    few = use_of(replace(one, job=replace(one.job, sweep=replace(sweep, at_once=4))), JobPrices())
    assert few.held_ms == 2 * HOUR * 8
    assert "ASKED FOR ONE" in report_text(report_of(replace(one, use=use), 9 * HOUR), "USD")
    assert "ASKED FOR ONE" not in report_text(report_of(stored(), 9 * HOUR), "USD")


def test_the_report_of_a_sweep_names_the_trial_that_did_best() -> None:
    rule = EarlyStop("loss", maximise=False, after=1)
    grid = Sweep((SweptParameter("lr", ("1", "2")),), 2, 0, 2, rule)
    sweep = replace(stored(sweep=grid), standing=FamilyStanding("2 of 2", 2, 0.25, 1))
    report = family_report_of(sweep, FamilySummary({S.SUCCEEDED: 2}, sweep.use), 9 * HOUR)
    assert report.family is not None
    assert report.family.best is not None
    assert (report.family.best.trial, report.family.best.arguments) == (1, ("--lr=2",))
    assert not any("maxRunTime" in each for each in report.advice), "that is of one trial, and these are all of them"


def test_what_nobody_measured_is_no_telemetry_and_no_price_no_cost() -> None:
    bare = stored(memory=None, cpu_ms=None)
    assert use_of(bare, JobPrices({"g0": 1, "g1": None})).cost is None
    lines = {each.what: each.used for each in report_of(bare, 0).lines}
    assert set(lines.values()) == {"no telemetry", "7200 s"}
    assert report_of(replace(bare, use=None), 0).lines[0].used == "not over yet"
    never = replace(bare, use=None, attempts=())
    assert never.state.over
    assert report_of(never, 0).lines[0].used == "it never ran"


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, ("ask for memory: 320Mi (it used 256Mi of 1Gi)", "ask for cpu: 200m (it used 100m of 1 on average)")),
        ({"memory": GIB, "cpu_ms": HOUR}, ()),
    ],
)
def test_advice_is_given_only_for_much_too_much(more: dict[str, int], wanted: tuple[str, ...]) -> None:
    found = stored(run_time=100, checkpoint=CheckpointPolicy("c", 1, 1), **more)
    assert report_of(found, 0).advice == wanted


def test_of_a_run_that_hardly_began_no_amount_is_judged() -> None:
    whole = stored(run_time=100, checkpoint=CheckpointPolicy("c", 1, 1))
    assert whole.use is not None
    short = replace(whole, use=replace(whole.use, run_ms=300))
    assert report_of(short, 0).advice == ()


def test_where_cpus_are_given_whole_advice_names_whole_ones() -> None:
    """Slurm calls its jobs by numbers."""
    found = stored(run_time=100, checkpoint=CheckpointPolicy("c", 1, 1), memory=GIB)
    eight = replace(found.job, needs=replace(found.job.needs, cpu=MilliCpu(8000)))
    for native, asked in (("4711", "1"), ("job/x", "200m")):
        told = report_of(replace(found, native=native, job=eight), 0).advice
        assert [each for each in told if "cpu" in each] == [f"ask for cpu: {asked} (it used 100m of 8 on average)"]
    assert not any("cpu" in each for each in report_of(replace(found, native="4711"), 0).advice)


def test_what_is_asked_for_already_is_no_advice() -> None:
    found = stored(run_time=100, checkpoint=CheckpointPolicy("c", 1, 1), memory=7 << 20, cpu_ms=1)
    least = replace(found.job.needs, memory=Bytes(64 << 20), cpu=MilliCpu(100))
    assert report_of(replace(found, job=replace(found.job, needs=least)), 0).advice == ()


def test_who_was_displaced_without_checkpoints_and_without_an_end_is_told() -> None:
    advice = report_of(stored(memory=GIB, cpu_ms=HOUR), 0).advice
    assert [each.split(":")[0] for each in advice] == ["write checkpoints", "name a maxRunTime"]


def test_a_job_without_devices_costs_nothing_here() -> None:
    bare = stored()
    plain = replace(
        bare, job=replace(bare.job, needs=replace(bare.job.needs, accelerators=None, cpu=MilliCpu(1), memory=Bytes(1)))
    )
    assert use_of(plain, NO_JOB_PRICES).cost == 0


def test_who_was_killed_for_memory_is_told_to_ask_for_more_and_not_for_less() -> None:
    found = stored(run_time=100, checkpoint=CheckpointPolicy("c", 1, 1), cpu_ms=None)
    killed = replace(found.attempts[1], end=EndOfRun(137, 0, memory=GIB // 8, out_of_memory=True))
    (advice,) = report_of(replace(found, attempts=(found.attempts[0], killed)), 0).advice
    assert advice.startswith("ask for more memory, such as 2Gi (it was killed because it used more than the 1Gi")


def test_a_job_that_named_no_class_is_not_said_to_have_asked_for_one() -> None:
    found = stored()
    wish = AcceleratorWish(8, ("t4", "a100"), any_class=True)
    either = replace(found, job=replace(found.job, needs=replace(found.job.needs, accelerators=wish)))
    assert report_of(either, 0).lines[0].asked == "8 of any class"
    assert row_of(either).accelerator == "any"
    assert (report_of(found, 0).lines[0].asked, row_of(found).accelerator) == ("2 a100", "a100")


@pytest.mark.parametrize(
    ("percents", "after", "wanted"),
    [
        ({0: HOUR}, 0, ["ask for no accelerators"]),
        ({0: HOUR, 50: HOUR}, 0, ["ask for fewer accelerators, or feed them faster"]),
        ({90: HOUR}, 0, []),
        ({0: HOUR, 100: HOUR}, HOUR, ["end with the last work"]),
        ({0: 59_999}, 0, []),  # too little was seen to say so
    ],
)
def test_what_was_measured_of_devices_becomes_advice(percents: dict[int, int], after: int, wanted: list[str]) -> None:
    found = stored(run_time=100, checkpoint=CheckpointPolicy("c", 1, 1), memory=GIB, cpu_ms=2 * HOUR)
    idle = percents.get(0, 0)
    measured = AttemptUse(4 * HOUR, 5 * HOUR, 2, tuple(percents.items()), 0, idle, idle_after_ms=after, looks=9)
    attempts = (found.attempts[0], replace(found.attempts[1], measured=measured))
    bare = replace(found, attempts=attempts)
    advice = report_of(replace(bare, use=use_of(bare, NO_JOB_PRICES)), 0).advice
    assert [each.split(":")[0] for each in advice] == wanted


@pytest.mark.parametrize(
    ("moves", "devices", "wanted"),
    [
        (((S.STAGING, 40_000), (S.QUEUED, 500), (S.STARTING, 1_500)), 2, "41.5 s, 3 device-seconds held meanwhile"),
        (((S.STAGING, 40_000), (S.QUEUED, 500)), 2, "40 s, 0 device-seconds held meanwhile"),
        (((S.STAGING, 40_000), (S.QUEUED, 500)), 0, "40 s"),
        (((S.QUEUED, 500), (S.STARTING, 0)), 2, None),
    ],
)
def test_staging_is_told_with_what_was_held_meanwhile_measured_or_not(
    moves: tuple[tuple[S, int], ...], devices: int, wanted: str | None
) -> None:
    history, at = JobHistory().become(Move(0, S.SUBMITTED, MoveCause.TAKEN)), 0
    for state, ms in (*moves, (S.RUNNING, HOUR)):
        history, at = history.become(Move(at, state, MoveCause.TAKEN, 1)), at + ms
    history = history.become(Move(at, S.SUCCEEDED, MoveCause.ENDED, 1))
    bare = StoredJob("j1", job(devices=devices), "ada", "local", history)
    over = replace(bare, use=use_of(bare, NO_JOB_PRICES))
    assert {each.what: each.used for each in report_of(over, at).lines}.get("staging and start") == wanted


def test_output_that_could_not_be_written_is_told() -> None:
    ended = JobEnded(0, None, 0, HOUR, 3600.0, GIB, 1.0, log_bytes_lost=1500)
    ends = RankEnds.of((ended, replace(ended, log_bytes_lost=0)))
    told = concluded(stored().job, ends, None, 0)
    end = told.end_with("", ends)
    assert end.said == "1,500 bytes of its output could not be written: most likely the disk was full"
    found = stored()
    lines = report_of(replace(found, attempts=(replace(found.attempts[1], end=end),)), 6 * HOUR).lines
    assert [(each.what, each.used) for each in lines if each.what == "output"] == [
        ("output", "1,500 bytes could not be written")
    ]
    assert not [each for each in report_of(found, 6 * HOUR).lines if each.what == "output"]
