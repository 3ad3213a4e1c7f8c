"""`--set NAME=VALUE`: what it means, and what it cannot."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.errors import UsageError
from allotment.model.source import SourceTree
from allotment.spec.jobs.changing import changed_document
from allotment.spec.jobs.load import InvalidJobFileError, load_jobs
from allotment.spec.jobs.writing import job_document
from allotment.spec.load import load_platform
from allotment.spec.writing import block
from tests.unit.cli.conftest import ACME

PLATFORM = load_platform(read_tree(ACME)).platform
NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
FILE = """kind: Job
name: first
team: nlp
run: {script: train.py, args: [--lr, "1e-3", --epochs=3, --fast, --name, x], env: {LR: "1"}}
"""


def document() -> dict[str, Any]:
    (found,) = load_jobs(SourceTree({"a": FILE}), PLATFORM, NOW)
    return job_document(found.job)


def loaded(*changes: str) -> Any:
    text = "\n".join(block(changed_document(document(), changes)))
    return load_jobs(SourceTree({"a": text}), PLATFORM, NOW)[0].job


def test_nothing_changed_is_the_same_job() -> None:
    assert loaded() == load_jobs(SourceTree({"a": FILE}), PLATFORM, NOW)[0].job


ARGV = ("python", "train.py", "--lr", "1e-3", "--epochs=3", "--fast", "--name", "x")


@pytest.mark.parametrize(
    ("changes", "argv"),
    [
        (("lr=3e-4",), (*ARGV[:3], "3e-4", *ARGV[4:])),
        (("epochs=5", "epochs=6"), (*ARGV[:4], "--epochs=6", *ARGV[5:])),
        (("--name=y",), (*ARGV[:7], "y")),
        (('run.command=["true"]',), ("true",)),
        (("lr={{ x }}: no",), None),
    ],
)
def test_arguments(changes: tuple[str, ...], argv: tuple[str, ...] | None) -> None:
    if argv is None:
        with pytest.raises(UsageError):  # no JSON
            changed_document(document(), [changes[0].replace("lr", "run.env.LR")])
        assert loaded(*changes).program.argv[3] == "{{ x }}: no"
    else:
        assert loaded(*changes).program.argv == argv


def test_fields_by_their_paths() -> None:
    job = loaded("name=probe", "run.env.LR=3e-4", "run.env.NEW=no", "resources.accelerators.count=4", "maxRunTime=2h")
    assert (job.name, job.program.environment) == ("probe", {"LR": "3e-4", "NEW": "no"})
    assert (job.devices, job.run_time) == (4, 7200)
    assert loaded("run.env.LR=").program.environment == {}


def test_what_a_sweep_tries() -> None:
    swept = {**document(), "sweep": {"grid": {"lr": ["1", "2"]}, "random": {"decay": {"from": "1", "to": "2"}}}}
    assert changed_document(swept, ["lr=3"])["sweep"]["grid"] == {"lr": ["3"]}
    with pytest.raises(UsageError, match="at random"):
        changed_document(swept, ["decay=3"])


@pytest.mark.parametrize("wrong", ["lr", "=x", "--=x", "nosuch=1", "fast=1", "name.x=1", "run.env=[1"])
def test_what_cannot_be_meant(wrong: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        changed_document(document(), [wrong])


@pytest.mark.parametrize(
    ("change", "what", "fix"),
    [
        ("run.args=--epochs", '"--epochs" where a list belongs', """--set 'run.args=["a", "b"]'"""),
        ('run.args={"a": "b"}', "a mapping where a list belongs", """--set 'run.args=["a", "b"]'"""),
        ("sweep.grid.lr=3", '"3" where a list belongs', """--set 'sweep.grid.lr=["a", "b"]'"""),
        ("volumes.data=x", '"x" where a mapping belongs', "--set volumes.data.use=VALUE"),
        ("run.env=LR", '"LR" where a mapping belongs', "--set run.env.NAME=VALUE"),
        ('resources=["a"]', "a list where a mapping belongs", "--set resources.accelerators=VALUE"),
    ],
)
def test_a_list_and_a_mapping_are_said_in_json(change: str, what: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed_document(document(), [change])
    assert (caught.value.what, fix in caught.value.fix) == (f"--set {change.partition('=')[0]}: {what}", True)


@pytest.mark.parametrize(
    "change", ['run.args=["--a"]', "after=prep", "resources.accelerators=a100:2", "run=a.py", "run.secrets.KEY=a/b"]
)
def test_what_has_a_form_that_fits_is_taken(change: str) -> None:
    assert changed_document(document(), [change])


def test_what_cannot_be_is_told_with_its_field() -> None:
    for change, field in (("run.nosuch=1", "run.nosuch"), ("priority=top", "priority"), ("replicas=two", "replicas")):
        with pytest.raises(InvalidJobFileError) as caught:
            loaded(change)
        assert caught.value.problems[0].field == field
