"""YAML to data: what is refused, where, and that nothing gets expensive."""

from __future__ import annotations

import pytest

from allotment.spec import documents
from allotment.spec.documents import MOST_DEPTH, MOST_PROBLEMS, parse, positions

BAD = [
    ("duplicate key", "a: 1\nb: 2\na: 3\n", 3, 1, "a", '"a" is given twice'),
    ("duplicate key inside", "a:\n  b: 1\n  b: 2\n", 3, 3, "a.b", '"b" is given twice'),
    ("tab as indentation", "a:\n\tb: 1\n", 2, 1, "", "not valid YAML"),
    ("mapping in a value", "a: b: c\n", 1, 5, "", "not valid YAML"),
    ("open bracket", "a: [1\n", 2, 1, "a", "not valid YAML"),
    ("control character", "a: 1\nb: \x07\n", 2, 4, "", "U+0007"),
    ("lone surrogate", "a: \ud800\n", 1, 4, "", "U+D800"),
    ("null byte", "a\x00: 1\n", 1, 2, "", "U+0000"),
    ("tag", "a: !!int 5\n", 1, 4, "a", "YAML tag"),
    ("python tag", "a: !!python/object/apply:os.system [x]\n", 1, 4, "a", "YAML tag"),
    ("merge key", "a: &x {b: 1}\nc:\n  <<: *x\n", 3, 3, "c.<<", "merge keys"),
    ("alias without anchor", "a: *x\n", 1, 4, "a", "has no anchor"),
    ("alias to itself", "a: &x [*x]\n", 1, 8, "a[0]", "an alias to the value it stands in"),
    ("key that is a list", "? [1, 2]\n: b\n", 1, 3, "", "a key that is not text"),
    ("template", "cpu: {{ .Values.cpu }}\n", 1, 7, "cpu", "fill templates ({{ … }}) in"),
    ("long key", "k" * 600 + ": 1\n", 1, 1, "", "a key of 600 characters"),
]


@pytest.mark.parametrize(
    ("text", "line", "column", "field", "words"), [case[1:] for case in BAD], ids=[c[0] for c in BAD]
)
def test_refused_with_place(text, line, column, field, words):
    problem = parse("f.yaml", text).problems[0]
    assert (problem.file, problem.line, problem.column, problem.field) == ("f.yaml", line, column, field)
    assert words in f"{problem.what}; {problem.fix}"
    assert problem.fix


GOOD = [
    (
        "plain scalars stay text",
        "a: [no, 0x1, 1_000, 1.30, 2027-01-31, 012, yes]",
        {"a": ["no", "0x1", "1_000", "1.30", "2027-01-31", "012", "yes"]},
    ),
    ("nulls", "a: ~\nb: null\nc:\nd: ''", {"a": None, "b": None, "c": None, "d": ""}),
    ("quoted null is text", "a: 'null'", {"a": "null"}),
    ("alias", "a: &x {b: c}\nd: *x", {"a": {"b": "c"}, "d": {"b": "c"}}),
    ("alias of a scalar", "a: &x 5\nb: *x", {"a": "5", "b": "5"}),
    ("alias as a key", "a: &x b\n*x : c", {"a": "b", "b": "c"}),
    ("block text", "a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
    ("byte order mark", "\ufeffa: b", {"a": "b"}),
    ("templates are text", 'a: "{{ x }}"', {"a": "{{ x }}"}),
]


@pytest.mark.parametrize(("text", "data"), [case[1:] for case in GOOD], ids=[case[0] for case in GOOD])
def test_read(text, data):
    parsed = parse("f.yaml", text)
    assert parsed.problems == ()
    assert [document.data for document in parsed.documents] == [data]


def test_several_documents_and_empty_ones():
    text = "---\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n"
    assert [(d.index, d.data) for d in parse("f", text).documents] == [(0, {"a": "1"}), (1, {"b": "2"})]
    where = positions("f", text, {0, 1})
    assert where[0]["a",] == (2, 0)
    assert where[1]["b",] == (6, 0)
    assert positions("f", text, {1}) == {1: where[1]}


def test_positions_of_nested_values():
    where = positions("f", "a:\n  - b: 1\n    c: {d: 2}\n", {0})[0]
    assert where["a", 0, "c", "d"] == (2, 8)
    assert where["a", 0] == (1, 4)


@pytest.mark.timeout(60)
def test_aliases_cannot_explode():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    problem = parse("f", "\n".join(lines)).problems[0]
    assert "values in a file" in problem.what


def test_aliases_cannot_nest_without_end():
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40))]
    assert "nested too deeply" in parse("f", "\n".join(lines)).problems[0].what


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["[" * 200_000, "{a: " * 100_000, "- " * 100_000, "? " * 50_000], ids=["[", "{", "-", "?"]
)
def test_depth_is_bounded(text):
    assert parse("f", text).problems


def test_depth_that_is_allowed():
    text = "[" * MOST_DEPTH + "]" * MOST_DEPTH
    assert parse("f", text).problems == ()
    assert parse("f", "[" + text + "]").problems[0].line == 1


def test_problems_of_one_file_are_bounded():
    assert len(parse("f", "a: 1\n" * 1000).problems) == MOST_PROBLEMS


def test_values_are_bounded(monkeypatch):
    monkeypatch.setattr(documents, "MOST_NODES", 10)
    assert "more than 10 values" in parse("f", "a: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]").problems[0].what


def test_documents_are_bounded(monkeypatch):
    monkeypatch.setattr(documents, "MOST_DOCUMENTS", 10)
    parsed = parse("f", "---\na: 1\n" * 11)
    assert len(parsed.documents) == 10
    assert [(p.line, p.what) for p in parsed.problems] == [(21, "more than 10 documents in a file")]
    assert parse("f", "---\na: 1\n" * 10).problems == ()
