"""The examples of docs/policies.md, as they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from allotment.adapters.kube.client import KubeClient
from allotment.model.policy import PolicyName
from tests.live.policies.bodies import Body
from tests.live.policies.conftest import JANE, governed, refusal
from tests.live.policies.test_changes import refused

pytestmark = pytest.mark.live

TEXT = Path("docs/policies.md").read_text(encoding="utf-8")
SECTION = re.compile(
    r"^## (?P<name>[a-z-]+)\n.*?Refused, with “(?P<says>[^”]+)”:\n\n```yaml\n(?P<bad>.*?)```"
    r".*?Admitted:\n\n```yaml\n(?P<good>.*?)```",
    re.MULTILINE | re.DOTALL,
)
SECTIONS = {match["name"]: match for match in SECTION.finditer(TEXT)}


@pytest.fixture(scope="module", autouse=True)
def in_force(kube: KubeClient, tenants: None) -> Iterator[None]:
    with governed(kube, pod_integration=False):
        yield


def renamed(text: str) -> str:
    """With the names of these tests, which share their sandbox with others."""
    return re.sub(r"\b(nlp|cv)\b", r"pol-\1", text).replace("scratch", "pol-other")


def example(text: str) -> Body:
    loaded: Body = yaml.safe_load(renamed(text))
    return loaded


@pytest.mark.parametrize("name", PolicyName)
def test_examples(name: PolicyName, kube: KubeClient) -> None:
    section = SECTIONS[name]
    message = refusal(lambda: kube.create(example(section["bad"]), dry_run=True, identity=JANE))
    assert refused(message, name, renamed(section["says"])), message
    assert refusal(lambda: kube.create(example(section["good"]), dry_run=True, identity=JANE)) == ""


def test_every_policy_has_its_section_and_no_other() -> None:
    assert set(SECTIONS) == set(PolicyName)
