"""Courses that would end the account of work which runs on, or let pods go that nothing was charged for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.ports.kube import Identity
from tests.live.attacks.attempts import in_template, marked, plain
from tests.live.attacks.courses import (
    LONG,
    MEMBER,
    OWNER,
    attempted,
    eventually,
    expect_honest_books,
    group_pod,
    job,
    pods_of,
    replicas,
    settled,
)
from tests.live.books.following import WORKLOADS, condition, side_by_side
from tests.live.books.manifests import GROUP, GROUP_SIZE, amounts, container, pod_spec, work
from tests.live.conftest import Kubectl, kubectl_for
from tests.live.training import Training, member, refusal

pytestmark = pytest.mark.live

RETRIABLE = "kueue.x-k8s.io/retriable-in-group"
FAST = {"kueue.x-k8s.io/pod-group-fast-admission": "true"}
LONG_TIME = {"kueue.x-k8s.io/max-exec-time-seconds": "86400"}
SHORT = {"allotment.dev/run-for": "1s"}
ENDS = "work-ends.allotment.dev"
MARKS = "queue-marks-protected.allotment.dev"
QUEUES = "queue-required.allotment.dev"
COUNTS = "requests-as-charged.allotment.dev"


def impersonated(who: Identity) -> list[str]:
    return [f"--as={who.user}", *(f"--as-group={group}" for group in who.groups)]


AS_OWNER, AS_MEMBER = impersonated(OWNER), impersonated(MEMBER)


@pytest.fixture
def by(arena: Training, tools: Mapping[str, Path]) -> Kubectl:
    """kubectl, whatever it says."""
    return partial(kubectl_for(arena.sandbox, tools), check=False)


def changed(training: Training, body: Body, patch: Mapping[str, Any], who: Identity = OWNER) -> str:
    """Why a change was refused, or nothing."""
    return refusal(lambda: training.kube.merge_patch(body["apiVersion"], key_of(body), patch, identity=who))


def finished(training: Training) -> list[str]:
    """Names of the Workloads whose account Kueue has ended."""
    found = training.kube.list(*WORKLOADS, namespace="nlp")
    return [each["metadata"]["name"] for each in found if condition(each, "Finished")]


class TestDeletions:
    """The pods of what is deleted go with it, whichever way the deletion is written."""

    def deletion(self, body: Body, *options: str) -> list[str]:
        metadata = body["metadata"]
        return ["delete", body["kind"], metadata["name"], "-n", metadata["namespace"], "--wait=false", *options]

    def raw(self, body: Body, **options: Any) -> tuple[list[str], str]:
        group, _, _ = body["apiVersion"].partition("/")
        path = f"/apis/{group}/v1/namespaces/nlp/{body['kind'].lower()}s/{body['metadata']['name']}"
        sent = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        return ["delete", "--raw", path, "-f", "-"], json.dumps(sent)

    def test_pods_are_not_left_behind(self, arena: Training, by: Kubectl) -> None:
        bodies = [job("first", gpus=8), replicas("second", 1, 8)]
        assert attempted(arena, OWNER, *bodies) == ["", ""]
        assert settled(arena) == (16, 16)
        for body in bodies:
            said = by(*AS_OWNER, *self.deletion(body, "--cascade=orphan"))
            assert ENDS in said, said
            for options in ({"propagationPolicy": "Orphan"}, {"orphanDependents": True}):
                args, sent = self.raw(body, **options)
                said = by(*AS_OWNER, *args, stdin=sent)
                assert ENDS in said, said
        # What a client sends that knows nothing of it.
        args, sent = self.raw(bodies[0])
        said = by(*AS_OWNER, *args, stdin=sent)
        assert ENDS in said, said
        assert settled(arena) == (16, 16)
        by(*AS_OWNER, *self.deletion(bodies[0]))
        by(*AS_OWNER, *self.deletion(bodies[1], "--cascade=foreground"))
        assert eventually(lambda: not pods_of(arena, "nlp"), 25)

    def test_work_does_not_say_that_it_leaves_its_pods(self, arena: Training) -> None:
        [said] = attempted(arena, MEMBER, marked(job("first", gpus=8), finalizers=["orphan"]))
        assert ENDS in said, said


class TestGroups:
    """A pod that joins a group does not end the account of the others."""

    def test_a_pod_joins_what_kueue_made_for_a_set(self, arena: Training) -> None:
        assert attempted(arena, OWNER, replicas("served", 2, 8)) == [""]
        assert settled(arena) == (16, 16)
        [name] = [each["metadata"]["name"] for each in arena.kube.list(*WORKLOADS, namespace="nlp")]
        for where in ("labels", "annotations"):
            thief = group_pod("thief", 0, 1, **FAST)
            del thief["metadata"]["labels"][GROUP]
            thief["metadata"][where][GROUP] = name
            [said] = attempted(arena, MEMBER, thief)
            assert MARKS in said, said
        assert settled(arena) == (16, 16)
        assert finished(arena) == []

    def test_a_pod_of_another_size_joins_a_group(self, arena: Training) -> None:
        """Of Kueue's pods of a group any is asked for the size: with one that says 1, one that ends ends all."""
        band = [group_pod(f"band-{number}", 4, 3) for number in range(3)]
        band[0]["metadata"]["annotations"] |= SHORT
        assert attempted(arena, MEMBER, *band) == ["", "", ""]
        assert eventually(lambda: any(p["status"].get("phase") == "Succeeded" for p in pods_of(arena, "nlp")), 25)
        name = band[0]["metadata"]["labels"][GROUP]
        thieves = [group_pod(f"thief-{number}", 0, 1, name, **FAST) for number in range(6)]
        timed = [marked(group_pod(f"timed-{number}", 4, 3, name), labels=LONG_TIME) for number in range(3)]
        assert all(MARKS in said for said in attempted(arena, MEMBER, *thieves, *timed))
        assert settled(arena) == (8, 8)
        assert finished(arena) == []

    def test_pods_of_one_hash_are_not_of_one_group(self, arena: Training) -> None:
        """Kueue's hash of a role has 32 bits: two pods with one are found in a second."""
        small, name = group_pod("band-0", 0, 3, **FAST), "band-1c1g-3"
        large = [group_pod("band-1", 8, 3, name, **FAST)]
        for resource, amount in (("cpu", "16"), ("memory", "64Gi")):
            large.append(group_pod(f"band-{resource}", 0, 3, name, **FAST))
            large[-1]["spec"]["containers"][0]["resources"]["requests"][resource] = amount
            large[-1]["spec"]["containers"][0]["resources"]["limits"][resource] = amount
        said = attempted(arena, MEMBER, small, *large)
        assert said[0] == ""
        for words, right in zip(said[1:], ("1c1g-8x3", "16c1g-3", "1c64g-3"), strict=True):
            assert f"write band-{right} in each of its pods" in words, words

    def test_work_names_no_controller_that_did_not_make_it(self, arena: Training) -> None:
        assert attempted(arena, MEMBER, job("parent", gpus=0)) == [""]
        settled(arena)
        parent = arena.kube.get("batch/v1", ObjectKey("batch", "Job", "nlp", "parent"))
        assert parent is not None
        reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "parent", "uid": parent["metadata"]["uid"]}
        for body, who in ((job("child", gpus=0), MEMBER), (replicas("child", 1, 0), OWNER)):
            said = arena.refusal(marked(body, ownerReferences=[reference | {"controller": True}]), who)
            assert "names Job parent as its controller" in said, said
            assert arena.refusal(marked(body, ownerReferences=[reference]), who) == ""

    def test_pods_that_nobody_holds_join_a_group(self, arena: Training) -> None:
        """Kueue leaves a group alone while it looks at one of them, and could not stop the others."""
        [member_of] = [group_pod("band-0", 8, 1)]
        assert attempted(arena, MEMBER, member_of, job("parent", gpus=0)) == ["", ""]
        settled(arena)
        name = member_of["metadata"]["labels"][GROUP]
        joining = in_template(job("joining", gpus=0), labels={GROUP: name}, annotations={GROUP_SIZE: "1"})
        parent = arena.kube.get("batch/v1", ObjectKey("batch", "Job", "nlp", "parent"))
        assert parent is not None
        reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "parent", "uid": parent["metadata"]["uid"],
                     "controller": True}  # fmt: skip
        child = marked(group_pod("child", 0, 1), ownerReferences=[reference])
        said = attempted(arena, MEMBER, joining, child)
        assert all("makes a group of pods that Kueue does not hold" in words for words in said), said
        expect_honest_books(arena)

    def test_a_pod_of_a_group_has_no_container_that_is_counted_as_one_before_it(self, arena: Training) -> None:
        """Two containers with four devices each take eight side by side, and four one after the other."""
        pods = [group_pod(f"band-{number}", 0, 4, **FAST) for number in range(4)]
        for number, pod in enumerate(pods):
            before = [container(amounts(gpus=4), name=f"before-{each}") for each in range(2)]
            for each in before if number else ():
                each["restartPolicy"] = "Always"
            pod["spec"]["initContainers"] = before
            pod["metadata"]["labels"][GROUP] = "band-1c1g-4x4"
        said = attempted(arena, MEMBER, *pods)
        assert said[0] == ""
        assert all(COUNTS in words and "before-0, before-1" in words for words in said[1:]), said
        expect_honest_books(arena)


class TestGroupsEnd:
    """A group is charged until the last of its pods has ended, and then no more; whose it is can bring that about."""

    def gone(self, training: Training, pod: Body) -> None:
        training.kube.delete("v1", key_of(pod), identity=MEMBER)

    def running(self, training: Training, *pods: Body) -> None:
        assert attempted(training, MEMBER, *pods) == [""] * len(pods)
        assert eventually(lambda: settled(training) == (16, 16), 25)

    @pytest.mark.nightly
    def test_the_account_ends_with_the_last_pod(self, arena: Training) -> None:
        band = [group_pod(f"band-{number}", 8, 2, **LONG) for number in range(2)]
        self.running(arena, *band)
        self.gone(arena, band[0])
        assert eventually(lambda: any(p["status"].get("phase") == "Failed" for p in pods_of(arena, "nlp")), 25)
        assert settled(arena) == (8, 16)
        assert finished(arena) == []
        self.gone(arena, band[1])
        assert eventually(lambda: not pods_of(arena, "nlp"), 25)
        assert settled(arena) == (0, 0)

    def test_a_group_that_runs_to_its_end_is_charged_until_then(self, arena: Training) -> None:
        band = [group_pod(f"band-{number}", 8, 2, **each) for number, each in enumerate((SHORT, LONG))]
        assert attempted(arena, MEMBER, *band) == ["", ""]
        assert eventually(lambda: any(p["status"].get("phase") == "Succeeded" for p in pods_of(arena, "nlp")), 25)
        assert settled(arena) == (8, 8), "what has ended is given back"
        self.gone(arena, band[1])
        assert eventually(lambda: settled(arena) == (0, 0), 25)

    @pytest.mark.nightly
    def test_a_group_that_waits_for_others_in_place_of_its_pods_is_ended_by_one(self, arena: Training) -> None:
        band = [group_pod(f"band-{number}", 8, 2, **LONG, **{RETRIABLE: "true"}) for number in range(2)]
        self.running(arena, *band)
        for pod in band:
            self.gone(arena, pod)
        assert eventually(lambda: settled(arena) == (0, 16), 25)
        last = group_pod("last", 8, 2, **LONG)
        assert attempted(arena, MEMBER, last) == [""]
        assert eventually(lambda: settled(arena) == (8, 16), 25)
        self.gone(arena, last)
        assert eventually(lambda: not pods_of(arena, "nlp"), 25)
        assert settled(arena) == (0, 0)


class TestDeployments:
    """Pods of a Deployment are counted one by one, so its members change their number."""

    def test_scaled_up_and_down_it_is_charged_for_what_it_has(self, arena: Training, by: Kubectl) -> None:
        [body] = work("Deployment", "served", "nlp", pod_spec(container(amounts(gpus=4))))
        assert attempted(arena, MEMBER, body) == [""]
        for number, gpus in (("3", (12, 12)), ("0", (0, 0))):
            by(*AS_MEMBER, "scale", "deployment", "served", "-n", "nlp", "--replicas", number)
            assert eventually(partial(self.reached, arena, gpus), 25)

    def reached(self, training: Training, gpus: tuple[int, int]) -> bool:
        return settled(training) == gpus


class TestSets:
    """A StatefulSet stands as it was submitted, for so it is counted."""

    @pytest.mark.nightly  # by day the deletions and groups are tried
    def test_a_set_that_runs_or_waits_does_not_change(self, arena: Training) -> None:
        crowd = [job(f"crowd-{number}", gpus=8, team=team) for number in range(6) for team in ("cv", "recsys")]
        side_by_side(
            lambda body: attempted(arena, member(body["metadata"]["namespace"]), body),
            crowd,
        )
        settled(arena)
        sets = [replicas(f"served-{number}", 2, 8) for number in range(2)]
        assert attempted(arena, OWNER, *sets) == ["", ""]
        settled(arena)
        for patch, words in (
            ({"template": {"metadata": {"annotations": {"note": "x"}}}}, "counts the pods of a StatefulSet"),
            ({"updateStrategy": {"rollingUpdate": {"partition": 1}}}, "keeps some pods at an old revision"),
            ({"replicas": 0}, "counts a StatefulSet by what was submitted"),
            ({"replicas": 3}, "counts a StatefulSet by what was submitted"),
            ({"ordinals": {"start": 5}}, "spec.ordinals has changed, and the queue counts a StatefulSet by what"),
        ):
            for body in sets:
                said = changed(arena, body, {"spec": patch})
                assert words in said, (patch, said)
        for body in sets:
            assert changed(arena, body, {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}}) == ""
            for number in range(12):
                assert changed(arena, body, {"metadata": {"annotations": {"note": str(number)}}}) == ""
        expect_honest_books(arena)

    def test_a_set_without_pods_may_change(self, arena: Training) -> None:
        body = replicas("served", 0, 4)
        assert attempted(arena, OWNER, body) == [""]
        assert changed(arena, body, {"spec": {"template": {"metadata": {"annotations": {"note": "x"}}}}}) == ""
        assert changed(arena, body, {"spec": {"replicas": 2}}) == ""
        assert eventually(lambda: settled(arena) == (8, 8), 25)

    def test_no_autoscaler_changes_a_set(self, arena: Training) -> None:
        for kind, says in (("StatefulSet", QUEUES), ("Deployment", "")):
            target = {"apiVersion": "apps/v1", "kind": kind, "name": "served"}
            scaler = plain(
                "autoscaling/v2", "HorizontalPodAutoscaler", spec={"scaleTargetRef": target, "maxReplicas": 4}
            )
            said = arena.refusal(scaler, OWNER)
            assert says in said if says else said == "", said
