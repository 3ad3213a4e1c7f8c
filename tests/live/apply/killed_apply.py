"""A process for the kill test: plan, say "applying", apply, say "applied". Arguments: kubeconfig, variant (0 or 1)."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

from allotment.adapters.clock import SystemClock
from allotment.adapters.kube.client import connect
from allotment.model.manifest import Manifests
from allotment.operations.change.apply import apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from tests.unit.plan import objects

TEAMS = ("cv", "nlp", "asr")


def desired(variant: int) -> Manifests:
    """Two platforms that differ in most objects, and share namespaces and claims."""
    shared = [item for item in objects.shared_objects() if item.key.kind != "ResourceFlavor"]
    made = [*shared, objects.flavor("a100"), objects.flavor(f"flavor-{variant}")]
    for team in TEAMS:
        made += [
            objects.namespace(team, more={"variant": str(variant)}),
            objects.claim(team),
            objects.quota(team, gpus=4 + variant),
            objects.cluster_queue(team, gpus=4 + variant),
            objects.local_queue(team),
            objects.role(team, verbs=("get", "list", "watch")[: 2 + variant]),
            objects.service_account(team),
        ]
        made += [objects.role_binding(team), objects.network_policy(team)] if variant else [objects.limit_range(team)]
    return objects.manifests(*made)


def main() -> None:
    with connect(Path(sys.argv[1])) as kube:
        plan = make_plan(desired(int(sys.argv[2])), kube, PlanSettings(objects.PLATFORM, dt.date(2026, 11, 22)))
        sys.stdout.write(f"applying {len(plan.changes)}\n")
        sys.stdout.flush()
        apply_plan(plan, kube, SystemClock())
        sys.stdout.write("applied\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
