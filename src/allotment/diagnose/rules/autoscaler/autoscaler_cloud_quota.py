"""The autoscaler wants to add nodes and the cloud refuses: the account's quota is used up."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.autoscaler.refused_by_cloud import refused
from allotment.model.explanation import CauseVerdict, RemedyKind

_WORDS: Final = ("quota", "limitexceeded", "limit exceeded", "vcpulimit", "operationnotallowed")


def find(case: Case) -> Finding | None:
    """Its answer speaks of a quota or a limit."""
    what = "the account's quota there is used up"
    ask = (RemedyKind.ASK_CLOUD_QUOTA, "ask the cloud for more quota")
    return refused(case, "autoscaler-cloud-quota", _WORDS, what, ask, CauseVerdict.MISCONFIGURED)
