"""What all kinds of the platform directory share: strictness, spelling, and how a value is refused."""

from __future__ import annotations

from typing import Any, Final, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

REFUSED: Final = "allotment_refused"
"""Type of the pydantic errors that carry our own `what` and `fix`."""


def refuse(what: str, fix: str) -> NoReturn:
    """Refuse a value from within a validator."""
    raise PydanticCustomError(REFUSED, "{what}", {"what": what, "fix": fix})


class Spec(BaseModel):
    """Base of everything that is read from YAML: unknown fields refused, camelCase outside, snake_case inside."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_alias=True, hide_input_in_errors=True
    )

    @classmethod
    def stands_for(cls, name: str, value: Any) -> str:
        """What to write in place of a field that others have and this mapping has not; empty where nothing is known.

        Args:
            name: of the field, as it was written.
            value: as it was read: a text, a list or a mapping.
        """
        del name, value
        return ""


class KindSpec(Spec):
    """Base of the kinds: one YAML document is one of these."""

    api_version: Literal["allotment.dev/v1alpha1"] = Field(
        default="allotment.dev/v1alpha1",
        description="Version of this format. May be left out: there is only one so far.",
    )


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """Fields of a model by the name they have in YAML."""
    return {info.alias or name: info for name, info in model.model_fields.items()}
