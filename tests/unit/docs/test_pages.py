"""What docs/policies.md and docs/for-team-members.md say is complete; that it is true, tests/live/pages shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import PolicyName
from allotment.render.policies.admission import Check
from allotment.render.policies.cel import quote
from allotment.render.policies.rendering import RULES
from allotment.render.rbac import RULES as RIGHTS
from allotment.render.rbac import Role
from allotment.spec.load import load_platform
from tests.unit.docs.pages import (
    DOCS,
    FOR_TEAM_MEMBERS,
    MEMBER,
    OWNER,
    POLICIES,
    policy_examples,
    refusal_words,
    templates,
)

_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


@cache
def acme() -> Platform:
    return load_platform(read_tree(Path("examples/acme"))).platform


def checks() -> Iterator[tuple[PolicyName, Check]]:
    """Every check there is: with mutating policies and pods in queues, and without both."""
    platform = acme()
    rich = platform.cluster("training-eastus")
    assert rich is not None
    poor: Cluster = replace(rich, mutating_policies=False, features=frozenset())
    for policy in platform.policies:
        found: dict[str, Check] = {}
        for cluster in (rich, poor):
            rule = RULES[policy.name](platform, cluster, policy)
            assert rule is not None
            found |= {check.name: check for check in rule.checks}
        for check in found.values():
            yield policy.name, check


CHECKS = list(checks())


def said(check: Check) -> list[str]:
    """The fixed parts of the sentences that tell its faults."""
    return [literal for literal in _LITERAL.findall(check.faults) if " " in literal]


@pytest.mark.parametrize("name", PolicyName)
def test_a_policy_s_section_has_one_example_refused_and_one_admitted(name: PolicyName) -> None:
    found = [example for example in policy_examples() if example.name == name]
    assert [bool(example.says) for example in found] == [True, False]
    assert len({example.who for example in found}) == 1


def test_there_are_no_other_examples() -> None:
    assert {example.name for example in policy_examples()} == set(PolicyName)
    assert POLICIES.count("```yaml") == 2 * len(PolicyName)


@pytest.mark.parametrize(("name", "check"), CHECKS, ids=[f"{name}-{check.name}" for name, check in CHECKS])
def test_every_fault_is_in_the_table_for_team_members(name: PolicyName, check: Check) -> None:
    """By words that stand in the refusal as they are; a fault's own place and values differ each time."""
    words = [quote(phrase)[1:-1] for phrase in refusal_words()]
    assert any(phrase in literal for phrase in words for literal in said(check)), said(check)


@pytest.mark.parametrize("phrase", refusal_words())
def test_the_table_quotes_what_refusals_say(phrase: str) -> None:
    assert len(phrase.split()) > 1, "one word says nothing"
    assert any(quote(phrase)[1:-1] in literal for _, check in CHECKS for literal in said(check))


def test_templates_are_for_members_or_owners_and_have_names_of_their_own() -> None:
    found = list(templates())
    assert {template.who for template in found} == {MEMBER, OWNER}
    assert len({template.name for template in found}) == len(found)
    kinds = {body["kind"] for template in found for body in template.bodies}
    assert kinds >= {"Job", "JobSet", "CronJob", "Deployment", "StatefulSet", "Pod"}


def test_members_may_look_at_what_the_page_looks_at() -> None:
    seen = {
        resource
        for rule in RIGHTS[Role.MEMBER]
        if {"get", "list"} <= set(rule["verbs"])
        for resource in rule["resources"]
    }
    asked = re.findall(r"kubectl (?:get|describe) ([a-z,]+)", FOR_TEAM_MEMBERS)
    assert asked
    for names in asked:
        for name in names.split(","):
            known = {"pvc": "persistentvolumeclaims"}.get(name, name)
            assert {known, f"{known}s"} & seen, f"members may not read {name}"


def test_refusals_lead_to_the_page_and_so_does_the_readme() -> None:
    assert "](docs/for-team-members.md)" in (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert "](for-team-members.md" in POLICIES
    assert acme().help_page
