"""A10 with the real kustomize: every cluster's directory builds to exactly the objects that `apply` would send."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from allotment.adapters.files.tree import read_tree
from allotment.model.manifest import ObjectKey, key_of
from allotment.model.platform import Platform
from allotment.render.gitops import gitops_tree
from allotment.render.manifests import render
from allotment.render.yaml_text import to_yaml
from allotment.spec.load import load_platform
from tests.live.gitops.conftest import tree_in

pytestmark = pytest.mark.live

EXAMPLES = sorted(path.parent for path in Path("examples").glob("*/platform.yaml"))


def built(kustomize: Path, directory: Path) -> dict[ObjectKey, Any]:
    result = subprocess.run([str(kustomize), "build", str(directory)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    bodies = list(yaml.safe_load_all(result.stdout))
    objects = {key_of(body): body for body in bodies if body}
    assert len(objects) == len([body for body in bodies if body])
    return objects


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_kustomize_builds_what_apply_sends(example: Path, tools: Mapping[str, Path], tmp_path: Path) -> None:
    platform: Platform = load_platform(read_tree(example)).platform
    clusters = [render(platform, cluster) for cluster in platform.clusters]
    for path, text in gitops_tree(platform, clusters).items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for manifests in clusters:
        wanted = {manifest.key: manifest.body for manifest in manifests}
        assert wanted, "an example without objects proves nothing"
        assert built(tools["kustomize"], tmp_path / "clusters" / manifests.cluster) == wanted


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_flux_s_kustomizations_together_are_the_cluster(
    example: Path, tools: Mapping[str, Path], tmp_path: Path
) -> None:
    """Each object in one of them: two that apply the same one would fight for it."""
    platform: Platform = load_platform(read_tree(example)).platform
    cluster = platform.clusters[0]
    tree = tree_in(tmp_path / platform.gitops.path.strip("/"), platform, platform.clusters)
    entry = yaml.safe_load_all((tree / f"flux/{cluster.name}.yaml").read_text(encoding="utf-8"))
    found: list[dict[ObjectKey, Any]] = []
    for spec in [body["spec"] for body in entry if body["kind"] == "Kustomization"]:
        # As Flux does: its patches go into a kustomization that takes the path.
        place = tmp_path / f"flux-{len(found)}"
        place.mkdir()
        text = {"resources": [f"../{spec['path']}"], "patches": spec.get("patches", [])}
        (place / "kustomization.yaml").write_text(to_yaml(text), encoding="utf-8")
        found.append(built(tools["kustomize"], place))
    first, rest = found
    assert first
    assert not first.keys() & rest.keys()
    assert first | rest == {item.key: item.body for item in render(platform, cluster)}


def test_strings_survive_kustomize(tools: Mapping[str, Path], tmp_path: Path) -> None:
    data = {
        f"k{number}": text
        for number, text in enumerate(
            ["yes", "0x1", "0o17", "1e3", "1_000", "{{ x }}", "a\nb\n", " a ", "é😀", "~", "null", "12:30", "a: b # c"]
        )
    }
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "strings"}, "data": data}
    (tmp_path / "strings.yaml").write_text(to_yaml(body), encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text(to_yaml({"resources": ["strings.yaml"]}), encoding="utf-8")
    assert built(tools["kustomize"], tmp_path)[key_of(body)]["data"] == data
