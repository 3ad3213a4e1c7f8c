"""What `--set NAME=VALUE` makes of a job: fields of its file by their path, or arguments of what it runs."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, get_origin

from allotment.errors import UsageError, quoted
from allotment.spec.jobs.schema import JobFileSpec
from allotment.spec.problems import echo
from allotment.spec.schema.base import Spec, fields_of
from allotment.spec.schema.places import value_at

_FIELDS: Final = frozenset(str(field.alias or name) for name, field in JobFileSpec.model_fields.items())
"""Of the job file itself; those below have a dot in their paths."""


def changed_document(document: Mapping[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """The fields of a job file after changes, in the order in which they are given.

    ``PATH=VALUE`` with a dot in it, or with a field of the job file, sets that field; nothing behind the ``=`` leaves
    it out, and what is JSON's list or object is one. Any other ``NAME=VALUE`` sets what a sweep tries of that name to
    the one value, or the argument ``--NAME`` that the command has; with dashes before it, it is an argument in any
    case.

    Args:
        document: as `spec.jobs.writing.job_document` makes it.
        changes: as they were typed.

    Raises:
        UsageError: one is none, or there is nothing that it could mean.
    """
    found: dict[str, Any] = copy.deepcopy(dict(document))
    for each in changes:
        name, equals, value = each.partition("=")
        if not equals or not name.strip("-"):
            raise UsageError(f"--set {each} has no value", fix="write --set NAME=VALUE")
        if name.startswith("--"):
            _set_argument(found, name, value)
        elif "." in name or name in _FIELDS:
            _set_field(found, name, value)
        elif not _set_swept(found, name, value):
            _set_argument(found, f"--{name}", value)
    return found


def _set_field(document: MutableMapping[str, Any], path: str, value: str) -> None:
    *above, last = path.split(".")
    at: MutableMapping[str, Any] = document
    for number, key in enumerate(above):
        inner = at.get(key)
        if inner is None:
            inner = at[key] = {}
        if not isinstance(inner, MutableMapping):
            here = ".".join(above[: number + 1])
            raise UsageError(
                f"--set {path}: {here} has no fields of its own",
                fix=f"set {here} as a whole: --set '{here}=[…]' in JSON",
            )
        at = inner
    if value:
        at[last] = _fitting(path, _value(path, value))
    else:
        at.pop(last, None)


def _fitting(path: str, value: Any) -> Any:
    """The value, where its field takes one of that form.

    Raises:
        UsageError: a list or a mapping belongs there, which a flag says in JSON.
    """
    form, short = value_at(JobFileSpec, tuple(path.split(".")))
    if form is None or short is not None:
        return value
    if get_origin(form) is tuple and not isinstance(value, list):
        fix = f"""write it in JSON: --set '{path}=["a", "b"]'"""
        raise UsageError(f"--set {path}: {echo(value)} where a list belongs", fix=fix)
    mapping = get_origin(form) is dict or (isinstance(form, type) and issubclass(form, Spec))
    if mapping and not isinstance(value, dict):
        field = "NAME" if get_origin(form) is dict else next(iter(fields_of(form)))
        fix = f"set what stands in it: --set {path}.{field}=VALUE; or all of it in JSON: --set '{path}={{…}}'"
        raise UsageError(f"--set {path}: {echo(value)} where a mapping belongs", fix=fix)
    return value


def _value(path: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"--set {path}: {quoted(text)} is no JSON", why=str(error), fix='write a list as ["a", "b"]'
        ) from None


def _set_swept(document: MutableMapping[str, Any], name: str, value: str) -> bool:
    """Whether a sweep tries something of that name; then it tries the one value."""
    sweep = document.get("sweep") or {}
    if name in (sweep.get("grid") or {}):
        sweep["grid"][name] = [value]
        return True
    if name in (sweep.get("random") or {}):
        raise UsageError(
            f"--set {name}: the sweep draws {name} at random",
            fix=f"set an end of its range: --set sweep.random.{name}.to={value}",
        )
    return False


def _set_argument(document: MutableMapping[str, Any], flag: str, value: str) -> None:
    """``--flag value`` and ``--flag=value``, wherever they stand; the last one counts for most programs."""
    words = list(document.get("run", {}).get("command") or [])
    at = next((number for number in reversed(range(len(words))) if words[number].partition("=")[0] == flag), None)
    if at is None:
        raise UsageError(
            f"--set {flag.removeprefix('--')}: neither the job file nor what the job runs has that",
            why=f"it runs {quoted(' '.join(words))}",
            fix="name an argument that stands there, or a field by its path, such as run.env.LR or "
            "resources.accelerators.count",
        )
    if "=" in words[at]:
        words[at] = f"{flag}={value}"
    elif at + 1 < len(words) and not words[at + 1].startswith("--"):
        words[at + 1] = value
    else:
        raise UsageError(
            f"--set {flag.removeprefix('--')}: {flag} stands without a value", fix="set run.command as a whole, in JSON"
        )
    document["run"]["command"] = words
