"""The JSON Schema of job files takes what the loader takes; each field has a meaning and an example that is valid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from allotment.spec.explaining import explanation
from allotment.spec.jobs.schema import JobFileSpec, every_kind, job_json_schema
from allotment.spec.schema.base import fields_of
from tests.unit.spec.jobs.files import LONG, SHORTEST

VALIDATOR = jsonschema.Draft202012Validator(job_json_schema())


def models(model: type[BaseModel], seen: set[type]) -> Iterator[type[BaseModel]]:
    """A model and all below it."""
    if model in seen:
        return
    seen.add(model)
    yield model
    for info in model.model_fields.values():
        for part in parts(info.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from models(part, seen)


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for each in getattr(annotation, "__args__", ()):
        yield from parts(each)
    if hasattr(annotation, "__metadata__"):
        yield from parts(annotation.__origin__)


def as_read(value: Any) -> Any:
    """A value as the parser hands it over: every single one is the text that was written."""
    if isinstance(value, dict):
        return {key: as_read(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_read(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


ALL = list(models(JobFileSpec, set()))
FIELDS = [
    pytest.param(model, name, id=f"{model.__name__}.{name}")
    for model in ALL
    for name in fields_of(model)
    if name != "apiVersion"
]


def test_there_are_models_below() -> None:
    assert len(ALL) > 14


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_a_field_has_a_meaning_and_valid_examples(model: type[BaseModel], name: str) -> None:
    info = fields_of(model)[name]
    assert info.description
    assert info.examples
    for example in info.examples:
        others = {
            other: as_read(each.examples[0])
            for other, each in fields_of(model).items()
            if each.is_required() and each.examples
        }
        model.model_validate({**others, name: as_read(example)})


@pytest.mark.parametrize(
    "text", [SHORTEST, *LONG.split("---\n")], ids=["shortest", "long", "prep", "swept", "nightly", "book"]
)
def test_editors_take_what_the_loader_takes(text: str) -> None:
    VALIDATOR.validate(yaml.safe_load(text.replace("2027-06-01T06:00:00+02:00", '"2027-06-01T06:00:00+02:00"')))


@pytest.mark.parametrize("added", ["nmae: x", "replicas: 0", "run: {script: a.py, port: x}", "type: trainning"])
def test_editors_refuse_what_the_loader_refuses(added: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(f"{SHORTEST}{added}\n"))


def test_fields_are_explained_beside_those_of_the_directory() -> None:
    assert explanation(every_kind(), "job.resources.accelerators.class").field.description
    assert explanation(every_kind(), "team.placements").field.description
    assert {"job", "team"} <= {child.path for child in explanation(every_kind(), "").children}
