"""Attack row 9: no sequence of calls that a role permits widens what its holder may do.

A small model of the API server's RBAC: who may create roles and bindings, and its escalation check (nobody gives, or
binds, rights that he does not hold). Hypothesis plays the attacker. `tests/live/security` tries the same on the real
server.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.render.rbac import RULES, Role
from tests.by_day import by_day
from tests.security.subject import Subject

Right = tuple[str, str, str]
"""(verb, group, resource)."""

RBAC = "rbac.authorization.k8s.io"
ATTACKER = "attacker"
POWERS: tuple[Right, ...] = (
    ("create", "", "pods/exec"),
    ("get", "", "secrets"),
    ("create", "", "serviceaccounts/token"),
    ("patch", "", "resourcequotas"),
    ("delete", "networking.k8s.io", "networkpolicies"),
    ("escalate", RBAC, "roles"),
    ("bind", RBAC, "roles"),
    ("impersonate", "", "users"),
)


def rights_of(role: Role) -> frozenset[Right]:
    return frozenset(
        (verb, group, resource)
        for rule in RULES[role]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


class Namespace:
    """RBAC of one namespace: roles by name, and who is bound to which."""

    def __init__(self, role: Role) -> None:
        self.roles: dict[str, frozenset[Right]] = {name.value: rights_of(name) for name in Role}
        self.bound: dict[str, set[str]] = {ATTACKER: {role.value}}

    def rights(self, who: str) -> frozenset[Right]:
        return frozenset().union(*(self.roles[name] for name in self.bound.get(who, ()) if name in self.roles))

    def may(self, who: str, *right: str) -> bool:
        return tuple(right) in self.rights(who)

    def create_role(self, who: str, name: str, rights: frozenset[Right]) -> None:
        allowed = rights <= self.rights(who) or self.may(who, "escalate", RBAC, "roles")
        if self.may(who, "create", RBAC, "roles") and allowed and name not in self.roles:
            self.roles[name] = rights

    def bind(self, who: str, whom: str, name: str) -> None:
        held = self.roles.get(name)
        if held is None or not self.may(who, "create", RBAC, "rolebindings"):
            return
        if held <= self.rights(who) or self.may(who, "bind", RBAC, "roles"):
            self.bound.setdefault(whom, set()).add(name)

    def delete_role(self, who: str, name: str) -> None:
        if self.may(who, "delete", RBAC, "roles"):
            self.roles.pop(name, None)

    def run_pod_as(self, who: str, account: str) -> None:
        """Whoever makes pods acts as any account of the namespace."""
        if self.may(who, "create", "", "pods"):
            self.bound[who] = self.bound.get(who, set()) | self.bound.get(account, set())


names = st.sampled_from([*(role.value for role in Role), "mine", "other"])
subjects = st.sampled_from([ATTACKER, "account", "friend"])
any_rights = st.frozensets(st.sampled_from([*POWERS, *sorted(rights_of(Role.OWNER))]), max_size=4)
calls = st.one_of(
    st.tuples(st.just("create_role"), subjects, names, any_rights),
    st.tuples(st.just("bind"), subjects, subjects, names),
    st.tuples(st.just("delete_role"), subjects, names),
    st.tuples(st.just("run_pod_as"), subjects, subjects),
)


@settings(max_examples=by_day(100), deadline=None)
@given(role=st.sampled_from(Role), attack=st.lists(calls, max_size=12))
def test_no_sequence_of_calls_widens_a_role(role: Role, attack: list[tuple[str, ...]]) -> None:
    namespace = Namespace(role)
    before = namespace.rights(ATTACKER)
    for call, *arguments in attack:
        getattr(namespace, call)(*arguments)
    assert namespace.rights(ATTACKER) <= before
    everybody = frozenset().union(*(namespace.rights(who) for who in namespace.bound))
    assert everybody <= before, "somebody got what nobody held"


def test_the_model_would_see_an_escalation() -> None:
    """With `bind` in the role, the attack succeeds: the property above is able to fail."""
    namespace = Namespace(Role.MEMBER)
    namespace.roles[Role.MEMBER] |= {("create", RBAC, "rolebindings"), ("bind", RBAC, "roles")}
    namespace.bind(ATTACKER, ATTACKER, Role.OWNER)
    assert ("get", "", "secrets") in namespace.rights(ATTACKER)


@pytest.mark.parametrize("role", list(Role))
def test_no_role_holds_a_power_over_others(role: Role) -> None:
    harmless = {Role.OWNER: {("get", "", "secrets")}, Role.EXEC: {("create", "", "pods/exec")}}
    assert rights_of(role) & set(POWERS) == harmless.get(role, set())


def test_rendered_roles_are_the_ones_the_model_knows(subject: Subject) -> None:
    for item in subject.of_kind("Role"):
        usual = RULES[Role(item.key.name)]
        team = subject.platform.team(item.team or "")
        assert team is not None
        further = team.extra_rules.held_by(item.key.name.removeprefix("allotment-"))
        assert item.body["rules"][: len(usual)] == list(usual)
        assert len(item.body["rules"]) == len(usual) + len(further)
