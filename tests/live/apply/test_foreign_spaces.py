"""Namespaces that are not ours: some only carry our labels, and one has the name of the platform's own."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from allotment import wiring
from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.processes import this_run
from allotment.errors import ConflictError
from allotment.model import labels
from allotment.model.cluster import Cluster as Declared
from allotment.model.manifest import Manifests, ObjectKey
from allotment.model.mark import MARK, Mark, mark_of
from allotment.model.platform import Platform
from allotment.model.policy import NAMESPACE_GATE
from allotment.operations.adopt import adoptions
from allotment.operations.adopt.taking_over import Fate
from allotment.operations.change.apply import ApplyReport, ApplySettings
from allotment.operations.change.attended import apply_attended
from allotment.operations.change.cluster_plan import live_plan
from allotment.operations.change.history import Act, history
from allotment.plan.adoption.words import word
from allotment.plan.changes import Plan, WarningCode
from allotment.ports.kube import RefusedError
from allotment.render.policies import render_policies
from allotment.spec.load import load_platform
from tests.live.apply.conftest import Cluster
from tests.unit.cli.conftest import ROOT
from tests.unit.plan import objects
from tests.unit.plan.objects import INVENTORY

pytestmark = pytest.mark.live

DIRECTORY = ROOT / "examples" / "minimal"
WORDS = (word("namespace/allotment-system"),)
CLOCK = SystemClock()
ACCOUNT = ObjectKey("", "ServiceAccount", MARK.name, "mine")
DEFAULT = ObjectKey("", "ServiceAccount", MARK.name, "default")


@pytest.fixture(scope="module")
def declared() -> tuple[Platform, Declared]:
    platform = load_platform(read_tree(DIRECTORY)).platform
    return platform, platform.clusters[0]


@pytest.fixture
def theirs(cluster: Cluster, tools: Mapping[str, Path]) -> Iterator[Cluster]:
    """A cluster in which somebody else made the namespace, with an account in it."""
    run = [str(tools["kubectl"]), f"--kubeconfig={cluster.config}", "create"]
    for what in (("namespace", MARK.name), ("serviceaccount", ACCOUNT.name, "--namespace", MARK.name)):
        subprocess.run([*run, *what], check=True, capture_output=True, timeout=60)
    yield cluster
    cluster.clean()
    if cluster.kube.get("v1", MARK) is not None:
        cluster.kube.delete("v1", MARK)
    deadline = time.monotonic() + 60
    while cluster.kube.get("v1", MARK) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def plan(declared: tuple[Platform, Declared], cluster: Cluster) -> Plan:
    return live_plan(*declared, cluster.kube, CLOCK.now().date())


def apply(declared: tuple[Platform, Declared], cluster: Cluster) -> ApplyReport:
    return apply_attended(plan(declared, cluster), cluster.kube, CLOCK, ApplySettings(), this_run(CLOCK.now()))


def adopt(declared: tuple[Platform, Declared], cluster: Cluster) -> tuple[Fate, str]:
    look = adoptions.look_at(*declared, cluster.kube, WORDS, CLOCK.now().date())
    run, directory = this_run(CLOCK.now()), wiring.directory(DIRECTORY)
    (handled,) = adoptions.take_over(look, cluster.kube, CLOCK, run, directory).handled
    return handled.fate, handled.message


@pytest.mark.nightly
def test_it_is_taken_over_alone_and_given_back(declared: tuple[Platform, Declared], theirs: Cluster) -> None:
    names = {body["metadata"]["name"] for body in theirs.kube.list("v1", "Namespace")}
    with pytest.raises(ConflictError, match="exists and is not ours, and nothing was changed") as caught:
        apply(declared, theirs)
    assert "allot adopt namespace/allotment-system" in caught.value.fix
    assert {body["metadata"]["name"] for body in theirs.kube.list("v1", "Namespace")} == names

    # An account of that namespace would count as the system's.
    fate, why = adopt(declared, theirs)
    assert fate is Fate.HELD
    assert f"others have something in it: {ACCOUNT}" in why
    theirs.kube.delete("v1", ACCOUNT)
    known = theirs.body(DEFAULT)["metadata"]["uid"]
    assert adopt(declared, theirs)[0] is Fate.ADOPTED
    # Whoever asked for a token of it has one of an account that is no more.
    deadline = time.monotonic() + 30
    while (account := theirs.kube.get("v1", DEFAULT)) is None:
        assert time.monotonic() < deadline, "the account is made anew"
        time.sleep(0.2)
    assert account["metadata"]["uid"] != known
    assert apply(declared, theirs).complete
    assert mark_of(theirs.body(MARK)) is not None
    assert [each.ending.value for each in history(theirs.kube) if each.act is Act.APPLY] == ["complete"]

    # With the platform's policies in force it goes back, and comes again.
    returns = adoptions.look_back(*declared, theirs.kube, WORDS)
    mark, run = Mark(declared[0].name, declared[1].name), this_run(CLOCK.now())
    (handled,) = adoptions.give_back(mark, returns, theirs.kube, CLOCK, run, wiring.directory(DIRECTORY))
    assert handled.fate is Fate.GIVEN_BACK, handled.message
    assert mark_of(theirs.body(MARK)) is None
    with pytest.raises(ConflictError, match="exists and is not ours"):
        apply(declared, theirs)
    assert adopt(declared, theirs) == (Fate.ADOPTED, "")
    assert plan(declared, theirs).empty


def test_labels_of_ours_alone_end_nothing_and_come_off_as_it_is_said(
    cluster: Cluster, tools: Mapping[str, Path], space: str
) -> None:
    """As `kubectl label` leaves it in the managed fields of a real server."""
    kubectl = [str(tools["kubectl"]), f"--kubeconfig={cluster.config}"]

    def run(*words: str) -> None:
        subprocess.run([*kubectl, *words], check=True, capture_output=True, timeout=60)

    run("create", "serviceaccount", "theirs", "--namespace", space)
    run("label", "namespace", space, *(f"{key}={value}" for key, value in {**INVENTORY, labels.TENANT: "cv"}.items()))
    found = cluster.plan(Manifests("sandbox", ()))
    assert found.empty
    # Other tests have namespaces in the same cluster.
    (warning,) = (each for each in found.warnings if each.key.name == space)
    assert warning.code is WarningCode.DISGUISED
    assert "written by kubectl-label" in warning.message
    run(*shlex.split(warning.message.split("`")[1])[1:])
    assert space not in {each.key.name for each in cluster.plan(Manifests("sandbox", ())).warnings}


def patched(cluster: Cluster, key: ObjectKey, patch: Mapping[str, object]) -> bool:
    try:
        cluster.kube.merge_patch("v1", key, patch, manager=labels.ADOPTING_MANAGER)
    except RefusedError:
        return False
    return True


def test_a_name_of_a_field_manager_ends_nothing_that_is_older_than_the_policy(
    cluster: Cluster, tools: Mapping[str, Path], space: str, declared: tuple[Platform, Declared]
) -> None:
    """With the rendered policy: what the first apply makes is proven, by the server's own times."""
    run = [str(tools["kubectl"]), f"--kubeconfig={cluster.config}", "apply", "--server-side", "-f", "-"]
    marks = {**INVENTORY, labels.TENANT: "cv"}
    for name in (space, "default"):
        text = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}})
        as_tool = [*run, "--field-manager=argocd-controller"]
        subprocess.run(as_tool, input=text, check=True, capture_output=True, text=True, timeout=60)
    gate = [
        replace(item, body={**item.body, "metadata": {**item.body["metadata"], "labels": INVENTORY}})
        for item in render_policies(*declared)
        if item.key.name == NAMESPACE_GATE
    ]
    try:
        assert len(gate) == 2
        time.sleep(1)  # Times have seconds: what was made in the one of the policy is not shown to be from before it.
        cluster.settle(objects.manifests(*gate, objects.namespace("cv"), objects.namespace("nlp")))
        found = cluster.plan(objects.manifests(*gate, objects.namespace("cv")))
        assert found.doomed_namespaces == ("nlp",)
        assert {change.key.name for change in found.changes} == {"nlp"}
        left = {one.key.name: one.message for one in found.warnings if one.code is WarningCode.DISGUISED}
        assert left.keys() == {space, "default"}
        assert "older than the policy no-namespace-adoption" in left[space]
        assert cluster.carry_out(found).complete
    finally:
        # Once it is in force, the policy keeps these labels where they are; the server takes a while to forget it.
        for item in reversed(gate):
            cluster.kube.delete(item.api_version, item.key)
        off = {"metadata": {"labels": dict.fromkeys(marks)}}
        deadline = time.monotonic() + 60
        for name in (space, "default"):
            while not patched(cluster, ObjectKey("", "Namespace", "", name), off):
                assert time.monotonic() < deadline, "the policy is gone"
                time.sleep(0.5)
