"""What people read: every kind of change, outcome, drift, proof and sandbox, with nothing lost and nothing raw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from allotment.cli.commands.change.apply_view import outcome_listing, report_text
from allotment.cli.commands.change.drift_view import drift_listing, drift_text
from allotment.cli.commands.change.plan_view import plan_listing, plan_text
from allotment.cli.commands.change.prove_view import proof_listing, proof_text
from allotment.cli.commands.change.values import shown_values
from allotment.cli.commands.declare.validate_view import summary_text
from allotment.cli.commands.reference.explain_view import text as explanation_text
from allotment.cli.commands.sandbox.sandbox_view import component_listing, status_text
from allotment.cli.shell.amounts import amount, memory, span
from allotment.errors import UnreachableError
from allotment.model.grammar import count
from allotment.model.manifest import ObjectKey
from allotment.model.money import money
from allotment.operations.change.apply import ApplyReport, Outcome, Status
from allotment.operations.change.drift import (
    ClusterDrift,
    DriftedField,
    DriftedObject,
    DriftKind,
    DriftReport,
    DriftState,
)
from allotment.operations.directory.validating import summarize
from allotment.plan.changes import (
    Action,
    Blocked,
)
from allotment.plan.difference import ABSENT
from allotment.plan.refused import Refusals
from allotment.ports.sandboxes import ComponentStatus, SandboxStatus
from allotment.prove.verdicts import ProofReport, Result, Verdict
from allotment.spec.explaining import explanation, kinds, paths_under
from allotment.spec.schema import KINDS, json_schema
from tests.unit import builders as build
from tests.unit.results import GONE, NOW, PLAN, QUOTA


def plain_text(text: str) -> list[str]:
    return click.unstyle(text).splitlines()


LONG = "a=1 && " * 30


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("7", "50", ("7", "50")),
        (LONG + "old" + LONG, LONG + "new" + LONG, (" && olda=1 && ", " && newa=1 && ")),
        ("old " + LONG, "new " + LONG, ("old a=1", "new a=1")),
        (LONG, LONG + "more", (" && a=1 && ", " && more")),
        ([LONG, 1], [LONG, 2], (", 1]", ", 2]")),
        (ABSENT, LONG, ("(absent)", "a=1 && ")),
    ],
    ids=["short", "in the middle", "at the start", "at the end", "a list", "nothing before"],
)
def test_long_values_are_shown_where_they_begin_to_differ(old: Any, new: Any, shown: tuple[str, str]) -> None:
    values = shown_values(old, new)
    assert values[0] != values[1]
    for value, part in zip(values, shown, strict=True):
        assert part in value
        assert len(value) <= 100


def test_what_is_blocked_with_its_namespace_is_one_line() -> None:
    root = Blocked(GONE, Action.CREATE, "the namespace is somebody else's", "it has no inventory", "rename the team")
    roles = [ObjectKey("", "Role", "old", f"r{number}") for number in range(13)]
    behind = [Blocked(key, Action.CREATE, "w", "y", "solve that first", following="Namespace old") for key in roles]
    real = Blocked(ObjectKey("", "Role", "old", "z"), Action.CREATE, "the server refuses it", "why", "fix")
    plan = replace(PLAN, changes=(*behind[:7], root, real, *behind[7:]))
    lines = plain_text(plan_text(plan, plan_listing(plan).rows, 100))
    assert lines[2:] == [
        "blocked",
        "  x Namespace old: cannot create",
        "      the namespace is somebody else's",
        "      why: it has no inventory",
        "      fix: rename the team",
        "  x Role old/z: cannot create",
        "      the server refuses it",
        "      why: why",
        "      fix: fix",
        "  x 13 more objects blocked with Namespace old; solve that first",
        "",
        "warning: ResourceQuota cv/q: pods: 50 → 5, in use 9",
    ]
    outcomes = tuple(Outcome(change, Status.BLOCKED, "w: y") for change in plan.changes)
    report = ApplyReport("acme", "dev", outcomes, unchanged=0)
    assert [line for line in plain_text(report_text(report, report.outcomes)) if line.startswith("  blocked")] == [
        "  blocked     Namespace old: w: y",
        "  blocked     Role old/z: w: y",
        "  blocked     13 more objects blocked with Namespace old",
    ]
    assert "              fix: rename the team" in plain_text(report_text(report, report.outcomes))


@pytest.mark.parametrize(
    ("statuses", "says"),
    [
        ((Status.REFUSED,), "Running the same command again takes up what is left."),
        ((Status.SKIPPED,), "Running the same command again takes up what is left."),
        (
            (Status.REFUSED, Status.BLOCKED),
            "takes up what is left, but for the 1 blocked: these wait until a person has solved it.",
        ),
        (
            (Status.BLOCKED, Status.SKIPPED),
            "Running the same command again changes nothing about the 1 blocked: solve these as told above.",
        ),
    ],
)
def test_running_it_again_is_not_said_to_help_where_it_does_not(statuses: tuple[Status, ...], says: str) -> None:
    outcomes = tuple(Outcome(PLAN.changes[0], status, "why") for status in statuses)
    report = ApplyReport("acme", "dev", outcomes, unchanged=0)
    assert plain_text(report_text(report, outcomes))[-1].endswith(says)


def test_a_plan_shows_every_kind_of_change() -> None:
    listing = plan_listing(PLAN)
    lines = plain_text(plan_text(PLAN, listing.rows, 100))
    assert lines[0] == (
        "Plan for dev (acme): 5 to create, 1 to change, 1 to delete, 2 to drain, 1 in conflict, 1 blocked, 3 unchanged"
    )
    for expected in (
        "  + Namespace cv",
        "  + 4 Role",
        "      cv, nlp: r0, r1",
        "  ~ ResourceQuota cv/q",
        "      .spec.pods: 7 -> 50 (was set by kubectl-edit since 2026-01-01T00:00:00Z)",
        "      + .spec.new: 1",
        r"      - .spec.old: x\x1b[2J\ny",
        "      .spec.same: s stays, but is no longer ours",
        "  ! ResourceQuota cv/q",
        "      .spec.pods: 7 is owned by helm; declared is 50",
        "  - Namespace old",
        "  > Namespace old: 2 Job",
        "  > Namespace old: once more, nothing runs",
        "  x Namespace old: cannot create",
        "      the namespace is somebody else's",
        "      why: it has no inventory",
        "      fix: rename the team",
        "warning: ResourceQuota cv/q: pods: 50 → 5, in use 9",
    ):
        assert expected in lines
    assert lines.index("namespaces") < lines.index("rbac") < lines.index("resource-quotas")


def test_outcomes_say_what_is_left_and_why() -> None:
    create, conflict = PLAN.changes[0], PLAN.changes[6]
    report = ApplyReport(
        "acme",
        "dev",
        (
            Outcome(create, Status.APPLIED, warnings=("deprecated",)),
            Outcome(create, Status.REFUSED, "no\nand no"),
            Outcome(conflict, Status.CONFLICT, "owned by helm"),
        ),
        7,
    )
    lines = plain_text(report_text(report, outcome_listing(report).rows))
    assert lines[0] == "incomplete: dev: 1 applied, 1 conflict, 1 refused, 7 unchanged"
    assert "warning: Role cv/r0: deprecated" in lines
    assert "  refused     Role cv/r0: no" in lines
    assert any("--force-conflicts" in line for line in lines)
    done = ApplyReport("acme", "dev", (), 7)
    assert plain_text(report_text(done, ())) == ["nothing to do: dev is as declared"]


def test_drift_names_field_owner_and_unknown_clusters() -> None:
    field = DriftedField(".spec.pods", "7", "50", "kubectl-edit", "2026-01-01T00:00:00Z")
    behind = (
        DriftedObject(GONE, DriftKind.BLOCKED, message="exists and is not ours"),
        DriftedObject(QUOTA.key, DriftKind.BLOCKED, message="lies in it", following="Namespace old"),
    )
    report = DriftReport(
        "acme",
        (
            ClusterDrift("a", DriftState.IN_SYNC, (), NOW, PLAN, None),
            ClusterDrift(
                "b",
                DriftState.DRIFTED,
                (DriftedObject(QUOTA.key, DriftKind.CHANGED, (field,)), *behind),
                NOW,
                PLAN,
                None,
            ),
            ClusterDrift("c", DriftState.UNREACHABLE, (), NOW, None, UnreachableError("no answer", why="timeout")),
        ),
    )
    listing = drift_listing(report)
    lines = plain_text(drift_text(report, listing.rows))
    assert lines[0] == "a: in sync (3 objects)"
    assert "            .spec.pods: is 7, declared 50 (by kubectl-edit, 2026-01-01T00:00:00Z)" in lines
    assert [line for line in lines if "blocked" in line] == [
        "  blocked   Namespace old", "  blocked   1 more object blocked with Namespace old",
    ]  # fmt: skip
    assert "c: unknown: no answer" in lines


def test_drift_tells_what_an_adoption_kept_and_what_policies_refuse() -> None:
    kept = DriftedObject(QUOTA.key, DriftKind.KEPT, message="is not ours")
    refused = Refusals("legacy", "queue-required", ("Job old",), NOW, NOW, "it names no queue")
    states = ((DriftState.IN_SYNC, (kept,)), (DriftState.DRIFTED, (kept, DriftedObject(GONE, DriftKind.MISSING))))
    report = DriftReport(
        "acme",
        tuple(
            ClusterDrift(state.value, state, objects, NOW, PLAN, None, refused=(refused,)) for state, objects in states
        ),
    )
    listing = drift_listing(report)
    lines = plain_text(drift_text(report, listing.rows))
    assert lines[0] == "in-sync: in sync (3 objects, 1 kept by adoption)"
    assert "drifted: drifted (1 object, 1 kept by adoption)" in lines
    assert "  kept      ResourceQuota cv/q" in lines
    assert any(line.startswith("  refused: in legacy the policy queue-required refuses what Job old") for line in lines)


def test_a_proof_tells_what_an_adoption_kept() -> None:
    got = "LocalQueue main is not ours; kept by the adoption of 2026-11-26"
    result = Result("surroundings", "nlp", "list", "namespace nlp", "us", "nothing", got, Verdict.KEPT, NOW)
    report = ProofReport("acme", "dev", "https://x", "v1", NOW, NOW, (result,))
    lines = plain_text(proof_text(report, proof_listing(report).rows))
    assert "kept         surroundings  (1 probe: nlp)" in lines
    assert f"               got:      {got}" in lines
    assert "proved, but for what adoption left: dev: 1 probe: 1 kept" in lines
    assert lines[-1] == "kept by adoption, and not proved: surroundings"


def test_a_proof_shows_what_failed_in_full() -> None:
    def result(verdict: Verdict, guardrail: str) -> Result:
        return Result(guardrail, "nlp", "create a pod", "Pod x", "a member", "refused", "admitted", verdict, NOW)

    report = ProofReport(
        "acme", "dev", "https://x", "v1", NOW, NOW, (result(Verdict.PROVED, "quota"), result(Verdict.FAILED, "queue"))
    )
    lines = plain_text(proof_text(report, proof_listing(report).rows))
    assert "failed       queue  (1 probe: nlp)" in lines
    assert "               got:      admitted" in lines
    assert lines[-1] == "broken: queue"


def test_a_proof_says_why_something_cannot_be_proved() -> None:
    def result(team: str, got: str) -> Result:
        return Result("network", team, "look", "Pod x", "a member", "refused", got, Verdict.NOT_PROVABLE, NOW)

    why = "the API server cannot show that the network plug-in enforces policies " * 2
    rows = (result("cv", why), result("nlp", why), result("nlp", "left out (--no-work)"))
    report = ProofReport("acme", "dev", "https://x", "v1", NOW, NOW, rows)
    assert plain_text(proof_text(report, rows, 80))[:4] == [
        "not-provable network  (3 probes: cv, nlp)",
        "             2 probes: the API server cannot show that the network plug-in",
        "               enforces policies the API server cannot show that the network",
        "               plug-in enforces policies",
    ]
    assert plain_text(proof_text(report, rows, 80))[4] == "             1 probe: left out (--no-work)"


def test_a_sandbox_that_is_not_ready_says_why() -> None:
    part = ComponentStatus("etcd", running=False, ready=False, pid=None, port=1, memory_bytes=0, log=Path("/l"))
    found = SandboxStatus("s", "s", (part,), 61.0, (("n0", True), ("n1", False)), Path("/d"))
    lines = plain_text(status_text(found, component_listing(found).rows, None))
    assert lines[0] == "s is not ready: 2 nodes, 0 of memory, for 1 min 1 s"
    assert "1 node not ready: n1" in lines


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_every_kind_can_be_explained(kind: str) -> None:
    schema = json_schema()
    assert set(kinds(schema)) == set(KINDS)
    seen = 0
    waiting = [kind.lower()]
    while waiting:
        found = explanation(schema, waiting.pop())
        seen += 1
        assert found.field.description, found.field.path
        assert "value" not in found.field.type.split(), found.field.path
        assert explanation_text(found, 80)
        waiting += found.children_paths
        assert set(found.children_paths) <= set(paths_under(schema, f"{found.field.path}."))
    assert seen > 3


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (amount("cpu", 1500), "1500m"),
        (amount("cpu", -2000), "-2"),
        (amount("memory", 128 << 30), "128Gi"),
        (amount("memory", -(1 << 30)), "-1Gi"),
        (amount("a100", 1234), "1,234"),
        (memory(24_000_000_000_000), "21.8Ti"),
        (memory(0), "0"),
        (memory(1), "1"),
        (money(1_500_000, "USD"), "1.50 USD"),
        (money(12_345_678_900, "EUR"), "12,346 EUR"),
        (money(2_000_000, "USD"), "2 USD"),
        (span(2, 2), "2"),
        (span(0, 1200), "0-1,200"),
        (count(1, "policy"), "1 policy"),
        (count(2, "policy"), "2 policies"),
        (count(3, "day"), "3 days"),
    ],
)
def test_amounts(shown: str, expected: str) -> None:
    assert shown == expected


def test_devices_that_are_nobody_s_are_not_called_free() -> None:
    platform = build.platform(teams=[build.team("nlp")])
    lines = plain_text(summary_text(summarize(platform), summarize(platform).quotas, None))
    (told,) = [line for line in lines if line.startswith("Usable by nobody: ")]
    assert "28 a100-spot in dev" in told
    assert not any("FREE" in line for line in lines)
    shared = build.cohort(quota=build.quota(accelerators={"a100-spot": 28}))
    lent = summarize(build.platform(clusters=[build.cluster(cohorts=[shared])], teams=[build.team("nlp")]))
    assert not any("Usable by nobody" in line for line in plain_text(summary_text(lent, lent.quotas, None)))
