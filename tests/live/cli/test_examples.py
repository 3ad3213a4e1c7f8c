"""The examples of `--help` that need a server, as a user types them, against a sandbox of the reference platform."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from allotment.cli.shell.examples.form import Example, ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from tests.unit.cli.test_next_steps import suggested

pytestmark = pytest.mark.live

ACME = Path(__file__).parents[3] / "examples" / "acme"
CLUSTER = "dev-eastus"
UP = f"allot sandbox up {CLUSTER} --platform my-platform --max-nodes-per-pool 2 -o name"


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder with `my-platform` in it, and a user whose sandboxes nobody else sees."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=580, check=False,
        )  # fmt: skip

    def must(self, line: str) -> str:
        done = self.run(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ACME, folder / "my-platform")
    state = folder / "state"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(state),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "KUBECONFIG": str(state / "allotment" / "sandboxes" / CLUSTER / "kubeconfig"),
    }
    made = Shell(folder, environment)
    try:
        yield made
    finally:
        made.run("allot sandbox down --all")


LONG = {
    "preflight: is it ready?": "by day the unit tests ask it of clusters in memory",
    "sandbox status: its processes and nodes": "by day every sandbox of these tests is looked at",
    "prove: all guardrails": "by day README's steps prove them all",
    "prove: one team's, with a report to keep": "by day the tests of prove write one",
    "plan: save it, and apply exactly that": "by day the next step of a saved plan is run",
    "adopt: what somebody else made": "by day the tests of apply take over a cluster in use",
    "adopt: what was taken over": "by day the tests of apply take over a cluster in use",
    "apply: let the server check it": "by day README's steps apply",
    "apply: without asking": "by day README's steps apply",
    "books: lend only what is healthy, and put it back": "by day a cluster made up is lent from, and put back",
    "drift: and put it right": "by day README's steps look for drift",
    "drift: what differs": "by day README's steps look for drift",
    "import: a directory from the kubeconfig's cluster": "by day the unit tests import recorded clusters",
    "snapshot diff: what moved within a second": "by day the tests of answers compare two",
    "snapshot save: what a team's members may see": "by day the next example saves all",
    "sandbox build: build the binaries now, not at the first up": "by day all live tests begin with it",
    "sandbox down: stop it and remove what it left": "by day README's steps end with it",
    "sandbox kubeconfig: work on it": "by day every other example works on one",
    "sandbox up: a small one under another name": "by day the tests of its life make one of their own name",
    "sandbox up: with the nodes of dev-eastus": "by day every other example begins with it",
}
"""Examples that are run at night, and what is run by day instead."""


def examples(*needs: ExampleNeeds) -> list[object]:
    return [
        pytest.param(example, id=name, marks=pytest.mark.nightly if name in LONG else ())
        for words, listed in EXAMPLES.items()
        for example in listed
        if example.needs in needs
        for name in [f"{' '.join(words)}: {example.note}"]
    ]


@pytest.mark.parametrize("example", examples(ExampleNeeds.CLUSTER))
def test_example_works_on_a_cluster(shell: Shell, example: Example) -> None:
    shell.must(UP)
    if example.line.startswith(("allot drift", "allot prove")):
        shell.must(f"allot apply my-platform --cluster {CLUSTER} --yes --force-conflicts")
    shell.must(example.line)


@pytest.mark.parametrize("example", examples(ExampleNeeds.SANDBOX))
def test_example_works_on_a_sandbox(shell: Shell, example: Example) -> None:
    shell.must(UP)
    shell.must(example.line)


@pytest.mark.nightly
def test_the_next_steps_that_are_printed_work(shell: Shell, tools: Mapping[str, Path]) -> None:
    """Those of `sandbox up` and `plan`, as they stand, but for the questions, and with few probes."""
    plan = f"allot plan my-platform --cluster {CLUSTER}"
    up = suggested(shell.must(UP.removesuffix(" -o name")))
    assert [step.split()[:2] for step in up] == [
        ["export", "KUBECONFIG=$(allot"], ["allot", "apply"], ["allot", "prove"], ["allot", "sandbox"],
    ]  # fmt: skip
    shell.must(f"{up[0]}; {up[1]} --yes --force-conflicts")
    (prove,) = suggested(shell.run(f"{up[0]}; {plan}").stderr)
    assert prove == up[2]
    shell.must(f"{up[0]}; {prove} --guardrail nodes --no-work")
    shell.must(f"{up[0]}; {tools['kubectl']} delete --namespace cv limitrange allotment-limits")
    (saved,) = suggested(shell.run(f"{up[0]}; {plan} --out 'a plan.json'").stderr)
    shell.must(f"{up[0]}; {saved} --yes")


@pytest.mark.nightly
def test_several_sandboxes_are_one_fleet(shell: Shell) -> None:
    shell.must(UP)
    shell.must("allot sandbox up prod-inference-eastus --platform my-platform --max-nodes-per-pool 1")
    joined = shell.must("allot sandbox kubeconfig --all").strip()
    assert len(joined.split(":")) >= 2
    for cluster in (CLUSTER, "prod-inference-eastus"):
        shell.must(f"KUBECONFIG={joined} allot apply my-platform --cluster {cluster} --yes --force-conflicts")
    seen = shell.must(
        f"KUBECONFIG={joined} allot drift my-platform --cluster {CLUSTER} --cluster prod-inference-eastus"
    )
    assert seen.count("in sync") == 2
    whole = shell.run(f"KUBECONFIG={joined} allot drift my-platform")
    assert whole.returncode == 3
    assert "training-eastus: unknown" in whole.stdout
