"""Attack row 1: no two tenants ever share an object, whatever they are called."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.model.names import is_dns_label, is_reserved, tenant_name
from allotment.render.manifests import render
from tests.by_day import by_day
from tests.security.subject import Subject
from tests.unit import builders as build

AS_WRITTEN = st.text(min_size=1, max_size=80)
CLOSE = st.from_regex(r"[aA](-{1,3}|_|\.| )?[bB]?(-{1,2}c)?", fullmatch=True)
"""Names that differ by case, dashes and separators only."""

SIMILAR = ["nlp", "NLP", "Nlp", "nlp-", "-nlp", "n-lp", "n--lp", "nlp\u200b", "ｎｌｐ", "n" * 63, "n" * 64, "n" * 65]  # noqa: RUF001


def test_similar_names_lead_to_different_namespaces() -> None:
    namespaces = [build.team(name).namespaces[0] for name in SIMILAR]
    assert len(set(namespaces)) == len(SIMILAR)
    assert all(is_dns_label(namespace) for namespace in namespaces)


@settings(max_examples=by_day(150), deadline=None)
@given(st.lists(AS_WRITTEN | CLOSE, min_size=2, max_size=6, unique=True))
def test_tenants_never_share_an_object(team_names: list[str]) -> None:
    """Each team's objects have identities of their own: `render` would raise on a collision."""
    teams = [build.team(name) for name in team_names]
    platform = build.platform(teams=teams, guardrails=())
    owners: dict[str, set[str | None]] = {}
    for item in render(platform, platform.clusters[0]):
        if item.key.namespace:
            owners.setdefault(item.key.namespace, set()).add(item.team)
    assert all(len(teams_there) == 1 for teams_there in owners.values())
    assert len(owners) == len(team_names)


@settings(max_examples=by_day(150), deadline=None)
@given(st.lists(st.lists(AS_WRITTEN | CLOSE, min_size=1, max_size=3).map(tuple), min_size=2, max_size=4, unique=True))
def test_team_project_and_user_map_to_one_name_only(paths: list[tuple[str, ...]]) -> None:
    assert len({tenant_name(*path) for path in paths}) == len(paths)


@pytest.mark.parametrize(
    "namespace", ["kube-system", "kube-anything", "default", "allotment-system", "kueue-system", "x-forged-name"]
)
def test_namespaces_of_the_system_are_nobodys(namespace: str) -> None:
    assert is_reserved(namespace)


def test_no_tenant_is_rendered_into_a_namespace_of_the_system(subject: Subject) -> None:
    for namespace in subject.namespaces():
        # Hashed names have their own reserved prefix, which only `tenant_name` gives out.
        name = namespace.key.name
        assert not is_reserved(name) or name.startswith("x-")
