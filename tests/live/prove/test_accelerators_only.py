"""Clusters whose every node carries accelerators, as in examples/minimal: each probe violates its guardrail alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.model.policy import PolicyName
from allotment.model.source import SourceTree
from allotment.ports.sandboxes import Sandbox, SandboxSpec
from allotment.prove.scene import policy_object
from allotment.prove.verdicts import ProofReport, Verdict
from tests.live.prove.conftest import Acme, acme_on

pytestmark = [pytest.mark.live, pytest.mark.nightly]

MINIMAL = Path("examples/minimal")
CLUSTER, TEAM = "dev", "research"
COMPARISON = "compare with the platform directory"
MUTATING = "mutatingPolicies: true\n"
QUEUED_PODS = "features: [network-policy, pod-integration]\n"
OWNERS = "  owners: [research-leads]\n"
FURTHER = {
    "mutating": MUTATING,
    "pods wait by themselves": QUEUED_PODS,
    "mutating, pods wait by themselves": MUTATING + QUEUED_PODS,
}


def declared(cluster: str = "", groups: str = "") -> SourceTree:
    """examples/minimal, with further fields of its cluster and groups of its team."""
    tree = read_tree(MINIMAL)
    (name,) = tree.files
    text = tree.files[name]
    for line, further in (("purpose: development\n", cluster), ("groups:\n", groups)):
        assert line in text
        text = text.replace(line, line + further, 1)
    return tree.with_changes({name: text})


@pytest.mark.parametrize(
    "further", ["", *(pytest.param(fields, id=name, marks=pytest.mark.nightly) for name, fields in FURTHER.items())]
)
def test_it_is_proved_and_the_same_each_time(new_sandbox: Callable[[SandboxSpec], Sandbox], further: str) -> None:
    with acme_on(new_sandbox, declared(further), CLUSTER, TEAM) as live:
        reports = [live.prove() for _ in range(2)]
    silent = [
        (item.guardrail, item.tried, item.got) for item in reports[0].results if item.verdict is not Verdict.PROVED
    ]
    assert {guardrail for guardrail, *_ in silent} == {"network-policies"}, silent
    first, second = ([(item.guardrail, item.tried, item.verdict) for item in each.results] for each in reports)
    assert first == second


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize("further", ["", *FURTHER.values()], ids=["as it is", *FURTHER])
def test_what_one_policy_refuses_nothing_else_does(new_sandbox: Callable[[SandboxSpec], Sandbox], further: str) -> None:
    with acme_on(new_sandbox, declared(further, OWNERS), CLUSTER, TEAM) as live:
        for name in PolicyName:
            if name is not PolicyName.TRUSTED_REGISTRIES:  # it is for those who name some
                kept = refused_without(live, name)
                assert kept == {}, name


def refused_without(live: Acme, name: PolicyName) -> dict[str, str]:
    """Probes of a policy that are refused even where its binding is gone, and how."""
    binding = live.manifest("ValidatingAdmissionPolicyBinding", policy_object(name))
    assert live.kube.delete(binding.api_version, binding.key)
    try:
        report = live.proved_until(lambda found: not refused(found), [name.value], TEAM)
        assert len(report.results) > 1
        return refused(report)
    finally:
        live.apply()


def refused(report: ProofReport) -> dict[str, str]:
    return {
        item.tried: item.got for item in report.results if item.tried != COMPARISON and "admitted" not in item.got[:8]
    }
