"""Promises about every job file: what is loaded can be written and loaded again; what is broken is told, and where."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allotment.model.source import SourceTree
from allotment.spec.jobs.load import InvalidJobFileError, load_jobs
from allotment.spec.jobs.writing import job_text, number_text
from allotment.spec.writing import block
from tests.by_day import by_day
from tests.unit.spec.jobs.files import LONG, NOW, SHORTEST, job_of, jobs_of, platform
from tests.unit.spec.test_mutations import mutate_bytes, mutate_lines

MUTATIONS = 5_000
"""Of each of two ways."""
BY_DAY = 10

NASTY = ("", "no", "0x1", "1.30", "null", "~", "{{ x }}", "a: b", "- a", "#", "'\"", "\n", "\t x", "é\u2028", "😀")
handed_over = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12),
).filter(lambda text: all(character.isprintable() or ord(character) < 0xFFFE for character in text))
names = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda name: "--" not in name)
variables = st.from_regex(r"[A-RT-Z_][A-Z0-9_]{0,8}", fullmatch=True).filter(lambda name: "ALLOTMENT" not in name)
durations = st.builds("{}{}".format, st.integers(1, 60), st.sampled_from("smhd"))
numbers = st.builds("{}{}".format, st.integers(1, 900), st.sampled_from(("", ".5", "e-9", "e9", ".25E-3")))
amounts = st.builds("{}{}".format, st.integers(1, 60), st.sampled_from(("Gi", "Mi", "k", "M", "G")))


def some(**fields: st.SearchStrategy) -> st.SearchStrategy[dict]:
    """A mapping with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


ranges = st.fixed_dictionaries(
    {"from": numbers, "to": st.just("9e12")}, optional={"scale": st.sampled_from(("linear", "log"))}
)
sweeps = st.one_of(
    st.fixed_dictionaries(
        {
            "grid": st.dictionaries(
                names, st.lists(handed_over, min_size=1, max_size=3, unique=True), min_size=1, max_size=2
            )
        },
        optional={"atOnce": st.integers(1, 4)},
    ),
    st.fixed_dictionaries(
        {"random": st.dictionaries(names, ranges, min_size=1, max_size=2), "trials": st.integers(1, 1000)},
        optional={"seed": st.integers(0, 99), "earlyStop": st.just({"metric": "eval/loss", "maximise": True})},
    ),
)
volumes = st.just(
    {
        "data": {"claim": "datasets"},
        "ck": {"use": "checkpoint", "folder": "/shared/c", "path": "/c k"},
        "tmp": {"size": "1k"},
    }
)
documents = st.fixed_dictionaries(
    {
        "kind": st.just("Job"),
        "name": names,
        "team": st.sampled_from(("nlp", "bounded")),
        "run": st.one_of(
            st.fixed_dictionaries(
                {"script": st.sampled_from(("a.py", "x/b.sh", "tool", "/opt/a"))},
                optional={
                    "args": st.lists(handed_over, max_size=3),
                    "env": st.dictionaries(variables, handed_over, max_size=3),
                    "secrets": st.just({"SECRET": "s/k"}),
                    "image": st.just("host:5000/a/b:1@sha256:" + "a" * 64),
                    "workingDirectory": st.sampled_from(("a b", "/work")),
                },
            ),
            st.builds(lambda words: {"command": ["x", *words]}, st.lists(handed_over, max_size=3)),
        ),
    },
    optional={
        "code": some(folder=st.sampled_from((".", "src/a b")), ignoreFile=st.sampled_from(("", "x")), most=amounts),
        "resources": some(
            accelerators=st.sampled_from(
                (1, "a100:2", {"memory": ">=40Gi"}, {"class": ["a100", "h100"], "vendor": "nvidia"})
            ),
            cpu=st.sampled_from(("500m", 1, "1.5")),
            memory=amounts,
            ephemeralStorage=amounts,
        ),
        "replicas": st.integers(1, 9),
        "gang": st.booleans(),
        "nearness": st.sampled_from(("rack", {"within": "node", "required": True})),
        "spot": st.booleans(),
        "maxRunTime": durations,
        "deadline": st.integers(2028, 8000).map("{}-05-06T07:08:09-03:30".format),
        "checkpoint": st.sampled_from(("ck", {"directory": "/c k/x", "interval": "1d2h3m4s", "grace": "5s"})),
        "retries": st.sampled_from((3, {"safe": True})),
        "after": st.lists(names.map("x{}".format), max_size=2, unique=True),
        "labels": st.dictionaries(names, st.sampled_from(("no", "0x1", "1.30", "A_b")), max_size=2).filter(
            lambda labels: not {"team", "project", "environment"} & set(labels)
        ),
    },
)  # fmt: skip


@settings(max_examples=by_day(90), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    document=documents,
    more=st.one_of(
        st.just({}),
        sweeps.map(lambda sweep: {"sweep": sweep}),
        st.just({"schedule": {"cron": "5/7 1-3 * * *", "timeZone": "America/Argentina/Ushuaia"}}),
        volumes.map(
            lambda found: {"volumes": found, "data": ["/shared/x", {"source": "s3://a/b?c=d", "volume": "tmp"}]}
        ),
    ),
)
def test_what_is_loaded_is_written_so_that_it_means_the_same(document, more):
    document = {**document, **more}
    if "data" in more:
        document["data"] = [{"source": "/shared/x", "volume": "data"}, more["data"][1]]
    job = job_of("\n".join(block(document)))
    assert job_of(job_text(job)) == job


@given(st.integers(-(10**15), 10**15), st.integers(-30, 30))
def test_numbers_are_written_exactly(digits, power):
    number = Fraction(digits) * Fraction(10) ** power
    assert Fraction(number_text(number)) == number


def outcome(text: str) -> str:
    """Load, and hold the answer to the contract."""
    try:
        found = load_jobs(SourceTree({"job.yaml": text}), platform(), NOW)
    except InvalidJobFileError as error:
        problems = error.problems
    else:
        assert found
        return "loaded"
    assert problems
    for problem in problems:
        assert problem.field or problem.line
        assert problem.what
        assert problem.fix
        assert len(str(problem)) < 2000
    return "refused"


@pytest.mark.parametrize(
    ("mutate", "count"),
    [
        pytest.param(mutate_bytes, MUTATIONS // BY_DAY, id="bytes"),
        pytest.param(mutate_lines, MUTATIONS // BY_DAY, id="lines"),
        pytest.param(mutate_bytes, MUTATIONS, id="bytes: all", marks=pytest.mark.nightly),
        pytest.param(mutate_lines, MUTATIONS, id="lines: all", marks=pytest.mark.nightly),
    ],
)
def test_mutated_job_files_are_loaded_or_refused_with_places(mutate, count):
    rng = random.Random(20261128)
    documents = [SHORTEST] * 4 + LONG.split("---\n")
    seen = {"loaded": 0, "refused": 0}
    for _ in range(count):
        seen[outcome(mutate(rng.choice(documents), rng))] += 1
    # A mutation that never bites, or always does, would test nothing.
    assert min(seen.values()) > count // 20


@settings(max_examples=by_day(60), deadline=None)
@given(st.text(max_size=200))
def test_any_text_as_a_job_file(text):
    outcome(text)


inner = st.recursive(
    st.none() | st.text(max_size=6) | st.sampled_from(["a100", "3", "true", "64Gi", "/a", "1h"]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["class", "count", "grid", "lr", "cron", "path", "claim", "job"]), below, max_size=3
        )
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=by_day(90), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "run",
                "code",
                "resources",
                "nearness",
                "checkpoint",
                "retries",
                "volumes",
                "data",
                "sweep",
                "schedule",
                "after",
            ]
        ),
        inner,
        max_size=4,
    )
)
def test_any_shape_of_a_job(fields):
    outcome(json.dumps({"kind": "Job", "name": "a", "team": "nlp", "run": "a.py", **fields}))


def test_hostile_files_end_in_time():
    """Deep nesting, bombs of aliases, jobs that wait for each other, a thousand mistakes."""
    deep = f"kind: Job\nname: {'[' * 100_000}"
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + number)}: &{chr(98 + number)} [{', '.join([f'*{chr(97 + number)}'] * 9)}]\n" for number in range(12)
    )
    chain = "---\n".join(
        f"kind: Job\nname: j{number}\nteam: nlp\nrun: a.py\nafter: [j{number - 1}]\n" for number in range(1, 301)
    )
    wrong = "---\n".join("kind: Job\nname: X\nteam: no\nrun: a.py\n" for _ in range(1_100))
    assert [outcome(text) for text in (deep, bomb, chain, wrong)] == ["refused", "refused", "loaded", "refused"]
    assert len(jobs_of(chain)) == 300
