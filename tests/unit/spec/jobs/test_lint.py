"""Each rule of the lint fires where its trap is, and nowhere else."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.spec.jobs.lint import RULES, LintWarning, lint_files
from allotment.spec.jobs.lint.tokens import looks_like_a_secret
from allotment.spec.jobs.load import load_jobs
from allotment.spec.load import load_platform

NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)

CLEAN = """\
kind: Job
name: train
team: nlp
run: {script: train.py, image: registry.acme.example/torch:2.4}
resources: {accelerators: a100:2}
priority: scheduled-training
maxRunTime: 4h
checkpoint: {directory: /ckpt, interval: 10m, grace: 2m}
volumes:
  ckpt: {claim: checkpoints, use: checkpoint}
  data: {claim: datasets}
"""


@cache
def acme() -> Platform:
    return load_platform(read_tree(Path("examples/acme"))).platform


def lint(text: str) -> tuple[LintWarning, ...]:
    files = SourceTree({"job.yaml": text})
    return lint_files(files, load_jobs(files, acme(), NOW), acme(), NOW)


def changed(*lines: str) -> str:
    """The clean file with top-level fields replaced, added, or (without a value) removed."""
    new = {line.partition(":")[0]: line for line in lines}
    kept: list[str] = []
    skipping = False
    for line in CLEAN.splitlines():
        key = line.partition(":")[0]
        skipping = key in new if not line.startswith(" ") else skipping
        if not skipping:
            kept.append(line)
    return "\n".join([*kept, *(line for line in new.values() if line.partition(":")[2])]) + "\n"


CASES = [
    # word, field, the lines that make the trap, the lines beside which there is none
    ("spot-without-checkpoint", "spot", ["spot: true", "checkpoint"], ["spot: true"]),
    ("spot-without-checkpoint", "spot", ["spot: true", "checkpoint"], ["spot: true", "checkpoint", "maxRunTime: 30m"]),
    ("displaced-without-checkpoint", "priority", ["checkpoint"], ["checkpoint", "retries: {safe: true}"]),
    ("displaced-without-checkpoint", "priority", ["checkpoint"], ["checkpoint", "priority: production-inference"]),
    ("long-interval", "checkpoint.interval", ["checkpoint: {directory: /ckpt, interval: 31m}"], []),
    ("short-grace", "checkpoint.grace", ["checkpoint: {directory: /ckpt, grace: 29s}"], []),
    ("checkpoint-nowhere", "checkpoint.directory", ["checkpoint: /ckpts"], ["checkpoint: /ckpt/mine"]),
    ("checkpoint-nowhere", "checkpoint.directory", ["checkpoint: mine"], ["checkpoint: mine", "run: train.py"]),
    ("retries-not-safe", "retries", ["retries: 3"], ["retries: {limit: 3, safe: true}"]),
    ("replicas-without-gang", "gang", ["replicas: 2", "gang: false"], ["replicas: 2"]),
    ("replicas-without-gang", "gang", ["replicas: 2", "gang: false"], ["replicas: 2", "type: evaluation"]),
    ("training-as-service", "type", ["type: service"], ["type: service", "run: serve.py", "checkpoint", "maxRunTime"]),
    ("image-moves", "run.image", ["run: {script: a.py, image: registry.acme.example/a}"], []),
    ("image-moves", "run.image", ["run: {script: a.py, image: registry.acme.example/a:latest}"], []),
    ("no-quota", "resources.accelerators", ["resources: {accelerators: mi300x}"], []),
    ("no-quota", "spot", ["resources: {accelerators: h100}", "spot: false"], ["resources: {accelerators: h100}"]),
    ("over-quota", "replicas", ["replicas: 20"], ["replicas: 12"]),
    ("over-quota", "replicas", ["replicas: 20"], ["replicas: 20", "gang: false", "type: evaluation"]),
    (
        "no-node-large-enough",
        "resources.accelerators.count",
        ["resources: {accelerators: t4:5}"],
        ["resources: {accelerators: t4:4}"],
    ),
    ("no-node-large-enough", "resources.memory", ["resources: {accelerators: t4, memory: 500Gi}"], []),
    (
        "strands-devices",
        "resources.cpu",
        ["resources: {accelerators: a100, cpu: 46}"],
        ["resources: {accelerators: a100:8, cpu: 92}"],
    ),
    ("strands-devices", "resources.memory", ["resources: {accelerators: a100, memory: 300Gi}"], []),
    (
        "few-cpus",
        "resources.cpu",
        ["resources: {accelerators: a100:2, cpu: 7}"],
        ["resources: {accelerators: a100:2, cpu: 8}"],
    ),
    ("no-run-time", "maxRunTime", ["priority: exploratory", "maxRunTime"], ["maxRunTime"]),
    ("deadline-unreachable", "deadline", ["deadline: 2027-01-01T03:00:00Z"], ["deadline: 2027-01-01T05:00:00Z"]),
    (
        "deadline-without-priority",
        "priority",
        ["deadline: 2027-01-02T00:00:00Z", "priority: exploratory"],
        ["deadline: 2027-01-02T00:00:00Z"],
    ),
    (
        "schedule-without-deadline",
        "schedule",
        ["schedule: 0 4 * * *"],
        ["schedule: {cron: 0 4 * * *, startingDeadline: 1h}"],
    ),
    (
        "late-start",
        "schedule.startingDeadline",
        ["schedule: {cron: 0 */6 * * *, startingDeadline: 6h}"],
        ["schedule: {cron: 0 */6 * * *, startingDeadline: 5h}"],
    ),
    (
        "schedule-overlap",
        "maxRunTime",
        ["schedule: {cron: 0 */3 * * *, startingDeadline: 1h}"],
        ["schedule: {cron: 0 */4 * * *, startingDeadline: 1h}"],
    ),
    ("schedule-overlap", "maxRunTime", ["schedule: {cron: 0 */6 * * *, startingDeadline: 1h}", "maxRunTime"], []),
    (
        "schedule-in-clock-change",
        "schedule.cron",
        ["schedule: {cron: 30 2 * * *, timeZone: Europe/Berlin, startingDeadline: 1h}"],
        ["schedule: {cron: 30 3 * * *, timeZone: Europe/Berlin, startingDeadline: 1h}"],
    ),
    (
        "schedule-in-clock-change",
        "schedule.cron",
        ["schedule: {cron: 0 2 * * *, timeZone: Europe/Berlin, startingDeadline: 20s}"],
        ["schedule: {cron: '* * * * *', timeZone: Europe/Berlin, startingDeadline: 20s}", "maxRunTime: 30s"],
    ),
    (
        "staging-holds-devices",
        "data[0].when",
        ["data: [{source: s3://a/b, volume: data, when: at-start}]"],
        ["data: [s3://a/b]"],
    ),
    (
        "weight-stampede",
        "data[0]",
        ["data: [{source: s3://a/b, volume: data, when: at-start}]", "replicas: 4", "resources: {cpu: 4}"],
        ["data: [{source: s3://a/b, volume: data, when: at-start}]", "replicas: 3", "resources: {cpu: 4}"],
    ),
    (
        "staged-into-scratch",
        "data[0].volume",
        ["data: [{source: s3://a/b, volume: s}]", "volumes: {s: {}, ckpt: {claim: checkpoints, use: checkpoint}}"],
        ["data: [s3://a/b]"],
    ),
    (
        "data-and-checkpoints-together",
        "volumes.data",
        ["volumes: {ckpt: {claim: datasets, use: checkpoint}, data: {claim: datasets}}"],
        [],
    ),
    (
        "data-and-checkpoints-together",
        "volumes.data",
        ["volumes: {data: {claim: datasets}}", "checkpoint: /data/c"],
        [],
    ),
    (
        "claim-unknown",
        "volumes.data.claim",
        ["volumes: {data: {claim: datasetz}, ckpt: {claim: checkpoints, use: checkpoint}}"],
        [],
    ),
    ("registry-not-trusted", "run.image", ["run: {script: a.py, image: docker.example/a:1}"], []),
    ("nearness-of-one", "nearness", ["nearness: rack"], ["nearness: rack", "replicas: 2"]),
    (
        "secret-in-plain-sight",
        "run.env.API_KEY",
        ["run: {script: a.py, env: {API_KEY: hunter22}}"],
        ["run: {script: a.py, env: {API_KEY: $KEY}}"],
    ),
    (
        "secret-in-plain-sight",
        "run.args",
        ["run: {script: a.py, args: [--token, hunter22]}"],
        ["run: {script: a.py, args: [--tokens, '22']}"],
    ),
    (
        "command-in-one-word",
        "run.command[0]",
        ["run: {command: ['torchrun --nproc_per_node=2 train.py']}"],
        ["run: {command: [/opt/my tools/run, a b]}"],
    ),
    ("command-in-one-word", "run.command[0]", ["run: {command: [/usr/bin/python a.py]}"], ["run: a b"]),
    (
        "flag-with-its-value",
        "run.args",
        ["run: {script: a.py, args: [--epochs 3]}"],
        ["run: {script: a.py, args: [--epochs=3, '--title=two words', '-- a']}"],
    ),
    ("flag-with-its-value", "run.command", ["run: {command: [python, a.py, --epochs 3]}"], []),
    ("flag-with-its-value", "run", ["run: {command: [python, a.py], args: [--epochs 3]}"], []),
    ("secret-in-plain-sight", "data[0].source", ["data: ['https://a/b?X-Amz-Signature=abcdefgh']"], []),
]


@pytest.mark.parametrize(
    ("word", "field", "trap", "beside"), CASES, ids=[f"{case[0]} {i}" for i, case in enumerate(CASES)]
)
def test_a_trap(word, field, trap, beside):
    found = [warning for warning in lint(changed(*trap)) if warning.word == word]
    assert [warning.problem.field for warning in found] == [field]
    assert found[0].problem.line
    assert found[0].problem.what
    assert found[0].problem.fix
    assert word not in {warning.word for warning in lint(changed(*beside))}


def test_every_rule_has_a_case_and_a_word_of_its_own():
    words = [rule.word for rule in RULES]
    assert len(set(words)) == len(words)
    assert {case[0] for case in CASES} == set(words)


def test_a_clean_file_is_clean():
    assert lint(CLEAN) == ()


SECRETS = [
    ("LR", "sk-proj-abcdefghijklmnop1234"),
    ("", "ghp_0123456789abcdefghijABCDEFGHIJ"),
    ("X", "AKIAABCDEFGHIJKLMNOP"),
    ("DB", "postgres://me:hunter2@db/x"),
    ("X", "-----BEGIN RSA PRIVATE KEY-----\nabc"),
    ("WANDB_API_KEY", "short"),
    ("--password", "x"),
    ("X", "0123456789abcdef0123456789abcdef01234567"),
    ("X", "Zk9fQ2xhdmlzMTIzNDU2Nzg5MHF3ZXJ0eQ"),
]
HARMLESS = [
    ("LR", "3e-4"),
    ("TOKENIZERS_PARALLELISM", "false"),
    ("MAX_TOKENS", "4096"),
    ("TOKEN_FILE", "/run/secrets/token"),
    ("PASSWORD", ""),
    ("GIT_COMMIT", "0123456789abcdef0123456789abcdef01234567"),
    ("MODEL", "meta-llama/Llama-3.1-8B-Instruct"),
    ("PYTHONPATH", "/opt/very/long/path/with/many/Parts/0123456789"),
    ("DATASET", "the-quick-brown-fox-jumps-over-the-lazy-dog"),
    ("MONKEY", "banana"),
]


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("""{command: ["torchrun --n=2 'my train.py' -x"]}""", '["torchrun", "--n=2", "my train.py", "-x"]'),
        ("""{command: ["python it's.py"]}""", '["python", "it\'s.py"]'),
        ("{script: a.py, args: [--epochs 3 --lr=1]}", '["--epochs", "3", "--lr=1"]'),
        ("{script: a.py, args: [--token hunter22 --key=sk-canary0123456789abcdef]}", '["--token", "…", "…"]'),
        (f"{{script: a.py, args: [--a {'b ' * 200}]}}", '["…", "…"]'),
    ],
)
def test_words_that_stand_together_are_told_as_a_list(run, told):
    found = lint(changed(f"run: {run}"))
    (warning,) = (each for each in found if each.word in {"command-in-one-word", "flag-with-its-value"})
    assert warning.problem.fix == f"write each word by itself: {told}"


def test_short_times_are_told_in_seconds():
    (warning,) = lint(changed("schedule: '* * * * *'", "maxRunTime: 30s"))
    assert "; 30 seconds are taken" in warning.problem.what
    (warning,) = lint(changed("schedule: {cron: '*/2 * * * *', startingDeadline: 20s}", "maxRunTime: 150s"))
    assert "may take 150 seconds, and the next, due after 2 minutes" in warning.problem.what


def refusing(platform: Platform) -> str:
    """What is told of an image of no trusted registry."""
    files = SourceTree({"job.yaml": changed("run: {script: a.py, image: docker.example/a:1}")})
    found = lint_files(files, load_jobs(files, platform, NOW), platform, NOW)
    return " ".join(each.problem.what for each in found if each.word == "registry-not-trusted")


def test_who_refuses_an_image_is_told_and_of_whom():
    platform = acme()
    assert "prod-inference-westeu, training-eastus refuse images that do not come from" in refusing(platform)
    soft = (
        each if each.name == "training-eastus" else replace(each, warn_namespaces=("nlp",))
        for each in platform.clusters
    )
    told = refusing(replace(platform, clusters=tuple(soft)))
    assert told.startswith("training-eastus refuses images that do not come from")
    assert "but for what platform engineers submit themselves" in told


@pytest.mark.parametrize(("name", "value"), SECRETS)
def test_looks_like_a_secret(name, value):
    assert looks_like_a_secret(name, value)


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_looks_harmless(name, value):
    assert not looks_like_a_secret(name, value)


def test_no_warning_repeats_a_secret():
    canary = "sk-canary0123456789abcdef"
    text = changed(
        f"run: {{script: a.py, args: [--key={canary}], env: {{A: {canary}}}, secrets: {{B: {canary}}}}}",
        f"data: ['https://a/b?token={canary}']",
    )
    found = [warning for warning in lint(text) if warning.word == "secret-in-plain-sight"]
    assert len(found) == 4
    assert canary not in "".join(str(warning.problem) for warning in found)
