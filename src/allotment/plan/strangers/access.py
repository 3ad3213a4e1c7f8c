"""Access beside ours: bindings, roles, accounts and tokens that let somebody in past the declared roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.plan.additions import AGGREGATION_PREFIX
from allotment.plan.order import DEFAULT_ACCOUNT
from allotment.plan.strangers.grounds import Grounds, Rule, Tenancy
from allotment.plan.strangers.rights import AGGREGATED, harmless, powers, within, writes
from allotment.plan.strangers.stranger import Live, Stranger
from allotment.plan.strangers.subjects import Standing, Subject, subject_of

_REMOVE: Final = "delete it"
_STAYS: Final = "access that outlives the team"
_OUTSIDERS: Final = frozenset({Standing.TENANT, Standing.PUBLIC, Standing.PERSON})


def access(live: Live, around: Grounds) -> Iterator[Stranger]:
    """Every way in that is not ours."""
    roles = Roles.read(live)
    for body in live.of("ClusterRoleBinding"):
        if key_of(body) not in around.declared:
            yield from _cluster_wide(body, roles, around)
    for body in live.of("RoleBinding"):
        tenancy = around.tenancies.get(body["metadata"]["namespace"])
        if key_of(body) in around.declared:
            continue
        if tenancy is not None:
            yield from _in_team(body, tenancy, roles, around)
        elif body["metadata"]["namespace"] in around.exempt:
            yield from _past_policies(body, roles, around)
    yield from _roles_in_teams(live, around)
    yield from _aggregated(live)
    yield from _accounts(live, around)


@dataclass(frozen=True, slots=True)
class Roles:
    """The rules of every role that was read.

    Attributes:
        cluster_wide: whether ClusterRoles could be read at all.
    """

    rules: Mapping[ObjectKey, tuple[Rule, ...]]
    cluster_wide: bool

    @classmethod
    def read(cls, live: Live) -> Roles:
        """Those of a cluster."""
        found = {key_of(body): tuple(body.get("rules") or ()) for body in live.of_kinds("ClusterRole", "Role")}
        return cls(found, "ClusterRole" in live.objects)

    def of(self, binding: Body) -> tuple[Rule, ...]:
        """The rules a binding gives; none if its role is not there (yet)."""
        return self.rules.get(_role_of(binding), ())

    def dangles(self, binding: Body) -> bool:
        """Whether a ClusterRole that is not there is bound: no owner can do that, and it may yet come."""
        key = _role_of(binding)
        return self.cluster_wide and key.kind == "ClusterRole" and key not in self.rules

    def may_matter(self, binding: Body, outsiders: tuple[Subject, ...]) -> bool:
        """Whether a binding gives more than what everybody may ask of the server."""
        rules = self.of(binding)
        if rules or self.cluster_wide:
            return not (rules and harmless(rules))
        # Every cluster binds some roles to everybody; with their rules unseen these cannot be told apart.
        return any(subject.standing is not Standing.PUBLIC for subject in outsiders)


def _role_of(binding: Body) -> ObjectKey:
    ref = binding["roleRef"]
    namespace = binding["metadata"].get("namespace", "") if ref["kind"] == "Role" else ""
    return ObjectKey(ref.get("apiGroup", ""), ref["kind"], namespace, ref["name"])


def subjects(binding: Body, around: Grounds) -> tuple[Subject, ...]:
    """The subjects of a binding, judged."""
    namespace = binding["metadata"].get("namespace", "")
    return tuple(subject_of(body, namespace, around) for body in binding.get("subjects") or ())


def _gives(binding: Body, rules: tuple[Rule, ...]) -> str:
    ref = binding["roleRef"]
    found = powers(rules)
    more = f" ({', '.join(found)})" if found else ""
    return f"gives {ref['kind']} {ref['name']}{more}"


def _named(found: tuple[Subject, ...]) -> str:
    return ", ".join(map(str, found))


def _cluster_wide(body: Body, roles: Roles, around: Grounds) -> Iterator[Stranger]:
    rules = roles.of(body)
    outsiders = tuple(subject for subject in subjects(body, around) if subject.standing in _OUTSIDERS)
    if outsiders and roles.may_matter(body, outsiders):
        teams = sorted({team for subject in outsiders for team in subject.teams})
        yield Stranger(
            key_of(body),
            teams[0] if len(teams) == 1 and all(subject.teams for subject in outsiders) else "",
            f"{_gives(body, rules)} in the whole cluster to {_named(outsiders)}",
            "no role of the platform does, and it reaches into every team's namespace",
            _REMOVE,
        )


def _in_team(body: Body, tenancy: Tenancy, roles: Roles, around: Grounds) -> Iterator[Stranger]:
    rules, found = roles.of(body), subjects(body, around)
    key = key_of(body)
    if tenancy.leaving:
        yield Stranger(key, tenancy.team, f"{_gives(body, rules)} to {_named(found)}", _STAYS, "apply the platform")
        return
    inside = tuple(subject for subject in found if subject.is_of(tenancy.namespace, tenancy.groups))
    trusted = {Standing.SYSTEM, Standing.ENGINEER}
    outside = tuple(subject for subject in found if subject not in inside and subject.standing not in trusted)
    if outside:
        yield Stranger(
            key,
            tenancy.team,
            f"{_gives(body, rules)} to {_named(outside)}",
            f"only groups and service accounts of team {tenancy.team} belong into its namespace",
            _REMOVE,
        )
    elif inside and roles.dangles(body):
        why = "that role is not there, and whoever makes one of that name gives it to them"
        yield Stranger(key, tenancy.team, f"{_gives(body, rules)} to {_named(inside)}", why, _REMOVE)
    elif inside and not within(rules, tenancy.own_rules):
        why = "that is more than an owner of the team has, so no owner made it"
        yield Stranger(key, tenancy.team, f"{_gives(body, rules)} to {_named(inside)}", why, _REMOVE)


def _past_policies(body: Body, roles: Roles, around: Grounds) -> Iterator[Stranger]:
    rules = roles.of(body)
    found = subjects(body, around)
    tenants = tuple(subject for subject in found if subject.standing is Standing.TENANT)
    others = tuple(subject for subject in found if subject.standing in {Standing.PUBLIC, Standing.PERSON})
    outsiders = (*tenants, *(others if powers(rules) else ()))
    if outsiders:
        yield Stranger(
            key_of(body),
            "",
            f"{_gives(body, rules)} to {_named(outsiders)}",
            "no policy touches that namespace",
            _REMOVE,
        )


def _roles_in_teams(live: Live, around: Grounds) -> Iterator[Stranger]:
    for body in live.of("Role"):
        key, tenancy = key_of(body), around.tenancies.get(body["metadata"]["namespace"])
        if tenancy is None or key in around.declared:
            continue
        rules = tuple(body.get("rules") or ())
        if tenancy.leaving:
            yield Stranger(key, tenancy.team, "is not ours", _STAYS, "apply the platform")
        elif not within(rules, tenancy.own_rules):
            found = ", ".join(powers(rules)) or "rights that no owner has"
            why = "that is more than an owner of the team has, so no owner made it"
            yield Stranger(key, tenancy.team, f"holds {found}", why, _REMOVE)


def _aggregated(live: Live) -> Iterator[Stranger]:
    """ClusterRoles that widen Kubernetes' own roles for people, for all who hold those."""
    for body in live.of("ClusterRole"):
        marks = body["metadata"].get("labels") or {}
        rules = tuple(body.get("rules") or ())
        for target, usual in AGGREGATED.items():
            if marks.get(f"{AGGREGATION_PREFIX}{target}") != "true":
                continue
            more = [word for word in powers(rules) if word not in usual]
            if target == "view" and not more and writes(rules):
                more = ["changes"]
            if more:
                yield Stranger(
                    key_of(body),
                    "",
                    f"adds {', '.join(more)} to ClusterRole {target}",
                    f"everybody with the role {target}, anywhere, has it by that",
                    f"take the label {AGGREGATION_PREFIX}{target} off it",
                )
                break


def _accounts(live: Live, around: Grounds) -> Iterator[Stranger]:
    for body in live.of("ServiceAccount"):
        key, team = key_of(body), around.team(body["metadata"]["namespace"])
        if not team or key in around.declared:
            continue
        if key.name == DEFAULT_ACCOUNT and key.namespace in around.soft:
            continue  # not ours yet, and Kubernetes makes it again: `prove` says that it is not hardened
        if around.tenancies[key.namespace].leaving:
            yield Stranger(key, team, "is not ours", _STAYS, "apply the platform")
        elif body.get("automountServiceAccountToken") is not False:
            why = "pods that name it get a token for the API server"
            yield Stranger(key, team, "is not ours", why, f"{_REMOVE}, or set automountServiceAccountToken: false")
    for body in live.of("Secret"):
        key, team = key_of(body), around.team(body["metadata"]["namespace"])
        if team:
            account = _account_of(body)
            why = "it never expires, and outlives whoever made it"
            yield Stranger(key, team, f"holds a token of service account {account}", why, _REMOVE)


def _account_of(secret: Mapping[str, Any]) -> str:
    return str((secret["metadata"].get("annotations") or {}).get("kubernetes.io/service-account.name", "unknown"))
