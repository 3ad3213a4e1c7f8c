"""State files: what is written comes back, and what is broken is treated as absent."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import pytest

from allotment.adapters.sandbox.processes import Process
from allotment.adapters.sandbox.state import Paths, State, load, save
from allotment.ports.sandboxes import FakeNode, KueueOptions, SandboxSpec

STATE = State(
    SandboxSpec(
        "dev",
        (FakeNode("n0", {"a": "b"}, (("k", "v", "NoSchedule"),), {"nvidia.com/gpu": "4"}),),
        KueueOptions(fair_sharing=True, frameworks=("pod",), extra={"resources": {"x": 1}}),
        context="dev-eastus",
        apiserver_flags={"feature-gates": "MutatingAdmissionPolicy=false"},
        extensions=("jobset", "rayjob"),
        volumes=True,
    ),
    {"etcd": 20001},
    {"etcd": Process(17, 4711)},
    started_at=12.5,
    complete=True,
)


def paths_in(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path, "dev")
    paths.folder.mkdir()
    return paths


def test_round_trip(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    save(paths, STATE)
    assert load(paths) == STATE
    assert stat.S_IMODE(paths.state.stat().st_mode) == 0o600
    assert [file.name for file in paths.folder.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "null", '{"format": 2}', '{"format": 1, "spec": {}}', '{"format": 1, "spec": null}'],
)
def test_what_cannot_be_read_is_absent(tmp_path: Path, text: str) -> None:
    paths = paths_in(tmp_path)
    paths.state.write_text(text)
    assert load(paths) is None


def test_no_state(tmp_path: Path) -> None:
    assert load(Paths(tmp_path, "nothing")) is None


def test_what_an_earlier_version_wrote_is_read(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    save(paths, STATE)
    data = json.loads(paths.state.read_text())
    del data["spec"]["extensions"], data["spec"]["apiserver_flags"], data["spec"]["volumes"]
    paths.state.write_text(json.dumps(data))
    assert load(paths) == dataclasses.replace(
        STATE, spec=dataclasses.replace(STATE.spec, apiserver_flags={}, extensions=(), volumes=False)
    )
