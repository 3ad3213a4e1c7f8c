"""The first remedy, applied as printed, starts the job: recorded cases made again on a real control plane.

A case is made again (replay), `allot why` is asked there, its first remedy's command is run in a shell by whoever the
remedy is for, and the subject has to start. Where a remedy is somebody else's act without a command, what was recorded
as its effect is carried out; where it is to wait for somebody's work, that work ends. What a kubelet, an image registry
or an autoscaler would have to play is not sampled.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from allotment.cli.main import cli
from allotment.ports.sandboxes import Sandbox
from tests.live.answers.api import Api, NotReachedError, Raw, Refused
from tests.live.answers.replay import Replayed, everything, live_name, provision, replay, runs, submit, submitter_config

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

BY_DAY: Final = ("cohort-exhausted-1",)
NIGHTLY: Final = (
    "queue-missing-0",
    "policy-refused-label-0",
    "insufficient-gpu-1",
    "node-cordoned-1",
    "admission-check-pending-1",
    "admission-check-rejected-or-retry-0",
    "admission-check-rejected-or-retry-2",
    "autoscaler-at-max-0",
    "autoscaler-no-group-matches-0",
    "borrowing-limit-2",
    "clusterqueue-inactive-missing-flavor-1",
    "cpu-quota-not-gpu-0",
    "device-plugin-missing-0",
    "device-plugin-missing-1",
    "device-unhealthy-1",
    "flavor-taint-not-tolerated-0",
    "fragmentation-1",
    "fragmentation-2",
    "gang-partially-placed-2",
    "gpu-product-label-missing-1",
    "gpu-product-label-missing-2",
    "gpu-taint-not-tolerated-2",
    "host-port-conflict-1",
    "insufficient-cpu-gpu-free-1",
    "insufficient-memory-gpu-free-1",
    "job-suspended-by-user-1",
    "lending-limit-0",
    "limitrange-max-0",
    "localqueue-points-to-missing-clusterqueue-2",
    "memory-quota-not-gpu-0",
    "namespace-selector-mismatch-1",
    "node-cordoned-0",
    "parallelism-gang-too-big-1",
    "pod-affinity-unsatisfied-0",
    "pod-anti-affinity-0",
    "policy-refused-gpu-limits-2",
    "policy-refused-namespace-1",
    "priority-below-others-2",
    "priority-preempts-nothing-0",
    "pvc-missing-1",
    "pvc-unbound-no-class-0",
    "pvc-unbound-wait-for-consumer-zone-conflict-0",
    "queue-label-missing-2",
    "quota-larger-than-total-1",
    "rbac-forbidden-0",
    "reclaimed-2",
    "resource-not-covered-2",
    "resourcequota-missing-limits-1",
    "scheduler-name-unknown-0",
    "scheduling-gated-0",
    "strict-fifo-head-blocks-1",
    "too-many-pods-1",
    "topology-spread-0",
    "workload-deactivated-0",
)
SAYS_WITHIN: Final = 40.0
"""Seconds in which the controllers have looked at the subject, and `allot why` says so."""
STARTS_WITHIN: Final = 75.0
"""Kueue looks again at once, kube-scheduler within its back-off of 10 s; a node that is ready again takes longer."""
_BESIDE_CHECKOUT: Final = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="session")
def recorded() -> Mapping[str, Raw]:
    file = Path(os.environ.get("ALLOTMENT_DATA", str(_BESIDE_CHECKOUT))) / "why_bench" / "cases.jsonl.gz"
    if not file.exists():
        pytest.skip(f"no cases at {file}: set ALLOTMENT_DATA")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    return {each["id"]: each for each in cases}


def made_again(api: Api, case: Raw) -> Replayed:
    """The case on the control plane; from the beginning where a busy machine let a state go by."""
    try:
        return replay(api, case)
    except NotReachedError:
        api.clear()
        return replay(api, case)


def asked(arena: Sandbox, api: Api, case: Raw, made: Replayed, folder: Path) -> Raw:
    """What `allot why` says: of the cluster, or of what was refused there."""
    subject = case["subject"]
    words = ["why", f"{subject['kind']}/{subject['name']}", "-n", subject["namespace"], "-o", "json"]
    if made.refusal:
        file = folder / "case.json"
        file.write_text(json.dumps(everything(api, case, made.refusal)), encoding="utf-8")
        words += ["--snapshot", str(file)]
    else:
        words += ["--kubeconfig", str(arena.kubeconfig)]
    result = CliRunner().invoke(cli, words, prog_name="allot", catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: Raw = json.loads(result.stdout)
    return found


def settled(arena: Sandbox, api: Api, case: Raw, made: Replayed, folder: Path) -> Raw:
    """The answer once it is the recorded one twice over, or what it is when the time is up."""
    ends = time.monotonic() + SAYS_WITHIN
    before = ""
    while True:
        found = asked(arena, api, case, made, folder)
        right = found["cause"] == case["truth"]["cause"] and found["considered"]
        if (right and before == found["cause"]) or time.monotonic() > ends:
            return found
        before = found["cause"] if right else ""
        time.sleep(2)


def act(arena: Sandbox, tools: Mapping[str, Path], case: Raw, made: Replayed, remedy: Raw, folder: Path) -> None:
    """Carry out a remedy: its command in a shell; where there is none, what was recorded as its effect.

    Where work of others is to be waited for, that work ends.
    """
    if not remedy["command"]:
        with Api(arena.kubeconfig) as api:
            if remedy["patch"]["op"] == "wait":
                api.end(remedy["target"])
            elif remedy["patch"]["op"] == "create":
                api.make([remedy["patch"]["body"]])  # of a file, no command that gives rights is told
            else:
                by_hand(api, case, remedy)
        return
    config = arena.kubeconfig
    if remedy["who"] == "user" and made.as_submitter:
        config = submitter_config(arena.kubeconfig, folder / "submitter", case["submitted_by"], made.groups)
    (folder / f"{case['subject']['name']}.yaml").write_text(json.dumps(case["manifest"]), encoding="utf-8")
    path = f"{tools['kubectl'].parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", remedy["command"]],
        env={"PATH": path, "KUBECONFIG": str(config), "HOME": str(folder)},
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{remedy['command']}\n{done.stderr}"


def by_hand(api: Api, case: Raw, remedy: Raw) -> None:
    """The steps of the recorded remedy of the same kind."""
    (truth, *_) = [each for each in case["truth"]["remedies"] if each["kind"] == remedy["kind"]]
    patch = truth["patch"]
    for step in patch["body"]["steps"] if patch["op"] == "signal" else [patch]:
        target = step["target"]
        form = {"merge-patch": "merge", "json-patch": "json", "strategic-merge-patch": "strategic"}[step["op"]]
        named = {**target, "name": live_name(api, case, target)}
        api.patch(named, step["body"], form=form, sub=target.get("subresource", ""))


def again(api: Api, case: Raw, remedy: Raw, made: Replayed) -> None:
    """Who was given a right sends what was refused."""
    if made.refusal and remedy["who"] != "user":
        found = submit(api, case, made.groups)
        assert not isinstance(found, Refused), found


@pytest.mark.parametrize("name", [*BY_DAY, *(pytest.param(each, marks=pytest.mark.nightly) for each in NIGHTLY)])
def test_the_first_remedy_as_printed_starts_it(
    name: str, recorded: Mapping[str, Raw], bare: Sandbox, on: Api, tools: Mapping[str, Path], tmp_path: Path
) -> None:
    case = recorded[name]
    made = made_again(on, case)
    assert (made.refusal is None) == (case["submit_error"] is None), made.refusal
    found = settled(bare, on, case, made, tmp_path)
    assert not runs(on, case["subject"]), f"it does not come up again: {found['summary']}"
    assert found["cause"] == case["truth"]["cause"], found["summary"]
    remedy = found["remedies"][0]

    act(bare, tools, case, made, remedy, tmp_path)
    again(on, case, remedy, made)

    ends = time.monotonic() + STARTS_WITHIN
    while not runs(on, case["subject"]):
        provision(on)
        told = f"{remedy['summary']}\n{remedy['command']}"
        assert time.monotonic() < ends, f"{told}\n{asked(bare, on, case, made, tmp_path)['summary']}"
        time.sleep(0.5)
