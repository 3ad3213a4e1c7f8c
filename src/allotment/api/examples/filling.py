"""Puts the examples where the OpenAPI document has places for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.api.contract import JsonValue, Media, RouteContract
from allotment.api.examples.failures import problem_examples
from allotment.api.examples.parameters import parameter_example
from allotment.api.examples.table import EXAMPLES, Made, OperationExample, written_example
from allotment.api.problems import PROBLEM

_NONE: Final = OperationExample()


def add_examples(document: dict[str, Any], contracts: Mapping[tuple[str, str], RouteContract]) -> None:
    """Fill a document, in place.

    Args:
        document: with all its operations and answers.
        contracts: by verb and path.
    """
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            contract = contracts[verb.upper(), path]
            found = EXAMPLES.get(f"{verb.upper()} {path}", _NONE)
            if contract.takes is not None:
                _fill(operation["requestBody"]["content"], contract.takes, found.takes)
            if contract.gives is not None:
                _fill(operation["responses"]["200"]["content"], contract.gives, found.gives)
            for parameter in operation.get("parameters", ()):
                _show(path, parameter)
    for status, response in document["components"]["responses"].items():
        response["content"][PROBLEM]["examples"] = problem_examples(int(status))


def _fill(content: dict[str, Any], body: JsonValue | Media, made: Made | None) -> None:
    """Of the one form that a body has."""
    if made is not None:
        (form,) = content.values()
        form["example"] = written_example(body, made)


def _show(path: str, parameter: dict[str, Any]) -> None:
    if parameter["in"] == "header":
        return
    found = parameter_example(path, parameter["name"])
    if found is not None:
        parameter["example"] = found
