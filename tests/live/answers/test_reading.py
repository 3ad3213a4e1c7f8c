"""Answers with the rendered reading roles on a real API server: a member's, without others' names; an engineer's."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from allotment.adapters.clock import SystemClock
from allotment.model.manifest import Body, key_of
from allotment.model.reading import READ_RESOURCES, VISIBILITY_GROUP, WORDS
from allotment.observe.written import decode
from allotment.operations.prove.proving import Selection, prove
from allotment.ports.kube import AccessQuestion, Identity
from allotment.ports.sandboxes import RUN_FOR
from allotment.prove.verdicts import Verdict
from tests.live.books.manifests import amounts, container, pod_spec, work
from tests.live.training import AUTHENTICATED, Training, member
from tests.unit.cli.conftest import Ran, Run, home, run

__all__ = ["home", "run"]  # fixtures
pytestmark = pytest.mark.live

CANARY: Final = "xqcanary"
MINE: Final = "answers-mine"
MEMBER: Final = member("nlp", "mia@acme.example")
READER: Final = Identity("rita@acme.example", ("acme-platform-engineers", AUTHENTICATED))
ASKED: Final = (
    ("why", f"job/{MINE}"), ("why",), ("who",), ("gpus",), ("queues",), ("quotas",), ("saturation",), ("waste",),
)  # fmt: skip
Ask = Callable[..., Ran]


def train(name: str, team: str, pods: int) -> Body:
    """A job of whole nodes that runs for an hour."""
    spec = pod_spec(container(amounts(gpus=8, cpu="8", memory="64Gi")))
    (body,) = work("Job", name, team, spec, parallelism=pods, completions=pods)
    body["spec"]["template"]["metadata"]["annotations"] = {RUN_FOR: "1h"}
    return body


@pytest.fixture(scope="module")
def waiting(training: Training) -> Iterator[None]:
    """The other team's work runs, nlp's takes all that it may have at most, and one more of it waits."""
    kube = training.kube
    jobs = [(train(f"{CANARY}-train", "cv", 1), member("cv"))]
    jobs += [(train(f"answers-fill-{number}", "nlp", 2), MEMBER) for number in range(3)]
    jobs.append((train(MINE, "nlp", 2), MEMBER))
    for body, who in jobs:
        kube.create(body, identity=who)
        _until(lambda name=body["metadata"]["name"]: _reserved(training, name) is not None)  # type: ignore[misc]
    assert _reserved(training, MINE) is False
    _until(lambda: all(_reserved(training, body["metadata"]["name"]) for body, _ in jobs[:-1]))
    yield
    for body, _ in jobs:
        kube.delete(body["apiVersion"], key_of(body))


def _reserved(training: Training, job: str) -> bool | None:
    """Whether Kueue gave the job its quota; None where it has not looked yet."""
    for body in training.kube.list("kueue.x-k8s.io/v1beta2", "Workload"):
        if job in {each["name"] for each in body["metadata"].get("ownerReferences", ())}:
            for each in body.get("status", {}).get("conditions", ()):
                if each["type"] == "QuotaReserved":
                    return bool(each["status"] == "True")
    return None


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.2)


@contextmanager
def as_somebody(training: Training, kubectl: Path, who: Identity, folder: Path) -> Iterator[Path]:
    """A kubeconfig for the server as it is for somebody: a proxy acts as them, so that every request is theirs."""
    groups = [f"--as-group={group}" for group in who.groups]
    words = [
        str(kubectl),
        f"--kubeconfig={training.sandbox.kubeconfig}",
        f"--as={who.user}",
        *groups,
        "proxy",
        "--port=0",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            said = proxy.stdout.readline()
            found = re.search(r"127\.0\.0\.1:\d+", said)
            assert found is not None, said
            file = folder / f"{who.user}.yaml"
            file.write_text(yaml.safe_dump(_kubeconfig(f"http://{found[0]}")), encoding="utf-8")
            yield file
        finally:
            proxy.terminate()


def _kubeconfig(server: str) -> Mapping[str, Any]:
    context = {"cluster": "c", "user": "u", "namespace": "nlp"}
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "training",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "training", "context": context}], "users": [{"name": "u", "user": {}}],
    }  # fmt: skip


@pytest.fixture
def asking(
    training: Training, tools: Mapping[str, Path], tmp_path: Path, run: Run, waiting: None
) -> Iterator[Callable[[Identity], Ask]]:
    with ExitStack() as stack:

        def of(who: Identity) -> Ask:
            file = stack.enter_context(as_somebody(training, tools["kubectl"], who, tmp_path))
            return lambda *words: run(*words, "--kubeconfig", str(file))

        yield of


def test_a_member_gets_her_answer_and_is_told_what_she_could_not_see(asking: Callable[[Identity], Ask]) -> None:
    ask = asking(MEMBER)
    told = ask("why", f"job/{MINE}", "-n", "nlp", "-o", "json").json()
    # The team has all that it may have, by its queue and by the quota of its namespace: which is told is no matter.
    assert (told["layer"] in {"quota", "policy"}, told["verdict"]) == (True, "waiting")
    assert told["facts"]
    unseen = " ".join(told["unseen"])
    assert all(kind in unseen for kind in ("nodes", "clusterqueues"))
    assert not [word for word in ("storageclasses", "priorityclasses", "deviceclasses") if word in unseen]
    assert "NOT SEEN" in ask("why", f"job/{MINE}", "-n", "nlp").ok()


def test_no_answer_of_hers_names_another_team_s_work(asking: Callable[[Identity], Ask], training: Training) -> None:
    ask = asking(MEMBER)
    for words in ASKED:
        for more in (("-n", "nlp"), ("-A",)) if words == ("why",) else (("-n", "nlp"),):
            for form in ("wide", "json"):
                done = ask(*words, *more, "-o", form)
                assert done.code in {0, 5}, f"{words} {more}: {done.err}"
                assert CANARY not in done.out + done.err, words
    # The engineer's name it: it is there to be found.
    assert CANARY in asking(READER)("who", "-A", "-o", "wide").ok()


def test_an_engineer_needs_no_further_right(asking: Callable[[Identity], Ask], tmp_path: Path) -> None:
    ask = asking(READER)
    file = tmp_path / "whole.gz"
    ask("snapshot", "save", str(file)).ok()
    (source,) = decode(file.read_bytes()).sources
    assert source.gaps == ()
    assert source.order
    for words in ASKED:
        told = ask(*words, "-n", "nlp", "-o", "json").ok()
        assert "forbidden" not in told, words
    assert json.loads(ask("why", f"job/{MINE}", "-n", "nlp", "-o", "json").ok())["unseen"] == []


def test_the_roles_give_this_and_nothing_else(training: Training) -> None:
    def may(who: Identity, verb: str, group: str, resource: str, name: str = "") -> bool:
        path, _, part = resource.partition("/")
        return training.kube.allowed(who, AccessQuestion(verb, group, path, part, "", name))

    missing = [
        (verb, each.resource)
        for each in READ_RESOURCES
        if not each.only
        for verb in ("get", "list", "watch")
        if not may(READER, verb, each.group, each.resource)
    ]
    assert not missing
    assert may(READER, "get", VISIBILITY_GROUP, "clusterqueues/pendingworkloads")
    assert may(READER, "get", "", "configmaps", "cluster-autoscaler-status")
    assert not may(READER, "get", "", "configmaps", "another")
    assert not may(READER, "list", "", "secrets")
    words = set(WORDS)
    opened = [
        each.resource for each in READ_RESOURCES if each not in words and may(MEMBER, "list", each.group, each.resource)
    ]
    assert not opened
    for who in (MEMBER, READER):
        for verb in ("create", "update", "patch", "delete", "deletecollection", "bind", "escalate", "impersonate"):
            open_ = [each.resource for each in READ_RESOURCES if may(who, verb, each.group, each.resource)]
            assert not open_, f"{who.user} may {verb}"


def test_it_is_proved_and_a_widened_role_is_noticed(training: Training) -> None:
    kube = training.kube
    selection = Selection(guardrails=["own-reading"], work=False)

    def broken() -> list[str]:
        report = prove(training.platform, training.cluster, kube, SystemClock(), selection=selection)
        assert {result.team for result in report.results} >= {"", "nlp", "cv"}
        return [f"{result.tried}: {result.got}" for result in report.results if result.verdict is not Verdict.PROVED]

    assert broken() == []
    (role,) = [body for body in kube.list(_RBAC, "ClusterRole") if body["metadata"]["name"] == "allotment-word-reader"]
    wider = [*role["rules"], {"apiGroups": [""], "resources": ["secrets", "pods"], "verbs": ["list"]}]
    kube.merge_patch(_RBAC, key_of(role), {"rules": wider})
    try:
        found = "; ".join(broken())
        assert "it reads secrets" in found
        assert "may list secrets" in found
        assert "compare with the platform directory" in found
    finally:
        kube.merge_patch(_RBAC, key_of(role), {"rules": role["rules"]})


_RBAC: Final = "rbac.authorization.k8s.io/v1"
