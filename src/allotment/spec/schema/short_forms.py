"""Short forms: one word, or a list, where a mapping with one field would stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from allotment.spec.schema.scalars import X_TYPE

ONE_WORD: Final = {"type": ["string", "number"], X_TYPE: "one word"}


class ShortForm:
    """A single value, or a list, stands for what a function makes of it; anything else is left as it is."""

    def __init__(self, widen: Callable[[Any], Any], short: Mapping[str, Any]) -> None:
        self.widen = widen
        self.short = dict(short)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The value is widened before it is validated."""
        return core_schema.no_info_before_validator_function(self.widen, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Either form."""
        return {"anyOf": [self.short, handler(schema)]}


def short_for(field: str) -> ShortForm:
    """A single value stands for a mapping with that one field."""
    return ShortForm(lambda value: {field: value} if isinstance(value, str) else value, ONE_WORD)


ONE_OR_LIST: Final = ShortForm(lambda value: (value,) if isinstance(value, (str, dict)) else value, ONE_WORD)
"""A single value stands for a list of one."""
