"""Small platform directories as text, for tests that change one thing."""

from __future__ import annotations

import datetime as dt

from allotment.model.source import SourceTree
from allotment.spec.load import Loaded, load_platform
from allotment.spec.problems import InvalidPlatformError, Problem, Severity

PLATFORM = "kind: Platform\nname: tiny\n"

CLUSTER = """\
kind: Cluster
name: dev
purpose: development
region: local
nodePools:
  - name: a100
    accelerator: a100
    acceleratorsPerNode: 8
    capacityType: spot
    cpu: 96
    memory: 1Ti
    maxNodes: 4
"""

TEAM = """\
kind: Team
name: nlp
costCenter: cc-1
groups: {members: [nlp]}
placements:
  dev:
    cpu: 64
    memory: 256Gi
    accelerators:
      a100: 8
"""

OTHER_TEAM = TEAM.replace("nlp", "cv").replace("cc-1", "cc-2")


def tiny(**changes: str) -> dict[str, str]:
    """A valid directory of three files; a keyword replaces the file `<keyword>.yaml`, or adds it."""
    files = {"platform.yaml": PLATFORM, "cluster.yaml": CLUSTER, "team.yaml": TEAM}
    return files | {f"{name}.yaml": text for name, text in changes.items()}


def load(files: dict[str, str]) -> Loaded:
    """Load files that are expected to be valid."""
    return load_platform(SourceTree(files))


def problems_of(files: dict[str, str], today: dt.date = dt.date.min) -> tuple[Problem, ...]:
    """Errors and warnings of a directory, whether it is valid or not."""
    try:
        return load_platform(SourceTree(files), today).warnings
    except InvalidPlatformError as error:
        return error.problems


def errors_of(files: dict[str, str]) -> tuple[Problem, ...]:
    """Errors of a directory."""
    return tuple(problem for problem in problems_of(files) if problem.severity is Severity.ERROR)


RICH_CLUSTER = """\
kind: Cluster
name: dev
purpose: development
region: local
versions: {kubernetes: 1.36.3, kueue: 0.19.2}
flavorOrder: [a100-spot]
cohorts:
  - name: all
  - {name: some, parent: all, weight: 1.5}
nodePools:
  - {name: system, cpu: 15, memory: 56Gi, minNodes: 1, maxNodes: 6}
  - name: a100
    accelerator: a100
    acceleratorsPerNode: 8
    capacityType: spot
    cpu: 96
    memory: 1Ti
    maxNodes: 4
    labels: {zone: a}
    taints: [{key: spot, value: "yes"}]
  - {name: own, accelerator: h100, acceleratorsPerNode: 8, cpu: 96, memory: 1Ti, maxNodes: 1, dedicatedTo: cv}
overrides:
  policies: {queue-required: warn}
  teams:
    nlp: {weight: 2}
"""

RICH_TEAMS = """\
kind: Team
name: nlp
costCenter: cc-1
groups: {owners: [a], members: [b], viewers: [c], exec: [d]}
memberLimits: {cpu: 96, memory: 1Ti, accelerators: 8}
environments: [development]
projects: [one, {name: two, costCenter: cc-9}]
priorities: [exploratory, scheduled-training]
storage: {total: 2Ti, claims: [{name: data, size: 1Ti, storageClass: files}]}
contacts: [{kind: email, address: a@b.example}]
placements:
  dev:
    cohort: some
    cpu: {nominal: 64, borrowingLimit: 8}
    memory: {nominal: 256Gi, lendingLimit: 64Gi}
    accelerators: {a100: {nominal: 8, borrowingLimit: 4, lendingLimit: 8}}
    namespaceQuota: {pods: 40, objects: {secrets: 7}}
---
kind: Team
name: cv
costCenter: cc-2
groups: {members: [e]}
isolation: node-pool
placements:
  dev: {cpu: 8, memory: 16Gi, accelerators: {h100: 4}}
---
kind: Team
name: old
costCenter: cc-3
groups: {members: [f]}
offboarding: {keepDataUntil: 2027-01-31}
placements:
  dev: {cpu: 100, memory: 16Gi, accelerators: {a100: 30}}
---
kind: Team
name: alpha
costCenter: cc-4
groups: {members: [g]}
placements:
  dev: {cpu: 8, memory: 16Gi, accelerators: {a100-spot: 8}}
"""

RICH_REST = """\
kind: Accelerator
name: thing
vendor: nvidia
product: Thing
resourceName: example.com/thing
memory: 1Gi
architecture: New
taintKey: example.com/thing
nodeLabel: {key: example.com/has, value: thing}
pricePerHour: {spot: 0.5}
---
kind: StorageClass
name: files
provisioner: files.example.com
default: true
---
kind: Policy
name: trusted-registries
mode: audit
registries: [registry.example.com/]
---
kind: SharedService
name: store
cidrs: [10.0.0.0/8]
ports: [{port: 443}]
---
kind: Prices
accelerators: {a100: {spot: 1.25}}
---
kind: Approvals
gates:
  - {name: few, kinds: [gpus], workloads: [training], environments: [development], devices: {least: 1, most: 2},
     route: at-once}
  - {name: cheap, belowPrice: 12.5, undoneWithin: 1h30m, withinBudget: true, route: at-once}
routes:
  - {name: leads, approvers: [a, team-owners], users: [dana], answerWithin: 8h, escalatesTo: chiefs, othersOnly: false}
  - {name: chiefs, users: [lee]}
otherwise: leads
longest: 30d
budgets:
  nlp: 1000
  alpha: 20.5
absences:
  - {user: dana, delegate: lee, from: 2027-01-01T00:00:00+01:00, until: 2027-01-08T00:00:00+01:00}
"""

GRANT = """\
kind: Grant
name: more
team: alpha
from: 2027-01-31T06:00:00Z
until: 2027-06-30T12:00:00+02:00
gpus:
  - {cluster: dev, flavor: a100, devices: 4, cpu: 8, memory: 32Gi}
takenFrom:
  - team: old
    cluster: dev
    flavor: a100-spot
    devices: 2
    cpu: 1
reason: "a release: soon"
"""


def rich() -> dict[str, str]:
    """A valid directory that uses every kind but ladder and tiers, and nearly every field."""
    return {
        "platform.yaml": PLATFORM,
        "cluster.yaml": RICH_CLUSTER,
        "teams.yaml": RICH_TEAMS,
        "rest.yaml": RICH_REST,
        "grants/more.yaml": GRANT,
    }
