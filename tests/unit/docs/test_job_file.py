"""docs/job-file.md: what it shows loads and is clean, and it tells every field, template, warning and limit."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.model.jobs.bounds import LONGEST_RUN, MOST_REPLICAS, MOST_TRIALS
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.spec.jobs.forms import LONGEST_ARGUMENT
from allotment.spec.jobs.lint import RULES, lint_files
from allotment.spec.jobs.load import MOST_JOBS, load_jobs
from allotment.spec.jobs.rules import MOST_TEXT
from allotment.spec.jobs.schema import JobFileSpec
from allotment.spec.load import load_platform
from allotment.spec.schema.base import fields_of
from tools.write_job_reference import DOCUMENT, START, reference

TEXT = DOCUMENT.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


@cache
def acme() -> Platform:
    return load_platform(read_tree(Path("examples/acme"))).platform


@pytest.mark.parametrize("text", BLOCKS, ids=[re.findall(r"^name: (.*)$", text, re.MULTILINE)[0] for text in BLOCKS])
def test_what_is_shown_loads_and_falls_into_no_trap(text: str) -> None:
    files = SourceTree({"job.yaml": text})
    found = load_jobs(files, acme(), NOW)
    said = {warning.word for warning in lint_files(files, found, acme(), NOW)}
    # The shortest ones say nothing of time.
    assert said <= ({"no-run-time", "displaced-without-checkpoint"} if "maxRunTime" not in text else set())


def test_the_generated_half_is_up_to_date() -> None:
    assert TEXT[TEXT.index(START) + len(START) :].strip() == reference().strip(), (
        "run: python -m tools.write_job_reference"
    )


def test_every_field_and_every_warning_is_told() -> None:
    fields = TEXT.split("\n## Fields\n")[1]
    assert all(f"| `{field}` |" in fields for field in fields_of(JobFileSpec))
    warnings = TEXT.split("\n## Warnings\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", warnings, re.MULTILINE) == [rule.word for rule in RULES]


def test_the_limits_it_names_are_ours() -> None:
    flat = " ".join(TEXT.split())
    assert f"{MOST_JOBS:,} jobs a file, {MOST_TRIALS:,} trials, {MOST_REPLICAS:,} replicas" in flat
    assert (
        f"{LONGEST_RUN // 86_400} days, {LONGEST_ARGUMENT:,} characters an argument and {MOST_TEXT:,} for all" in flat
    )
