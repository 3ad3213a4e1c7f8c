"""A server that reaches this machine, a real control plane and a real Slurm; all three are the session's.

Fixtures:
    server: of the tests of a module; it has four slots, and a Python with numpy first in PATH.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.live.kubernetes.driving import bind_claims
from tests.live.server.conftest import ROOT, Server
from tests.live.training import Training
from tools.slurm import Slurm

IMAGE = yaml.safe_load((ROOT / "examples" / "jobs" / "job.yaml").read_text())["run"]["image"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, training: Training, slurm: Slurm) -> Iterator[Server]:
    bind_claims(training.kube)
    folder = tmp_path_factory.mktemp("three")
    home, config = folder / "home", folder / "config"
    home.mkdir()
    kubeconfig = yaml.safe_load(training.sandbox.kubeconfig.read_text())
    kubeconfig["contexts"][0]["name"] = training.cluster.context
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    (config / "allotment" / "slurm").mkdir(parents=True)
    told = {
        "folder": str(slurm.folder / "work" / "three-back-ends"),
        "slurmrestd": slurm.rest_url,
        "partitions": {"exploratory": ["batch"], "scheduled-training": ["urgent"]},
        # Its own programs have what the image has.
        "images": {IMAGE: ""},
    }
    (config / "allotment" / "slurm" / "hpc.yaml").write_text(json.dumps(told))
    further = {
        "KUBECONFIG": str(folder / "kubeconfig"),
        "XDG_CONFIG_HOME": str(config),
        "SLURM_CONF": str(slurm.conf),
    }
    one = Server(home, further=further)
    one.up("--slots", "4")
    try:
        yield one
    finally:
        one.end()
