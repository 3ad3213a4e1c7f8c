"""What a team may create, it may not create without end: etcd is everybody's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from allotment.model.cluster import Feature
from allotment.render.rbac import Role, rules_of
from allotment.spec.defaults import object_counts

BY_NAME = {"configmaps", "persistentvolumeclaims", "pods", "secrets", "services"}
"""Kinds of the core group whose count in a ResourceQuota has a name of its own."""


def creatable() -> Iterator[tuple[str, str]]:
    for role in Role:
        for rule in rules_of(role, frozenset(Feature)):
            if "create" in rule["verbs"]:
                yield from (
                    (group, resource)
                    for group in rule["apiGroups"]
                    for resource in rule["resources"]
                    if "/" not in resource
                )


@pytest.mark.parametrize(("group", "resource"), sorted(set(creatable())))
def test_every_kind_that_a_role_may_create_is_counted(group: str, resource: str) -> None:
    hard = {**object_counts(frozenset(Feature)), "pods": 1, "persistentvolumeclaims": 1}
    key = resource if not group and resource in BY_NAME else f"count/{resource}.{group}"
    assert key in hard
