"""examples/acme on two clusters, applied by the command line on one and by Argo CD on the other: all commands agree."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.operations.change.planning import WORKERS, side_by_side
from allotment.operations.foresee.sandboxing import frameworks_of, nodes_of
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from allotment.spec.load import load_platform
from tests.live.conftest import unique_name
from tests.live.gitops.conftest import built, connect_as, tree_in
from tests.live.prove.conftest import CLUSTER

pytestmark = [pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(900)]

PLATFORM: Final = "examples/acme"
ARGO_CD: Final = "argocd-controller"


@dataclass(frozen=True)
class Applied:
    """A cluster that holds the platform."""

    kubeconfig: Path
    context: str

    def says(self, command: str, *flags: str) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of a command, as a user calls it."""
        done = subprocess.run(
            [sys.executable, "-m", "allotment", "--no-input", command, PLATFORM, "--cluster", CLUSTER,
             "--kubeconfig", str(self.kubeconfig), "--context", self.context, "-o", "json", *flags],
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def new_cluster(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Callable[[], Applied]:
    platform = load_platform(read_tree(Path(PLATFORM))).platform
    cluster = platform.cluster(CLUSTER)
    assert cluster is not None
    nodes = tuple(nodes_of(platform, cluster, 1))
    kueue = KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing)

    def start() -> Applied:
        sandbox = new_sandbox(SandboxSpec(unique_name(), nodes, kueue))
        return Applied(sandbox.kubeconfig, sandbox.name)

    return start


@pytest.fixture(scope="module")
def by_hand(new_cluster: Callable[[], Applied]) -> Applied:
    made = new_cluster()
    code, told = made.says("apply", "--yes")
    assert (code, told["complete"]) == (0, True)
    return made


@pytest.fixture(scope="module")
def by_git(
    new_cluster: Callable[[], Applied], tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Applied:
    """The gate first, then namespaces, then all else, under Argo CD's name and with its mark on every object."""
    platform = load_platform(read_tree(Path(PLATFORM))).platform
    cluster = platform.cluster(CLUSTER)
    assert cluster is not None
    folder = tree_in(tmp_path_factory.mktemp("tree"), platform, [cluster]) / "clusters" / CLUSTER
    gate, tree = built(tools["kustomize"], folder / "gate"), built(tools["kustomize"], folder)
    made = new_cluster()
    with connect_as(made.kubeconfig, ARGO_CD) as kube:

        def apply(body: dict[str, Any]) -> None:
            key = f"{body['kind']}:{body['metadata'].get('namespace', '')}/{body['metadata']['name']}"
            body["metadata"].setdefault("annotations", {})["argocd.argoproj.io/tracking-id"] = f"acme:{key}"
            kube.apply(body, force=True)

        spaces = [body for body in tree if body["kind"] == "Namespace"]
        for part in (gate, spaces, [body for body in tree if body["kind"] != "Namespace"]):
            side_by_side(apply, part, WORKERS)
    return made


def test_plan_apply_and_drift_say_the_same(by_hand: Applied, by_git: Applied) -> None:
    for command, flags in (("plan", ()), ("apply", ("--yes",)), ("drift", ())):
        answers = [cluster.says(command, *flags) for cluster in (by_hand, by_git)]
        told = [(code, comparable(answer)) for code, answer in answers]
        assert told[0] == told[1], command
        assert told[0][0] == 0, told[0]


def test_prove_says_the_same(by_hand: Applied, by_git: Applied) -> None:
    told = []
    for cluster in (by_hand, by_git):
        code, answer = cluster.says("prove")
        verdicts = {
            (each["guardrail"], each["team"], each["tried"], each["as"], each["verdict"]) for each in answer["probes"]
        }
        told.append((code, answer["broken"], verdicts))
    assert told[0] == told[1]
    assert told[0][:2] == (0, [])


def comparable(answer: Any) -> Any:
    """An answer without what names the server or the moment."""
    if isinstance(answer, dict):
        return {key: comparable(value) for key, value in answer.items() if key not in PLACE_AND_TIME}
    return [comparable(each) for each in answer] if isinstance(answer, list) else answer


PLACE_AND_TIME: Final = frozenset({"server", "context", "observedAt", "digest"})
