"""Every rendered object on a real API server with the real Kueue: accepted, and stored as it was written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from allotment.model.manifest import Family
from allotment.render.manifests import render
from tests.live.security.conftest import Secured

pytestmark = pytest.mark.live

OWN_KINDS = {"ResourceFlavor", "ClusterQueue", "WorkloadPriorityClass"}


def differences(sent: Any, stored: Any, path: str = "") -> list[str]:
    """Fields of what was sent that the server stores otherwise, or not at all."""
    if sent is False and stored is None:
        return []  # The server does not store a `false` that is the default anyway (a PriorityClass's globalDefault).
    if isinstance(sent, Mapping) and isinstance(stored, Mapping):
        return [line for key, value in sent.items() for line in differences(value, stored.get(key), f"{path}.{key}")]
    if isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        return [
            line
            for index, (one, other) in enumerate(zip(sent, stored, strict=True))
            for line in differences(one, other, f"{path}[{index}]")
        ]
    return [] if sent == stored else [f"{path}: {sent!r} is stored as {stored!r}"]


def test_the_server_stores_what_was_rendered(secured: Secured) -> None:
    """Canonical amounts, explicit defaults: an unchanged object does not look changed in a plan."""
    found = {
        str(manifest.key): lines for manifest, body in secured.answers if (lines := differences(manifest.body, body))
    }
    assert found == {}


@pytest.mark.nightly  # by day the second plan of a whole example is empty
def test_applying_again_changes_nothing(secured: Secured) -> None:
    for manifest in secured.manifests:
        before = secured.kube.get(manifest.api_version, manifest.key)
        after = secured.kube.apply(manifest.body).body
        assert before is not None
        assert after["metadata"].get("generation") == before["metadata"].get("generation"), manifest.key
        assert differences(manifest.body, after) == []


def test_the_shared_layout_in_v1beta1_is_accepted_and_stored_alike(secured: Secured) -> None:
    cluster = secured.platform.cluster("shared")
    assert cluster is not None
    checked = set()
    for manifest in render(secured.platform, cluster).of(Family.KUEUE):
        if manifest.key.kind in OWN_KINDS:
            stored = secured.kube.apply(manifest.body, dry_run=True).body
            assert differences(manifest.body, stored) == [], manifest.key
            checked.add(manifest.key.kind)
    assert "ClusterQueue" in checked


def test_kueue_takes_the_queues_into_service(secured: Secured) -> None:
    for name in ("nlp", "cv"):
        active = _conditions(secured, name, "Ready")["Active"]
        assert (active["status"], active["reason"]) == ("True", "Ready"), name


def _conditions(secured: Secured, name: str, reason: str) -> dict[str, Any]:
    conditions: dict[str, Any] = {}
    for _attempt in range(50):
        queue = next(
            body
            for body in secured.kube.list("kueue.x-k8s.io/v1beta2", "ClusterQueue")
            if body["metadata"]["name"] == name
        )
        conditions = {entry["type"]: entry for entry in queue.get("status", {}).get("conditions", ())}
        if conditions.get("Active", {}).get("reason") == reason:
            break
        time.sleep(0.2)
    return conditions
