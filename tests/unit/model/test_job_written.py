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
from allotment.model.jobs.written import MOST_BYTES, VERSION, read_value, write_value
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


@given(st.dictionaries(st.text(), st.text()), st.lists(st.text()), st.fractions())
def test_any_text_and_number_is_read_as_it_was_written(
    variables: dict[str, str], argv: list[str], low: Fraction
) -> None:
    sweep = Sweep((SweptParameter("x", values=tuple(argv), low=low),), 1, 1, 1)
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
        '{"version": 1, "job": {"name": 5}}',
        '{"version": 1, "job": null}',
        "[" * 5000,
    ],
    ids=range(8),
)
def test_what_is_damaged_is_told(text: str) -> None:
    with pytest.raises(InputError, match="damaged in the store"):
        read_value("job", Job, text)


def test_a_job_without_end_is_not_kept() -> None:
    with pytest.raises(InputError, match="cannot be kept"):
        write_value("job", job(labels={"a": "x" * MOST_BYTES}))


def _merged(before: Any, change: Any) -> Any:
    if isinstance(before, dict) and isinstance(change, dict):
        return {**before, **{key: _merged(before.get(key), value) for key, value in change.items()}}
    if isinstance(before, list) and isinstance(change, list):
        return [_merged(one, other) for one, other in zip(before, change, strict=True)]
    return change
