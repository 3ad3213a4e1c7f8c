"""A real Prometheus scrapes a server, and promtool finds nothing to say of what it is told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx2 as httpx
import pytest

from allotment.ports.job_service import JobSubmission
from tests.live.answers.test_prometheus import metrics_tools
from tests.live.replicas.servers import until
from tests.live.server.conftest import Server
from tests.live.server.test_running import ended, shell
from tests.loopback import free_port

__all__ = ["metrics_tools"]  # a fixture

pytestmark = pytest.mark.live


def test_a_prometheus_reads_what_a_server_counts(
    server: Server, metrics_tools: Mapping[str, Path], tmp_path: Path
) -> None:
    watched, port = free_port(), free_port()
    server.up("--metrics-listen", f"127.0.0.1:{watched}")
    job = server.service.submit(JobSubmission(shell("true"), "local")).job
    ended(server, job.id)
    text = httpx.get(f"http://127.0.0.1:{watched}/metrics", trust_env=False).text
    for name in (job.id, "nlp", server.platform.teams[0].name):
        assert f'"{name}"' not in text
    checked = subprocess.run(
        [str(metrics_tools["promtool"]), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    configuration = tmp_path / "prometheus.yml"
    target = {
        "job_name": "allotment",
        "scrape_interval": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{watched}"]}],
    }
    configuration.write_text(json.dumps({"scrape_configs": [target]}))
    with (tmp_path / "log").open("wb") as log:
        prometheus = subprocess.Popen(
            [str(metrics_tools["prometheus"]), f"--config.file={configuration}",
             f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
    try:

        def value(query: str) -> str:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}, trust_env=False)
            except httpx.HTTPError:
                return ""
            found = answer.json()["data"]["result"] if answer.is_success else []
            return found[0]["value"][1] if found else ""

        until(lambda: value("allotment_leader") == "1", 60, (tmp_path / "log").read_text)
        assert value("allotment_ready") == "1"
        # Each series is there once it was scraped after its first observation.
        started = 'sum(allotment_job_start_seconds_count{backend="local"})'
        until(lambda: value(started) == "1", 30, lambda: value(started))
        assert float(value('sum(allotment_http_requests_total{status="200"})')) > 0
    finally:
        prometheus.terminate()
        prometheus.wait(60)
