"""The audit trail, as JSON and in ArcSight's Common Event Format; what was exported is read again here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from allotment.errors import InputError, quoted, shown
from allotment.model.audit.act import AuditedAct, AuditOutcome
from allotment.model.audit.chain import AuditEntry, DamagedEntry
from allotment.model.moments import written
from allotment.operations.account.trail import TrailVerdict
from allotment.reports.documents.form import versioned

KIND: Final = "AuditEntry"
_TEXTS: Final = {
    "who": "who",
    "kind": "callerKind",
    "whence": "from",
    "verb": "verb",
    "outcome": "outcome",
    "subject": "subject",
    "name": "name",
    "team": "team",
    "why": "why",
}
"""Fields of an act, and their names in JSON."""
_QUIET: Final = 3
_LOUD: Final = 6
_ALARMING: Final = 10
"""Severities, of ten, as receivers of CEF sort by them."""


def audit_document(entry: AuditEntry | DamagedEntry) -> Mapping[str, Any]:
    """An entry; of one that cannot be read, what is the matter with it."""
    if isinstance(entry, DamagedEntry):
        return {"number": entry.number, "damaged": entry.why}
    act = entry.act
    return {
        "number": entry.number,
        "at": written(act.at),
        "atMilliseconds": act.at,
        **{word: getattr(act, name) for name, word in _TEXTS.items()},
        "details": [{"name": name, "value": value} for name, value in act.details],
        "previous": entry.previous,
        "digest": entry.digest,
    }


def exported(entry: AuditEntry | DamagedEntry) -> dict[str, Any]:
    """An entry as a document of its own: a line of an export."""
    return versioned({"kind": KIND, **audit_document(entry)})


def audit_entry(line: str) -> AuditEntry | DamagedEntry:
    """What `exported` has written; where a line says anything else than its entry does, it is damaged.

    Raises:
        InputError: it is no line of an export.
    """
    try:
        found = json.loads(line, object_pairs_hook=_each_once, parse_constant=_no_number)
        if not isinstance(found, dict) or found.get("kind") != KIND:
            raise InputError("this line is no entry of an audit trail", fix="give a file of `allot audit export`")
        number = _number(found, "number")
        if "damaged" in found:
            return DamagedEntry(number, str(found["damaged"]))
        entry = _entry(found, number)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "this line cannot be read", why=f"{type(error).__name__}: {quoted(error)}", fix="export the trail again"
        ) from error
    # What readers of the file see, and digests do not cover, is no more to be changed than the rest.
    return (
        entry if found == exported(entry) else DamagedEntry(number, "its line says more, or other things, than it does")
    )


def _entry(found: Mapping[str, Any], number: int) -> AuditEntry:
    texts = {name: _text(found, word) for name, word in _TEXTS.items()}
    details = tuple((_text(each, "name"), _text(each, "value")) for each in found["details"])
    act = AuditedAct(at=_number(found, "atMilliseconds"), details=details, call=None, **texts)
    return AuditEntry(number, act, _text(found, "previous"), _text(found, "digest"))


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object: some readers take the first of two fields of one name, some the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _text(found: Mapping[str, Any], word: str) -> str:
    value = found[word]
    if not isinstance(value, str):
        raise TypeError(f"{word} is no text")
    return value


def _number(found: Mapping[str, Any], word: str) -> int:
    value = found[word]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{word} is no whole number")
    return value


def verdict_document(verdict: TrailVerdict, place: str) -> Mapping[str, Any]:
    """What is to be thought of a trail."""
    return {
        "kind": "AuditVerdict",
        "place": place,
        "sound": verdict.sound,
        "entries": verdict.entries,
        "head": {"number": verdict.head.number, "digest": verdict.head.digest},
        "headsGiven": verdict.heads,
        "headsMet": verdict.met,
        "breaks": [{"number": each.number, "said": each.said} for each in verdict.breaks],
    }


def cef_line(entry: AuditEntry | DamagedEntry, version: str) -> str:
    """An entry as an event of CEF, version 0 (ArcSight Common Event Format Implementation Standard, revision 27).

    Args:
        entry: which.
        version: of this program.
    """
    if isinstance(entry, DamagedEntry):
        verb, name, severity = "audit.damaged", "an entry cannot be read", _ALARMING
        fields = {"externalId": str(entry.number), "msg": entry.why}
    else:
        act = entry.act
        verb, name = act.verb, " ".join(filter(None, (act.verb, act.name)))
        severity = _LOUD if act.outcome == AuditOutcome.DENIED.value else _QUIET
        fields = {
            "externalId": str(entry.number),
            "rt": str(act.at),
            "suser": act.who,
            "act": act.verb,
            "outcome": act.outcome,
            "reason": act.why,
            "cs1Label": "team",
            "cs1": act.team,
            "cs2Label": "subject",
            "cs2": act.subject,
            "cs3Label": "from",
            "cs3": act.whence,
            "cs4Label": "callerKind",
            "cs4": act.kind,
            "cs5Label": "digest",
            "cs5": entry.digest,
            "msg": ", ".join(f"{name}: {value}" for name, value in act.details),
        }
    header = "|".join(map(_in_header, ("CEF:0", "Allotment", "allotment", version, verb, name, str(severity))))
    return f"{header}|{' '.join(f'{key}={_in_field(value)}' for key, value in fields.items() if value)}"


def _in_header(text: str) -> str:
    return " ".join(shown(line).replace("\\", "\\\\").replace("|", "\\|") for line in text.splitlines())


def _in_field(text: str) -> str:
    # What would drive a terminal is written out: people look at exports with `less`.
    return "\\n".join(shown(line).replace("\\", "\\\\").replace("=", "\\=") for line in text.splitlines())
