"""What the security tests look at: every cluster of examples/acme, and of the reference platform of the golden files.

The reference platform adds what acme has no use for: a leaving team, a shared queue, a cluster with one tenant.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.security.subject import Subject
from tests.unit.render.reference import reference

ACME = Path(__file__).parents[2] / "examples" / "acme"


@cache
def subjects() -> tuple[Subject, ...]:
    """Every (platform, cluster) with its rendered objects."""
    platforms = (load_platform(read_tree(ACME)).platform, reference())
    return tuple(
        Subject(platform, cluster, render(platform, cluster)) for platform in platforms for cluster in platform.clusters
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "subject" in metafunc.fixturenames:
        metafunc.parametrize(
            "subject", subjects(), ids=[f"{item.platform.name}-{item.cluster.name}" for item in subjects()]
        )


@pytest.fixture
def manifests(subject: Subject) -> Manifests:
    return subject.manifests


@pytest.fixture
def platform(subject: Subject) -> Platform:
    return subject.platform
