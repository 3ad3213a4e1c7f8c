"""docs/policies.md and docs/for-team-members.md, word for word, on examples/acme's cluster training-eastus.

Both worlds: a cluster that fills in what has only one right answer, and then the same one without mutating policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from json import dumps
from pathlib import Path

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.client import KubeClient, connect
from allotment.model.cluster import Cluster, Feature
from allotment.model.platform import Platform
from allotment.operations.change.apply import apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.foresee.sandboxing import extensions_of, frameworks_of, nodes_of
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.live.conftest import unique_name
from tests.live.pages.trying import SCRATCH, SCRATCH_USERS, Outcome, refused, run
from tests.live.training import CLUSTER
from tests.unit.docs.pages import NEEDS_FILLING_IN, Example, policy_examples, templates

pytestmark = [pytest.mark.live, pytest.mark.nightly]

NODES_PER_POOL = 3
EXAMPLES = list(policy_examples())
TEMPLATES = list(templates())
(SHORTEST,) = [template for template in TEMPLATES if template.name == NEEDS_FILLING_IN]
WRITTEN_OUT = [template for template in TEMPLATES if template is not SHORTEST]
AT_ONCE = 24


@dataclass(frozen=True)
class Stage:
    """The live cluster, and what it is declared as."""

    kube: KubeClient
    platform: Platform
    cluster: Cluster

    def apply(self, *, mutating_policies: bool) -> None:
        cluster = replace(self.cluster, mutating_policies=mutating_policies)
        clock = SystemClock()
        plan = make_plan(
            render(self.platform, cluster), self.kube, PlanSettings(self.platform.name, clock.now().date())
        )
        report = apply_plan(plan, self.kube, clock)
        assert report.complete, [(str(item.change.key), item.message) for item in report.remaining]


@pytest.fixture(scope="module")
def stage(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Iterator[Stage]:
    platform = load_platform(read_tree(Path("examples/acme"))).platform
    declared = platform.cluster(CLUSTER)
    assert declared is not None
    cluster = replace(declared, features=declared.features | {Feature.JOBSET})
    nodes = tuple(nodes_of(platform, cluster, NODES_PER_POOL))
    kueue = KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing)
    sandbox = new_sandbox(SandboxSpec(unique_name(), nodes, kueue, extensions=extensions_of(cluster)))
    with connect(sandbox.kubeconfig) as kube:
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SCRATCH}})
        kube.create(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "edit", "namespace": SCRATCH},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": SCRATCH_USERS}],
            }
        )
        yield Stage(kube, platform, cluster)


@pytest.fixture(
    scope="module",
    # By day "test_where_nothing_is_filled_in" tries forty manifests on the second of the two.
    params=[pytest.param(True, id="filled-in"), pytest.param(False, id="written-out", marks=pytest.mark.nightly)],
)
def outcomes(request: pytest.FixtureRequest, stage: Stage) -> dict[str, Outcome]:
    """What came of everything, in one of the two worlds: the refused first, for then all policies are in force."""
    stage.apply(mutating_policies=request.param)
    kube = stage.kube
    with ThreadPoolExecutor(AT_ONCE) as pool:
        bad = [(example, example.name, example.says) for example in EXAMPLES if example.says]
        good = [*(example for example in EXAMPLES if not example.says), *WRITTEN_OUT]
        if request.param:
            good.append(SHORTEST)
        else:
            bad.append((SHORTEST, "", "things to mend"))
        refusals = pool.map(lambda it: refused(kube, it[0], by=_policy(it[1]), says=it[2]), bad)
        found = {str(it[0]): outcome for it, outcome in zip(bad, refusals, strict=True)}
        # Work of a higher rung may take the place of other work, and a single pod does not come back from that.
        for wave in ([it for it in good if not _has_priority(it)], [it for it in good if _has_priority(it)]):
            found |= zip(map(str, wave), pool.map(lambda it: run(kube, it), wave), strict=True)
        return found


def _has_priority(example: Example) -> bool:
    return any("priorityClassName" in dumps(body) for body in example.bodies)


def _policy(name: str) -> str:
    return f"ValidatingAdmissionPolicy '{name}.allotment.dev'" if name else ""


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples_of_policies(example: Example, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[str(example)]
    if example.says:
        assert _policy(example.name) in outcome.refusal, outcome.refusal
        assert example.says in outcome.refusal, outcome.refusal
    else:
        assert outcome == Outcome("", ended=True)


@pytest.mark.parametrize("template", WRITTEN_OUT, ids=lambda template: template.name)
def test_templates_run_on_either_kind_of_cluster(template: Example, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[str(template)] == Outcome("", ended=True)


def test_the_shortest_job_runs_or_is_told_all_that_is_missing(outcomes: dict[str, Outcome], stage: Stage) -> None:
    outcome = outcomes[str(SHORTEST)]
    if not outcome.refusal:
        assert outcome.ended
        return
    missing = ("team", "project", "cost-center", "environment", "resources.requests", "runAsNonRoot", "Failed")
    assert [words for words in missing if words not in outcome.refusal] == []
    assert outcome.refusal.endswith(f"(how to submit work: {stage.platform.help_page})")
