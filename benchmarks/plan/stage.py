"""One measured stage in a process of its own; prints its own timings as JSON.

python -m benchmarks.plan.stage validate DIR
python -m benchmarks.plan.stage render DIR
python -m benchmarks.plan.stage objects DIR CLUSTER FILE NAMESPACES
python -m benchmarks.plan.stage plan DIR CLUSTER KUBECONFIG
python -m benchmarks.plan.stage apply DIR CLUSTER KUBECONFIG
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from allotment import wiring
from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.operations.change.apply import ApplySettings
from allotment.operations.change.attended import apply_attended
from allotment.operations.change.cluster_plan import live_plan
from allotment.operations.directory.loading import load
from allotment.render.manifests import render

T = TypeVar("T")


class Stages:
    """Seconds by step, and what was found."""

    def __init__(self) -> None:
        self.facts: dict[str, float | int] = {}

    def timed(self, name: str, do: Callable[[], T]) -> T:
        started = time.perf_counter()
        result = do()
        self.facts[name] = time.perf_counter() - started
        return result


def main() -> None:
    what, directory, *rest = sys.argv[1:]
    stages = Stages()
    clock = wiring.clock()
    today = clock.now().date()
    platform = stages.timed("validate", lambda: load(wiring.directory(Path(directory)), today).platform)
    if what == "render":
        stages.timed("render", lambda: _render_all(platform, stages))
    elif what in {"objects", "plan", "apply"}:
        cluster = platform.cluster(rest[0])
        assert cluster is not None
        desired = stages.timed("render", lambda: render(platform, cluster))
        stages.facts["objects"] = len(desired.objects)
        if what == "objects":
            _write(desired, Path(rest[1]), Path(rest[2]))
        else:
            with wiring.connect(rest[1], "") as kube:
                plan = stages.timed("plan", lambda: live_plan(platform, cluster, kube, today))
                stages.facts["changes"] = len(plan.changes)
                if what == "apply":
                    run = wiring.this_run(clock.now())
                    report = stages.timed("apply", lambda: apply_attended(plan, kube, clock, ApplySettings(), run))
                    assert report.complete, report.remaining[:3]
    sys.stdout.write(json.dumps(stages.facts))


def _render_all(platform: Platform, stages: Stages) -> None:
    """Each cluster's objects in turn; a real run would write them and forget them."""
    stages.facts["objects"] = 0
    for cluster in platform.clusters:
        desired = render(platform, cluster)
        stages.facts["objects"] += len(desired.objects)


def _write(desired: Manifests, file: Path, namespaces: Path) -> None:
    bodies = [manifest.body for manifest in desired]
    spaces = [body for body in bodies if body["kind"] == "Namespace"]
    for path, items in ((file, bodies), (namespaces, spaces)):
        # Namespaces first, as kubectl applies in the order of the file.
        ordered = sorted(items, key=lambda body: body["kind"] != "Namespace")
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": ordered}), encoding="utf-8")


if __name__ == "__main__":
    main()
