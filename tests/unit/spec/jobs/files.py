"""Small job files, and a small platform that they are checked against."""

from __future__ import annotations

import datetime as dt
from functools import cache

from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.spec.jobs.load import InvalidJobFileError, JobDocument, load_jobs
from allotment.spec.load import load_platform
from allotment.spec.problems import Problem
from tests.unit.spec.trees import TEAM, tiny

NOW = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)

MEMBER = (
    TEAM
    + "priorities: [exploratory, scheduled-training]\nmaxGrace: 10m\nprojects: [one, {name: two, costCenter: c2}]\n"
)
LEAVING = """\
---
kind: Team
name: old
costCenter: cc-3
offboarding: {keepDataUntil: 2027-12-31}
placements: {dev: {}}
---
kind: Team
name: bounded
costCenter: cc-4
memberLimits: {cpu: 8, memory: 64Gi, accelerators: 2}
placements: {dev: {accelerators: {a100: 4}}}
"""

SHORTEST = """\
kind: Job
name: train
team: nlp
run: train.py
"""

LONG = """\
kind: Job
name: long
team: nlp
type: training
run:
  script: train.py
  args: [--epochs, "3", 1.30, no, 0x1]
  image: registry.example/pytorch:2.4
  env: {LR: 3e-4, FLAG: no, EMPTY: ""}
  secrets: {WANDB_API_KEY: wandb/token, OTHER: other}
code: {folder: src, ignoreFile: .gitignore, most: 1Gi}
resources:
  accelerators: {class: [a100, h100], count: 2, memory: ">=40Gi"}
  cpu: 16
  memory: 128Gi
  sharedMemory: 16Gi
replicas: 2
nearness: {within: rack, required: true}
priority: scheduled-training
maxRunTime: 1h30m
deadline: 2027-06-01T06:00:00+02:00
checkpoint: {directory: /ckpt, interval: 10m, grace: 2m}
retries: {limit: 3, safe: true}
volumes:
  data: {claim: datasets}
  ckpt: {claim: checkpoints, use: checkpoint}
  tmp: {size: 10Gi}
data:
  - {source: "s3://bucket/corpus", volume: data, size: 20Gi}
  - {source: "hf://model/weights", volume: tmp, when: at-start, command: [fetch, "{{ x }}"]}
after: [{job: prep, is: ended}]
project: two
labels: {model: llm-7b, experiment: "0x1"}
---
kind: Job
name: prep
team: nlp
run: {command: [python, -m, prep], workingDirectory: /work}
resources: {cpu: 500m, memory: 1500000k}
---
kind: Job
name: swept
team: nlp
run: sweep.py
sweep:
  random: {lr: {from: 1e-5, to: 1e-2, scale: log}, layers: {from: 2, to: 8, whole: true}}
  trials: 20
  seed: 7
  earlyStop: {metric: loss}
---
kind: Job
name: nightly
team: nlp
run: nightly.sh
schedule: {cron: "*/30 2 * * mon-fri", timeZone: Europe/Berlin}
---
kind: Job
name: book
team: nlp
type: notebook
run: {image: registry.example/jupyter}
resources: {accelerators: 1}
"""


@cache
def platform() -> Platform:
    return load_platform(SourceTree(tiny(team=MEMBER + LEAVING))).platform


def jobs_of(text: str, team: str = "") -> tuple[JobDocument, ...]:
    return load_jobs(SourceTree({"job.yaml": text}), platform(), NOW, team)


def job_of(text: str) -> Job:
    """The only job of a valid file."""
    (found,) = jobs_of(text)
    return found.job


def problems_of(text: str, team: str = "") -> tuple[Problem, ...]:
    try:
        jobs_of(text, team)
    except InvalidJobFileError as error:
        return error.problems
    return ()
