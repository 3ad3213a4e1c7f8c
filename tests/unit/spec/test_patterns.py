"""Patterns of include."""

from __future__ import annotations

import pytest

from allotment.spec.patterns import matches

TABLE = [
    ("a.yaml", "*.yaml", True),
    ("teams/a.yaml", "*.yaml", False),
    ("teams/a.yaml", "teams/*.yaml", True),
    ("teams/a.yaml", "**/*.yaml", True),
    ("a.yaml", "**/*.yaml", True),
    ("a/b/c.yaml", "a/**", True),
    ("a/b/c.yaml", "**/b/*", True),
    ("a/b/c.yaml", "**/x/*", False),
    ("a.yml", "**/*.yaml", False),
]


@pytest.mark.parametrize(("path", "pattern", "expected"), TABLE)
def test_matches(path, pattern, expected):
    assert matches(path, pattern) is expected


def test_a_hostile_pattern_is_cheap():
    assert not matches("/".join("a" * 200), "/".join(["**", "a"] * 200) + "/b")
