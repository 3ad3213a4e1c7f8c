"""Why something waits, as text: the sentence, its numbers, what would help; or all that wait, by cause."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from textwrap import indent
from typing import Any, Final

import click

from allotment.cli.commands.ask.clusters_column import with_clusters
from allotment.cli.shell.output import Listing
from allotment.cli.shell.prose import prose
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown, unquoted
from allotment.model.explanation import (
    CauseVerdict,
    Confidence,
    Doer,
    FlavorTried,
    PatchOp,
    QueuePosition,
    Remedy,
    RemedyKind,
    StartsWhen,
    StartWindow,
)
from allotment.model.grammar import count
from allotment.model.observed.base import Reference
from allotment.operations.ask.explaining import SETTLED, UNKNOWN, CauseGroup, ExplainedWaiting, WhyAll, grouped
from allotment.operations.run.plain_reasons import plain_reason
from allotment.ports.backends import LOCAL

_VERDICTS: Final = {
    CauseVerdict.MISCONFIGURED: "misconfigured: a person must change something",
    CauseVerdict.WAITING: "waiting: it runs by itself when something ends",
    CauseVerdict.BROKEN: "broken: something in the cluster does not do its work",
}
_BY_THE_CLOCK: Final = frozenset({"cronjob-not-due", "requeue-backoff", "slurm-begin-time", "schedule-not-due"})
"""Causes of waiting that end at a time, and not with something else."""
_WHEN_DUE: Final = "waiting: it runs by itself when its time comes"
_COLORS: Final = {CauseVerdict.MISCONFIGURED: "yellow", CauseVerdict.WAITING: "cyan", CauseVerdict.BROKEN: "red"}
_CONFIDENCE: Final = {
    Confidence.SURE: "",
    Confidence.LIKELY: "likely, not certain",
    Confidence.UNSURE: "unsure",
}
_WHO: Final = {Doer.USER: "you", Doer.TEAM_OWNER: "the team's owner", Doer.PLATFORM: "the platform team"}
_MOST_NAMES: Final = 5
"""Names of a group that are told; `-o wide` has them all."""
_MOST_FLAVORS: Final = 12
"""Flavors or nodes that are shown."""
_LONGEST_VALUE: Final = 300
"""Characters of a value that are shown; JSON has it whole."""
_SPANS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def why_text(found: ExplainedWaiting, width: int, table_width: int | None, *, tried: bool = True) -> str:
    """One explanation.

    Args:
        found: the answer.
        width: of running text.
        table_width: of tables; None for no bound.
        tried: whether remedies were looked for.
    """
    each = found.explanation
    lines = prose(_sentence(found), width, more="")
    lines += _about(found, width)
    # A message is told where it stands; names and numbers are told twice.
    seen = {part.value for part in each.evidence if isinstance(part.value, str) and " " in part.value}
    facts = {name: value for name, value in each.facts.items() if not (isinstance(value, str) and value in seen)}
    lines += _section("WHY", _facts(facts, width))
    lines += _section("TRIED IN THIS ORDER", _flavors(each.flavors, table_width))
    here = found.source == LOCAL
    parts = [_evidence(part, plain=here) for part in each.evidence]
    lines += _section("SEEN IN", [line for part in parts for line in prose(part, width, "  ")])
    also = [line for other in each.contributing for line in prose(f"{other.cause}: {other.summary}", width, "  ")]
    lines += _section("ALSO TRUE", also)
    lines += _section("NOT SEEN", [line for text in _by_reason(each.unseen) for line in prose(text, width, "  ")])
    lines += _section("WHAT HELPS", list(_remedies(each.remedies, width)))
    if tried and each.verdict is not None and not each.remedies:
        waits = each.verdict is CauseVerdict.WAITING
        lines += ["", f"WHAT HELPS: nothing that was tried {'starts it earlier' if waits else 'lets it start'}"]
    if each.code:
        lines += ["", f"more about it: allot explain {shown(each.code)}"]
    return "\n".join(lines)


def why_all_text(
    found: WhyAll, rows: Sequence[ExplainedWaiting], width: int, again: str = "", total: int | None = None
) -> str:
    """All that wait, by cause.

    Args:
        found: the whole answer.
        rows: what of it is shown.
        width: of running text.
        again: flags that lead to the same snapshot.
        total: how many wait, where not all are shown.
    """
    total = len(rows) if total is None else total
    where = f"in {shown(found.namespace)}" if found.namespace else _everywhere(found)
    if not total:
        return "\n".join([f"nothing waits {where}", *_unseen(found, width)])
    groups = grouped(tuple(rows))
    cut = f"; the first {len(rows):,}" if len(rows) < total else ""
    failed = any(row.explanation.cause == _FAILED for row in rows)
    verb = ("waits", "has") if total == 1 else ("wait", "have")
    said = f"{verb[0]} or {verb[1]} failed" if failed else verb[0]
    lines = [f"{total:,} {said} {where}{cut}, {count(len(groups), 'cause')}"]
    if not rows:
        return lines[0]
    several = _several(rows)
    for group in groups:
        lines += ["", *_group(group, width, alone=bool(found.namespace), several=several)]
    example = next((row for row in rows if row.explanation.cause != UNKNOWN), rows[0]).subject
    asked = [f"{example.kind.lower()}/{example.name}", *(("-n", example.namespace) if example.namespace else ())]
    lines += _unseen(found, width)
    lines += ["", f"what would help: allot why {shown(shlex.join(asked))}{again}"]
    return "\n".join(lines)


def why_listing(rows: Sequence[ExplainedWaiting]) -> Listing[ExplainedWaiting]:
    """A row for each that waits."""
    from allotment.reports.documents.explanation_of_waiting import explanation_body

    several = _several(rows)
    return Listing(
        kind="Explanation",
        rows=rows,
        columns=with_clusters(
            (
                Column("NAMESPACE", lambda row: shown(row.subject.namespace), keep=1),
                Column("SUBJECT", lambda row: _named(row.subject), keep=3),
                Column(
                    "WAITED",
                    lambda row: None if row.waited is None else int(row.waited),
                    text=lambda row: "" if row.waited is None else duration(row.waited),
                    unit="seconds",
                    keep=1,
                ),
                Column("CAUSE", lambda row: shown(row.explanation.cause), keep=3),
                Column("CODE", lambda row: row.explanation.code or None),
                Column("VERDICT", lambda row: row.explanation.verdict, style=_style),
                Column("CONFIDENCE", lambda row: row.explanation.confidence),
                Column("SUMMARY", lambda row: shown(row.explanation.summary), fold=" "),
                Column("CLUSTER", lambda row: shown(row.source), wide=True),
            ),
            (row.source for row in rows),
        ),
        name=lambda row: (
            _named(row.subject)
            + (f" -n {shown(row.subject.namespace)}" if row.subject.namespace else "")
            + (f" --context {shown(row.source)}" if several else "")
        ),
        document=explanation_body,
        labels=lambda row: row.labels,
        nothing="nothing waits",
    )


def _several(rows: Sequence[ExplainedWaiting]) -> bool:
    """Whether they are of several clusters."""
    return len({row.source for row in rows if row.source}) > 1


def _style(row: ExplainedWaiting) -> str:
    verdict = row.explanation.verdict
    return "" if verdict is None else _COLORS[verdict]


def duration(seconds: float) -> str:
    """``3 d 4 h``, ``12 min``: the two largest units."""
    left, parts = int(seconds), []
    for size, unit in _SPANS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def _named(each: Reference) -> str:
    return f"{shown(each.kind.lower())}/{shown(each.name)}"


def _placed(each: Reference) -> str:
    """By namespace and name; its kind too where it is not the usual one."""
    kind = "" if each.kind == "Job" else f"{each.kind.lower()}/"
    return f"{shown(each.namespace)}/{shown(kind)}{shown(each.name)}"


def _sentence(found: ExplainedWaiting) -> str:
    each, pods = found.explanation, found.pods
    where = f" in {each.subject.namespace}" if each.subject.namespace else ""
    name = f"{each.subject.kind.lower()}/{each.subject.name}{where}"
    if found.called not in {"", each.subject.name}:
        name = f"{shown(found.called)} ({name})"
    if each.cause == SETTLED or each.subject.kind in _WITH_MEMBERS:
        return f"{name}: {_ended(each.summary)}"
    said = f"{name} does not run"
    if pods is not None and pods.running and pods.waiting:
        waits = "1 waits" if pods.waiting == 1 else f"{pods.waiting:,} wait"
        said = f"{pods.running:,} of {pods.running + pods.waiting:,} pods of {name} run, {waits}"
    elif pods is not None and pods.running:
        said = f"{count(pods.running, 'pod')} of {name} {'runs' if pods.running == 1 else 'run'}, and more cannot"
    return f"{said}{', and it cannot be told why' if each.cause == UNKNOWN else ''}: {_ended(each.summary)}"


def _ended(summary: str) -> str:
    """A sentence with what ends it: one that asks has its own."""
    return summary if summary.endswith((".", "?", "!")) else f"{summary}."


def _about(found: ExplainedWaiting, width: int) -> list[str]:
    each = found.explanation
    lines: list[str] = []
    if each.verdict is not None:
        sure = _CONFIDENCE[each.confidence]
        head = click.style(f"{shown(each.code)} {shown(each.cause)}".strip(), bold=True)
        timed = each.verdict is CauseVerdict.WAITING and each.cause in _BY_THE_CLOCK
        verdict = click.style(_WHEN_DUE if timed else _VERDICTS[each.verdict], fg=_COLORS[each.verdict])
        lines.append(f"{head}, {verdict}{f' ({sure})' if sure else ''}")
    told = []
    if found.waited is not None and each.cause != SETTLED:
        told.append(f"created {duration(found.waited)} ago")
    if not each.considered:
        told.append("not looked at yet")
    if each.position is not None:
        told.append(_place(each.position))
    if each.start is not None:
        told.append(_start(each.start))
    told.append(f"as of {shown(each.observed_at)}" if each.observed_at else "")
    return lines + prose("; ".join(part for part in told if part), width)


def _place(at: QueuePosition) -> str:
    if at.ahead:
        return f"{at.ahead:,} of {at.of:,} ahead in {at.queue}"
    return f"first of {at.of:,} in {at.queue}" if at.of > 1 else f"alone in {at.queue}"


def _start(each: StartWindow) -> str:
    if each.never:
        return "as things are it never starts"
    share = f" ({each.confidence:.0%})" if each.confidence else ""
    return f"starts between {each.start or 'now'} and {each.end or 'an unknown time'}{share}"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", click.style(title, bold=True), *lines] if lines else []


def _facts(facts: Mapping[str, Any], width: int) -> list[str]:
    # What is none, or not known, says nothing; JSON has it.
    told = {name: value for name, value in facts.items() if not (value is None or value == "" or _holds_nothing(value))}
    named = {
        str(name).replace("_", " "): _value(value, number=not _PORT.search(str(name))) for name, value in told.items()
    }
    widest = max((len(name) for name in named), default=0)
    lines: list[str] = []
    for name, value in named.items():
        first, *rest = prose(value, max(width - widest - 4, 40), more="") or [""]
        lines.append(f"  {shown(name):<{widest}}  {first}".rstrip())
        lines += [f"  {'':<{widest}}  {line}" for line in rest]
    return lines


def _holds_nothing(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple | set | frozenset) and not value


_FAILED: Final = "job-failed"
"""Cause of what is over, and waits for its author."""
_MADE_ON_TRIAL: Final = frozenset({RemedyKind.ADD_NODE, RemedyKind.RAISE_AUTOSCALER_MAX})
_ELSEWHERE: Final = " of other namespaces"
_WITH_MEMBERS: Final = frozenset({"Sweep", "Schedule"})
"""Kinds that do not run themselves."""
_PORT: Final = re.compile(r"(?i)(?:^|[^a-z]|host|node|container|target)_?ports?(?![a-z])")
"""Names of facts that are ports: numbers that nobody counts with."""


def _value(value: Any, *, number: bool = True) -> str:
    match value:
        case None:
            text = "none"
        case bool():
            text = "yes" if value else "no"
        case str():
            text = value or "empty"
        case int() | float():
            text = f"{value:g}" if isinstance(value, float) else f"{value:,}" if number else str(value)
        case Mapping():
            text = ", ".join(f"{key} {_value(item, number=number)}" for key, item in value.items()) or "none"
        case list() | tuple() | set() | frozenset():
            text = ", ".join(_value(item, number=number) for item in value) or "none"
        case _:
            text = str(value)
    return unquoted(shown(text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"))


def _evidence(part: Any, *, plain: bool) -> str:
    """Where a value was seen; what the queues of this machine say is told in the words of `allot ps`."""
    value = part.value if isinstance(part.value, str) else json.dumps(part.value, default=str, ensure_ascii=False)
    value = plain_reason(value) if plain else value
    value = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
    where = f" -n {part.object.namespace}" if part.object.namespace else ""
    says = f" ({part.says})" if part.says else ""
    return unquoted(shown(f"{part.object.kind.lower()}/{part.object.name}{where} {part.field}: {value}{says}"))


_FLAVOR_COLUMNS: Final[tuple[Column[FlavorTried], ...]] = (
    Column("FLAVOR OR NODE", lambda row: row.name),
    Column("WHY NOT", lambda row: row.reason, fold=" "),
    Column("BY HOW MUCH", lambda row: row.number or None),
)


def _flavors(flavors: Sequence[FlavorTried], table_width: int | None) -> list[str]:
    if not flavors:
        return []
    table = table_text(_FLAVOR_COLUMNS, flavors[:_MOST_FLAVORS], width=None if table_width is None else table_width - 2)
    more = len(flavors) - _MOST_FLAVORS
    return indent(table, "  ").splitlines() + ([f"  and {more:,} more; -o json has them all"] if more > 0 else [])


def _remedies(remedies: Sequence[Remedy], width: int) -> Iterator[str]:
    for number, each in enumerate(remedies, 1):
        yield from prose(f"{number}. {_WHO[each.who]}: {each.summary}", width, "  ", "   ")
        yield from prose(_tried(each), width, "     ")
        if each.command:
            # In one piece, whatever its length: it is to be copied.
            yield f"     {click.style(shown(each.command), fg='green')}"


def _not_tried(each: Remedy) -> str:
    """Why a remedy could not be tried."""
    patch = each.patch
    if patch is not None and patch.op is PatchOp.SIGNAL and isinstance(patch.body, dict):
        if "podSpec" in patch.body:
            return ", and no command: where an object of this kind has the template of its pods is not known"
        if "group" in patch.body and "pods" in patch.body:
            return ", and no command: its pods are made one by one"
        if "pods" in patch.body and each.who is Doer.USER:
            return ", and no command: where an object of this kind has the number of its pods is not known"
        if "…" in json.dumps(patch.body, ensure_ascii=False):
            return ", and no command: what to write there is not known"
        if "quota" in patch.body:
            return ": people decide that"
    return ": what it rests on was not seen, or happens outside the cluster"


def _tried(remedy: Remedy) -> str:
    each, patch = remedy.tried, remedy.patch
    # What happens outside the cluster can only be supposed; machines are added on the twin.
    outside = patch is not None and patch.op is PatchOp.SIGNAL and remedy.kind not in _MADE_ON_TRIAL
    how = "supposing that it is done" if outside else "tried"
    said = {
        StartsWhen.NOW: f"{how}: it starts then",
        StartsWhen.LATER: f"{how}: it starts later, when what it then waits for is over",
        StartsWhen.NO: f"{how}: necessary, and not enough",
        StartsWhen.NOT_SIMULATED: f"not tried{_not_tried(remedy)}",
    }[each.starts]
    if patch is not None and patch.op is PatchOp.WAIT and each.starts is StartsWhen.LATER:
        # Nothing is changed of which a twin could tell more.
        said = "it starts then, unless something else keeps it by then"
    if each.at is not None:
        said += f"; {_start(each.at)}"
    if each.displaces:
        said += f"; it takes from {', '.join(each.displaces)}"
    return said


def _everywhere(found: WhyAll) -> str:
    """All namespaces, or those that could be read."""
    narrow = any(" of other namespaces:" in text and "hidden" not in text for text in found.unseen)
    return "in the namespaces that could be read" if narrow else "in all namespaces"


def _group(group: CauseGroup, width: int, *, alone: bool, several: bool) -> list[str]:
    head = click.style(f"{len(group.members):,}", bold=True)
    verdict = "" if group.verdict is None else click.style(f", {group.verdict}", fg=_COLORS[group.verdict])
    code = f" ({shown(group.code)})" if group.code else ""
    longest = group.members[0].waited
    since = "" if longest is None else f", longest {duration(longest)}"
    lines = [f"{head}  {click.style(shown(group.cause), bold=True)}{code}{verdict}{since}"]
    lines += prose(_told_of(group), width, "   ", "")
    names = [
        (_named(each.subject) if alone or not each.subject.namespace else _placed(each.subject))
        + (f" in {each.source}" if several else "")
        for each in group.members[:_MOST_NAMES]
    ]
    more = len(group.members) - len(names)
    return [*lines, *prose(", ".join(names) + (f" and {more:,} more" if more else ""), width, "   ", "")]


def _told_of(group: CauseGroup) -> str:
    """The sentence of all, or of one that is named: what is true of one need not be of the next."""
    first = group.members[0]
    if len({each.explanation.summary for each in group.members}) == 1:
        return first.explanation.summary
    return f"for example {_named(first.subject)}: {first.explanation.summary}"


def _by_reason(unseen: Sequence[str]) -> list[str]:
    """Kinds of which the same is said in one line: a member of one team may read few of them."""
    kinds: dict[tuple[str, str, str], list[str]] = {}
    for text in unseen:
        what, _, reason = text.rpartition(": ")
        cluster, _, kind = what.rpartition(": ")
        kind, elsewhere, _ = kind.partition(_ELSEWHERE)
        kinds.setdefault((cluster, elsewhere, reason), []).append(kind)
    return [
        f"{f'{cluster}: ' if cluster else ''}{', '.join(names)}{elsewhere}: {reason}" if reason else names[0]
        for (cluster, elsewhere, reason), names in kinds.items()
    ]


def _unseen(found: WhyAll, width: int) -> list[str]:
    return _section("NOT SEEN", [line for text in _by_reason(found.unseen) for line in prose(text, width, "  ")])
