"""What administrators and auditors of the examples see: clusters, a quota that is changed, and the audit trail."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any, Final

from allotment.api.event_frames import begin_frame, frame_of
from allotment.api.examples.fleet import CLUSTER, FILES, FLAVOR
from allotment.api.examples.moments import NOW, at
from allotment.api.examples.people import ADA, GRACE
from allotment.api.examples.work import JOB_ID, row
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditSubject, AuditVerb, act_of
from allotment.model.audit.chain import BEFORE_ALL, AuditEntry, ChainHead, chained
from allotment.model.moments import rfc3339
from allotment.model.source import SourceTree
from allotment.operations.decide.quota_desk import command_of
from allotment.operations.directory.teams import set_amounts
from allotment.ports.audit_service import TrailPage, told_entry
from allotment.ports.cluster_service import ToldCluster
from allotment.ports.event_service import JobTold, ToldEvent
from allotment.ports.journal import ChangeKind, SubjectKind
from allotment.ports.platform_service import AskedQuotaChange, ChangedQuota, ForeseenQuota, QuotaWish
from allotment.reports.documents.audit import exported
from allotment.spec.amounts import AmountsRequest

_WISH: Final = QuotaWish("nlp", CLUSTER, FLAVOR, nominal=16)
_NOW: Final = replace(_WISH, nominal=12)
_WHY: Final = "two releases in January"
_HEAD: Final = "2b5e7a1c9d3f4068b1a2c3d4e5f60718293a4b5c"
"""A commit of the platform directory."""
_AFTER: Final = "c0ffee12d3f4068b1a2c3d4e5f60718293a4b5c6"


def clusters() -> tuple[ToldCluster, ...]:
    """The one that the server follows."""
    return (connected(),)


def connected() -> ToldCluster:
    """It is reached by what an administrator gave."""
    return ToldCluster(CLUSTER, "current", rfc3339(NOW), age_seconds=12, connected=at(-24), connected_by=GRACE)


def kubeconfig() -> dict[str, Any]:
    """By what it is reached: one context, and all that it names."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CLUSTER,
        "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": "allotment"}}],
        "clusters": [{"name": CLUSTER, "cluster": {"server": "https://training-eastus.acme.example:6443"}}],
        "users": [{"name": "allotment", "user": {"token": "an-example-and-no-secret"}}],
    }


def quota_wish() -> QuotaWish:
    """A team is to have more."""
    return _WISH


@cache
def foreseen_quota() -> ForeseenQuota:
    """What that would do to the platform directory."""
    request = AmountsRequest("nlp", accelerators={FLAVOR: 16}, clusters=(CLUSTER,))
    edit = set_amounts(SourceTree(FILES), request)
    return ForeseenQuota(
        expected=_HEAD,
        now=_NOW,
        changes=(f"quota:nlp/{FLAVOR}/nvidia.com/gpu=16",),
        diff=edit.diff,
        warnings=tuple(f"{each.file}: {each.what}" for each in edit.warnings),
        command=command_of(_WISH),
        why_not="",
        proposed=False,
    )


def quota_change() -> AskedQuotaChange:
    """It is done."""
    return AskedQuotaChange(_WISH, _HEAD, _WHY)


def changed_quota() -> ChangedQuota:
    """It counts."""
    return ChangedQuota(_AFTER, "", (), _NOW)


@cache
def _trail() -> tuple[AuditEntry, ...]:
    ada = Caller(ADA, CallerKind.PERSON, "10.1.2.3, token s8d3r6yb")
    grace = Caller(GRACE, CallerKind.PERSON, "10.1.2.4, token s2f7h9kc")
    job = AuditSubject(f"job/{JOB_ID}", "pretrain", "nlp")
    quota = AuditSubject(f"quota/{CLUSTER}/nlp/{FLAVOR}", FLAVOR, "nlp")
    acts = (
        act_of(ada, AuditVerb.JOB_SUBMITTED, at(-1), job),
        act_of(
            grace, AuditVerb.QUOTA_CHANGED, at(), quota, why="two releases in January", details=(("commit", _AFTER),)
        ),
    )
    return tuple(chained(BEFORE_ALL, acts))


def trail_page() -> TrailPage:
    """The newest of it."""
    return TrailPage(tuple(told_entry(each) for each in reversed(_trail())))


def trail_head() -> ChainHead:
    """How far it goes."""
    return _trail()[-1].head


def trail_lines() -> bytes:
    """All of it, as it is exported."""
    return "".join(f"{json.dumps(exported(each), ensure_ascii=True)}\n" for each in _trail()).encode()


def events() -> bytes:
    """A stream: it begins, and a job has changed."""
    number = at()
    told = JobTold(JOB_ID, ChangeKind.CHANGED, number, row())
    return begin_frame(number - 1) + frame_of(ToldEvent(number, SubjectKind.JOB, told))
