"""Templates of job files: package data with named, typed parameters. Values take the places of values, never of text.

A template is a document with the fields of a job file in which ``{parameter: NAME}`` stands for a value. What is filled
in is a value of the parsed document, and is written as YAML by the same writer as everything else: no value, whatever
its quotes, braces and line ends, can become a field, or a document.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from allotment.errors import NotFoundError, UsageError
from allotment.spec import documents
from allotment.spec.catalogue import package_text
from allotment.spec.jobs.forms import (
    AsWritten,
    CronText,
    Devices,
    Duration,
    ImageName,
    JobName,
    MetricName,
    RangeNumber,
    ScriptPath,
    Seed,
    SourceAddress,
    SweptName,
    ZoneName,
)
from allotment.spec.jobs.schema import NearnessChoice
from allotment.spec.problems import Source, did_you_mean, echo
from allotment.spec.schema.base import Spec
from allotment.spec.schema.choices import choice
from allotment.spec.schema.scalars import LabelValue, Line, Memory, Name, ObjectName, PortNumber, TenantName
from allotment.spec.translate import issues_of
from allotment.spec.writing import block

FOLDER: Final = "templates"
NAMES: Final = (
    "train",
    "distributed-train",
    "fine-tune",
    "sweep",
    "evaluate",
    "scheduled",
    "service",
    "notebook",
)
"""The templates, in the order in which they are listed."""
_PLACE: Final = frozenset({"parameter"})
_CONDITION: Final = frozenset({"where", "give"})


class ParameterType(StrEnum):
    """What a parameter's value may be; each is the type of a field of the job file."""

    NAME = "name"
    TEAM = "team"
    TEXT = "text"
    WORDS = "words"
    """Texts, separated by blanks."""
    COUNT = "count"
    NUMBER = "number"
    MEMORY = "memory"
    DURATION = "duration"
    SCRIPT = "script"
    IMAGE = "image"
    CLASS = "class"
    PORT = "port"
    SEED = "seed"
    CLAIM = "claim"
    LABEL = "label"
    SOURCE = "source"
    METRIC = "metric"
    NEARNESS = "nearness"
    CRON = "cron"
    ZONE = "zone"


_TYPES: Final[Mapping[ParameterType, Any]] = {
    ParameterType.NAME: JobName,
    ParameterType.TEAM: TenantName,
    ParameterType.TEXT: AsWritten,
    ParameterType.WORDS: AsWritten,
    ParameterType.COUNT: Devices,
    ParameterType.NUMBER: RangeNumber,
    ParameterType.MEMORY: Memory,
    ParameterType.DURATION: Duration,
    ParameterType.SCRIPT: ScriptPath,
    ParameterType.IMAGE: ImageName,
    ParameterType.CLASS: Name,
    ParameterType.PORT: PortNumber,
    ParameterType.SEED: Seed,
    ParameterType.CLAIM: ObjectName,
    ParameterType.LABEL: LabelValue,
    ParameterType.SOURCE: SourceAddress,
    ParameterType.METRIC: MetricName,
    ParameterType.NEARNESS: NearnessChoice,
    ParameterType.CRON: CronText,
    ParameterType.ZONE: ZoneName,
}
_IMAGE: Final = "image"
"""The parameter that Kubernetes needs and this machine does not."""
_WHOLE: Final = frozenset({ParameterType.COUNT, ParameterType.PORT, ParameterType.SEED})
_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
TypeChoice = Annotated[ParameterType, *choice(ParameterType)]


class TemplateParameterSpec(Spec):
    """One parameter of a template."""

    name: SweptName = Field(description="By which --set names it.")
    type: TypeChoice = Field(description="What its value may be.")
    default: AsWritten | None = Field(default=None, description="Its value if nobody sets it. None: it is left out.")
    description: Line = Field(description="What it is for.")


class JobTemplateSpec(Spec):
    """A job file with places for values."""

    kind: Literal["JobTemplate"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="By which it is asked for.")
    summary: Line = Field(description="What it is for, in a sentence.")
    parameters: tuple[TemplateParameterSpec, ...] = Field(description="In the order in which they are shown.")
    job: dict[str, Any] = Field(description="Fields of the job file, with places.")


@cache
def template(name: str) -> JobTemplateSpec:
    """The template of a name.

    Raises:
        NotFoundError: there is none.
    """
    if name not in NAMES:
        raise NotFoundError(f"there is no template {echo(name)}", fix=did_you_mean(name, NAMES))
    file = f"{name}.yaml"
    (document,) = documents.parse(file, package_text("jobs", FOLDER, file)).documents
    return JobTemplateSpec.model_validate(document.data)


def templates() -> tuple[JobTemplateSpec, ...]:
    """All of them."""
    return tuple(template(name) for name in NAMES)


def new_job(chosen: JobTemplateSpec, given: Mapping[str, str], called: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of a job file: the template with values in its places.

    Args:
        chosen: the template.
        given: values by parameter; the others have their defaults, or are left out.
        called: by parameter, what it is called where it was said, such as ``--image``; others are parameters.

    Raises:
        UsageError: there is no such parameter, or a value is none of its type; the value itself is not repeated.
    """
    known = {parameter.name: parameter for parameter in chosen.parameters}
    for name in given:
        if name not in known:
            raise UsageError(f"the template {chosen.name} has no parameter {echo(name)}", fix=did_you_mean(name, known))
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        text = given.get(name, parameter.default)
        if text:
            values[name] = _value(parameter, text, called.get(name, f"the parameter {name}"))
    filled = _filled(chosen.job, values)
    head = f"# {chosen.summary}\n# From `allot template new {chosen.name}`; check it with `allot job check FILE`.\n"
    if _IMAGE in known and _IMAGE not in values:
        head += "# A cluster needs an image: `--set image=NAME:TAG`, or `image` below `run`.\n"
    return head + "\n".join(block(filled)) + "\n"


def _value(parameter: TemplateParameterSpec, text: str, called: str) -> Any:
    words = [text]
    if parameter.type is ParameterType.WORDS:
        try:
            words = shlex.split(text)
        except ValueError:
            raise UsageError(
                f"the value of {parameter.name} opens a quotation mark that nothing closes", fix="close it"
            ) from None
    for word in words:
        try:
            _adapter(parameter.type).validate_python(word)
        except ValidationError as error:
            issue = next(iter(issues_of(error, JobTemplateSpec, Source("", 0))))
            raise UsageError(f"{called}: {issue.what}", fix=issue.fix) from None
    if parameter.type is ParameterType.WORDS:
        return words
    return int(text) if parameter.type in _WHOLE else text


@cache
def _adapter(kind: ParameterType) -> TypeAdapter[Any]:
    return TypeAdapter(_TYPES[kind])


class _Left:
    """What stands where a value has been left out."""


_LEFT_OUT: Final = _Left()


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A part of the template with values in its places. What was filled in is never looked into for places."""
    if isinstance(value, Mapping):
        if value.keys() == _PLACE:
            return values.get(str(value["parameter"]), _LEFT_OUT)
        if value.keys() == _CONDITION:
            return _filled(value["give"], values) if value["where"] in values else _LEFT_OUT
        parts = ((key, _filled(each, values)) for key, each in value.items())
        return {key: each for key, each in parts if each is not _LEFT_OUT}
    if isinstance(value, list):
        return [each for part in value for each in _items(part, values)]
    if value in ("true", "false"):
        return value == "true"
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


def _items(part: Any, values: Mapping[str, Any]) -> Iterator[Any]:
    """An item of a list: none where it is left out, several where its value is words."""
    filled = _filled(part, values)
    if filled is _LEFT_OUT:
        return
    if isinstance(filled, list):
        yield from filled
    else:
        yield filled
