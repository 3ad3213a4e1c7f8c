"""What is kept of a job is read as it was written; what a newer program wrote is refused, and nothing is forgotten."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.errors import InputError
from allotment.model.jobs.job import (
    DependencyState,
    Job,
    JobDependency,
    JobSchedule,
    JobVolume,
    Nearness,
    NearnessDomain,
    Program,
    RetryPolicy,
    StagedData,
    StagingTime,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.jobs.written import ANSWERED, MOST_BYTES, SENT, VERSION, read_value, write_value
from allotment.model.quantity import Bytes
from tests.unit.adapters.store.jobs import job

FULL = job(
    cost_center="4711",
    environment="prod",
    labels={"model": "m"},
    replicas=2,
    gang=True,
    nearness=Nearness(NearnessDomain.RACK, required=True),
    run_time=60,
    deadline="2027-01-31T12:00:00Z",
    spot=False,
    data=(StagedData("hf://a/b", "data", "w", StagingTime.AT_START, Bytes(5), "fetch:1", ("get",)),),
    volumes=(JobVolume("data", VolumeUse.CHECKPOINT, "/data", "claim", "/srv", Bytes(1 << 40)),),
    schedule=JobSchedule("0 2 * * *", "Europe/Berlin", 60),
    after=(JobDependency("prepare", DependencyState.SUCCEEDED),),
)


def test_every_field_of_a_job_is_read_as_it_was_written() -> None:
    assert all(getattr(FULL, each.name) != each.default for each in fields(Job)), "a field is left out here"
    assert read_value("job", Job, write_value("job", FULL)) == FULL


@given(st.dictionaries(st.text(), st.text()), st.lists(st.text()), st.fractions(-(10**30), 10**30))
def test_any_text_and_number_is_read_as_it_was_written(
    variables: dict[str, str], argv: list[str], low: Fraction
) -> None:
    sweep = Sweep((SweptParameter("x", (*argv, "")), SweptParameter("y", low=low, high=low + 1)), 1, 1, 1)
    wanted = replace(FULL, program=Program(tuple(argv), environment=variables), sweep=sweep)

    text = write_value("job", wanted)

    assert read_value("job", Job, text) == wanted
    assert "\x00" not in text


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be kept") as caught:
        write_value("job", replace(FULL, program=Program(("a\udc80",))))
    assert "no UTF-8" in caught.value.why


def test_a_job_that_was_written_before_a_field_was_there_has_its_default() -> None:
    written = json.loads(write_value("job", job()))
    del written["job"]["labels"], written["job"]["spot"], written["job"]["retries"]["safe"]
    assert read_value("job", Job, json.dumps(written)) == replace(job(), retries=RetryPolicy(2))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": VERSION + 1}, f"it is of version {VERSION + 1}, and this program knows {VERSION}"),
        ({"job": {"nice": 5}}, "job.nice"),
        ({"job": {"checkpoint": {"keep": 3}}}, "job.checkpoint.keep"),
        ({"job": {"sweep": {"parameters": [{"name": "lr", "step": 1}]}}}, "job.sweep.parameters.step"),
    ],
)
def test_what_a_newer_program_wrote_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match="newer version of Allotment") as caught:
        read_value("job", Job, json.dumps(_merged(json.loads(write_value("job", job())), change)))
    assert why in caught.value.why


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": "1", "job": {}}',
        '{"version": 0, "job": {}}',
        write_value("job", job()).replace('"version":1', '"version":true'),
        '{"version": 1, "job": {"name": 5}}',
        '{"version": 1, "job": null}',
        "[" * 5000,
    ],
    ids=range(9),
)
def test_what_is_damaged_is_told(text: str) -> None:
    with pytest.raises(InputError, match="damaged in the store"):
        read_value("job", Job, text)


def test_what_is_sent_has_nothing_beside_it_and_what_is_kept_or_answered_may() -> None:
    beside = write_value("job", job()).replace('{"version":1', '{"key":"once","version":1')
    with pytest.raises(InputError, match="that was sent cannot be read") as caught:
        read_value("job", Job, beside, SENT)
    assert "beside job there is key, which nobody knows" in caught.value.why
    assert read_value("job", Job, write_value("job", job()), SENT) == job()
    assert read_value("job", Job, beside, ANSWERED) == read_value("job", Job, beside) == job(), "a newer program's"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"job": {}}', "the field version is missing"),
        ('{"version": 1}', "the field job is missing"),
        ("[]", "it is no object with fields"),
    ],
)
def test_what_is_missing_is_named(text: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        read_value("job", Job, text)
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"replicas": 0}, "replicas is 0"),
        ({"replicas": -1}, "replicas is -1"),
        ({"name": "x" * 5000}, "the name of the job"),
        ({"name": "\x1b[2Jtrain"}, "the name of the job"),
        ({"team": "../cv"}, "team"),
        ({"priority": "a b"}, "priority"),
        ({"run_time": 0}, "maxRunTime is 0"),
        ({"deadline": "soon"}, "deadline"),
        ({"needs": {"cpu": -5}}, "cpu is -5"),
        ({"needs": {"memory": 0}}, "memory is 0"),
        ({"needs": {"memory": 1 << 63}}, "memory is a number of more than 18 digits"),
        ({"needs": {"accelerators": {"count": -8}}}, "accelerators.count is -8"),
        ({"needs": {"accelerators": {"classes": ()}}}, "the accelerators have no class"),
        ({"needs": {"accelerators": {"classes": ("\x1b[2J",)}}}, "accelerators.class"),
        ({"needs": {"accelerators": {"capacity_type": "free"}}}, "accelerators.capacityType"),
        ({"checkpoint": {"interval": 0}}, "checkpoint.interval is 0"),
        ({"checkpoint": {"grace": -1}}, "checkpoint.grace is -1"),
        ({"retries": {"limit": -1}}, "retries.limit is -1"),
        ({"sweep": {"trials": 0}}, "sweep.trials is 0"),
        ({"sweep": {"at_once": 5}}, "sweep.atOnce is 5"),
        ({"sweep": {"parameters": [{"low": None}]}}, "a parameter of the sweep has no values"),
        ({"sweep": {"parameters": [{"low": "1e1000000000"}]}}, "a number is no fraction"),
        ({"sweep": {"parameters": [{"low": "1/0"}]}}, "a number is no fraction"),
        ({"program": {"port": 65_536}}, "run.port is 65,536"),
    ],
)
def test_a_job_that_cannot_be_is_refused_by_its_kind_and_value(change: dict[str, Any], what: str) -> None:
    text = json.dumps(_merged(json.loads(write_value("job", job())), {"job": change}))
    with pytest.raises(InputError, match="this job that was sent cannot be read") as caught:
        read_value("job", Job, text, SENT)
    assert what in caught.value.why
    assert "\x1b" not in str(caught.value)


def test_whoever_sent_a_value_is_not_told_of_a_damaged_store() -> None:
    for where, words in ((SENT, "that was sent cannot be read"), (ANSWERED, "that the server sent cannot be read")):
        with pytest.raises(InputError, match=f"this job {words}") as caught:
            read_value("job", Job, "{}", where)
        assert "store" not in str(caught.value)


def test_a_job_without_end_is_not_kept() -> None:
    with pytest.raises(InputError, match="cannot be kept"):
        write_value("job", job(labels={"a": "x" * MOST_BYTES}))


def _merged(before: Any, change: Any) -> Any:
    if isinstance(before, dict) and isinstance(change, dict):
        return {**before, **{key: _merged(before.get(key), value) for key, value in change.items()}}
    if isinstance(before, list) and isinstance(change, list):
        return [_merged(one, other) for one, other in zip(before, change, strict=True)]
    return change
