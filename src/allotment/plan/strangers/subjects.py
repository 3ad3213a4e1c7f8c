"""Who a subject of a binding is to us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from allotment.plan.strangers.grounds import Grounds

_PUBLIC: Final = frozenset(
    {"system:anonymous", "system:authenticated", "system:serviceaccounts", "system:unauthenticated"}
)
_PROVIDERS: Final = ("eks:", "kubeadm:", "system:")
"""Prefixes that the API server or its provider keeps for itself: no identity provider hands them out."""

_ACCOUNT: Final = "system:serviceaccount:"
_ACCOUNTS: Final = "system:serviceaccounts:"


class Standing(StrEnum):
    """How a subject stands to a platform."""

    SYSTEM = "a component of the system"
    ENGINEER = "a platform engineer"
    OPERATOR = "a service account outside the teams' namespaces"
    TENANT = "somebody of a team"
    PUBLIC = "everybody"
    PERSON = "somebody who is not of the platform"


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject, judged.

    Attributes:
        kind: in words.
        namespace: of a service account, or of all accounts of a namespace; empty for others.
        teams: whom it belongs to, for tenants.
    """

    kind: str
    name: str
    standing: Standing
    namespace: str = ""
    teams: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As reports show it."""
        return f"{self.kind} {self.name}"

    def is_of(self, namespace: str, groups: frozenset[str]) -> bool:
        """Whether it belongs to the team of a namespace."""
        return self.standing is Standing.TENANT and (
            self.namespace == namespace or (not self.namespace and self.name in groups)
        )


def subject_of(body: Mapping[str, Any], binding_namespace: str, around: Grounds) -> Subject:
    """Judge a subject of a RoleBinding or ClusterRoleBinding."""
    kind, name = str(body.get("kind", "")), str(body.get("name", ""))
    if kind == "ServiceAccount":
        return _account(str(body.get("namespace") or binding_namespace), name, around)
    word = kind.lower()
    if name in _PUBLIC:
        return Subject(word, name, Standing.PUBLIC)
    if kind == "User" and name.startswith(_ACCOUNT):
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        return _account(namespace, account, around)
    if kind == "Group" and name.startswith(_ACCOUNTS):
        return _account(name.removeprefix(_ACCOUNTS), "*", around)
    if kind == "Group" and name in around.admin_groups:
        return Subject(word, name, Standing.ENGINEER)
    if kind == "Group" and name in around.teams_of:
        return Subject(word, name, Standing.TENANT, teams=around.teams_of[name])
    return Subject(word, name, Standing.SYSTEM if name.startswith(_PROVIDERS) else Standing.PERSON)


def _account(namespace: str, name: str, around: Grounds) -> Subject:
    word, title = "service account", f"{namespace}/{name}"
    if namespace in around.tenancies:
        return Subject(word, title, Standing.TENANT, namespace, (around.tenancies[namespace].team,))
    standing = Standing.SYSTEM if namespace in around.exempt else Standing.OPERATOR
    return Subject(word, title, standing, namespace)
