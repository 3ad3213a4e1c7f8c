"""Accounts with few rights, and preflight, through the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.model.manifest import ObjectKey
from allotment.model.rights import resource_of
from allotment.ports.kube import AccessQuestion, AccessRefusedError
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_cluster_commands import HERE, applied, kube

__all__ = ["applied", "kube"]

QUOTA = ObjectKey("", "ResourceQuota", "cv", "allotment-quota")
MIXED = "not allowed: patch resourcequotas: compared here"


def restrict(server: FakeKube, may: Callable[[str, str], bool]) -> None:
    """Let the account do what `may` says of a verb and a resource."""

    def hook(call: Call) -> None:
        verb = {"apply": "patch"}.get(call.verb, call.verb)
        if not may(verb, resource_of(call.key.kind)):
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message=f"cannot {verb} {call.key}")

    def own(question: AccessQuestion) -> bool:
        return may(question.verb, question.resource)

    server.hook, server.own_rights = hook, own


def reads(verb: str, _resource: str) -> bool:
    return verb in {"get", "list"}


@pytest.fixture
def changed(run: Run, acme: Path, applied: FakeKube) -> FakeKube:
    """Applied, and one quota changed since; the account may only read."""
    applied.merge_patch("v1", QUOTA, {"spec": {"hard": {"pods": "7"}}})
    restrict(applied, reads)
    return applied


def test_a_reader_s_plan_shows_the_difference_the_missing_verb_and_the_usual_code(run: Run, changed: FakeKube) -> None:
    told = run("plan", *HERE, "--exit-code")
    assert told.code == 2
    assert "blocked" not in told.out
    assert "pods" in told.out
    assert told.out.count(MIXED) == 1
    document = run("plan", *HERE, "-o", "json").json()
    (right,) = document["missingRights"]
    assert right == {"verb": "patch", "group": "", "resource": "resourcequotas", "unread": False}
    assert run("plan", *HERE, "--out", "reader.plan").code == 0


def test_a_reader_s_apply_changes_nothing_and_says_what_is_missing(run: Run, changed: FakeKube) -> None:
    ran = run("apply", *HERE, "--yes", "--force-conflicts")
    assert ran.code == 5
    assert "nothing was changed" in ran.err
    assert "patch resourcequotas" in ran.err
    assert "`allot preflight --rights apply -o yaml --platform my-platform --cluster dev-eastus`" in ran.err
    assert run("drift", *HERE, "--repair", "--yes").code == 5


def test_a_reader_s_apply_of_a_saved_plan_names_the_way_there(run: Run, changed: FakeKube) -> None:
    run("plan", *HERE, "--out", "reader.plan").ok()
    for more, way in (((), ""), (("--platform", "my-platform"), " --platform my-platform")):
        ran = run("apply", "reader.plan", "--yes", "--context", "there", *more)
        assert ran.code == 5
        command = f"`allot preflight --rights apply -o yaml{way} --cluster dev-eastus --context there`"
        assert command in " ".join(ran.err.split())


def test_a_kind_that_may_not_be_listed_is_never_called_as_declared(run: Run, acme: Path, applied: FakeKube) -> None:
    restrict(applied, lambda verb, resource: reads(verb, resource) and resource != "rolebindings")
    ran = run("plan", *HERE, "--exit-code")
    assert ran.code == 1
    assert "list rolebindings.rbac.authorization.k8s.io: these objects were not looked at" in ran.out
    assert run("plan", *HERE).code == 0
    saved = run("plan", *HERE, "--out", "partial.plan")
    assert saved.code == 5
    assert not Path("partial.plan").exists()
    assert run("drift", *HERE).code == 5


def test_preflight_looks_at_everything_and_names_what_an_account_lacks(run: Run, acme: Path, kube: FakeKube) -> None:
    fresh = run("preflight", *HERE, "-o", "json").json()
    assert fresh["ready"]
    topics = [check["topic"] for check in fresh["checks"]]
    assert list(dict.fromkeys(topics)) == ["server", "mark", "kinds", "kueue", "account", "rights", "nodes"]
    run("apply", *HERE, "--yes").ok()
    restrict(kube, reads)
    document = run("preflight", *HERE, "-o", "json").json()
    states = {check["subject"]: check["state"] for check in document["checks"] if check["topic"] == "rights"}
    assert states == {"plan": "ok", "apply": "warning", "prove": "warning"}
    told = run("preflight", *HERE).ok()
    assert "dev-eastus at fake://kube (context fake), as engineer" in told
    assert "allot preflight --rights apply -o yaml" in told


def test_preflight_ends_with_a_conflict_where_something_is_missing(run: Run, acme: Path, kube: FakeKube) -> None:
    kube.unserved = frozenset({"ClusterQueue"})
    kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cv"}})
    ran = run("preflight", *HERE)
    assert ran.code == 6
    assert "ClusterQueue" in ran.out
    said = " ".join(ran.out.split())
    assert "blocked names Namespace cv: somebody else's object has this name, and apply leaves it alone" in said
    assert "fix: take it over with `allot adopt namespace/cv --platform my-platform --cluster dev-eastus`" in said
    assert "not ready" in ran.out


def test_what_may_not_be_read_is_unknown_and_hides_nothing(run: Run, acme: Path, kube: FakeKube) -> None:
    restrict(kube, lambda _verb, _resource: False)
    ran = run("preflight", *HERE, "-o", "json")
    unknown = {check["topic"] for check in ran.json()["checks"] if check["state"] == "unknown"}
    assert {"kueue", "webhooks", "devices", "nodes", "limits"} <= unknown


@pytest.mark.parametrize("task", ["plan", "apply"])
def test_roles_are_printed_without_a_server(run: Run, acme: Path, task: str) -> None:
    role = yaml.safe_load(run("preflight", *HERE, "--rights", task, "-o", "yaml").ok())
    assert (role["kind"], role["metadata"]["name"]) == ("ClusterRole", f"allotment-{task}")
    assert run("preflight", *HERE, "--rights", task, "-o", "json").json() == role


def test_roles_of_prove_are_several_and_come_with_their_bindings(run: Run, acme: Path) -> None:
    found = list(yaml.safe_load_all(run("preflight", *HERE, "--rights", "prove", "-o", "yaml").ok()))
    assert [(body["kind"], body["metadata"]["name"], body["metadata"].get("namespace", "")) for body in found] == [
        ("ClusterRole", "allotment-prove", ""),
        ("ClusterRole", "allotment-prove-in-teams", ""),
        ("Role", "allotment-prove", "kube-system"),
    ]
    told = run("preflight", *HERE, "--rights", "prove", "--bind-to", "group:ci", "-o", "json").json()
    assert (told["kind"], told["items"][:3]) == ("List", found)
    assert [body["metadata"].get("namespace", "") for body in told["items"][3:]] == [
        "", "cv", "data-science", "nlp", "recsys", "kube-system",
    ]  # fmt: skip


def test_whom_roles_are_bound_to_has_to_be_somebody(run: Run, acme: Path) -> None:
    assert "names nobody" in run("preflight", *HERE, "--rights", "prove", "--bind-to", "ci").err
    assert "--bind-to is about the roles that --rights prints" in run("preflight", *HERE, "--bind-to", "group:ci").err


def test_who_may_only_look_is_told_what_he_can_do_and_which_role_more_needs(run: Run, changed: FakeKube) -> None:
    steps = run("plan", *HERE).err
    assert "allot preflight my-platform --cluster dev-eastus --rights apply -o yaml" in steps
    assert "allot apply" not in steps
    said = " ".join(run("preflight", *HERE).out.split())
    assert "engineer can plan; it cannot apply, prove" in said
    assert "to apply, it needs the role that `allot preflight --rights apply -o yaml --platform my-platform" in said


def test_who_may_not_look_at_everything_is_told_that_first(run: Run, changed: FakeKube) -> None:
    restrict(changed, lambda verb, resource: reads(verb, resource) and resource != "networkpolicies")
    _, _, steps = run("plan", *HERE).err.partition("Next")
    assert steps.index("--rights plan") < steps.index("--rights apply")


def test_numbers_of_a_part_are_said_to_be_that_wherever_they_stand(run: Run, acme: Path, kube: FakeKube) -> None:
    whole = run("plan", *HERE, "-o", "json").json()
    assert whole["partial"] is False
    assert "at least" not in run("plan", *HERE).out
    restrict(kube, lambda verb, resource: reads(verb, resource) and resource != "clusterqueues")
    document = run("plan", *HERE, "-o", "json").json()
    assert document["partial"] is True
    assert [right["resource"] for right in document["missingRights"] if right["unread"]] == ["clusterqueues"]
    told = run("plan", *HERE).out
    headline, total = told.splitlines()[0], next(line for line in told.splitlines() if line.startswith("Total: "))
    said = "; at least, for 1 kind could not be looked at"
    assert headline.endswith(said)
    assert total.endswith(said)
    assert "may differ; 4 steps above that would rest on them may be blocked" in told


EXTRAS = frozenset({"RayCronJob", "RayJob", "DisaggregatedSet", "AdmissionCheck"})


def rights_of(run: Run) -> dict[str, str]:
    document = run("preflight", *HERE, "-o", "json").json()
    return {check["subject"]: check["message"] for check in document["checks"] if check["topic"] == "rights"}


def test_rights_on_kinds_that_the_server_does_not_have_are_not_missed(run: Run, acme: Path, kube: FakeKube) -> None:
    extras = {resource_of(kind) for kind in EXTRAS}
    restrict(kube, lambda verb, resource: reads(verb, resource) and resource not in extras)
    before = rights_of(run)
    assert all(name in before[task] for name in extras for task in ("plan", "apply"))
    kube.unserved = EXTRAS
    after = rights_of(run)
    assert after["plan"].startswith("all ")
    assert "jobs.batch" in after["apply"]
    assert not [name for name in extras for task in after if name in after[task]]


def test_a_right_on_a_declared_kind_is_missed_before_the_kind_is_there(run: Run, acme: Path, kube: FakeKube) -> None:
    restrict(kube, lambda verb, resource: reads(verb, resource) and resource != "clusterqueues")
    kube.unserved = frozenset({"ClusterQueue"})
    ran = run("preflight", *HERE)
    assert "clusterqueues.kueue.x-k8s.io" in " ".join(ran.out.split()).partition("rights plan")[2].partition("fix:")[0]


@pytest.mark.parametrize("reading", [True, False])
def test_who_lacks_a_right_to_plan_can_plan_in_part(run: Run, acme: Path, kube: FakeKube, reading: bool) -> None:
    restrict(kube, lambda verb, resource: reading and reads(verb, resource) and resource != "networkpolicies")
    said = " ".join(run("preflight", *HERE).out.split())
    assert "engineer can plan in part, what it may not read left out; it cannot apply, prove" in said
    assert "fix: for a whole plan, it needs the role that `allot preflight --rights plan -o yaml" in said
    assert "do nothing" not in said
