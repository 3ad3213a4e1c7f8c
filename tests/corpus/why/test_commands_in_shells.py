"""Commands that make work anew, run in shells with a kubectl that refuses what is changed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from allotment.diagnose.finding import Proposal
from allotment.diagnose.remedies.commands import command_of
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from tests.unit.diagnose.building import TEAM, case_of, job
from tests.unit.diagnose.queues import thing

pytestmark = pytest.mark.corpus

SHELLS = [each for each in ("sh", "bash", "zsh") if shutil.which(each)]
KUBECTL = """#!/bin/sh
case $1 in
  get) echo old ;;
  patch) printf '%s, changed' "$(cat)" ;;
  *) sent=$(cat); echo "$1 $sent" >> "$LOG"; [ "$sent" = "$TAKEN" ] ;;
esac
"""
FIRST, AGAIN, BACK = "replace old, changed", "create old, changed", "create old"
ENDS = (
    ("old, changed", [FIRST], b""),
    ("old", [FIRST, AGAIN, BACK], b"refused as changed: it is made again as it was\n"),
    (
        "none",
        [FIRST, AGAIN, BACK],
        b'not made again; once the old one is gone: printf %s "$made" | kubectl create -f -\n',
    ),
)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("taken", "sent", "said"), ENDS)
def test_what_is_refused_as_changed_is_made_again_as_it_was(
    tmp_path: Path, shell: str, taken: str, sent: list[str], said: bytes
) -> None:
    for name, script in (("kubectl", KUBECTL), ("sleep", "#!/bin/sh\n")):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    target = Reference(api_version="kueue.x-k8s.io/v1beta2", kind="LocalQueue", namespace=TEAM, name="q")
    proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(PatchOp.RESUBMIT, {"spec": {"x": "y"}}))
    there = [job("train"), thing("LocalQueue", "q", TEAM, clusterQueue="a")]
    log = tmp_path / "log"
    done = subprocess.run(
        [shutil.which(shell) or shell, "-c", command_of(case_of(there), proposal)],
        env={"LOG": str(log), "TAKEN": taken, "PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert log.read_text().splitlines() == sent
    assert (done.stderr, done.returncode != 0) == (said, bool(said))
