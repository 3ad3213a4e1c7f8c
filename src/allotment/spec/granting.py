"""A grant as the document that gives it: the same bytes each time, and read again it is the same grant."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.names import is_dns_label
from allotment.model.quantity import Bytes, format_bytes, format_cpu
from allotment.model.requests.grant import DeclaredGrant, GrantedNamespace, GrantedVolume
from allotment.model.requests.terms import QuotaShare
from allotment.spec.problems import echo
from allotment.spec.writing import block

_HEAD: Final = "# Quota that a team has beyond its own as long as this document is here.\n"
_HEAD_OF_DATA: Final = "# What a team has as long as this document is here: what lies in it goes with the document.\n"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def grant_path(name: str) -> str:
    """The file of a grant, relative to the platform directory.

    Raises:
        InputError: that is no name of a grant.
    """
    if not is_dns_label(name):
        raise InputError(
            f"{echo(name)} cannot be the name of a grant",
            why="it becomes the name of a file",
            fix="use lower-case letters, digits and dashes, at most 63 characters",
        )
    return f"grants/{name}.yaml"


def grant_document(grant: DeclaredGrant) -> str:
    """The text of its file. Halves of characters, which no file can hold, become the replacement character."""
    fields: dict[str, Any] = {
        "kind": "Grant",
        "name": grant.name,
        "team": grant.team,
        "from": _moment(grant.since),
        "until": None if grant.until is None else _moment(grant.until),
        "gpus": [_share(each) for each in grant.shares] or None,
        "namespaces": [_named(each) for each in grant.namespaces] or None,
        "volumes": [{**_named(each), "size": _memory(Bytes(each.size))} for each in grant.volumes] or None,
        "takenFrom": [{"team": each.team, **_share(each.share)} for each in grant.taken],
        "reason": _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", grant.reason) or None,
    }
    head = _HEAD_OF_DATA if grant.namespaces or grant.volumes else _HEAD
    return head + "\n".join(block(fields)) + "\n"


def _named(given: GrantedNamespace | GrantedVolume) -> Mapping[str, Any]:
    return {"name": given.name, "clusters": list(given.clusters) or None}


def _share(share: QuotaShare) -> Mapping[str, Any]:
    whole = share.cpu % 1000 == 0
    return {
        "cluster": share.cluster,
        "flavor": share.flavor,
        "devices": share.devices,
        "cpu": (share.cpu // 1000 if whole else format_cpu(share.cpu)) or None,
        "memory": _memory(share.memory),
    }


def _memory(amount: Bytes) -> str | None:
    """Memory has a unit: bytes that are no whole Ki stand behind the point of kilobytes."""
    if amount == 0:
        return None
    text = format_bytes(amount)
    return f"{amount // 1000}.{amount % 1000:03d}k" if text.isdigit() else text


def _moment(milliseconds: int) -> str:
    """To the millisecond where there are any, in UTC."""
    exact = "milliseconds" if milliseconds % 1000 else "seconds"
    return (_EPOCH + dt.timedelta(milliseconds=milliseconds)).isoformat(timespec=exact).replace("+00:00", "Z")
