"""What every `KubePort` does: the same cases run on the fake (unit) and on a real API server (live).

A suite that inherits `KubeContract` gives the fixtures `kube` (the port) and `space` (a fresh namespace that exists).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import pytest

from allotment.model.labels import FIELD_MANAGER
from allotment.model.manifest import ObjectKey
from allotment.ports.kube import Deletion, FieldConflictError, KubePort, ObjectPart, RefusedError, WatchEvent, WatchWord


def config_map(space: str, name: str = "one", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": space, "labels": {"suite": space}},
        "data": data,
    }


def key(space: str, name: str = "one", kind: str = "ConfigMap") -> ObjectKey:
    return ObjectKey("", kind, space, name)


def owned(body: Any, manager: str = FIELD_MANAGER, operation: str = "Apply") -> str:
    trees = [
        entry["fieldsV1"]
        for entry in body["metadata"]["managedFields"]
        if (entry["manager"], entry["operation"]) == (manager, operation)
    ]
    return json.dumps(trees, sort_keys=True)


class KubeContract:
    def test_apply_creates_and_get_reads(self, kube: KubePort, space: str) -> None:
        assert kube.get("v1", key(space)) is None
        answer = kube.apply(config_map(space, a="1"))
        live = kube.get("v1", key(space))
        assert live is not None
        assert live["data"] == {"a": "1"}
        assert live["metadata"]["uid"] == answer.body["metadata"]["uid"]

    def test_a_part_of_an_object_is_read(self, kube: KubePort, space: str) -> None:
        found = kube.read_part(ObjectPart("v1", "namespaces", space, "status"))
        assert found is not None
        assert (found["metadata"]["name"], found["status"]) == (space, {"phase": "Active"})
        assert kube.read_part(ObjectPart("v1", "namespaces", space, "nothing-of-that-name")) is None
        assert kube.read_part(ObjectPart("v1", "namespaces", f"{space}-absent", "status")) is None
        assert kube.read_part(ObjectPart("v1", "nothings", space, "status")) is None

    def test_ownership_of_an_apply(self, kube: KubePort, space: str) -> None:
        body = kube.apply(config_map(space, a="1")).body
        expected = [{"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:suite": {}}}}]
        assert json.loads(owned(body)) == expected

    def test_dry_run_stores_nothing(self, kube: KubePort, space: str) -> None:
        answer = kube.apply(config_map(space, a="1"), dry_run=True)
        assert answer.body["data"] == {"a": "1"}
        assert kube.get("v1", key(space)) is None

    def test_applying_the_same_again_changes_no_version(self, kube: KubePort, space: str) -> None:
        first = kube.apply(config_map(space, a="1")).body
        second = kube.apply(config_map(space, a="1")).body
        assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]

    def test_a_field_given_up_is_removed(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1", b="2"))
        assert kube.apply(config_map(space, a="1")).body["data"] == {"a": "1"}

    def test_fields_of_others_stay(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1"))
        kube.merge_patch("v1", key(space), {"data": {"theirs": "x"}})
        assert kube.apply(config_map(space, a="2")).body["data"] == {"a": "2", "theirs": "x"}

    def test_a_field_given_up_that_another_set_stays(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1"))
        kube.merge_patch("v1", key(space), {"data": {"b": "2"}})
        kube.apply(config_map(space, a="1", b="2"))
        assert kube.apply(config_map(space, a="1")).body["data"] == {"a": "1", "b": "2"}

    def test_conflict_names_manager_and_field(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1"))
        kube.merge_patch("v1", key(space), {"data": {"a": "theirs"}})
        with pytest.raises(FieldConflictError) as caught:
            kube.apply(config_map(space, a="2"))
        (conflict,) = caught.value.conflicts
        assert (conflict.manager, conflict.field) == ("allotment-write", ".data.a")
        live = kube.get("v1", key(space))
        assert live is not None
        assert live["data"]["a"] == "theirs"

    def test_wanting_what_another_set_is_no_conflict(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1"))
        kube.merge_patch("v1", key(space), {"data": {"a": "2"}})
        body = kube.apply(config_map(space, a="2")).body
        assert '"f:a"' in owned(body)
        assert '"f:a"' in owned(body, "allotment-write", "Update")

    def test_force_takes_the_field(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1"))
        kube.merge_patch("v1", key(space), {"data": {"a": "theirs"}})
        body = kube.apply(config_map(space, a="2"), force=True).body
        assert body["data"] == {"a": "2"}
        assert '"f:a"' in owned(body)
        assert '"f:a"' not in owned(body, "allotment-write", "Update")

    def test_an_update_takes_our_ownership_away(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1", b="2"))
        body = kube.merge_patch("v1", key(space), {"data": {"a": "theirs"}}).body
        assert '"f:a"' not in owned(body)
        assert '"f:b"' in owned(body)

    def test_a_removed_field_has_no_owner(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1", b="2"))
        body = kube.merge_patch("v1", key(space), {"data": {"a": None}}).body
        assert body["data"] == {"b": "2"}
        assert '"f:a"' not in json.dumps(body["metadata"]["managedFields"])

    def test_a_patch_of_what_was_seen_is_refused_once_it_has_changed(self, kube: KubePort, space: str) -> None:
        seen = kube.apply(config_map(space, a="1")).body["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": seen}, "data": {"a": "2"}}
        kube.merge_patch("v1", key(space), patch)
        with pytest.raises(RefusedError) as caught:
            kube.merge_patch("v1", key(space), patch | {"data": {"a": "3"}})
        assert caught.value.status == 409

    def test_quantities_come_back_in_canonical_form(self, kube: KubePort, space: str) -> None:
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "one", "namespace": space},
            "spec": {"hard": {"requests.cpu": "2000m", "limits.cpu": "0.5", "requests.memory": "2Gi"}},
        }
        hard = kube.apply(quota).body["spec"]["hard"]
        assert hard == {"requests.cpu": "2", "limits.cpu": "500m", "requests.memory": "2Gi"}

    def test_defaults_in_a_network_policy(self, kube: KubePort, space: str) -> None:
        policy = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "one", "namespace": space},
            "spec": {
                "podSelector": {},
                "policyTypes": ["Egress"],
                "egress": [{"ports": [{"port": 53}]}],
                "ingress": [],
            },
        }
        spec = kube.apply(policy).body["spec"]
        assert spec["egress"] == [{"ports": [{"port": 53, "protocol": "TCP"}]}]
        assert "ingress" not in spec

    def test_items_of_a_keyed_list_have_owners(self, kube: KubePort, space: str) -> None:
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "one", "namespace": space},
            "secrets": [{"name": "registry"}],
        }
        kube.apply(account)
        kube.merge_patch(
            "v1",
            ObjectKey("", "ServiceAccount", space, "one"),
            {"secrets": [{"name": "registry"}, {"name": "theirs"}]},
        )
        body = kube.apply({**account, "secrets": [{"name": "ours"}]}).body
        assert {item["name"] for item in body["secrets"]} == {"theirs", "ours"}

    def test_list_selects_by_namespace_and_label(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, "one", a="1"))
        other = config_map(space, "two", a="1")
        kube.apply({**other, "metadata": {**other["metadata"], "labels": {"suite": "other"}}})
        found = list(kube.list("v1", "ConfigMap", namespace=space, labels=f"suite={space}"))
        assert [(body["kind"], body["metadata"]["name"]) for body in found] == [("ConfigMap", "one")]
        rest = list(kube.list("v1", "ConfigMap", namespace=space, labels=f"suite!={space}"))
        assert "two" in {body["metadata"]["name"] for body in rest}
        assert "one" not in {body["metadata"]["name"] for body in rest}
        assert "managedFields" in found[0]["metadata"]

    def test_create_refuses_a_taken_name(self, kube: KubePort, space: str) -> None:
        kube.create(config_map(space, a="1"))
        with pytest.raises(RefusedError) as caught:
            kube.create(config_map(space, a="1"))
        assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")

    def test_writing_into_a_namespace_that_is_not_there(self, kube: KubePort, space: str) -> None:
        with pytest.raises(RefusedError) as caught:
            kube.apply(config_map(f"{space}-missing", a="1"))
        assert (caught.value.status, caught.value.reason) == (404, "NotFound")

    def test_delete(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1"))
        assert kube.delete("v1", key(space))
        assert not kube.delete("v1", key(space))
        assert kube.get("v1", key(space)) is None

    def test_delete_only_that_very_object(self, kube: KubePort, space: str) -> None:
        uid = kube.apply(config_map(space, a="1")).body["metadata"]["uid"]
        with pytest.raises(RefusedError) as caught:
            kube.delete("v1", key(space), uid="00000000-0000-0000-0000-000000000000")
        assert caught.value.status == 409
        assert kube.delete("v1", key(space), uid=uid)

    def test_dry_run_deletes_nothing(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, a="1"))
        assert kube.delete("v1", key(space), dry_run=True)
        assert kube.get("v1", key(space)) is not None

    def test_the_namespace_carries_its_name(self, kube: KubePort, space: str) -> None:
        live = kube.get("v1", ObjectKey("", "Namespace", "", space))
        assert live is not None
        assert live["metadata"]["labels"]["kubernetes.io/metadata.name"] == space

    def test_kinds_that_are_not_served(self, kube: KubePort, space: str) -> None:
        assert kube.serves("v1", "Namespace")
        assert not kube.serves("nobody.example/v1", "Nothing")
        assert list(kube.list("nobody.example/v1", "Nothing")) == []
        body = {"apiVersion": "nobody.example/v1", "kind": "Nothing", "metadata": {"name": "x", "namespace": space}}
        with pytest.raises(RefusedError) as caught:
            kube.apply(body)
        assert caught.value.status == 404

    def test_metadata_of_secrets_comes_without_what_they_hold(self, kube: KubePort, space: str) -> None:
        for name, kind in (("one", "Opaque"), ("two", "kubernetes.io/basic-auth")):
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": space}, "type": kind}
            kube.create({**body, "stringData": {"username": "x", "password": "hidden"}})
        found = list(kube.list_metadata("v1", "Secret", namespace=space, fields="type=Opaque"))
        assert [body["metadata"]["name"] for body in found] == ["one"]
        assert all(set(body) == {"apiVersion", "kind", "metadata"} for body in found)
        assert {body["metadata"]["name"] for body in kube.list_metadata("v1", "Secret", namespace=space)} == {
            "one",
            "two",
        }

    def test_a_finalizer_holds_an_object_until_it_is_taken_off(self, kube: KubePort, space: str) -> None:
        held = config_map(space)
        held["metadata"]["finalizers"] = ["example.com/hold"]
        kube.create(held)
        assert kube.delete("v1", key(space))
        (found,) = [body for body in kube.list("v1", "ConfigMap", namespace=space) if body["metadata"]["name"] == "one"]
        assert "deletionTimestamp" in found["metadata"]
        kube.merge_patch("v1", key(space), {"metadata": {"finalizers": None}})
        assert kube.get("v1", key(space)) is None

    def test_a_watch_tells_what_is_there_then_what_happens(self, kube: KubePort, space: str) -> None:
        kube.apply(config_map(space, "one", a="1"))
        stream = kube.watch("v1", "ConfigMap", namespace=space)
        events = iter(stream)
        there = list(takewhile(lambda event: event.word is WatchWord.THERE, events))
        assert "one" in {event.body["metadata"]["name"] for event in there}
        assert {event.body["kind"] for event in there} == {"ConfigMap"}
        kube.apply(config_map(space, "two", a="1"))
        kube.apply(config_map(space, "two", a="2"))
        kube.delete("v1", key(space, "two"))
        assert [told(event) for event in happened(events, 3)] == [
            (WatchWord.THERE, "two", {"a": "1"}),
            (WatchWord.THERE, "two", {"a": "2"}),
            (WatchWord.GONE, "two", {"a": "2"}),
        ]
        stream.close()
        assert [event for event in events if event.word is not WatchWord.CURRENT] == []

    def test_a_watch_goes_on_from_a_version(self, kube: KubePort, space: str) -> None:
        seen = kube.apply(config_map(space, "one", a="1")).body["metadata"]["resourceVersion"]
        kube.apply(config_map(space, "one", a="2"))
        kube.apply(config_map(space, "two", a="1"))
        stream = kube.watch("v1", "ConfigMap", namespace=space, since=seen)
        found = happened(iter(stream), 2)
        stream.close()
        assert [told(event) for event in found] == [
            (WatchWord.THERE, "one", {"a": "2"}), (WatchWord.THERE, "two", {"a": "1"}),
        ]  # fmt: skip
        assert int(found[0].version) < int(found[1].version)

    def test_a_watch_that_waits_is_closed_by_another_thread(self, kube: KubePort, space: str) -> None:
        stream = kube.watch("v1", "ConfigMap", namespace=space)
        stands, words = threading.Event(), []

        def listen() -> None:
            for event in stream:
                words.append(event.word)
                if words.count(WatchWord.CURRENT) == 2:
                    stands.set()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        assert stands.wait(20)
        stream.close()
        thread.join(10)
        assert not thread.is_alive()

    def test_nothing_happens_to_a_kind_that_is_not_served(self, kube: KubePort, space: str) -> None:
        words = [event.word for event in kube.watch("nobody.example/v1", "Nothing", namespace=space)]
        assert words == []

    def test_what_an_object_made_goes_with_it(self, kube: KubePort, space: str) -> None:
        maker = kube.create(config_map(space, "maker")).body
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "maker", "uid": maker["metadata"]["uid"]}
        made = config_map(space, "made")
        kube.create({**made, "metadata": {**made["metadata"], "ownerReferences": [owner]}})
        assert kube.delete("v1", key(space, "maker"), how=Deletion(foreground=True))
        end = time.monotonic() + 30
        while any(kube.get("v1", key(space, name)) is not None for name in ("maker", "made")):
            assert time.monotonic() < end, "the garbage collector does nothing"
            time.sleep(0.1)

    def test_the_log_of_a_pod_that_waits_is_empty_and_that_of_none_is_refused(self, kube: KubePort, space: str) -> None:
        spec = {"nodeSelector": {"no": "node"}, "containers": [{"name": "main", "image": "work"}]}
        kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "namespace": space}, "spec": spec})
        assert list(kube.pod_log(key(space, kind="Pod"), "main")) == []
        with pytest.raises(RefusedError) as caught:
            list(kube.pod_log(key(space, "absent", kind="Pod"), "main"))
        assert caught.value.status == 404


def happened(events: Iterator[WatchEvent], number: int) -> list[WatchEvent]:
    found = []
    while len(found) < number:
        event = next(events)
        if event.word is not WatchWord.CURRENT:
            found.append(event)
    return found


def told(event: WatchEvent) -> tuple[WatchWord, str, Any]:
    return event.word, event.body["metadata"]["name"], event.body.get("data")
