"""Access ends with the team: nothing that an owner or a member made survives the team's removal."""

from __future__ import annotations

import base64
import datetime as dt
import time
from collections.abc import Iterator

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from allotment.model.manifest import ObjectKey
from allotment.operations.directory import teams
from allotment.ports.kube import AccessQuestion, Identity, RefusedError
from allotment.spec.load import load_platform
from tests.live.attacks.attempts import RBAC, binding, group, marked, one, plain, pod_of_group, user
from tests.live.conftest import unique_name
from tests.live.training import AUTHENTICATED, PEOPLE, Training, declared_tree, training_on

pytestmark = [pytest.mark.live, pytest.mark.nightly]

MEMBER, OWNER = PEOPLE["member"], PEOPLE["owner"]
LONGEST_REMOVAL = 120.0
TOKEN = ObjectKey("", "Secret", "nlp", "token")
SECRETS = AccessQuestion("get", "", "secrets", "", "nlp")


@pytest.fixture
def alone(sandbox_store: SandboxStore) -> Iterator[Training]:
    """A cluster of its own: a team goes."""
    name = unique_name()
    try:
        with training_on(sandbox_store.up, name, mutating=True) as live:
            yield live
    finally:
        sandbox_store.down(name)


def called(name: str, body: dict[str, object]) -> dict[str, object]:
    return {**body, "metadata": {**body["metadata"], "name": name}}  # type: ignore[dict-item]


def left_by_the_team(training: Training) -> None:
    """Everything by which somebody could come back, as far as it is admitted."""
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "create"]}]
    finalizer = {"finalizers": ["evil.example/x"]}
    account = {"kind": "ServiceAccount", "name": "default", "namespace": "nlp"}
    key = {"metadata": {"name": "token", "annotations": {"kubernetes.io/service-account.name": "default"}}}
    bodies = [
        plain(f"{RBAC}/v1", "Role", rules=rules, metadata={"name": "back"}),
        called("by-group", binding(group("acme-nlp-leads"), role="back")),
        called("by-name", binding(user(OWNER.user), role="back")),
        called("by-account", binding(account, role="back")),
        plain("v1", "Secret", type="kubernetes.io/service-account-token", **key),
        plain("v1", "Secret", type="Opaque", stringData={"a": "b"}, metadata={"name": "team"}),
        called("cron", one("CronJob")),
        called("held", marked(one("Deployment"), **finalizer)),
        called("held", marked(one("Pod"), **finalizer)),
        called("waiting", pod_of_group()),
        plain("policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": 0, "selector": {}}),
    ]
    for body in bodies:
        for who in (OWNER, MEMBER):
            try:
                training.kube.create(body, identity=who)
            except RefusedError:
                continue
            break


@pytest.mark.timeout(900)
def test_nobody_of_a_removed_team_reads_anything(alone: Training) -> None:
    left_by_the_team(alone)
    assert alone.kube.allowed(OWNER, SECRETS)
    assert alone.kube.get(f"{RBAC}/v1", ObjectKey(RBAC, "Role", "nlp", "back")) is not None, (
        "nothing was left to remove"
    )
    time.sleep(3)  # what was made begins to run
    tree = declared_tree()
    edit = teams.remove(tree, "nlp", dt.date(2099, 1, 31), dt.date(2026, 11, 26))
    begun = time.monotonic()
    alone.apply(load_platform(tree.with_changes(edit.changes)).platform)
    assert time.monotonic() - begun < LONGEST_REMOVAL
    account = Identity("system:serviceaccount:nlp:default", (AUTHENTICATED, "system:serviceaccounts"))
    readers = [who.user for who in (*PEOPLE.values(), account) if alone.kube.allowed(who, SECRETS)]
    assert readers == []
    left = [
        (kind, body["metadata"]["name"])
        for kind in ("Role", "RoleBinding")
        for body in alone.kube.list(f"{RBAC}/v1", kind, namespace="nlp")
    ]
    assert left == [], "what an owner made is still there"
    token = alone.kube.get("v1", TOKEN)
    assert token is None, base64.b64decode(token.get("data", {}).get("token", ""))[:10]
    assert "forbidden" in alone.refusal(binding(group("acme-nlp-leads")), OWNER)
