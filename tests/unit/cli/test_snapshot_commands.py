"""`allot snapshot`: from what kubectl printed to files, views and differences."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from allotment import wiring
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import UnreachableError
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import Gap, Objects, Snapshot, Source
from allotment.observe.written import decode, encode, is_written
from tests.unit.cli.conftest import Run
from tests.unit.observe.objects import OURS, THEIRS, pod, raw, two_teams


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    fake = FakeKube()
    fake.put(*two_teams())
    monkeypatch.setattr(wiring, "connect", lambda _kubeconfig, _context: nullcontext(fake))
    return fake


def printed(home: Path, name: str, *raws: dict[str, Any]) -> str:
    (home / name).write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": raws}), encoding="utf-8")
    return name


def test_a_cluster_is_saved_and_shown(run: Run, home: Path, kube: FakeKube) -> None:
    ran = run("snapshot", "save", "fleet.json.gz")
    assert (ran.code, ran.out) == (0, "")
    assert "objects are saved in fleet.json.gz" in ran.err
    assert (home / "fleet.json.gz").stat().st_mode & 0o777 == 0o600
    document = run("snapshot", "show", "fleet.json.gz", "-o", "json").json()
    (source,) = document["sources"]
    assert (document["kind"], document["asker"]["user"], source["name"]) == ("SnapshotSummary", "engineer", "fake")
    assert {each["kind"]: each["objects"] for each in source["objects"]}["Pod"] == 2
    text = run("snapshot", "show", "fleet.json.gz").ok()
    assert text.startswith("fake (v1.36.3), seen 20")
    assert "as engineer saw it" in text
    assert run("snapshot", "show", "fleet.json.gz", "-o", "name", "-l", "kind=Node").ok() == "Node\n"


def test_what_could_not_be_seen_is_told(run: Run, home: Path, kube: FakeKube) -> None:
    def hook(call: Call) -> None:
        if call.key.kind == "Node":
            raise UnreachableError("no \x1b[31manswer")

    kube.hook = hook
    assert "not seen: not answered: nodes (no \\x1b[31manswer)" in run("snapshot", "save", "f.gz").err
    shown = run("snapshot", "show", "f.gz").ok()
    assert "not seen:\n  not answered: nodes" in shown
    assert "\x1b" not in shown
    (source,) = run("snapshot", "show", "f.gz", "-o", "json").json()["sources"]
    assert not source["complete"]
    assert {"what": "nodes", "namespace": None, "reason": "failed", "detail": "no \x1b[31manswer"} in source["gaps"]


@pytest.mark.parametrize("form", ["table", "wide", "json", "yaml", "csv", "name"])
def test_a_view_of_a_team_names_nobody_else(run: Run, home: Path, kube: FakeKube, form: str) -> None:
    run("snapshot", "save", "all.gz").ok()
    run("snapshot", "save", "nlp.gz", "--snapshot", "all.gz", "--view", "team:nlp").ok()
    ran = run("snapshot", "show", "nlp.gz", "-o", form)
    assert "canary" not in ran.ok() + ran.err
    ran = run("snapshot", "diff", "nlp.gz", "nlp.gz", "-o", form)
    assert "canary" not in ran.ok() + ran.err


def test_a_folder_that_is_not_there_is_not_made(run: Run, home: Path, kube: FakeKube) -> None:
    objects = printed(home, "objects.json", pod("a", "nlp", 1))
    for words in (("save", "nowhere/f.gz"), ("from-objects", objects, "--out", "nowhere/f.gz")):
        ran = run("snapshot", *words)
        assert (ran.code, "nowhere does not exist" in ran.err) == (3, True)
    assert not (home / "nowhere").exists()


def test_nothing_but_a_snapshot_is_replaced(run: Run, home: Path, kube: FakeKube) -> None:
    objects = printed(home, "objects.json", pod("a", "nlp", 1))
    (home / "keep.txt").write_text("mine", encoding="utf-8")
    (home / "link.gz").symlink_to("keep.txt")
    (home / "new.gz").touch()
    os.mkfifo(home / "pipe")
    before = (home / objects).read_bytes()
    for words in (("save",), ("from-objects", objects, "--out")):
        for target, code, told in (
            ("keep.txt", 6, "keep.txt is there and is no snapshot"),
            ("link.gz", 6, "--force"),
            ("pipe", 1, "no regular file"),
            ("new.gz", 0, ""),
            ("new.gz", 0, ""),
        ):
            ran = run("snapshot", *words, target)
            assert (ran.code, told in ran.err) == (code, True), (words, target, ran.err)
    assert run("snapshot", "from-objects", objects, "--out", f"./{objects}", "--force").code == 6
    assert run("snapshot", "save", "--snapshot", "new.gz", "new.gz").code == 6
    assert ((home / objects).read_bytes(), (home / "keep.txt").read_text(encoding="utf-8")) == (before, "mine")
    assert run("snapshot", "save", "keep.txt", "--force").code == 0
    assert is_written((home / "keep.txt").read_bytes())


def test_standard_output_is_written_to_and_not_replaced(
    run: Run, home: Path, kube: FakeKube, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("snapshot", "save", "/dev/stdout").code == 0
    assert decode(capfdbinary.readouterr().out).sources
    assert Path("/dev/stdout").is_symlink()


def test_what_was_read_in_one_namespace_is_not_said_to_be_unread(run: Run, home: Path) -> None:
    source = Source(
        name="k",
        namespaces=("nlp",),
        gaps=tuple(Gap(what=what, reason="forbidden") for what in ("pods", "nodes")),
        objects=Objects(
            pods=(Pod(metadata=ObjectMeta(name="p", namespace="nlp")),), nodes=(Node(metadata=ObjectMeta(name="n")),)
        ),
    )
    (home / "f.gz").write_bytes(encode(Snapshot(sources=(source,))))
    lines = run("snapshot", "show", "f.gz").ok().splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines if line.startswith(("Pod ", "Node "))] == [
        "not allowed to read",
        "not allowed to read in other namespaces",
    ]


def test_a_view_of_nobody_is_refused(run: Run, home: Path, kube: FakeKube) -> None:
    absent = run("snapshot", "save", "f.gz", "--view", "team:nobody")
    assert (absent.code, "no namespace of team nobody" in absent.err) == (3, True)
    assert run("snapshot", "save", "f.gz", "--view", "nlp").code == 2
    assert not (home / "f.gz").exists()


def test_a_team_that_the_directory_declares_needs_no_labels(run: Run, acme: Path, kube: FakeKube) -> None:
    namespace = "cv"
    kube.put(raw("Namespace", "v1", namespace, number=300), pod("unlabelled", namespace, 301))
    run("snapshot", "save", "cv.gz", "--view", "team:cv", "--platform", "my-platform").ok()
    run("snapshot", "save", "all.gz").ok()
    gone = run("snapshot", "diff", "all.gz", "cv.gz", "-o", "name").ok()
    assert "pod/unlabelled" not in gone.splitlines()
    assert "pod/tune-0" in gone.splitlines()


def test_two_files_are_compared(run: Run, home: Path) -> None:
    before = printed(home, "a.json", pod("one", OURS, 1), pod("two", OURS, 2))
    after = printed(home, "b.json", {**pod("one", OURS, 1), "status": {"phase": "Failed"}}, pod("three", THEIRS, 3))
    for name in (before, after):
        assert run("snapshot", "from-objects", name, "--out", f"{name}.gz").ok() == ""
    ran = run("snapshot", "diff", "a.json.gz", "b.json.gz", "--exit-code")
    assert ran.code == 2
    assert "status.phase: Running → Failed" in ran.out
    assert "1 came, 1 went, 1 changed" in ran.err
    document = run("snapshot", "diff", "a.json.gz", "b.json.gz", "-o", "json").json()
    assert [(each["object"]["name"], each["happened"]) for each in document["items"]] == [
        ("three", "came"), ("one", "changed"), ("two", "went"),
    ]  # fmt: skip
    same = run("snapshot", "diff", "a.json.gz", "a.json.gz", "--exit-code")
    assert (same.code, same.out, same.err) == (0, "", "nothing came, went or changed\n")


def test_objects_are_read_from_files_and_standard_input(run: Run, home: Path) -> None:
    name = printed(home, "a.json", pod("one", OURS, 1), raw("Secret", "v1", "s", OURS, data={"a": "Y2FuYXJ5"}))
    node = json.dumps(raw("Node", "v1", "n"))
    ran = run("snapshot", "from-objects", name, "-", "--out", "f.gz", "--taken-at", "2026-11-27T12:00:00Z", typed=node)
    assert ran.err == "2 objects are saved in f.gz; 1 of other kinds is left out\n"
    document = run("snapshot", "show", "f.gz", "-o", "json").json()
    assert (document["takenAt"], document["sources"][0]["name"]) == ("2026-11-27T12:00:00Z", "a.json")


def test_objects_that_say_nothing_are_refused(run: Run, home: Path) -> None:
    name = printed(home, "a.json", raw("Secret", "v1", "s", OURS))
    ran = run("snapshot", "from-objects", name, "--out", "f.gz")
    assert (ran.code, "none of the objects" in ran.err) == (1, True)
    (home / "b.yaml").write_text("kind: Pod\n", encoding="utf-8")
    ran = run("snapshot", "from-objects", "b.yaml", "--out", "f.gz")
    assert (ran.code, "b.yaml: this is no JSON" in ran.err, "-o json" in ran.err) == (1, True, True)
    assert run("snapshot", "from-objects", name, "--out", "f.gz", "--taken-at", "noon").code == 2


def test_a_folder_is_recorded_into(run: Run, home: Path, kube: FakeKube) -> None:
    ran = run("snapshot", "record", "rec", "--every", "5ms", "--count", "2")
    assert (ran.code, ran.out, ran.err) == (0, "", "2 snapshots are in rec\n")
    assert run("snapshot", "record", "rec", "--every", "0s").code == 2

    def silent(_self: FakeKube) -> None:
        raise UnreachableError("no answer")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FakeKube, "server", silent)
        lost = run("snapshot", "record", "none", "--every", "5ms", "--count", "2")
    assert (lost.code, lost.err.count("no snapshot")) == (9, 2)


def test_a_file_and_a_cluster_are_not_asked_at_once(run: Run, home: Path) -> None:
    ran = run("snapshot", "save", "f.gz", "--snapshot", "a.gz", "--kubeconfig", "k")
    assert (ran.code, "two things to ask" in ran.err) == (2, True)
    ran = run("snapshot", "save", "f.gz", "-A", "-n", OURS)
    assert (ran.code, "contradict" in ran.err) == (2, True)


def test_a_cluster_of_which_nothing_newer_is_known_says_so(run: Run, home: Path) -> None:
    """A server tells one that is away as it was: the file keeps that, and whoever looks into it is told."""
    why = "it has not answered since 2027-01-11T09:31:00Z"
    source = Source(name="training", observed_at="2027-01-11T09:30:00Z", stale=why)
    (home / "stale.gz").write_bytes(encode(Snapshot(taken_at=source.observed_at, sources=(source,))))
    assert f"nothing newer ({why})" in run("snapshot", "show", "stale.gz").ok()
    assert decode((home / "stale.gz").read_bytes()).sources[0].stale == why
