"""Work that has too much of everything is refused before anything else is looked at.

Judging a Job of 800 containers with 100 variables each took the API server longer than a request may take. So one rule,
`work-fits`, counts first and refuses what is beyond any honest use; where it is in force, the other rules about work,
and what fills in, leave such work to it.
"""

from __future__ import annotations

from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.render.policies.admission import Check, Condition
from allotment.render.policies.cel import Expr
from allotment.render.policies.identities import binds_workloads
from allotment.render.policies.pod_template import TEMPLATES_OF_OBJECT, when

MOST_CONTAINERS: Final = 300
MOST_ENTRIES: Final = 3000
"""Of variables, arguments and mounts, over all containers."""

_CONTAINERS: Final = "(t.pod.spec.containers + t.pod.spec.?initContainers.orValue([]))"
_ENTRIES: Final = " + ".join(f"size(c.?{name}.orValue([]))" for name in ("env", "command", "args", "volumeMounts"))


_NUMBER: Final = f"ts.map(t, size({_CONTAINERS})).sum()"
_WITH: Final = f"ts.map(t, {_CONTAINERS}.map(c, {_ENTRIES}).sum()).sum()"


def _beyond(templates: str) -> str:
    """CEL: over the templates of an object, the number of containers or of what is in them is beyond the most."""
    return f"[{templates}].exists(ts, {_NUMBER} > {MOST_CONTAINERS} || {_WITH} > {MOST_ENTRIES})"


def _counted(number: str) -> Expr:
    return Expr(f"string([variables.templates].map(ts, {number})[0])")


OVERSIZED: Final = Check(
    name="oversized",
    message="work has no more containers than can be judged",
    faults=when(
        _beyond("variables.templates"),
        "spec has ",
        _counted(_NUMBER),
        " containers with ",
        _counted(_WITH),
        " variables, arguments and mounts, more than the platform takes in one object"
        f" ({MOST_CONTAINERS} and {MOST_ENTRIES}); spread the work over more objects, or mount a ConfigMap",
    ),
    alone=True,
)


def judged_elsewhere(platform: Platform, cluster: Cluster) -> Condition:
    """Leaves to `work-fits` what it refuses for its size; for rules about work whenever that rule refuses."""
    bound = " && ".join(f"({one.expression})" for one in binds_workloads(platform, cluster))
    part = 'request.operation == "DELETE" || request.?subResource.orValue("") != ""'
    return Condition("not-oversized", f"{part} || !({bound}) || !{_beyond(TEMPLATES_OF_OBJECT)}")
