"""Whatever is done to a directory, the answer is a Platform or problems that name file and place; never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allotment.adapters.files.tree import read_tree
from allotment.model.source import SourceTree
from allotment.render.manifests import render
from allotment.spec.load import Loaded, load_platform
from allotment.spec.problems import InvalidPlatformError
from tests.by_day import by_day
from tests.unit.spec.trees import rich, tiny

EXAMPLES = Path(__file__).parents[3] / "examples"

BYTE_MUTATIONS = 8_000
STRUCTURAL_MUTATIONS = 2_000
RENDERED_MUTATIONS = 1_500
BY_DAY = 8
"""The part of them, one in so many, that is tried outside the nightly run; always the same ones."""
"""Ten thousand in all."""

TOKENS = [
    *(chr(code) for code in range(0x20, 0x7F)),
    *("\n", "\t", "\x00", "\x7f", "\u00e9", "\u2028", "\U0001f600", "\ud800", "\ufeff"),
    *("---\n", "...\n", "&a ", "*a", "!!python/object:os.system ", "<<: ", "? ", "- ", ": ", "{", "}", "[", "]"),
    *("null", "~", "true", "no", "0x1", "1_000", "1e999", "-1", "99999999999999999999", ".nan", "2027-01-31"),
    *("a100", "spot", "dev", "nlp", "kind: ", "name: ", "Team", "|\n", ">\n", '"', "'", "#", "%YAML 3.0\n"),
]
VALUES = [
    "",
    "null",
    "[]",
    "{}",
    "[[]]",
    "{a: b}",
    "-1",
    "1e9",
    "no",
    "~",
    '"\\n"',
    "x" * 300,
    "a--b",
    "Ü",
    "0",
    "{{ x }}",
]


def small_trees() -> list[dict[str, str]]:
    """Directories small enough to be loaded thousands of times; together they use every kind."""
    acme = dict(read_tree(EXAMPLES / "acme").files)
    rules = {
        name: acme[name]
        for name in ("platform.yaml", "priorities.yaml", "slo-tiers.yaml", "shared-services.yaml", "prices.yaml")
    }
    return [tiny(), rich(), dict(read_tree(EXAMPLES / "minimal").files), tiny() | rules]


def outcome(files: dict[str, str]) -> str:
    """Load and hold the answer to the contract."""
    try:
        loaded = load_platform(SourceTree(files))
    except InvalidPlatformError as error:
        problems = error.problems
    else:
        assert isinstance(loaded, Loaded)
        return "loaded"
    assert problems
    for problem in problems:
        assert problem.file.endswith((".yaml", ".yml"))
        assert problem.field or problem.line
        assert problem.what
        assert problem.fix
        assert len(str(problem)) < 2000
    return "refused"


def mutate_bytes(text: str, rng: random.Random) -> str:
    """A few cuts, insertions, repetitions and swaps."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        end = min(len(text), at + rng.choice((1, 1, 2, 5, 40)))
        match rng.randrange(4):
            case 0:
                text = text[:at] + text[end:]
            case 1:
                text = text[:at] + rng.choice(TOKENS) + text[at:]
            case 2:
                text = text[:at] + rng.choice(TOKENS) + text[end:]
            case _:
                text = text[:end] + text[at:]
    return text


def mutate_lines(text: str, rng: random.Random) -> str:
    """Change what stands behind a colon, drop, repeat or indent a line."""
    lines = text.splitlines()
    at = rng.randrange(len(lines))
    key, colon, _value = lines[at].partition(":")
    choice = rng.randrange(5)
    if choice == 0 and colon:
        lines[at] = f"{key}: {rng.choice(VALUES)}"
    elif choice == 1:
        del lines[at]
    elif choice == 2:
        lines.insert(at, lines[at])
    elif choice == 3:
        lines[at] = "  " + lines[at]
    else:
        lines[at] = lines[at].replace(rng.choice("aeiou1"), rng.choice("xyz0"), 1)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("mutate", "count"),
    [
        pytest.param(mutate_bytes, BYTE_MUTATIONS // BY_DAY, id="bytes"),
        pytest.param(mutate_lines, STRUCTURAL_MUTATIONS // BY_DAY, id="lines"),
        pytest.param(mutate_bytes, BYTE_MUTATIONS, id="bytes: all", marks=pytest.mark.nightly),
        pytest.param(mutate_lines, STRUCTURAL_MUTATIONS, id="lines: all", marks=pytest.mark.nightly),
    ],
)
def test_mutated_directories_are_loaded_or_refused_with_places(mutate, count):
    rng = random.Random(20261122)
    trees = small_trees()
    seen: dict[str, int] = {"loaded": 0, "refused": 0}
    for _ in range(count):
        [files] = rng.choices(trees, weights=(12, 1, 6, 1))
        files = dict(files)
        name = rng.choice(sorted(files))
        files[name] = mutate(files[name], rng)
        seen[outcome(files)] += 1
    # A mutation that never bites, or always does, would test nothing.
    assert seen["refused"] > count // 10
    assert seen["loaded"] > count // 20


@settings(max_examples=by_day(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200))
def test_any_text_as_a_file(text):
    outcome(tiny(team=text))


scalars = st.none() | st.text(max_size=8) | st.sampled_from(["dev", "a100", "nlp", "8", "true", "64Gi"])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "kind", "placements", "dev", "cpu", "nominal", "groups", "accelerators"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=by_day(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(
        ["Team", "Cluster", "Accelerator", "Priority", "Policy", "SharedService", "Prices", "Approvals", "Grant"]
    ),
    fields=st.dictionaries(
        st.sampled_from(
            [
                "name",
                "placements",
                "groups",
                "nodePools",
                "overrides",
                "storage",
                "value",
                "ports",
                "cohorts",
                "projects",
                "gates",
                "routes",
                "budgets",
                "team",
                "gpus",
                "from",
            ]
        ),
        values,
        max_size=5,
    ),
)
def test_any_shape_of_a_document(kind, fields):
    outcome(tiny(extra=json.dumps({"kind": kind, **fields})))


OPENINGS = (
    "10.0.0.0/8",
    "0.0.0.0/0",
    "169.254.20.10/32",
    "169.254.169.254/32",
    "168.63.129.16/32",
    "fd00:ec2::254/128",
)
"""Addresses that an opening leads to; the last three are a cloud's metadata."""


@pytest.mark.parametrize(
    "count",
    [RENDERED_MUTATIONS // BY_DAY, pytest.param(RENDERED_MUTATIONS, marks=pytest.mark.nightly)],
    ids=["some", "all"],
)
def test_what_validate_accepts_render_accepts(count):
    """A platform that loads is rendered for each of its clusters: nothing is told only by `render`, or by `plan`."""
    rng = random.Random(9)
    trees = small_trees()
    rendered = 0
    for _ in range(count):
        files = dict(rng.choices(trees, weights=(6, 3, 1, 6))[0])
        name = rng.choice(sorted(files))
        files[name] = mutate_lines(files[name], rng)
        cidr = rng.choice(OPENINGS)
        files["opening.yaml"] = f"kind: SharedService\nname: opening\ncidrs: ['{cidr}']\nports: [{{port: 80}}]\n"
        try:
            platform = load_platform(SourceTree(files)).platform
        except InvalidPlatformError:
            continue
        for cluster in platform.clusters:
            assert render(platform, cluster).objects
            rendered += 1
    assert rendered > count // 15
