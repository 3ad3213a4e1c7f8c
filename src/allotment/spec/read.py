"""Files to declarations: parse, pick the kinds, translate errors. First half of loading."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from allotment.model.source import YAML_SUFFIXES, SourceTree
from allotment.spec import documents
from allotment.spec.declared import Declared, DeclaredDocument
from allotment.spec.documents import MOST_DOCUMENTS, Document
from allotment.spec.left_out import left_out
from allotment.spec.patterns import matches
from allotment.spec.problems import MOST_TOLD, Issue, Problem, Severity, Source, did_you_mean, dotted, echo
from allotment.spec.schema import KINDS
from allotment.spec.schema.base import KindSpec
from allotment.spec.translate import issues_of

MAIN_FILE: Final = "platform.yaml"
"""Where the Platform document usually stands; named in problems that have no place of their own."""


@dataclass(slots=True)
class Reading:
    """What the files say.

    Attributes:
        problems: problems of form, located already.
        lost: whether something was not read to its end, so that anything may be missing.
    """

    declared: Declared
    issues: list[Issue]
    problems: list[Problem]
    lost: bool


@dataclass(slots=True)
class _Gathered:
    entries: dict[str, list[DeclaredDocument[Any]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    broken: dict[str, set[str]] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)


def read(tree: SourceTree) -> Reading:
    """Read every YAML file of the tree; nothing is checked across documents yet."""
    parsed = {
        path: documents.parse(path, tree.files[path]) for path in sorted(tree.files) if path.endswith(YAML_SUFFIXES)
    }
    chosen = _chosen(parsed)
    included = list(parsed) if chosen is None else _included(parsed, *chosen)
    gathered = _Gathered(issues=list(left_out(tree, chosen[1] if chosen else None)))
    problems = [problem for path in included for problem in _problems(parsed[path], tree.files[path])]
    found = [document for path in included for document in parsed[path].documents]
    if len(found) > MOST_DOCUMENTS:
        what = f"more than {MOST_DOCUMENTS:,} documents in the directory"
        fix = "name the platform's files in `include`, in the document of kind Platform"
        problems.append(Problem(found[MOST_DOCUMENTS].file, 0, 0, "", what, fix, Severity.ERROR))
    for document in found[:MOST_DOCUMENTS]:
        if len(gathered.issues) > MOST_TOLD:
            break
        _take(gathered, document)
    lost = bool(problems) or len(gathered.issues) > MOST_TOLD
    return Reading(_declared(gathered), gathered.issues, problems, lost)


def _problems(file: documents.Parsed, text: str) -> tuple[Problem, ...]:
    """Problems of form; who meets them in somebody else's file is told how to leave it out."""
    if _DECLARES.search(text) is not None:
        return file.problems
    return tuple(replace(problem, fix=f"{problem.fix}{_FOREIGN}") for problem in file.problems)


def _included(parsed: Mapping[str, documents.Parsed], main: str, patterns: Sequence[str]) -> list[str]:
    return sorted({main, *(path for path in parsed if any(matches(path, pattern) for pattern in patterns))})


def _chosen(parsed: Mapping[str, documents.Parsed]) -> tuple[str, Sequence[str]] | None:
    """The Platform document's file, and the patterns of its `include`; None where it names none."""
    for file in parsed.values():
        for document in file.documents:
            data = document.data
            if isinstance(data, dict) and data.get("kind") == "Platform" and "include" in data:
                patterns = data["include"]
                if isinstance(patterns, list) and all(isinstance(pattern, str) for pattern in patterns):
                    return document.file, patterns
    return None


_FOREIGN: Final = "; a file that is not the platform's is left out by `include` in the Platform document"
_DECLARES: Final = re.compile(rf"^kind:\s*[\"']?({'|'.join(KINDS)})\b", re.MULTILINE)
"""A file of ours, even where it cannot be read to its end."""


def _take(gathered: _Gathered, document: Document) -> None:
    source = Source(document.file, document.index)
    data = document.data
    if not isinstance(data, dict):
        fix = f"write `kind:` and the kind's fields{_FOREIGN}"
        gathered.issues.append(Issue(source, (), f"{echo(data)} where a mapping belongs", fix))
        return
    kind = data.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        what = f"unknown kind {echo(kind)}" if "kind" in data else "the document has no kind"
        fix = f"{did_you_mean(kind if isinstance(kind, str) else '', KINDS)}{_FOREIGN}"
        gathered.issues.append(Issue(source, ("kind",), what, fix))
        return
    try:
        spec: KindSpec = model.model_validate(data)
    except ValidationError as error:
        gathered.issues.extend(islice(issues_of(error, model, source), MOST_TOLD + 1))
        name = data.get("name")
        gathered.broken.setdefault(str(kind), set()).add(name if isinstance(name, str) else "")
        return
    gathered.entries[str(kind)].append(DeclaredDocument(spec, source))


def _declared(gathered: _Gathered) -> Declared:
    entries = gathered.entries
    platforms = sorted(entries["Platform"], key=lambda entry: entry.source.file != MAIN_FILE)
    for extra in platforms[1:]:
        gathered.issues.append(
            Issue(extra.source, ("kind",), "a second document of kind Platform", "keep one for the whole directory")
        )
    if not platforms and "Platform" not in gathered.broken:
        fix = "add a document with `kind: Platform` and `name:`"
        gathered.issues.append(Issue(Source(MAIN_FILE, 0), ("kind",), "no document of kind Platform", fix))
    return Declared(
        platform=platforms[0] if platforms else None,
        clusters=tuple(entries["Cluster"]),
        slurms=tuple(entries["SlurmCluster"]),
        accelerators=tuple(entries["Accelerator"]),
        teams=tuple(entries["Team"]),
        priorities=tuple(entries["Priority"]),
        policies=tuple(entries["Policy"]),
        slo_tiers=tuple(entries["SloTier"]),
        shared_services=tuple(entries["SharedService"]),
        storage_classes=tuple(entries["StorageClass"]),
        prices=tuple(entries["Prices"]),
        approvals=tuple(entries["Approvals"]),
        grants=tuple(entries["Grant"]),
        broken={kind: frozenset(names) for kind, names in gathered.broken.items()},
    )


def locate(tree: SourceTree, issues: list[Issue]) -> list[Problem]:
    """Give issues their lines. Only files with issues are read again."""
    wanted: dict[str, set[int]] = {}
    for issue in issues:
        wanted.setdefault(issue.source.file, set()).add(issue.source.index)
    found = {
        file: documents.positions(file, tree.files[file], indexes)
        for file, indexes in wanted.items()
        if file in tree.files
    }
    return [_located(issue, found.get(issue.source.file, {}).get(issue.source.index, {})) for issue in issues]


def _located(issue: Issue, where: Mapping[tuple[str | int, ...], tuple[int, int]]) -> Problem:
    path = issue.path
    position = where.get(path)
    while position is None and path:
        path = path[:-1]
        position = where.get(path)
    line, column = (position[0] + 1, position[1] + 1) if position is not None else (0, 0)
    found = issue.source.file, line, column, dotted(issue.path)
    return Problem(*found, issue.what, issue.fix, issue.severity, issue.kind)


def has_errors(problems: list[Problem]) -> bool:
    """Whether anything stands in the way of a Platform."""
    return any(problem.severity is Severity.ERROR for problem in problems)
