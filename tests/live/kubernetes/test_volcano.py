"""Volcano's Job against its real schema, which is fetched as a Go module: no controller of it runs here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.jobs.kubernetes.place import place_of
from allotment.jobs.kubernetes.rendering import render_work
from tests.live.kubernetes.driving import job, until
from tests.live.training import Training, refusal

pytestmark = [pytest.mark.live, pytest.mark.nightly]

MODULE = "volcano.sh/volcano@v1.15.0"
SCHEMA = "config/crd/volcano/bases/batch.volcano.sh_jobs.yaml"


def test_it_keeps_to_the_schema(sets: Training, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module schema\n\ngo 1.24\n")
    told = subprocess.run(
        ["go", "mod", "download", "-json", MODULE], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    schema = yaml.safe_load((Path(json.loads(told.stdout)["Dir"]) / SCHEMA).read_text())
    sets.kube.create(schema)
    asked = job(replicas=2, gang=True)
    (body,) = render_work(
        WorkOrder("volcano", asked),
        place_of(sets.platform, sets.cluster, asked),
        set(WorkKind),
        wanted=WorkKind.VOLCANO_JOB,
    )
    until(lambda: sets.kube.serves(body["apiVersion"], "Job"), lambda: "the kind does not come")
    assert refusal(lambda: sets.kube.create(body, dry_run=True)) == ""
    wrong = {**body, "spec": {**body["spec"], "minAvailable": "all"}}
    assert "minAvailable" in refusal(lambda: sets.kube.create(wrong, dry_run=True))
