"""What one team may have beyond the others, in force: further rights, a weaker Pod Security level, defaults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.ports.kube import AccessQuestion
from allotment.spec.load import load_platform
from allotment.spec.problems import InvalidPlatformError, Severity
from tests.live.attacks.attempts import marked, one, plain
from tests.live.books.following import End, Submission, follow
from tests.live.books.manifests import LABELS, amounts, container, pod_spec, work
from tests.live.policies.conftest import until
from tests.live.training import PEOPLE, Training, declared_tree

pytestmark = pytest.mark.live

TEAM, FILE = "nlp", "teams/nlp.yaml"
LAST_DAY = dt.date(2027, 1, 31)
RIGHT = "{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create]}"
FIELDS = f"""\
extraRules:
  member:
    - {RIGHT}
podSecurity: {{level: baseline, reason: images are built as root until the new base image, until: {LAST_DAY}}}
containerDefaults:
  requests: {{cpu: 2, memory: 8Gi}}
  limits: {{cpu: 4, memory: 16Gi}}
"""
LEVEL = "pod-security.kubernetes.io/enforce"
ROOT = {"securityContext": {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}}}
KINDS = ("Job", "Pod", "Deployment")


def tree(fields: str = FIELDS) -> SourceTree:
    """examples/acme, whose team nlp has these fields beside its own."""
    plain_tree = declared_tree()
    return plain_tree.with_changes({FILE: plain_tree.files[FILE] + fields})


def platform(today: dt.date) -> Platform:
    return load_platform(tree(), today).platform


@pytest.fixture(scope="module")
def favoured(training: Training) -> Iterator[Training]:
    """The training cluster while the team has them."""
    before = {who: training.kube.allowed(PEOPLE[who], LEASES) for who in PEOPLE}
    assert not any(before.values()), before
    training.apply(platform(LAST_DAY))
    until(lambda: not training.refusal(one("Job", ROOT), PEOPLE["member"]))
    yield training
    training.apply()
    until(lambda: training.refusal(one("Job", ROOT), PEOPLE["member"]))


LEASES = AccessQuestion("create", "coordination.k8s.io", "leases", "", TEAM)


def test_a_further_right_is_the_roles_and_of_those_above_it(favoured: Training) -> None:
    held = {who for who in PEOPLE if favoured.kube.allowed(PEOPLE[who], LEASES)}
    assert held == {"member", "owner"}
    lease = plain("coordination.k8s.io/v1", "Lease", metadata={"labels": dict(LABELS[TEAM])}, spec={})
    assert favoured.refusal(lease, PEOPLE["member"]) == ""
    assert "cannot create resource" in favoured.refusal(lease, PEOPLE["viewer"])
    ours = marked(lease, labels={"app.kubernetes.io/managed-by": "allotment"})
    assert "managed-objects-protected" in favoured.refusal(ours, PEOPLE["member"])


def test_a_right_that_undoes_a_guardrail_is_refused_before_anything_is_applied() -> None:
    undoing = RIGHT.replace("coordination.k8s.io", "networking.k8s.io").replace("leases", "networkpolicies")
    with pytest.raises(InvalidPlatformError) as refused:
        load_platform(tree(FIELDS.replace(RIGHT, undoing)), LAST_DAY)
    [problem] = [each for each in refused.value.problems if each.severity is Severity.ERROR]
    assert "lets the role open the walls between namespaces" in problem.what


def test_the_weaker_level_holds_for_pods_and_for_templates(favoured: Training) -> None:
    assert level(favoured) == "baseline"
    privileged = {"containers": [container(amounts(), securityContext={"privileged": True})]}
    for kind in KINDS:
        assert favoured.refusal(one(kind, ROOT), PEOPLE["member"]) == ""
        message = favoured.refusal(one(kind, privileged), PEOPLE["member"])
        assert "baseline" in message, message
        assert "privileged" in message, message
    elsewhere = one("Job", ROOT, team="cv")
    assert "restricted" in favoured.refusal(elsewhere, PEOPLE["cvmember"])


def test_from_the_day_after_its_last_the_team_is_restricted_again(favoured: Training) -> None:
    favoured.apply(platform(LAST_DAY + dt.timedelta(days=1)))
    try:
        assert level(favoured) == "restricted"
        for kind in KINDS:
            until(lambda kind=kind: "restricted" in favoured.refusal(one(kind, ROOT), PEOPLE["member"]))  # type: ignore[misc]
    finally:
        favoured.apply(platform(LAST_DAY))
        until(lambda: not favoured.refusal(one("Job", ROOT), PEOPLE["member"]))


def level(training: Training) -> str:
    [namespace] = training.kube.list("v1", "Namespace", labels=f"kubernetes.io/metadata.name={TEAM}")
    return str(namespace["metadata"]["labels"][LEVEL])


def test_a_container_that_names_nothing_gets_the_teams_defaults_and_is_charged_them(favoured: Training) -> None:
    limited = container({"limits": {"cpu": "3"}})
    submissions = [
        Submission(name, PEOPLE["member"], work("Job", name, TEAM, pod_spec(inner)))
        for name, inner in (("silent", container()), ("limited", limited))
    ]
    silent, said = follow(favoured.kube, submissions)
    assert (silent.end, said.end) == (End.RAN, End.RAN), (str(silent), str(said))
    assert silent.asked == {"cpu": 2, "memory": 8 << 30}
    assert said.asked == {"cpu": 3, "memory": 8 << 30}
    assert (silent.miscounted, said.miscounted) == ({}, {})
    assert silent.charged
