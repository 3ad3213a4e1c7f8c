"""What is committed of the portal was built from what is committed of it; `python -m tools.portal build` does that."""

from __future__ import annotations

from tools.portal import DIGEST, OPENAPI, digest, openapi_text

FIX = "python -m tools.portal build"


def test_the_types_of_the_portal_are_those_of_the_server() -> None:
    assert OPENAPI.read_text(encoding="utf-8") == openapi_text(), FIX


def test_the_portal_was_built_from_its_sources() -> None:
    assert DIGEST.read_text(encoding="utf-8").strip() == digest(), FIX
