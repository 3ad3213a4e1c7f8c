"""Every template is valid and clean on the reference platform; no value of a parameter becomes more than a value."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.adapters.files.tree import read_tree
from allotment.errors import NotFoundError, UsageError
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.spec.jobs.lint import lint_files
from allotment.spec.jobs.load import load_jobs
from allotment.spec.jobs.schema import job_json_schema
from allotment.spec.jobs.templating import NAMES, JobTemplateSpec, ParameterType, new_job, template
from allotment.spec.load import load_platform
from tests.by_day import by_day

NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
VALUES = {
    ParameterType.NAME: "mine",
    ParameterType.TEAM: "nlp",
    ParameterType.TEXT: "3e-4",
    ParameterType.WORDS: "--epochs 3 --note 'a b'",
    ParameterType.COUNT: "3",
    ParameterType.NUMBER: "1e-4",
    ParameterType.MEMORY: "8Gi",
    ParameterType.DURATION: "90m",
    ParameterType.SCRIPT: "src/main.py",
    ParameterType.IMAGE: "registry.acme.example/pytorch:2.4",
    ParameterType.CLASS: "h100",
    ParameterType.PORT: "9000",
    ParameterType.SEED: "7",
    ParameterType.CLAIM: "kept",
    ParameterType.LABEL: "e12",
    ParameterType.SOURCE: "s3://bucket/weights",
    ParameterType.METRIC: "loss",
    ParameterType.NEARNESS: "node",
    ParameterType.CRON: "0 */6 * * *",
    ParameterType.ZONE: "Europe/Berlin",
}
"""A value of each type, other than any default."""


@cache
def acme() -> Platform:
    return load_platform(read_tree(Path("examples/acme"))).platform


def everything(chosen: JobTemplateSpec) -> dict[str, str]:
    """A value for each parameter; those that name things of the platform keep to what it has."""
    kept = {
        "accelerator": "a100",
        "after": "prep",
        "checkpoints": "checkpoints",
        "datasets": "datasets",
        "interval": "20m",
        "most": "1e-2",
        "priority": "scheduled-training",
    }
    return {each.name: kept.get(each.name, VALUES[each.type]) for each in chosen.parameters}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("given_", ["nothing", "an image", "everything"])
def test_a_template_is_valid_and_clean(name: str, given_: str) -> None:
    chosen = template(name)
    image = {"image": "registry.acme.example/pytorch:2.4"}
    text = new_job(chosen, {"nothing": {}, "an image": image, "everything": everything(chosen)}[given_])
    files = SourceTree({"job.yaml": text})
    found = load_jobs(files, acme(), NOW, "nlp")
    assert len(found) == 1
    assert [str(warning.problem) for warning in lint_files(files, found, acme(), NOW)] == []
    jsonschema.Draft202012Validator(job_json_schema()).validate(yaml.safe_load(text))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_changes_the_job(name: str) -> None:
    chosen = template(name)
    assert chosen.name == name
    plain = new_job(chosen, {})
    for each in chosen.parameters:
        value = VALUES[each.type]
        assert each.default != value
        assert new_job(chosen, {each.name: value}) != plain, each.name


@settings(max_examples=by_day(45), deadline=None)
@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=30)
    | st.sampled_from(
        ('"', "'", "{{ x }}", "{parameter: name}", "x\nkind: Team", "\n---\nkind: Job", "#", ": ", "&a *a", "!!x")
    )
)
def test_a_value_is_never_more_than_a_value(value: str) -> None:
    """Whatever is handed over arrives as the one argument that it is, and nothing else changes."""
    text = new_job(template("train"), {"lr": value})
    (found,) = load_jobs(SourceTree({"job.yaml": text}), acme(), NOW, "nlp")
    assert found.job.program.argv == ("python", "train.py", "--lr", value)
    (plain,) = load_jobs(SourceTree({"job.yaml": new_job(template("train"), {})}), acme(), NOW, "nlp")
    assert found.job.needs == plain.job.needs
    assert found.job.volumes == plain.job.volumes


@pytest.mark.parametrize(
    ("given_", "what", "fix"),
    [
        ({"nmae": "x"}, "no parameter", 'did you mean "name"'),
        ({"gpus": "x"}, "no whole number", "digits"),
        ({"name": "a\nb"}, "no name of a job", "lower-case"),
        ({"script": "../x"}, "leads out", "without"),
        ({"args": "'a"}, "quotation mark", "close it"),
        ({"lr": "a\0b"}, "control characters", "remove"),
    ],
)
def test_what_is_no_value_is_refused(given_: dict[str, str], what: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        new_job(template("train"), given_)
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_an_unknown_template_has_a_suggestion() -> None:
    with pytest.raises(NotFoundError) as caught:
        template("../train")
    assert "train" in caught.value.fix


@pytest.mark.parametrize("name", NAMES)
def test_whoever_names_no_image_is_told_that_a_cluster_needs_one(name: str) -> None:
    chosen = template(name)
    has_image = "image" in {each.name for each in chosen.parameters}
    hinted = "# A cluster needs an image" in new_job(chosen, {"team": "nlp"})
    assert hinted is (has_image and not next(each for each in chosen.parameters if each.name == "image").default)
    if has_image:
        assert "# A cluster" not in new_job(chosen, {"team": "nlp", "image": "registry.acme.example/pytorch:2.4"})
