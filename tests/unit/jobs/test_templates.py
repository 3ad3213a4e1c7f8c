"""Templates are golden paths: each becomes the kind of object that its work needs, and loses nothing on the way."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.jobs.kubernetes.place import place_of
from allotment.jobs.kubernetes.rendering import render_work
from allotment.jobs.local import LOCAL_LOSSES
from allotment.jobs.losses import lost
from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.spec.jobs.load import load_jobs
from allotment.spec.jobs.templating import NAMES, new_job, template
from allotment.spec.load import load_platform

IMAGE = "registry.acme.example/pytorch:2.4"
KINDS = frozenset({WorkKind.JOB, WorkKind.JOB_SET, WorkKind.CRON_JOB, WorkKind.DEPLOYMENT})
NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
BECOMES = {
    "train": {"Job"},
    "distributed-train": {"JobSet"},
    "fine-tune": {"Job"},
    "sweep": {"Job"},
    "evaluate": {"Job"},
    "scheduled": {"CronJob"},
    "service": {"Deployment"},
    "notebook": {"Job", "Deployment"},
}


@cache
def acme() -> Platform:
    return load_platform(read_tree(Path("examples/acme"))).platform


def job_from(name: str) -> Job:
    text = new_job(template(name), {"image": IMAGE})
    (found,) = load_jobs(SourceTree({"job.yaml": text}), acme(), NOW, "nlp")
    return found.job


@pytest.mark.parametrize("name", NAMES)
def test_a_template_runs_on_kubernetes(name: str) -> None:
    cluster = acme().cluster("dev-eastus" if name == "notebook" else "training-eastus")
    assert cluster is not None
    job = job_from(name)
    made = render_work(WorkOrder("abc", job, code=b"code"), place_of(acme(), cluster, job), KINDS)
    assert made.main["kind"] in BECOMES[name]


@pytest.mark.parametrize("name", ["train", "distributed-train", "fine-tune", "evaluate", "sweep", "scheduled"])
def test_a_template_with_an_end_runs_on_this_machine(name: str) -> None:
    assert [each.field for each in lost(job_from(name), LOCAL_LOSSES)] == []
