"""Use case: apply a plan that was saved; refuse it if the world has moved on since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from allotment.errors import ConflictError, InputError, at
from allotment.model.json_text import LongNumberError, read_json
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.operations.change.identity import admitted
from allotment.operations.change.living import wanted_of
from allotment.operations.change.planning import FEW, WORKERS, side_by_side, work_in_use
from allotment.plan.changes import Conflict, Create, Delete, Plan, Seen, Update, WarningCode, seen
from allotment.plan.saved import from_document, to_document
from allotment.plan.settle import digest_of
from allotment.plan.uncounted import told
from allotment.ports.files import FilesPort
from allotment.ports.kube import KubePort

_NAMED: Final = 10
"""Changed objects that the refusal names."""


def save_plan(plan: Plan, files: FilesPort, path: Path) -> None:
    """Write a plan to a file that only its owner reads: it holds what is to be written into the cluster.

    Raises:
        UsageError: the plan writes Secrets.
        AllotmentError: the file cannot be written.
    """
    files.write_text(path, plan_to_text(plan), mode=0o600)


def ready(plan: Plan, kube: KubePort, platform: Platform | None, *, override: str = "") -> Plan:
    """A saved plan for the server that it is now applied to, if that and the directory are as they were.

    Args:
        plan: the saved plan.
        kube: the cluster.
        platform: the declaration, where it is at hand.
        override: another mark that the cluster may carry.

    Raises:
        ConflictError: one of them has moved on, or the server is another cluster.
    """
    admitted(kube, Mark(plan.platform, plan.cluster), override)
    cluster = platform.cluster(plan.cluster) if platform is not None and platform.name == plan.platform else None
    digest = ""
    if platform is not None and cluster is not None:
        digest = digest_of(wanted_of(platform, cluster, kube).manifests)
    refuse_stale(plan, kube, digest=digest)
    at = kube.endpoint()
    return replace(plan, server=at.url, context=at.context)


def plan_to_text(plan: Plan) -> str:
    """The plan as the text of a file.

    Raises:
        UsageError: the plan writes Secrets.
    """
    return json.dumps(to_document(plan), indent=1, ensure_ascii=False) + "\n"


_MAKE_ONE: Final = "make one with: allot plan --out FILE"


def plan_from_file(files: FilesPort, file: str) -> Plan:
    """The plan that a file holds; messages name the file.

    Raises:
        InputError: it cannot be read, is no saved plan, or was damaged.
    """
    text = files.read_text(Path(file))
    with at(file):
        return plan_from_text(text)


def plan_from_text(text: str) -> Plan:
    """The plan in a file's text.

    Raises:
        InputError: this is no saved plan, or it was damaged.
    """
    try:
        document = read_json(text)
    except LongNumberError as error:
        raise InputError("this is not a saved plan", why=str(error), fix=_MAKE_ONE) from None
    except (ValueError, RecursionError):
        raise InputError("this is not a saved plan", why="it is not JSON", fix=_MAKE_ONE) from None
    return from_document(document)


def refuse_stale(plan: Plan, kube: KubePort, *, digest: str = "", workers: int = WORKERS) -> None:
    """Compare the objects that a plan would touch with what they were when it was made.

    Args:
        plan: a saved plan.
        kube: the cluster it is to be applied to.
        digest: of the objects that the platform directory declares now (`settle.digest_of`), or empty if the
            directory is not at hand.
        workers: requests under way at once.

    Raises:
        ConflictError: something changed; the message names it.
    """
    if digest and digest != plan.digest:
        why = "the platform directory has changed since, or the work in the cluster that its policies spare"
        raise ConflictError("the saved plan is stale", why=why, fix="plan again")
    expected = _expected(plan)
    kinds: dict[tuple[str, str], list[ObjectKey]] = {}
    for key, (api_version, _) in expected.items():
        kinds.setdefault((api_version, key.kind), []).append(key)
    reads = side_by_side(lambda item: _live(kube, item[0], item[1]), kinds.items(), workers)
    live = {key: body for found in reads for key, body in found.items()}
    moved = [text for key, (_, before) in expected.items() if (text := _moved(key, before, live.get(key)))]
    moved += _started(plan, kube, live)
    if moved:
        more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
        raise ConflictError("the saved plan is stale", why="; ".join(moved[:_NAMED]) + more, fix="plan again")


def _started(plan: Plan, kube: KubePort, live: Mapping[ObjectKey, Body]) -> list[str]:
    """Work that has begun since in flavors that the plan takes away, and that nobody has agreed to stop counting."""
    agreed = {warning.key for warning in plan.warnings if warning.code is WarningCode.UNCOUNTED}
    changes = [change for change in plan.changes if isinstance(change, Update | Conflict)]
    deletions = [change for change in plan.changes if isinstance(change, Delete)]
    flavors = [change for change in deletions if change.key.kind == "ResourceFlavor"]
    going = [change.key.name for change in deletions if change.key.kind == "ClusterQueue"]
    queues = [
        (live[one.key], one.manifest.body) for one in changes if one.key.kind == "ClusterQueue" and one.key in live
    ]
    in_use = work_in_use(kube, queues, going, [change.api_version for change in flavors])
    lost = {key_of(body): in_use.lost_by(body, after) for body, after in queues}
    lost |= {change.key: in_use.kept_by(change.key.name) for change in flavors}
    return [f"{key} is in use: {told(held)}" for key, held in lost.items() if held and key not in agreed]


def _expected(plan: Plan) -> dict[ObjectKey, tuple[str, Seen | None]]:
    """By object: its version, and what it was (None: it was not there)."""
    expected: dict[ObjectKey, tuple[str, Seen | None]] = {}
    for change in plan.changes:
        match change:
            case Create():
                expected[change.key] = change.manifest.api_version, None
            case Update() | Conflict():
                expected[change.key] = change.manifest.api_version, change.seen
            case Delete():
                expected[change.key] = change.api_version, change.seen
            case _:
                pass
    return expected


def _live(kube: KubePort, kind: tuple[str, str], keys: Sequence[ObjectKey]) -> Mapping[ObjectKey, Body]:
    wanted = set(keys)
    found: Iterable[Body]
    if len(wanted) <= FEW:
        found = (body for key in keys if (body := kube.get(kind[0], key)) is not None)
    else:
        found = kube.list(*kind)
    return {key: body for body in found if (key := key_of(body)) in wanted}


def _moved(key: ObjectKey, before: Seen | None, live: Body | None) -> str:
    if before is None:
        return f"{key} exists now" if live is not None and not _is_default_account(key) else ""
    if live is None:
        return f"{key} is gone"
    now = seen(live)
    if now.uid != before.uid:
        return f"{key} was deleted and made anew"
    if now.resource_version == before.resource_version or (now.fingerprint and now.fingerprint == before.fingerprint):
        return ""
    return f"{key} has changed"


def _is_default_account(key: ObjectKey) -> bool:
    return (key.kind, key.name) == ("ServiceAccount", "default")
