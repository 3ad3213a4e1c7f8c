"""A first apply to a cluster that carries no mark and looks like another one, against the fake server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from allotment import wiring
from allotment.adapters.kube.fake import FakeKube
from allotment.cli.shell.session import Session
from allotment.model.mark import MARK
from tests.unit.cli.conftest import Run
from tests.unit.nodes import node

THERE = ("--cluster", "training-eastus")
WORD = "acme/training-eastus"


@pytest.fixture
def kube(acme: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    """Somebody's cluster: two nodes with other devices, a namespace called like one of ours."""
    server = FakeKube()

    @contextmanager
    def connect(_kubeconfig: str, _context: str) -> Iterator[FakeKube]:
        yield server

    monkeypatch.setattr(wiring, "connect", connect)
    for name in ("one", "two"):
        server.apply_as("kubelet", node(name, allocatable={"nvidia.com/gpu": "4"}))
    server.apply_as("kubectl", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
    return server


def writes(kube: FakeKube) -> list[str]:
    return [call.verb for call in kube.calls if call.done and not call.dry_run and call.verb not in {"get", "list"}]


def test_the_plan_says_it_first(run: Run, kube: FakeKube) -> None:
    said = run("plan", "my-platform", *THERE).ok()
    assert said.split("\n\n")[1].startswith("warning: none of the declared pools of training-eastus (system, cpu,")
    assert "any of the 2 nodes of fake://kube (context fake) (8 nvidia.com/gpu): is this the right cluster?" in said
    document = json.loads(run("plan", "my-platform", *THERE, "-o", "json").ok())
    assert document["warnings"][0]["code"] == "another-cluster"


def test_nothing_leads_on_past_it(run: Run, kube: FakeKube) -> None:
    for more in ((), ("--out", "saved.plan")):
        ran = run("plan", "my-platform", *THERE, *more)
        said = ran.out + ran.err
        assert ran.code == 0
        assert "\n  allot apply" not in said
        assert "\n  allot adopt" not in said
        assert "allot nodes label" not in said


@pytest.mark.parametrize("word", [(), ("--override-identity", "acme/dev-eastus")], ids=["none", "another"])
@pytest.mark.parametrize(
    "call",
    [("apply", "my-platform", *THERE), ("apply", "saved.plan", "--platform", "my-platform")],
    ids=["dir", "file"],
)
def test_yes_is_not_the_word(run: Run, kube: FakeKube, call: tuple[str, ...], word: tuple[str, ...]) -> None:
    run("plan", "my-platform", *THERE, "--out", "saved.plan").ok()
    kube.calls.clear()
    ran = run(*call, "--yes", *word)
    assert (ran.code, writes(kube)) == (6, [])
    assert f"this may be another cluster than {WORD}, and nothing was changed" in ran.err
    assert f"say so with --override-identity {WORD}" in ran.err


def test_neither_does_a_repair_or_an_adoption(run: Run, kube: FakeKube) -> None:
    kube.calls.clear()
    repaired = run("drift", "my-platform", *THERE, "--repair", "--yes")
    adopted = run("adopt", "namespace/nlp", "--platform", "my-platform", *THERE, "--yes")
    assert (repaired.code, adopted.code, writes(kube)) == (6, 6, [])
    checks = run("preflight", "my-platform", *THERE, "-o", "json")
    (mark,) = (each for each in json.loads(checks.out)["checks"] if each["topic"] == "mark")
    assert mark["state"] == "missing"


def test_the_word_is_enough_and_the_mark_makes_it_needless(run: Run, kube: FakeKube) -> None:
    run("apply", "my-platform", *THERE, "--yes", "--override-identity", WORD)
    assert kube.get("v1", MARK) is not None
    assert "is this the right cluster" not in run("plan", "my-platform", *THERE).ok()


@pytest.mark.parametrize(("typed", "code"), [(f"{WORD}\ny\n", 6), ("yes\n", 6), ("\n", 6)])
def test_a_terminal_is_asked(run: Run, kube: FakeKube, typed: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "no_input", False)
    kube.calls.clear()
    ran = run("apply", "my-platform", *THERE, typed=typed)
    assert f"Type {WORD} to say that" in ran.err
    assert (ran.code, bool(writes(kube))) == (code, typed.startswith(WORD))


def test_who_cannot_be_asked_is_told_the_flag(run: Run, kube: FakeKube) -> None:
    assert f"--override-identity {WORD}" in run("apply", "my-platform", *THERE, "--no-input").err


def test_preflight_does_not_send_to_preflight(run: Run, kube: FakeKube) -> None:
    said = " ".join(run("preflight", "my-platform", *THERE).out.split())
    assert "none of the declared pools of training-eastus" in said
    assert "label its nodes first: the lines on nodes say which can be whose" in said
    assert "`allot preflight` says" not in said
