"""A stand-in for a kubelet: KWOK's own server with its ClusterLogs, which shows a file as the log of every pod.

It is no kubelet: what the file says, no program wrote; and a stream that follows it does not end with the pod.
"""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from allotment.adapters.sandbox.ports import choose
from allotment.model.manifest import ObjectKey
from tests.live.training import Training


@contextmanager
def logs_of_every_pod(live: Training, folder: Path, prefix: str) -> Iterator[Path]:
    """The file that is the log of every pod on the nodes whose names begin so; lines as the container runtime has them.

    ``2026-11-28T02:00:00.000000001Z stdout F TEXT``
    """
    log, port = folder / "log", choose(("kubelet",), random.Random())["kubelet"]
    log.touch()
    stages = live.sandbox.directory / "config" / "kwok-stages.yaml"
    every = {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "every"},
        "spec": {"logs": [{"logsFile": str(log), "follow": True}]},
    }
    config = folder / "kwok.yaml"
    config.write_text(f"{stages.read_text()}\n---\n{yaml.safe_dump(every)}")
    argv = [
        str(live.sandbox.binaries["kwok"]),
        f"--kubeconfig={live.sandbox.directory}/config/kwok.kubeconfig",
        f"--config={config}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=allotment.dev/nobodys=node",
        f"--server-address=127.0.0.1:{port}",
    ]
    with (folder / "kwok.log").open("wb") as said:
        process = subprocess.Popen(argv, stdout=said, stderr=said)
    names = [each["metadata"]["name"] for each in live.kube.list("v1", "Node")]
    nodes = [name for name in names if name.startswith(prefix)]
    try:
        for name in nodes:
            _point(live, name, port)
        _until_it_listens(port)
        yield log
    finally:
        for name in nodes:
            _point(live, name, 0)
        process.terminate()
        process.wait(10)


def _until_it_listens(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end, "the stand-in for a kubelet does not listen"
            time.sleep(0.05)
        else:
            return


def _point(live: Training, node: str, port: int) -> None:
    """Where the API server asks for logs of a node's pods."""
    status = {"status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}}
    live.kube.merge_patch("v1", ObjectKey("", "Node", "", node), status, subresource="status")
