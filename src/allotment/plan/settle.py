"""Second look: the survey, with the server's verdicts on what looked different, becomes the plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Final

from allotment.model.manifest import Manifest, Manifests, ObjectKey
from allotment.plan import access, default_storage, disguised
from allotment.plan.changes import Action, Blocked, Change, Create, Plan, PlanWarning
from allotment.plan.circumstances import Circumstances
from allotment.plan.departures import Departures
from allotment.plan.foreign import foreign, resting_on
from allotment.plan.handover import handovers, waiting
from allotment.plan.losing_count import counted
from allotment.plan.setbacks import foreseen_setbacks
from allotment.plan.survey import Survey, spaces_given_back
from allotment.plan.syncing import resistance
from allotment.plan.verdict import Refused, judged, refused


def plan(desired: Manifests, live: Survey, platform: str, around: Circumstances) -> Plan:
    """The plan for one cluster. Pure: the same arguments give the same plan."""
    hands = handovers(live.different, desired)
    kept = {each.key: each.blocked for each in hands}
    closed = {key.name for key in (*_out_of_reach(live), *kept) if key.kind == "Namespace"}
    closed |= {body["metadata"]["name"] for body in spaces_given_back(live)}
    warnings: list[PlanWarning] = []
    changes: list[Change] = [*_blocked(live, platform), *kept.values(), *_creations(live.absent, around)]
    unchanged = live.unchanged
    for different in live.different:
        if different.manifest.key in kept:
            continue
        change, said = judged(different, around.verdicts[different.manifest.key], forced=around.forced)
        if change is not None and change.key.kind == "ClusterQueue":
            lost = around.in_use.lost_by(different.live, different.manifest.body)
            change, more = counted(change, lost, allowed=around.allow_uncounted)
            said += more
        warnings += said
        if change is None:
            unchanged += 1
        else:
            changes.append(change)
    changes = resting_on(
        (manifest.key for manifest, _ in live.foreign), (_closed(change, closed) for change in changes)
    )
    changes = [waiting(change, hands) for change in changes]
    departures = Departures(desired, live, around, closed)
    warnings = [warning for warning in warnings if not departures.overtake(warning)]
    warnings += departures.warnings()
    warnings += disguised.warnings(live, desired)
    changes += (waiting(_closed(change, closed), hands) for change in departures.changes())
    warnings += default_storage.warnings(changes, around.classless)
    warnings += resistance(changes, (*(different.live for different in live.different), *live.surplus))
    steps = tuple(foreseen_setbacks(changes))
    warnings += access.warnings(steps, live, desired)
    warnings += access.newcomers(live, around.bound)
    return Plan(
        platform=platform,
        cluster=desired.cluster,
        digest=digest_of(desired),
        changes=steps,
        unchanged=unchanged,
        warnings=tuple(sorted(warnings, key=lambda warning: (warning.key, warning.code, warning.message))),
        forced=around.forced,
    )


def digest_of(desired: Manifests) -> str:
    """SHA-256 of all desired objects, in hexadecimal."""
    digest = hashlib.sha256()
    for manifest in desired:
        digest.update(_CANONICAL(manifest.body).encode())
        digest.update(b"\n")
    return digest.hexdigest()


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _out_of_reach(live: Survey) -> Iterator[ObjectKey]:
    yield from (manifest.key for manifest, _ in live.foreign)
    yield from (manifest.key for manifest in live.leaving)


def _blocked(live: Survey, platform: str) -> Iterator[Blocked]:
    yield from foreign(live, platform)
    for manifest in live.leaving:
        yield Blocked(
            manifest.key,
            Action.CREATE,
            f"{manifest.key} is being deleted",
            "it waits for its finalizers or for what it contains",
            "wait until it is gone, and plan again",
        )


def _creations(absent: Iterable[Manifest], around: Circumstances) -> Iterator[Change]:
    for manifest in absent:
        verdict = around.verdicts.get(manifest.key)
        if (manifest.api_version, manifest.key.kind) in around.unserved:
            yield Blocked(
                manifest.key,
                Action.CREATE,
                f"the cluster does not know the kind {manifest.key.kind} in {manifest.api_version}",
                "its custom resource definition is not installed, or in another version",
                _install(manifest.key.group),
            )
        elif isinstance(verdict, Refused):
            yield refused(manifest, Action.CREATE, verdict)
        else:
            yield Create(manifest)


def _install(group: str) -> str:
    if group.endswith("kueue.x-k8s.io"):
        return "install Kueue, or set the cluster's kueue version to the one installed"
    return f"install what serves {group}"


def _closed(change: Change, closed: set[str]) -> Change:
    """What would go into a namespace that is out of reach is blocked with it."""
    if change.key.namespace not in closed or isinstance(change, Blocked):
        return change
    return Blocked(
        change.key,
        change.action,
        f"{change.key} lies in a namespace that is not ours to change",
        f"the namespace {change.key.namespace} is blocked",
        "solve that first",
        following=str(ObjectKey("", "Namespace", "", change.key.namespace)),
    )
