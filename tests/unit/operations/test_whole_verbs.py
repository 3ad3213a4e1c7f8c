"""Verbs that put several steps together: a tree rendered and written, nodes and their pool, a cluster described."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters import folders
from allotment.adapters.files.fake import MemoryDirectory
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.fake import FakeKube
from allotment.errors import ConflictError
from allotment.model import labels
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.operations.adopt.importing import describe_cluster
from allotment.operations.change.nodes import ChosenNodes, labels_for
from allotment.operations.directory.rendering import write_tree
from allotment.render.pruning import Loss
from allotment.spec.imports.directory import REPORT, ImportWishes
from allotment.spec.load import load_platform
from allotment.spec.problems import InvalidPlatformError

ROOT = Path(__file__).parents[3]
WISHES = ImportWishes("biotech", "onprem", "basel", "training")
TODAY = dt.date(2026, 11, 22)


@pytest.fixture(scope="module")
def platform() -> Platform:
    return load_platform(read_tree(ROOT / "examples" / "acme"), TODAY).platform


def clusters_in(root: Path) -> set[str]:
    return {folder.name for folder in (root / "clusters").iterdir() if any(folder.iterdir())}


def test_a_tree_that_takes_something_away_is_told_and_not_written(platform: Platform, tmp_path: Path) -> None:
    seen: list[tuple[Loss, ...]] = []
    first = write_tree(folders, tmp_path, platform, platform.clusters[:2], seen.append)
    assert (first.lost, seen) == ((), [])

    with pytest.raises(ConflictError, match="the tree is not written"):
        write_tree(folders, tmp_path, platform, platform.clusters[:1], seen.append)

    assert len(seen) == 1
    assert seen[0]
    assert clusters_in(tmp_path) == {each.name for each in platform.clusters[:2]}


def test_a_tree_that_may_take_something_away_is_written(platform: Platform, tmp_path: Path) -> None:
    seen: list[tuple[Loss, ...]] = []
    write_tree(folders, tmp_path, platform, platform.clusters[:2], seen.append)

    second = write_tree(folders, tmp_path, platform, platform.clusters[:1], seen.append, allow_prune=True)

    assert second.lost
    assert second.written.removed
    assert seen == []
    assert clusters_in(tmp_path) == {platform.clusters[0].name}


def test_nodes_are_looked_at_only_where_the_cluster_is_the_one_that_is_meant(platform: Platform) -> None:
    cluster = platform.cluster("training-eastus")
    assert cluster is not None
    pool = cluster.node_pools[0]
    kube = FakeKube()
    kube.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}, "status": {}})
    chosen = ChosenNodes(["n1"], force=True)
    assert [edit.node for edit in labels_for(kube, platform, cluster, pool.name, chosen).wanting] == ["n1"]

    other = {labels.PLATFORM: platform.name, labels.CLUSTER: "dev-eastus"}
    kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": labels.SYSTEM_NAMESPACE, "labels": other}})
    with pytest.raises(ConflictError, match="dev-eastus"):
        labels_for(kube, platform, cluster, pool.name, chosen)
    assert labels_for(kube, platform, cluster, pool.name, chosen, override=f"{platform.name}/dev-eastus").wanting


def cluster(group: str = "") -> FakeKube:
    """One node with GPUs, and one namespace with a queue."""
    kube = FakeKube()
    api, meta = "kueue.x-k8s.io/v1beta2", {"name": "genomics"}
    amounts = {"cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": "8"}
    quota = {"name": "gpus", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": 8}]}
    groups = [{"coveredResources": ["nvidia.com/gpu"], "flavors": [quota]}]
    product = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
    status = {"allocatable": amounts, "capacity": amounts, "nodeInfo": {"kubeletVersion": "v1.36.3"}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "labels": product}, "spec": {}}
    bodies: list[dict[str, Any]] = [
        {**node, "status": status},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": meta},
        {"apiVersion": api, "kind": "ResourceFlavor", "metadata": {"name": "gpus"}, "spec": {"nodeLabels": product}},
        {
            "apiVersion": api,
            "kind": "ClusterQueue",
            "metadata": meta,
            "spec": {"namespaceSelector": {}, "resourceGroups": groups},
        },
        {
            "apiVersion": api,
            "kind": "LocalQueue",
            "metadata": {"name": "main", "namespace": "genomics"},
            "spec": {"clusterQueue": "genomics"},
        },
    ]
    if group:
        about = {"roleRef": {"kind": "ClusterRole", "name": "edit"}, "subjects": [{"kind": "Group", "name": group}]}
        place = {"name": "b", "namespace": "genomics"}
        bodies.append({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": place, **about})
    for body in bodies:
        kube.put(body)
    return kube


def test_a_cluster_is_described_with_what_taking_over_would_change() -> None:
    there = MemoryDirectory()

    found = describe_cluster(there, cluster(), WISHES, TODAY, lambda each: [f"told of {each.key.name}"], dry_run=False)

    assert [each.name for each in load_platform(SourceTree(dict(found.imported.files)), TODAY).platform.clusters] == [
        "onprem"
    ]
    assert "told of genomics" in (found.edit.changes[REPORT] or "")
    assert there.present().files == {}, "it is not written yet"


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_no_directory_may_say_is_written_to_be_mended_there(*, dry_run: bool) -> None:
    there = MemoryDirectory()

    with pytest.raises(InvalidPlatformError):
        describe_cluster(there, cluster("two\nlines"), WISHES, TODAY, lambda _: [], dry_run=dry_run)

    assert bool(there.present().files) is not dry_run
