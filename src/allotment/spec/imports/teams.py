"""Queues and namespaces as they are → teams: who, where, how much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.model.names import is_dns_label, is_plain
from allotment.model.quantity import format_bytes, format_cpu, parse_bytes, parse_cpu, parse_quantity
from allotment.spec.imports.apart import ROLES, bound_groups, owner_first, parted, why_apart
from allotment.spec.imports.flavors import Meaning, quotas_of
from allotment.spec.imports.live import (
    LiveCluster,
    Notes,
    PodFacts,
    in_spaces,
    is_system,
    marks_of,
    name_of,
    space_of,
    title,
)

_LIMITS: Final = (("nominalQuota", "nominal"), ("borrowingLimit", "borrowingLimit"), ("lendingLimit", "lendingLimit"))
_SUMS: Final = {
    "requests.cpu": ("requestsCpu", "cpu"),
    "cpu": ("requestsCpu", "cpu"),
    "limits.cpu": ("limitsCpu", "cpu"),
    "requests.memory": ("requestsMemory", "memory"),
    "memory": ("requestsMemory", "memory"),
    "limits.memory": ("limitsMemory", "memory"),
    "pods": ("pods", "count"),
    "persistentvolumeclaims": ("claims", "count"),
}
_POD_SECURITY: Final = "pod-security.kubernetes.io/enforce"
_EXCEPTION: Final = dt.timedelta(days=90)
_USUAL_PODS: Final = 50
_USUAL_CLAIMS: Final = 20
_USUAL_STORAGE: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class FoundTeam:
    """A team to be declared.

    Attributes:
        queue: its ClusterQueue; None where only a namespace shows that it is there.
        guest_of: the ClusterQueue of another team that its work runs by now; None if by its own.
        shared: the cohort by which quota is shared with guests where the queue has none; empty if with nobody.
    """

    name: str
    namespaces: tuple[str, ...]
    queue: Body | None
    guest_of: Body | None = None
    shared: str = ""

    @property
    def counted(self) -> Body | None:
        """The ClusterQueue that its work is counted in now."""
        return self.queue or self.guest_of


def found_teams(live: LiveCluster, notes: Notes) -> tuple[FoundTeam, ...]:
    """A team for each ClusterQueue that namespaces lead to, and for each other namespace with a quota."""
    spaces = {name_of(body) for body in live.namespaces if not is_system(name_of(body)) and is_plain(name_of(body))}
    leading: dict[str, str] = {}
    for local in live.local_queues:
        if space_of(local) not in spaces:
            notes.add(local, "its namespace is the system's, or no team's namespace can have that name")
            continue
        queue = local["spec"].get("clusterQueue", "")
        if leading.setdefault(space_of(local), queue) != queue:
            notes.add(local, f"a second queue of the namespace: the directory has one, {leading[space_of(local)]}")
    teams: list[FoundTeam] = []
    taken: set[str] = set()
    for queue in live.cluster_queues:
        mine = tuple(sorted(space for space, name in leading.items() if name == name_of(queue)))
        if not mine:
            notes.add(queue, "no namespace leads to it: no team is made of it")
            continue
        parts = owner_first(live, name_of(queue), parted(live, mine))
        teams += _sharing(live, queue, parts, taken, notes)
    held = {space for team in teams for space in team.namespaces}
    limited = sorted({space_of(quota) for quota in live.quotas} & spaces - held)
    teams += [FoundTeam(_name(space, taken), (space,), None) for space in limited]
    for space in sorted(spaces - held - set(limited)):
        notes.say(f"Namespace {space}", "it has neither a LocalQueue nor a ResourceQuota: no team is made of it")
    return tuple(teams)


def _sharing(
    live: LiveCluster, queue: Body, parts: tuple[tuple[str, ...], ...], taken: set[str], notes: Notes
) -> Iterator[FoundTeam]:
    """The team that keeps a queue, and those whose work runs by it too, and which are others."""
    owned, *others = parts
    owner = _name(name_of(queue) if is_plain(name_of(queue)) else owned[0], taken)
    shared = _shared_cohort(live, owner) if others and cohort_of(queue) is None else ""
    yield FoundTeam(owner, owned, queue, None, shared)
    for part in others:
        guest = _name(part[0], taken)
        cohort = shared or cohort_of(queue)
        notes.warn(
            f"teams {owner} and {guest}",
            f"{', '.join(owned)} and {', '.join(part)} share ClusterQueue {name_of(queue)}, and "
            f"{why_apart(live, owned, part)}: they are declared as two teams, so that no group gets into a namespace "
            f"in which it is not now. {owner} keeps the queue; {guest} gets one with no quota of its own, which "
            f"borrows from it in cohort {cohort}, and what it borrows can be reclaimed. LocalQueues of {guest} lead to "
            f"{name_of(queue)} as before: move its work to LocalQueue {labels.LOCAL_QUEUE}, which apply makes, and "
            f"delete them before you adopt the queue. If they are one team, write all namespaces into its document: "
            "all its groups then get into all of them",
        )
        yield FoundTeam(guest, part, None, queue, shared)


def _shared_cohort(live: LiveCluster, wished: str) -> str:
    """A cohort of a name that no other has."""
    there = {name_of(body) for body in live.cohorts} | {cohort_of(queue) for queue in live.cluster_queues}
    return _name(wished, {name for name in there if name}, "shared")


def _name(wished: str, taken: set[str], suffix: str = "team") -> str:
    name = wished
    while name in taken:
        name = f"{name}-{suffix}"
    taken.add(name)
    return name


@dataclass(frozen=True, slots=True)
class TeamReading:
    """What teams are read with.

    Attributes:
        resources: resource name by accelerator, of those that the nodes have.
        accelerators: accelerator by the usual name of its flavor.
        rungs: of the ladder; none where the reference ladder stays.
        default_rung: its default; empty where the reference ladder stays.
    """

    live: LiveCluster
    cluster: str
    meaning: Meaning
    resources: Mapping[str, str]
    accelerators: Mapping[str, str]
    rungs: tuple[str, ...]
    default_rung: str
    today: dt.date
    notes: Notes

    def document(self, team: FoundTeam) -> dict[str, Any]:
        """A team as the directory has it."""
        return {
            "kind": "Team",
            "name": team.name,
            "namespaces": list(team.namespaces) if team.namespaces != (team.name,) else None,
            "groups": self._groups(team),
            "podSecurity": self._pod_security(team),
            "priorities": self._priorities(team),
            "storage": self._storage(team),
            "placements": {self.cluster: self._placement(team)},
        }

    def _groups(self, team: FoundTeam) -> dict[str, list[str]]:
        found: dict[str, dict[str, None]] = {}
        for binding in in_spaces(self.live.bindings, team.namespaces):
            ref = binding.get("roleRef", {})
            declared = {name: role for role, name in bound_groups(binding)}
            for subject in binding.get("subjects") or ():
                name = subject.get("name", "")
                if subject.get("kind") != "Group" or name not in declared:
                    self.notes.add(
                        binding, f"{subject.get('kind')} {name} as {ref.get('kind')} {ref.get('name')}: stays as it is"
                    )
                else:
                    found.setdefault(declared[name], {})[name] = None
                    self.notes.add(
                        binding,
                        f"{name} is declared as {declared[name]}; the binding stays as it is, and goes on to give "
                        f"{ref.get('kind')} {ref.get('name')} until you delete it",
                    )
        return {role: list(found[role]) for role in ROLES.values() if role in found}

    def _pod_security(self, team: FoundTeam) -> dict[str, Any] | None:
        spaces = [body for body in self.live.namespaces if name_of(body) in team.namespaces]
        levels = {name_of(body): marks_of(body).get(_POD_SECURITY, "privileged") for body in spaces}
        weaker = {space: level for space, level in levels.items() if level != "restricted"}
        if not weaker:
            return None
        level = "privileged" if "privileged" in weaker.values() else "baseline"
        until = self.today + _EXCEPTION
        self.notes.say(
            f"team {team.name}",
            f"Pod Security is {level} in {', '.join(sorted(weaker))} now, and is declared so until {until}",
        )
        return {
            "level": level,
            "reason": "as it was when the cluster was imported",
            "namespaces": sorted(weaker),
            "until": until.isoformat(),
        }

    def _priorities(self, team: FoundTeam) -> list[str]:
        used = {name for space in team.namespaces for name in self.live.pods.get(space, PodFacts()).classes}
        for name in sorted(used - set(self.rungs)):
            self.notes.say(
                f"team {team.name}", f"its pods name the priority class {name}, which is no rung of the ladder"
            )
        named = [name for name in self.rungs if name in used and name != self.default_rung]
        return [self.default_rung, *named] if named else []

    def _storage(self, team: FoundTeam) -> dict[str, str]:
        by_space: dict[str, int] = {}
        for claim in in_spaces(self.live.claims, team.namespaces):
            size = claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0")
            by_space[space_of(claim)] = by_space.get(space_of(claim), 0) + parse_bytes(str(size))
            self.notes.add(claim, f"a claim of {size}: it stays, and is not declared")
        most = max(by_space.values(), default=0)
        return {"total": _memory(most)} if most > _USUAL_STORAGE else {}

    def _placement(self, team: FoundTeam) -> dict[str, Any]:
        quota = self._quota(team)
        if team.counted is None:
            cpu, memory = quota.get("requestsCpu", "1"), quota.get("requestsMemory", "1Gi")
            self.notes.say(f"team {team.name}", "it has no queue: apply makes one, of what its ResourceQuota allows")
            return {"cpu": cpu, "memory": memory, "standalone": True, "namespaceQuota": quota}
        spec = team.counted.get("spec", {})
        cohort = team.shared or cohort_of(team.counted)
        weight = (spec.get("fairSharing") or {}).get("weight") if team.queue else None
        amounts = amounts_of(team.counted, self.meaning, self.notes)
        if team.queue is None:
            amounts = borrowed(amounts, alone=bool(team.shared))
        else:
            _say_the_rest(team.queue, self.notes)
        return {
            "cohort": cohort,
            "standalone": None if cohort else True,
            "weight": weight_of(weight),
            **amounts,
            "namespaceQuota": quota,
        }

    def _quota(self, team: FoundTeam) -> dict[str, Any]:
        quota: dict[str, Any] = {}
        pods = max((self.live.pods.get(space, PodFacts()).pods for space in team.namespaces), default=0)
        for body in in_spaces(self.live.quotas, team.namespaces):
            self.notes.add(body, "it stays as it is, beside the one that apply makes")
            others = sorted(set(team.namespaces) - {space_of(body)})
            if others:
                self.notes.warn(
                    title(body),
                    f"a team's limits (namespaceQuota) are those of each of its namespaces: apply limits "
                    f"{', '.join(others)} as well by {_hard(body)}",
                )
            used = body.get("status", {}).get("used") or {}
            for key, hard in sorted((body.get("spec", {}).get("hard") or {}).items()):
                self._add_limit(quota, team, body, key, _larger(hard, used.get(key)))
        claims = max(
            (sum(space_of(claim) == space for claim in self.live.claims) for space in team.namespaces), default=0
        )
        quota.setdefault("pods", max(_USUAL_PODS, pods))
        quota.setdefault("claims", max(_USUAL_CLAIMS, claims))
        return {key: value for key, value in quota.items() if (key, value) not in _USUAL}

    def _devices(self, team: FoundTeam) -> set[str]:
        """Accelerators that its queue counts; where it has none, all that there are."""
        if team.counted is None:
            return set(self.resources)
        usual = {self.meaning.usual.get((flavor, resource), "") for flavor, resource, _ in quotas_of(team.counted)}
        return {name for flavor in usual if (name := self.accelerators.get(flavor))}

    def _add_limit(self, quota: dict[str, Any], team: FoundTeam, body: Body, key: str, amount: str) -> None:
        if key in _SUMS:
            field, unit = _SUMS[key]
            present = quota.get(field)
            value: Any = int(parse_quantity(amount)) if unit == "count" else _amount(amount, unit)
            # One quota for each of the team's namespaces, all alike: the largest.
            quota[field] = value if present is None or _larger(str(value), str(present)) == str(value) else present
            return
        resource = key.removeprefix("requests.")
        names = sorted(name for name in self._devices(team) if self.resources[name] == resource)
        if len(names) == 1:
            quota.setdefault("accelerators", {})[names[0]] = int(parse_quantity(amount))
        elif key.startswith("count/") and amount.isdigit():
            quota.setdefault("objects", {})[key] = int(amount)
        else:
            self.notes.add(body, f"{key}: {amount} is not said in the directory")


def _hard(body: Body) -> str:
    hard = body.get("spec", {}).get("hard") or {}
    return ", ".join(f"{name}={amount}" for name, amount in sorted(hard.items())) or "nothing"


_USUAL: Final = (("pods", _USUAL_PODS), ("claims", _USUAL_CLAIMS))
_SAID: Final = frozenset({"cohort", "cohortName", "fairSharing", "namespaceSelector", "resourceGroups"})
_RULES: Final[Mapping[str, Any]] = {
    "queueingStrategy": "BestEffortFIFO",
    "stopPolicy": "None",
    "admissionScope": None,
}


def cohort_of(queue: Body) -> str | None:
    """The cohort that a ClusterQueue is in, if the directory can name it."""
    spec = queue.get("spec", {})
    name = str(spec.get("cohortName") or spec.get("cohort") or "")
    return name if is_dns_label(name) else None


def _say_the_rest(queue: Body, notes: Notes) -> None:
    for field, value in sorted(queue.get("spec", {}).items()):
        if field not in _SAID and _RULES.get(field, _SAID) != value:
            notes.add(queue, f"spec.{field} is the platform's, and would be declared otherwise where it differs")


def amounts_of(queue: Body, meaning: Meaning, notes: Notes) -> dict[str, Any]:
    """Quota of a ClusterQueue or Cohort as the directory says it: cpu, memory, accelerators."""
    plain: dict[str, dict[str, Fraction]] = {}
    devices: dict[str, dict[str, Fraction]] = {}
    for flavor, resource, entry in quotas_of(queue):
        usual = meaning.usual.get((flavor, resource))
        if usual is None:
            continue  # told where flavors were matched
        known = plain.setdefault(resource, {}) if resource in ("cpu", "memory") else devices.setdefault(usual, {})
        for theirs, ours in _LIMITS:
            if theirs in entry:
                known[ours] = known.get(ours, Fraction(0)) + parse_quantity(str(entry[theirs]))
    for resource in ("cpu", "memory"):
        if resource not in plain:
            notes.add(queue, f"it counts no {resource}; the directory always does: set as much as its work needs")
    return {
        "cpu": _limits(plain.get("cpu", {"nominal": Fraction(0)}), "cpu"),
        "memory": _limits(plain.get("memory", {"nominal": Fraction(0)}), "memory"),
        "accelerators": {meaning.written(usual): _limits(found, "count") for usual, found in devices.items()},
    }


def borrowed(amounts: Mapping[str, Any], *, alone: bool) -> dict[str, Any]:
    """No quota of its own, and as much to borrow as these amounts let one have.

    Args:
        amounts: of a ClusterQueue, as the directory says them.
        alone: whether that has no cohort, so that its own quota is all that one may have.
    """
    devices = {name: _borrowed(amount, "count", bounded=alone) for name, amount in amounts["accelerators"].items()}
    # CPU and memory without a limit are the directory's for "borrow none".
    plain = {unit: _borrowed(amounts[unit], unit, bounded=True) for unit in ("cpu", "memory")}
    return {**plain, "accelerators": devices}


def _borrowed(amount: Any, unit: str, *, bounded: bool) -> Any:
    limits = amount if isinstance(amount, Mapping) else {"nominal": amount}
    found = {"nominal": Fraction(0)}
    if bounded or "borrowingLimit" in limits:
        more = parse_quantity(str(limits.get("borrowingLimit", 0)))
        found["borrowingLimit"] = parse_quantity(str(limits["nominal"])) + more
    return _limits(found, unit)


def _limits(found: Mapping[str, Fraction], unit: str) -> Any:
    written = {name: _of(amount, unit) for name, amount in found.items()}
    return written["nominal"] if written.keys() == {"nominal"} else written


def _of(amount: Fraction, unit: str) -> Any:
    if unit == "count":
        return int(amount)
    return _cpu(int(-(-amount * 1000 // 1))) if unit == "cpu" else _memory(int(-(-amount // 1)))


def _amount(text: str, unit: str) -> Any:
    return _cpu(parse_cpu(text)) if unit == "cpu" else _memory(parse_bytes(text))


def _cpu(milli: int) -> Any:
    text = format_cpu(parse_cpu(f"{milli}m"))
    return int(text) if text.isdigit() else text


def _memory(amount: int) -> str:
    return format_bytes(parse_bytes(str(amount)))


def _larger(one: str, other: str | None) -> str:
    return one if other is None or parse_quantity(str(one)) >= parse_quantity(str(other)) else other


def weight_of(weight: object) -> Any:
    """A fair-share weight as the directory has it; None where there is none."""
    if weight is None:
        return None
    value = parse_quantity(str(weight))
    return int(value) if value.denominator == 1 else str(float(value))


def describe(team: FoundTeam) -> str:
    """What a team was made of, in words."""
    origin = title(team.counted) if team.counted is not None else "a ResourceQuota"
    if team.guest_of is not None:
        origin = f"{origin}, which another team keeps,"
    return f"{origin} and the namespaces {', '.join(team.namespaces)}"
