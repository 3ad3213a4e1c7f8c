"""Teams that were found → their documents: who, where, how much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from allotment.model.manifest import Body
from allotment.model.quantity import format_bytes, format_cpu, parse_bytes, parse_cpu, parse_quantity
from allotment.spec.imports.apart import ROLES, bound_groups
from allotment.spec.imports.flavors import Meaning, quotas_of
from allotment.spec.imports.found import FoundTeam, cohort_of
from allotment.spec.imports.live import (
    LiveCluster,
    Notes,
    PodFacts,
    in_spaces,
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
            amounts = borrowing_none(amounts) if team.shared else amounts
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


def borrowing_none(amounts: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a queue that stood alone and gets a cohort: it borrows no more than before."""
    devices = {name: {**_whole(amount), "borrowingLimit": 0} for name, amount in amounts["accelerators"].items()}
    return {**amounts, "accelerators": devices}


def _whole(amount: Any) -> Mapping[str, Any]:
    return amount if isinstance(amount, Mapping) else {"nominal": amount}


def _borrowed(amount: Any, unit: str, *, bounded: bool) -> Any:
    limits = _whole(amount)
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
