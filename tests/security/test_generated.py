"""The same benchmarks over generated platforms: they hold for whatever a directory may declare."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from hypothesis import given, settings

from allotment.model.platform import Platform
from allotment.render.manifests import render
from tests.by_day import by_day
from tests.security import test_cis_section5, test_tenancy_benchmarks
from tests.security.subject import Subject
from tests.unit.strategies import platforms

Check = Callable[[Subject], None]


def checks(module: ModuleType) -> Iterator[Check]:
    """The tests of a module that ask nothing but a subject."""
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("test_") and list(inspect.signature(function).parameters) == ["subject"]:
            yield function


@pytest.mark.parametrize("module", [test_tenancy_benchmarks, test_cis_section5], ids=["MTB", "CIS"])
@settings(max_examples=by_day(10), deadline=None)
@given(platform=platforms())
def test_benchmarks_hold_for_any_platform(module: ModuleType, platform: Platform) -> None:
    [cluster] = platform.clusters
    subject = Subject(platform, cluster, render(platform, cluster))
    for check in checks(module):
        check(subject)


def test_all_benchmarks_are_among_the_checks() -> None:
    assert len(list(checks(test_tenancy_benchmarks))) == 19
    assert len(list(checks(test_cis_section5))) == 15


@pytest.mark.parametrize(
    "kind",
    [
        "ClusterQueue", "Namespace", "NetworkPolicy", "ResourceQuota", "Role", "RoleBinding", "ServiceAccount",
        "ValidatingAdmissionPolicy",
    ],
)  # fmt: skip
def test_what_the_checks_look_at_is_rendered(kind: str, subject: Subject) -> None:
    """Each check goes over all objects of a kind, and would hold of none."""
    assert subject.of_kind(kind)
