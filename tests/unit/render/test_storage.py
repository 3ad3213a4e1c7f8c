from __future__ import annotations

import datetime as dt

from allotment.model.team import Claim, Offboarding
from tests.unit import builders as build
from tests.unit.render.looking import find, of_kind, rendered


def test_one_class_is_the_default() -> None:
    classes = of_kind(rendered(build.platform()), "StorageClass")
    marks = {
        item.key.name: item.body["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"]
        for item in classes
    }
    assert marks == {"block": "true", "shared-files": "false"}


def test_claims_of_a_team() -> None:
    team = build.team(claims=[Claim("data", build.gib(10), "block", "ReadWriteOnce")])
    claim = find(rendered(build.platform(teams=[team])), "PersistentVolumeClaim", "data", "nlp")
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "block",
    }


def test_a_claim_without_class_takes_the_clusters_default() -> None:
    team = build.team(claims=[Claim("data", build.gib(10), "", "ReadWriteOnce")])
    claim = find(rendered(build.platform(teams=[team])), "PersistentVolumeClaim", "data", "nlp")
    assert "storageClassName" not in claim["spec"]


def test_a_leaving_team_keeps_its_claims() -> None:
    staying = rendered(build.platform())
    leaving = rendered(build.platform(teams=[build.team(offboarding=Offboarding(dt.date(2027, 1, 31)))]))
    assert [claim.body for claim in of_kind(leaving, "PersistentVolumeClaim")] == [
        claim.body for claim in of_kind(staying, "PersistentVolumeClaim")
    ]


def test_the_default_account_mounts_no_token_and_pulls_from_the_registry() -> None:
    account = find(rendered(build.platform()), "ServiceAccount", "default", "nlp")
    assert account["automountServiceAccountToken"] is False
    assert account["imagePullSecrets"] == [{"name": "registry"}]


def test_no_pull_secrets_no_field() -> None:
    manifests = rendered(build.platform(teams=[build.team(image_pull_secrets=())]))
    assert "imagePullSecrets" not in find(manifests, "ServiceAccount", "default", "nlp")
