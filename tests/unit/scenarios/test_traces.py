"""Traces as scenarios: Philly, the Standard Workload Format, quotas by demand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.errors import InputError, UsageError
from allotment.model.lines import TextLine
from allotment.scenarios.lines import CsvRow
from allotment.scenarios.traces import GroupBy, Trace, TraceJob, philly_trace, swf_trace, trace_scenario
from allotment.simulation.scenario import Scenario

PHILLY = {"timestamp": "2017-10-09 07:01:55", "duration": "66.0", "num_gpus": "2", "gpu_time": "1", "cluster": "vc"}


def philly(*changes: dict[str, str]) -> Trace:
    return philly_trace(CsvRow("t.csv", i + 2, {**PHILLY, **change}) for i, change in enumerate(changes))


def swf(text: str, group_by: GroupBy = GroupBy.GROUP) -> Trace:
    return swf_trace((TextLine("t.swf", i + 1, line) for i, line in enumerate(text.splitlines())), group_by)


def quotas(scenario: Scenario) -> dict[str, int]:
    return {
        queue.name: queue.resource_groups[0].flavors[0].resources[0][1].nominal
        for queue in scenario.state.cluster_queues
    }


def test_philly_jobs_are_sorted_and_start_at_zero() -> None:
    trace = philly({}, {"timestamp": "2017-10-09 07:01:00", "cluster": "other"}, {"num_gpus": "0"}, {"duration": "0"})
    assert trace.jobs == (TraceJob("job-2", "other", 0, 66_000, 2), TraceJob("job-1", "vc", 55_000, 66_000, 2))
    assert (trace.capacity, trace.resource) == (None, "nvidia.com/gpu")
    assert trace.remarks == ("2 of 4 jobs are left out: 1 never ran, 1 asks for nothing",)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"timestamp": "yesterday"}, "t.csv:2: column timestamp is 'yesterday'"),
        ({"duration": "-1"}, "t.csv:2: column duration is '-1'"),
        ({"duration": "nan"}, "column duration"),
        ({"num_gpus": "two"}, "column num_gpus is 'two'"),
        ({"num_gpus": "1e300"}, "column num_gpus"),
        ({"num_gpus": "0.5"}, "t.csv:2: column num_gpus is '0.5'"),
        ({"num_gpus": "2.7"}, "t.csv:2: column num_gpus is '2.7'"),
        ({"duration": "9" * 5000}, "t.csv:2: column duration is '999"),
        ({"timestamp": "9" * 5000}, "t.csv:2: column timestamp is '999"),
        ({"cluster": " "}, "t.csv:2: column cluster is empty"),
    ],
)
def test_a_bad_cell_is_named(change: dict[str, str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        philly(change)


SWF = """; Version: 2
; MaxProcs: 64
1 10 -1 100 4 -1 -1 8 -1 -1 1 7 3 -1 2 1 -1 -1

2 12.5 -1 50 -1 -1 -1 8 -1 -1 1 7 -1 -1 2 1 -1 -1
3 13 -1 -1 4 -1 -1 8 -1 -1 5 7 3 -1 2 1 -1 -1
"""


def test_swf_takes_allocated_else_requested_processors() -> None:
    trace = swf(SWF)
    assert trace.jobs == (TraceJob("job-1", "group-3", 0, 100_000, 4), TraceJob("job-2", "all", 2_500, 50_000, 8))
    assert (trace.capacity, trace.resource) == (64, "processors")
    assert trace.remarks == ("1 of 3 jobs is left out: 1 never ran",)


@pytest.mark.parametrize(
    ("group_by", "queue"), [(GroupBy.USER, "user-7"), (GroupBy.QUEUE, "queue-2"), (GroupBy.PARTITION, "partition-1")]
)
def test_swf_queues_by_another_column(group_by: GroupBy, queue: str) -> None:
    assert {job.queue for job in swf(SWF, group_by).jobs} == {queue}


@pytest.mark.parametrize("line", ["1 2 3", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 x", "1 " * 17 + "1e300"])
def test_a_bad_swf_line_is_named(line: str) -> None:
    with pytest.raises(InputError, match=r"t\.swf:2"):
        swf("; MaxProcs: 1\n" + line)


@pytest.mark.parametrize("header", ["MaxProcs", "MaxNodes"])
def test_a_header_that_no_cluster_has_is_named(header: str) -> None:
    with pytest.raises(InputError, match=rf"t\.swf:1: {header} is '999.*more than any cluster has") as caught:
        swf(f"; {header}: {'9' * 5000}\n{SWF.splitlines()[2]}")
    assert "--capacity" in caught.value.fix


def jobs(*demands: tuple[str, int]) -> Trace:
    return Trace(tuple(TraceJob(f"j{i}", q, i, 10, d) for i, (q, d) in enumerate(demands)), "gpu", None, 0)


def test_quotas_follow_demand_or_are_given() -> None:
    trace = jobs(("a", 1), ("b", 2), ("c", 3))
    assert quotas(trace_scenario("t", trace, capacity=10, quotas={}, most_jobs=None)) == {"a": 2, "b": 3, "c": 5}
    assert quotas(trace_scenario("t", trace, capacity=10, quotas={"a": 7}, most_jobs=None)) == {"a": 7, "b": 1, "c": 2}
    assert quotas(trace_scenario("t", trace, capacity=9, quotas={}, most_jobs=2)) == {"a": 3, "b": 6}


@given(
    demands=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 50)), min_size=1, max_size=12),
    capacity=st.integers(1, 500),
)
def test_quotas_add_up_to_the_capacity(demands: list[tuple[str, int]], capacity: int) -> None:
    result = quotas(trace_scenario("t", jobs(*demands), capacity=capacity, quotas={}, most_jobs=None))
    assert sum(result.values()) == capacity
    assert result.keys() == {queue for queue, _ in demands}


@pytest.mark.parametrize(
    ("capacity", "given_quotas", "says"),
    [
        (None, {}, r"how many gpu are there\?"),
        (10, {"x": 1}, "the trace has no queue 'x'"),
        (10, {"a": 11}, "quotas of 11 exceed the capacity of 10"),
    ],
)
def test_what_does_not_fit_the_trace(capacity: int | None, given_quotas: dict[str, int], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        trace_scenario("t", jobs(("a", 1)), capacity=capacity, quotas=given_quotas, most_jobs=None)


def test_a_trace_without_jobs() -> None:
    with pytest.raises(InputError, match="holds no job that ran"):
        trace_scenario("t", jobs(), capacity=1, quotas={}, most_jobs=None)


def test_a_virtual_cluster_is_one_with_blanks_around_its_name() -> None:
    assert {job.queue for job in philly({}, {"cluster": " vc "}).jobs} == {"vc"}


def test_job_numbers_that_repeat_stay_jobs_of_their_own() -> None:
    line = "7 10 -1 100 4 -1 -1 8 -1 -1 1 7 3 -1 2 1 -1 -1\n"
    trace = swf("; MaxProcs: 1,152\n" + 3 * line + line.replace("7 10", "8 10", 1))
    assert [job.name for job in trace.jobs] == ["job-7", "job-7~2", "job-7~3", "job-8"]
    assert trace.remarks == ("job numbers that occur more than once: 1; the later ones are called job-N~2 and so on",)
    assert trace.capacity == 1152


@pytest.mark.parametrize("column", ["jobid", "job_id"])
@pytest.mark.parametrize(
    ("ids", "repeated"),
    [
        pytest.param(("a", "b", "c"), 0, id="each its own"),
        pytest.param(("a", "b", "a"), 1, id="one twice"),
        pytest.param(("a", "a", "a", "b", "b"), 2, id="two more than once"),
        pytest.param(("", " ", ""), 0, id="none named"),
    ],
)
def test_philly_ids_that_repeat_are_said_and_stay_jobs_of_their_own(
    column: str, ids: tuple[str, ...], repeated: int
) -> None:
    trace = philly(*({column: each} for each in ids))
    said = f"job ids that occur more than once: {repeated}; each line is a job of its own, job-N by its place"
    assert [job.name for job in trace.jobs] == [f"job-{place + 1}" for place in range(len(ids))]
    assert trace.remarks == ((said,) if repeated else ())


def test_what_was_left_out_goes_with_the_scenario() -> None:
    trace = philly({}, {"num_gpus": "0"})
    scenario = trace_scenario("t", trace, capacity=8, quotas={}, most_jobs=None)
    assert scenario.remarks == trace.remarks != ()
