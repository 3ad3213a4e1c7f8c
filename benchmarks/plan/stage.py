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
    platform = stages.timed("validate", lambda: wiring.load(Path(directory)).platform)
    if what == "render":
        stages.timed("render", lambda: _render_all(platform, stages))
    elif what in {"objects", "plan", "apply"}:
        cluster = platform.cluster(rest[0])
        assert cluster is not None
        (desired,) = stages.timed("render", lambda: wiring.render_clusters(platform, [cluster]))
        stages.facts["objects"] = len(desired.objects)
        if what == "objects":
            _write(desired, Path(rest[1]), Path(rest[2]))
        else:
            with wiring.connect(rest[1], "") as kube:
                plan = stages.timed("plan", lambda: wiring.live_plan(platform, cluster, kube))
                stages.facts["changes"] = len(plan.changes)
                if what == "apply":
                    report = stages.timed(
                        "apply", lambda: wiring.apply(plan, kube, force=False, on_outcome=lambda _outcome: None)
                    )
                    assert report.complete, report.remaining[:3]
    sys.stdout.write(json.dumps(stages.facts))


def _render_all(platform: Platform, stages: Stages) -> None:
    """Each cluster's objects in turn; a real run would write them and forget them."""
    stages.facts["objects"] = 0
    for cluster in platform.clusters:
        (desired,) = wiring.render_clusters(platform, [cluster])
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
