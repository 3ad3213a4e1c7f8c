"""Attack row 12, as far as rendering goes: no secret is rendered, so none can leak from the tree, a plan or a diff."""

from __future__ import annotations

from allotment.model.manifest import Family
from tests.security.subject import Subject


def test_no_secret_is_rendered(subject: Subject) -> None:
    """Registries are named, and the Secrets they name are brought by the team or its secret store."""
    assert not subject.of_kind("Secret")
    for account in subject.of_kind("ServiceAccount"):
        for entry in account.body.get("imagePullSecrets", ()):
            assert set(entry) == {"name"}


def test_config_maps_are_not_used_for_values_either(subject: Subject) -> None:
    assert not subject.of_kind("ConfigMap")
    assert {item.family for item in subject.manifests} <= set(Family)
