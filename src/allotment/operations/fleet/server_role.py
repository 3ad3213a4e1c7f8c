"""The least that a server needs in a cluster: to read what answers rest on, and apart from it to act for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.model.platform import Platform
from allotment.operations.change.rights import BoundRole, subject_of
from allotment.render.rbac import READER_RULES

READS: Final = "allotment-server-reads"
"""ClusterRole with which a server follows a cluster; no Secret is in it."""
ACTS: Final = "allotment-server-acts-for-people"
"""ClusterRole with which it makes people's jobs in their names."""
_RBAC: Final = "rbac.authorization.k8s.io/v1"
_EVERYBODY: Final = "system:authenticated"


def server_roles(platform: Platform, *, for_people: bool, bind_to: str = "") -> tuple[Mapping[str, Any], ...]:
    """The roles, and their bindings to somebody.

    Args:
        platform: whose teams' groups people may be in.
        for_people: whether the server is to make jobs there in people's names, besides.
        bind_to: whom they are bound to, as `subject_of` reads it; empty for nobody.

    Raises:
        UsageError: `bind_to` names nobody.
    """
    found = [_role(READS, [dict(each) for each in READER_RULES])]
    if for_people:
        found.append(_role(ACTS, _acting(platform)))
    subject = subject_of(bind_to) if bind_to else None
    bindings = () if subject is None else (body for role in found for body in role.bound_to(subject))
    return (*(each.body for each in found), *bindings)


def _acting(platform: Platform) -> list[Mapping[str, Any]]:
    """In the groups of the directory alone: whoever may impersonate any group may be anybody."""
    groups = sorted({_EVERYBODY, *platform.admin_groups, *(one for team in platform.teams for one in team.groups.all)})
    return [
        {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]},
        {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"], "resourceNames": groups},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    ]


def _role(name: str, rules: list[Mapping[str, Any]]) -> BoundRole:
    body = {"apiVersion": _RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    return BoundRole(body, ("",))
