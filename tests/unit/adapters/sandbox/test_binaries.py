"""Where binaries come from, as a table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from allotment.adapters.sandbox.binaries import cached_path, find, require_folder, run_for_version
from allotment.adapters.sandbox.build import GO_MODULES
from allotment.adapters.sandbox.versions import STANDARD, TOOLS, minor, tool, version_in
from allotment.errors import NotFoundError

RIGHT, WRONG = "v1.36.0", "v1.32.4"


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/false\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("places", "versions", "source", "skipped"),
    [
        (["folder", "assets", "path", "cache"], {}, "folder", 0),
        (["assets", "path", "cache"], {"assets": RIGHT}, "KUBEBUILDER_ASSETS", 0),
        (["assets", "path", "cache"], {"assets": WRONG, "path": RIGHT}, "PATH", 1),
        (["assets", "path", "cache"], {"assets": WRONG, "path": WRONG}, "cache", 2),
        (["path", "cache"], {"path": None}, "cache", 1),
        (["path"], {"path": WRONG}, None, 1),
        (["cache"], {}, "cache", 0),
        ([], {}, None, 0),
    ],
)
def test_order_of_places(
    tmp_path: Path, places: list[str], versions: dict[str, str | None], source: str | None, skipped: int
) -> None:
    name = "kube-apiserver"
    for place in places:
        executable(cached_path(tmp_path / "cache", tool(name)) if place == "cache" else tmp_path / place / name)
    found = find(
        [name],
        cache=tmp_path / "cache",
        env={"KUBEBUILDER_ASSETS": str(tmp_path / "assets"), "PATH": str(tmp_path / "path")},
        folder=tmp_path / "folder",
        ask_version=lambda path, arguments: versions[path.parent.name],
    )
    assert (found.binaries[name].source if found.binaries else None) == source
    assert found.missing == (() if source else (name,))
    assert len(found.skipped) == skipped
    assert all("v1.36 is needed" in sentence for sentence in found.skipped)


def test_a_binary_that_cannot_tell_its_version_is_not_taken_from_path(tmp_path: Path) -> None:
    executable(tmp_path / "kueue")
    found = find(["kueue"], cache=tmp_path / "cache", env={"PATH": str(tmp_path)}, ask_version=lambda *_: "v0.19.2")
    assert found.missing == ("kueue",)


def test_a_file_that_cannot_run_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "etcd").write_text("")
    assert find(["etcd"], cache=tmp_path / "cache", env={}, folder=tmp_path).missing == ("etcd",)


def test_missing_keeps_the_order_asked_for(tmp_path: Path) -> None:
    assert find(STANDARD, cache=tmp_path, env={}).missing == STANDARD


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        require_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Kubernetes v1.36.3", "v1.36.3"),
        ("etcd Version: 3.6.7\nGit SHA: Not provided\n", "v3.6.7"),
        ("kwok version v0.8.0 go1.26.8 (linux/amd64)", "v0.8.0"),
        ("Client Version: v1.32.4\nKustomize Version: v5.5.0", "v1.32.4"),
        ("unknown flag: --version", None),
    ],
)
def test_versions_are_found_in_what_binaries_say(text: str, version: str | None) -> None:
    assert version_in(text) == version


def test_asking_a_real_binary(tmp_path: Path) -> None:
    script = tmp_path / "etcd"
    script.write_text("#!/bin/sh\necho etcd Version: 3.6.9\n")
    script.chmod(0o755)
    assert run_for_version(script, ("--version",)) == "v3.6.9"
    assert run_for_version(tmp_path / "nothing", ("--version",)) is None


def test_minor() -> None:
    assert minor("v1.36.3") == "v1.36"


@pytest.mark.parametrize("name", [each.name for each in TOOLS])
def test_every_tool_has_its_pinned_module(name: str) -> None:
    folder = GO_MODULES / tool(name).module
    text = (folder / "go.mod").read_text()
    assert (folder / "go.sum").exists()
    assert tool(name).package in text
    assert re.search(rf"^(require)?\s+\S+ {re.escape(tool(name).version)}( // indirect)?$", text, re.MULTILINE)


def test_kubernetes_says_its_version() -> None:
    stamps = " ".join(stamp for each in TOOLS if each.name == "kube-apiserver" for stamp in each.stamps)
    assert "k8s.io/component-base/version.gitVersion=v1.36.3" in stamps
    assert "k8s.io/component-base/version.gitMinor=36" in stamps
