"""The files of an imported platform: platform, cluster, ladder, teams, and a report of what they do not say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from allotment.errors import InputError
from allotment.model import labels
from allotment.model.manifest import Body
from allotment.model.names import is_dns_label
from allotment.model.quantity import parse_quantity
from allotment.spec.catalogue import catalogue
from allotment.spec.imports.flavors import Meaning, meaning_of
from allotment.spec.imports.found import FoundTeam, cohort_of, describe, found_teams
from allotment.spec.imports.live import GITOPS, LiveCluster, Notes, Unsaid, marks_of, name_of
from allotment.spec.imports.pools import Pool, pools_of, unlabelled
from allotment.spec.imports.teams import TeamReading, amounts_of, weight_of
from allotment.spec.schema.platform import ALWAYS_EXEMPT
from allotment.spec.writing import block

REPORT: Final = "IMPORT.md"
_REGION: Final = "topology.kubernetes.io/region"
_PROVIDERS: Final = {"aws": "aws", "gce": "gcp", "azure": "azure"}
_EXEMPT: Final = ("gpu-operator", "monitoring")
_HIGHEST: Final = 1_000_000_000
_SYSTEM_CLASSES: Final = ("system-",)
_AS_NOW: Final = "as-before"


@dataclass(frozen=True, slots=True)
class ImportWishes:
    """What cannot be read off a cluster.

    Attributes:
        platform: name of the platform.
        cluster: name of the cluster.
        context: by which it is reached.
        purpose: serving, training or development.
    """

    platform: str
    cluster: str
    context: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A directory that is not written yet.

    Attributes:
        files: text by path.
        unsaid: what it does not say, or says otherwise.
        teams: names of its teams, each with what it was made of.
        first: what is to be read before anything else.
    """

    files: Mapping[str, str]
    unsaid: tuple[Unsaid, ...]
    teams: tuple[tuple[str, str], ...]
    first: tuple[Unsaid, ...] = ()


def import_cluster(live: LiveCluster, wishes: ImportWishes, today: dt.date) -> Imported:
    """The directory that says what lives in a cluster, as far as a directory can.

    Raises:
        InputError: the cluster has no node that work could run on.
    """
    notes = Notes()
    found = found_teams(live, notes)
    devices = catalogue()
    pools = pools_of(live.nodes, devices, notes)
    if not pools:
        raise InputError(
            "the cluster has no node for work", why="a cluster is declared by its node pools", fix="add nodes first"
        )
    unlabelled(pools, notes)
    meaning = meaning_of(live, pools, devices, notes)
    rungs, ladder = _ladder(live, notes)
    reading = TeamReading(
        live=live,
        cluster=wishes.cluster,
        meaning=meaning,
        accelerators={pool.flavor: pool.shape.accelerator for pool in pools if pool.shape.accelerator},
        resources={str(name): devices[name].resource_name for pool in pools if (name := pool.shape.accelerator)},
        rungs=tuple(rungs),
        default_rung=next((name for name, rung in rungs.items() if rung.get("default")), ""),
        today=today,
        notes=notes,
    )
    teams = [reading.document(team) for team in found]
    _say_what_stays(live, found, notes)
    files = {
        "platform.yaml": _platform_text(live, _platform(live, wishes, notes), notes),
        f"clusters/{wishes.cluster}.yaml": _text(
            "The cluster, as it was imported. minNodes are the nodes that were there.",
            _cluster(live, wishes, pools, meaning, found, teams, notes),
        ),
        **{
            f"teams/{team.name}.yaml": _text(f"Made of {describe(team)}.", document)
            for team, document in zip(found, teams, strict=True)
        },
    }
    if ladder:
        files["priorities.yaml"] = "---\n".join(_text("", rung) for rung in ladder)
    return Imported(files, notes.all, tuple((team.name, describe(team)) for team in found), notes.first)


def _text(comment: str, document: Mapping[str, Any]) -> str:
    lines = [*([f"# {' '.join(comment.split())}"] if comment else []), *block(document)]
    return "\n".join(lines) + "\n"


def _platform(live: LiveCluster, wishes: ImportWishes, notes: Notes) -> dict[str, Any]:
    admins: dict[str, None] = {}
    for binding in live.cluster_bindings:
        if binding.get("roleRef", {}).get("name") != "cluster-admin":
            continue
        for subject in binding.get("subjects") or ():
            name = subject.get("name", "")
            if subject.get("kind") == "Group" and not name.startswith("system:"):
                admins[name] = None
            elif not name.startswith("system:"):
                notes.add(binding, f"{subject.get('kind')} {name} is cluster-admin; the directory names groups")
    return {
        "kind": "Platform",
        "name": wishes.platform,
        "adminGroups": list(admins),
        "exemptNamespaces": list(_exempt(live)),
    }


def _exempt(live: LiveCluster) -> tuple[str, ...]:
    """The system's namespaces that are there. Who makes one of such a name later is nobody that we know."""
    present = {name_of(body) for body in live.namespaces}
    return tuple(name for name in (*_EXEMPT, *GITOPS) if name in present)


def _platform_text(live: LiveCluster, document: Mapping[str, Any], notes: Notes) -> str:
    text = _text("The platform, as it was imported.", document)
    exempt = _exempt(live)
    for name in _EXEMPT:
        if name not in exempt:
            notes.say(f"Namespace {name}", "it is not there: name it in exemptNamespaces when you make it")
    # Left away, the field would have its default.
    return text if exempt else f"{text}exemptNamespaces: []\n"


def _in_warn(live: LiveCluster, spaces: Iterable[str], notes: Notes) -> list[str]:
    """The namespaces of teams, and those of nobody in which policies about accelerators would refuse work."""
    alone = {*ALWAYS_EXEMPT, *_exempt(live)}
    others = sorted(live.asking - alone - {*spaces})
    for name in others:
        how = "its work asks for accelerators, which only teams may: policies only warn there (warnNamespaces)"
        notes.say(f"Namespace {name}", how)
    return sorted({*spaces, *others})


def _cluster(
    live: LiveCluster,
    wishes: ImportWishes,
    pools: Sequence[Pool],
    meaning: Meaning,
    found: Sequence[FoundTeam],
    teams: Sequence[Mapping[str, Any]],
    notes: Notes,
) -> dict[str, Any]:
    spaces = sorted(space for team in found for space in team.namespaces)
    queues = {team.name: name_of(team.queue) for team in found if team.queue is not None}
    for name in sorted({name for team, name in queues.items() if not is_dns_label(name)}):
        notes.say(
            f"ClusterQueue {name}", "the directory cannot write that name: apply would make another queue beside it"
        )
    weighted = any("fairSharing" in body.get("spec", {}) for body in (*live.cluster_queues, *live.cohorts))
    return {
        "kind": "Cluster",
        "name": wishes.cluster,
        "purpose": wishes.purpose,
        "region": next((marks_of(node)[_REGION] for node in live.nodes if marks_of(node).get(_REGION)), "unknown"),
        "provider": _provider(live.nodes),
        "context": wishes.context or None,
        "versions": {"kubernetes": live.version} if live.version else None,
        "kueueApi": live.kueue_api or None,
        "fairSharing": None if weighted else False,
        "features": ["network-policy", *live.kinds],
        "names": {
            "flavors": meaning.chosen,
            "queues": {team: name for team, name in queues.items() if name != team and is_dns_label(name)},
        },
        "warnNamespaces": _in_warn(live, spaces, notes),
        "withoutNetworkPolicies": spaces,
        "cohorts": _cohorts(live, found, meaning, notes),
        "nodePools": [pool.document(most) for pool, most in _sized(pools, meaning, wishes.cluster, teams, notes)],
    }


def _provider(nodes: Sequence[Body]) -> str | None:
    ids = (str(node.get("spec", {}).get("providerID", "")) for node in nodes)
    return next((_PROVIDERS[scheme] for one in ids if (scheme := one.partition("://")[0]) in _PROVIDERS), None)


def _cohorts(live: LiveCluster, teams: Iterable[FoundTeam], meaning: Meaning, notes: Notes) -> list[dict[str, Any]]:
    bodies = {name_of(body): body for body in live.cohorts}
    named = dict.fromkeys(team.shared for team in teams if team.shared)
    for queue in live.cluster_queues:
        if cohort := cohort_of(queue):
            named[cohort] = None
        elif queue.get("spec", {}).get("cohortName") or queue.get("spec", {}).get("cohort"):
            notes.add(queue, "the directory cannot write the name of its cohort: it would stand alone")
    for body in live.cohorts:
        if parent := body.get("spec", {}).get("parentName"):
            named[str(parent)] = None
    found: list[dict[str, Any]] = []
    for name in sorted(name for name in {**named, **dict.fromkeys(bodies)} if is_dns_label(name)):
        spec = bodies.get(name, {}).get("spec", {})
        quota = amounts_of(bodies[name], meaning, Notes()) if spec.get("resourceGroups") else {}
        if any(isinstance(each, Mapping) for each in (quota.get("cpu"), *(quota.get("accelerators") or {}).values())):
            notes.say(f"Cohort {name}", "its borrowing and lending limits are not said in the directory")
        weight = (spec.get("fairSharing") or {}).get("weight")
        found.append(
            {
                "name": name,
                "parent": spec.get("parentName"),
                "weight": weight_of(weight),
                "quota": _plain(quota) if quota else None,
            }
        )
    return found


def _plain(quota: Mapping[str, Any]) -> dict[str, Any]:
    """A cohort's quota is what it has: no limits."""
    devices = {name: _alone(value) for name, value in (quota.get("accelerators") or {}).items()}
    return {"cpu": _alone(quota.get("cpu")), "memory": _alone(quota.get("memory")), "accelerators": devices}


def _alone(amount: Any) -> Any:
    return amount["nominal"] if isinstance(amount, Mapping) else amount


def _sized(
    pools: Sequence[Pool], meaning: Meaning, cluster: str, teams: Sequence[Mapping[str, Any]], notes: Notes
) -> list[tuple[Pool, int]]:
    """The pools with as many nodes at most as the quotas promise, if those are more than there are now."""
    most = {pool.name: max(1, len(pool.nodes)) for pool in pools}
    placements = [document["placements"][cluster] for document in teams]
    for flavor in dict.fromkeys(pool.flavor for pool in pools if pool.shape.accelerator):
        members = [pool for pool in pools if pool.flavor == flavor]
        wanted = _sum(_nominal((one.get("accelerators") or {}).get(meaning.written(flavor))) for one in placements)
        have = sum(pool.shape.per_node * most[pool.name] for pool in members)
        _grow(members[0], most, wanted - have, members[0].shape.per_node, f"{wanted} devices", notes)
    for resource, size in (("cpu", "cpu"), ("memory", "memory")):
        scale = 1000 if resource == "cpu" else 1
        wanted = _sum(_nominal(one.get(resource)) * scale for one in placements)
        have = sum(getattr(pool, size) * most[pool.name] for pool in pools)
        plain = next((pool for pool in pools if pool.shape.accelerator is None), pools[0])
        _grow(plain, most, wanted - have, getattr(plain, size), f"more {resource} than the nodes have", notes)
    return [(pool, most[pool.name]) for pool in pools]


def _grow(pool: Pool, most: dict[str, int], lacking: Fraction, each: int, what: str, notes: Notes) -> None:
    if lacking > 0 and each:
        more = int(-(-lacking // each))
        most[pool.name] += more
        notes.say(f"pool {pool.name}", f"quotas promise {what}: maxNodes is {more} more than there are nodes")


def _sum(amounts: Iterable[Fraction]) -> Fraction:
    return sum(amounts, Fraction(0))


def _nominal(amount: Any) -> Fraction:
    value = amount.get("nominal", 0) if isinstance(amount, Mapping) else amount
    return Fraction(0) if value is None else parse_quantity(str(value))


def _ladder(live: LiveCluster, notes: Notes) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """The rungs by name; without a class of the cluster's own, the reference ladder stays."""
    rungs: dict[str, dict[str, Any]] = {}
    for body in live.priorities:
        name, value = name_of(body), int(body.get("value", 0))
        if name.startswith(_SYSTEM_CLASSES):
            continue
        if not (0 <= value <= _HIGHEST and is_dns_label(name)):
            notes.add(body, f"its value {value} or its name cannot be a rung: it stays as it is")
            continue
        rungs[name] = {
            "kind": "Priority",
            "name": name,
            "value": value,
            "preempts": body.get("preemptionPolicy", "PreemptLowerPriority") != "Never",
            "default": True if body.get("globalDefault") else None,
            "description": body.get("description") or None,
        }
    if not rungs:
        notes.say("PriorityClasses", "there are none: the reference ladder would be added")
        return {}, []
    if not any(rung["default"] for rung in rungs.values()):
        rungs[_AS_NOW] = {"kind": "Priority", "name": _AS_NOW, "value": 0, "preempts": True, "default": True}
        notes.say("PriorityClasses", f"none is the default: {_AS_NOW} of value 0 would be added, as pods have it now")
    return rungs, sorted(rungs.values(), key=lambda rung: (rung["value"], rung["name"]))


def _say_what_stays(live: LiveCluster, found: Sequence[FoundTeam], notes: Notes) -> None:
    spaces = {space for team in found for space in team.namespaces}
    for body in (*live.limit_ranges, *live.network_policies):
        if body["metadata"].get("namespace") in spaces:
            notes.add(body, "it stays as it is, beside those that apply makes")
    for body in live.local_queues:
        if body["metadata"].get("namespace") in spaces and name_of(body) != labels.LOCAL_QUEUE:
            leads = f"leads to ClusterQueue {body['spec']['clusterQueue']} as before"
            notes.add(body, f"it stays as it is, beside {labels.LOCAL_QUEUE}, which apply makes, and {leads}")


def report(imported: Imported, wishes: ImportWishes, changes: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The report in Markdown.

    Args:
        imported: the directory.
        wishes: as it was imported.
        changes: objects that exist under declared names, each with what taking it over would change.
    """
    lines = [
        f"# Import of {wishes.cluster}",
        "",
        "Nothing in the cluster was changed. The directory is in its files; this page is what it does not say.",
        "",
        *_read_first(imported.first),
        "## Teams",
        "",
        *(f"- `{name}`: {origin}" for name, origin in imported.teams),
        "",
        "## Not said, or said otherwise",
        "",
        *(f"- {_inline(one.what)}: {_inline(one.how)}" for one in imported.unsaid),
        "",
        "## Under declared names already",
        "",
        "Apply leaves these alone until `allot adopt` takes them over. What that would change:",
        "",
    ]
    for what, fields in changes:
        lines += [f"- {_inline(what)}", *(f"  - {_inline(field)}" for field in fields)]
    return "\n".join([*lines, *([] if changes else ["- nothing"])]) + "\n"


def _read_first(first: Sequence[Unsaid]) -> list[str]:
    if not first:
        return []
    return [
        "## Read first: who would get what, and what would stop",
        "",
        *(f"- **{_inline(one.what)}**: {_inline(one.how)}" for one in first),
        "",
    ]


def _inline(text: str) -> str:
    """On one line, and no markup of somebody else's."""
    return " ".join(text.split()).replace("<", "&lt;")
