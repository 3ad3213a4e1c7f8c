"""The manifests of deploy/ name what is there: settings, flags, files; and hold nothing secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from allotment.adapters.files.tree import read_tree
from allotment.cli.commands.run.server import up
from allotment.operations.directory.configuration import SETTINGS
from allotment.operations.fleet.server_role import READS
from allotment.render.rbac import READER_RULES
from allotment.spec.load import load_platform

ROOT = Path(__file__).parents[3]
KUSTOMIZE = ROOT / "deploy" / "kustomize"
VARIABLES = {f"ALLOTMENT_{each.key.upper().replace('-', '_')}" for each in SETTINGS}


def documents() -> Iterator[Any]:
    for file in sorted(KUSTOMIZE.rglob("*.yaml")):
        yield from filter(None, yaml.safe_load_all(file.read_text(encoding="utf-8")))


def containers(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict):
        for key in ("containers", "initContainers"):
            yield from found.get(key, ())
        for value in found.values():
            yield from containers(value)
    elif isinstance(found, list):
        for value in found:
            yield from containers(value)


def test_the_platform_is_the_smallest_example() -> None:
    ours = KUSTOMIZE / "base" / "platform" / "platform.yaml"
    assert ours.read_bytes() == (ROOT / "examples" / "minimal" / "platform.yaml").read_bytes()


def test_each_cluster_of_the_platform_has_a_context_by_which_it_is_reached() -> None:
    base = KUSTOMIZE / "base"
    platform = load_platform(read_tree(base / "platform")).platform
    contexts = yaml.safe_load((base / "kubeconfig.yaml").read_text(encoding="utf-8"))["contexts"]
    assert {each["name"] for each in contexts} == {each.context for each in platform.clusters}


def test_every_variable_is_a_setting_and_every_flag_one_of_up() -> None:
    named = {
        line.partition("=")[0]
        for file in KUSTOMIZE.rglob("*.env")
        for line in file.read_text(encoding="utf-8").splitlines()
    }
    named |= {each["name"] for one in documents() for container in containers(one) for each in container.get("env", ())}
    assert {each for each in named if each.startswith("ALLOTMENT_")} <= VARIABLES
    flags = {option for param in up.params for option in param.opts}
    shown = {
        word
        for one in documents()
        for container in containers(one)
        for word in container.get("command", ())
        if word.startswith("--")
    }
    assert shown
    assert shown <= flags


def test_its_account_reads_what_a_server_has_to_and_is_bound_to_what_is_there() -> None:
    """A role that `allot apply` makes would be there only afterwards, and only where the platform names engineers."""
    whole = [each for each in documents() if isinstance(each, dict) and "kind" in each]
    roles = {each["metadata"]["name"]: each for each in whole if each["kind"] == "ClusterRole"}
    assert roles[READS]["rules"] == [dict(each) for each in READER_RULES]
    assert {each["roleRef"]["name"] for each in whole if each["kind"] == "ClusterRoleBinding"} == {*roles}


def test_nothing_secret_is_in_them() -> None:
    assert {each.get("kind") for each in documents() if isinstance(each, dict)}.isdisjoint({"Secret"})
    for file in KUSTOMIZE.rglob("*"):
        if file.is_file():
            assert not re.search(r"allot_[A-Za-z0-9]{8}|BEGIN [A-Z ]*PRIVATE|://[^/\s@:]+:[^/\s@]+@", file.read_text())


def test_every_container_is_bounded() -> None:
    whole = [each for one in documents() for each in containers(one) if "image" in each]
    assert {each["name"] for each in whole} == {"platform", "server"}
    for each in whole:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} == set(each["resources"])


@pytest.mark.parametrize("line", (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8").splitlines())
def test_the_image_begins_with_nothing(line: str) -> None:
    if line.startswith("FROM"):
        assert line.split()[1] == "scratch"
