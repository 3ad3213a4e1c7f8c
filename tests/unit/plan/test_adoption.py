"""Whose an object is, what a namespace uses, what network policies would cut, and what a record brings back."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.errors import InputError
from allotment.model import labels
from allotment.model.manifest import ObjectKey
from allotment.plan import order
from allotment.plan.adoption.around import of_flavor
from allotment.plan.adoption.cuts import cuts
from allotment.plan.adoption.origin import origins_of
from allotment.plan.adoption.record import AdoptionRecord, record, record_of, restoration, to_text
from allotment.plan.adoption.use import below_use, use_of
from allotment.plan.adoption.words import word, word_of
from allotment.plan.fields import ownership_of
from tests.unit.plan import objects

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


def marked(*, owners: list[dict[str, Any]] | None = None, **metadata: Any) -> dict[str, Any]:
    found = {"name": "q", **({"ownerReferences": owners} if owners else {}), **metadata}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": found}


MANAGED = [
    {"manager": "kueue", "time": "2026-03-01T00:00:00Z", "subresource": "status", "fieldsV1": {}},
    {"manager": "kubectl", "time": "2026-02-01T00:00:00Z", "fieldsV1": {}},
    {"manager": "helm", "time": "2026-01-01T00:00:00Z", "fieldsV1": {}},
    {"manager": labels.FIELD_MANAGER, "time": "2026-04-01T00:00:00Z", "fieldsV1": {}},
]
FLUX = "kustomize.toolkit.fluxcd.io"
ORIGINS = {
    "helm": (marked(annotations={"meta.helm.sh/release-name": "queues"}), ["Helm release queues"]),
    "helm-without-a-name": (marked(labels={labels.MANAGED_BY: "Helm"}), ["Helm release of unknown name"]),
    "argo": (
        marked(annotations={"argocd.argoproj.io/tracking-id": "fleet:/ResourceQuota:nlp/q"}),
        ["Argo CD application fleet"],
    ),
    "argo-label": (marked(labels={"argocd.argoproj.io/instance": "fleet"}), ["Argo CD application fleet"]),
    "flux": (marked(labels={f"{FLUX}/name": "apps", f"{FLUX}/namespace": "infra"}), ["Flux Kustomization infra/apps"]),
    "owner": (marked(owners=[{"kind": "Tenant", "name": "nlp"}]), ["owner Tenant nlp"]),
    "managers": (
        marked(managedFields=MANAGED),
        ["field manager kubectl since 2026-02-01T00:00:00Z", "field manager helm since 2026-01-01T00:00:00Z"],
    ),
    "nobody": (marked(), []),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_whose_it_is(case: str) -> None:
    body, expected = ORIGINS[case]
    found = origins_of(body)
    assert [str(origin) for origin in found] == expected
    assert all(bool(origin.goes_on) is (not str(origin).startswith("field manager")) for origin in found)


def container(requests: dict[str, str], limits: dict[str, str] | None = None) -> dict[str, Any]:
    return {"resources": {"requests": requests, "limits": limits or {}}}


def test_what_a_namespace_uses_is_counted_as_a_quota_counts_it() -> None:
    first = {
        "initContainers": [container({"cpu": "4"})],
        "containers": [container({"cpu": "1"}), container({"cpu": "500m"})],
    }
    second = {"containers": [container({"nvidia.com/gpu": "2"}, {"memory": "1Gi"})]}
    pods = [{"spec": first}, {"spec": second}, {"spec": first, "status": {"phase": "Succeeded"}}]
    use = use_of(pods, [{"spec": {"resources": {"requests": {"storage": "5Gi"}}}}])
    assert use == {
        "pods": 2,
        "requests.cpu": 4,
        "requests.nvidia.com/gpu": 2,
        "limits.memory": 1 << 30,
        "persistentvolumeclaims": 1,
        "requests.storage": 5 << 30,
    }
    quota = {"spec": {"hard": {"pods": "1", "cpu": "3", "requests.nvidia.com/gpu": "2", "secrets": "0"}}}
    assert list(below_use(quota, use)) == ["cpu 3, in use 4", "pods 1, in use 2"]
    assert not list(below_use(quota, {"pods": Fraction(1)}))


def test_network_policies_in_words() -> None:
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    dns = objects.network_policy("cv").body["spec"]
    block = {"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}
    bodies = [
        {"metadata": {"name": name}, "spec": spec} for name, spec in (("open", dns), ("block", block), ("deny", deny))
    ]
    assert {cut.name: cut.what for cut in cuts(bodies)} == {
        "deny": "cuts all ingress and egress of all pods, but for what other policies leave open",
        "block": "leaves open, of some pods: ingress from 10.0.0.0/8",
        "open": "leaves open, of all pods: egress to name=kube-system on TCP 53",
    }
    assert cuts(bodies)[0].name == "deny"


FLAVORS: dict[str, tuple[dict[str, str], dict[str, str], str, str]] = {
    "nodes carry both": ({"gpu": "a100"}, {"pool": "a"}, "", ""),
    "some do not": ({"gpu": "a100"}, {"pool": "a", "zone": "1"}, "2 nodes carry its labels now, 1 the declared", ""),
    "none does": ({"gpu": "a100"}, {"pool": "b"}, "", "2 nodes carry its labels now, and no node the declared"),
    "none did before": ({"gpu": "h100"}, {"pool": "b"}, "", ""),
    "nothing is selected any more": ({"gpu": "a100"}, {}, "", ""),
}


@pytest.mark.parametrize(("live", "declared", "remark", "hindrance"), FLAVORS.values(), ids=FLAVORS)
def test_a_flavor_whose_declared_labels_no_node_carries_is_not_taken_over(
    live: dict[str, str], declared: dict[str, str], remark: str, hindrance: str
) -> None:
    first = {"gpu": "a100", "pool": "a", "zone": "1"}
    seen = [{"metadata": {"labels": first}}, {"metadata": {"labels": {**first, "zone": "2"}}}, {"metadata": {}}]
    facts = of_flavor({"spec": {"nodeLabels": live}}, {"spec": {"nodeLabels": declared}}, seen)
    assert [text[: len(remark)] for text in facts.remarks] == [remark] * bool(remark)
    assert [each.why[: len(hindrance)] for each in facts.hindrances] == [hindrance] * bool(hindrance)


@pytest.mark.parametrize("kind", tuple(order.kinds()), ids=lambda kind: kind.kind)
def test_every_kind_has_a_word_that_means_it(kind: order.GroupKind) -> None:
    for key in (ObjectKey(kind.group, kind.kind, "", "a"), ObjectKey(kind.group, kind.kind, "space", "a")):
        if kind.kind != "Namespace" or not key.namespace:
            assert word(word_of(key)).means(key)
            assert not word(word_of(key)).means(key._replace(name="b"))
    plural = f"{kind.kind}{'es' if kind.kind.endswith('s') else 's'}/a".replace("ys/", "ies/")
    assert word(plural).kind == kind.kind.lower()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"at": "x", "from": [], "before": {}}', '{"at":1}', "[" * 100_000])
def test_a_record_that_somebody_wrote_is_told_and_not_followed(text: str) -> None:
    body = marked(annotations={labels.ADOPTED: text})
    with pytest.raises(InputError, match="cannot be read"):
        record_of(body)


@given(hard=st.dictionaries(st.sampled_from("abcde"), st.integers(0, 9).map(str), max_size=5))
def test_a_record_is_read_as_it_was_written_and_brings_the_earlier_values_back(hard: dict[str, str]) -> None:
    live = marked(labels={"owner": "jane", "team": "old"}, annotations={labels.CONSENT: "x"}) | {"spec": {"hard": hard}}
    declared = marked(labels={"team": "new"}) | {"spec": {"hard": {"a": "1", "z": "2"}}}
    written = record(declared, live, ["Helm release x"], NOW)
    assert written == AdoptionRecord("2026-11-27T12:00:00Z", ("Helm release x",), written.before)
    assert written.before["metadata"] == {"labels": {"team": "old"}}
    ours = {"f:metadata": {"f:labels": {"f:team": {}}}, "f:spec": {"f:hard": {"f:a": {}, "f:z": {}}}}
    entry = {"manager": labels.FIELD_MANAGER, "operation": "Apply", "fieldsV1": ours}
    after = declared | {"metadata": {**declared["metadata"], "annotations": {labels.ADOPTED: to_text(written)}}}
    after["metadata"]["managedFields"] = [entry]
    read = record_of(after)
    assert read is not None
    assert read.before["spec"] == written.before["spec"]
    patch = restoration(after, read, ownership_of(after).ours)
    assert patch["metadata"] == {"labels": {"team": "old"}, "annotations": {labels.ADOPTED: None}}
    restored = {**after["spec"]["hard"], **patch["spec"]["hard"]} if "spec" in patch else after["spec"]["hard"]
    assert {name: value for name, value in restored.items() if value is not None} == hard
