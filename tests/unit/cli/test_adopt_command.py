"""`allot adopt` on the reference platform, against the fake server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from allotment import wiring
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.model import labels
from allotment.model.manifest import ObjectKey
from allotment.ports.kube import AccessRefusedError
from tests.unit.cli.conftest import Run
from tests.unit.operations.world import held

HERE = ("--platform", "my-platform", "--cluster", "dev-eastus")
SPACE = ObjectKey("", "Namespace", "", "nlp")


@pytest.fixture
def kube(acme: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    """A cluster where somebody made a namespace and a flavor that the platform declares."""
    server = FakeKube()

    @contextmanager
    def connect(_kubeconfig: str, _context: str) -> Iterator[FakeKube]:
        yield server

    monkeypatch.setattr(wiring, "connect", connect)
    server.apply_as("kubectl", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
    helm = {"meta.helm.sh/release-name": "queues"}
    flavor: dict[str, Any] = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "ResourceFlavor",
        "metadata": {"name": "cpu", "annotations": helm},
        "spec": {},
    }
    server.apply_as("helm", flavor)
    return server


def test_it_lists_what_there_is_and_what_to_type(run: Run, kube: FakeKube) -> None:
    listed = run("adopt", *HERE)
    assert "Declared, but made by somebody else, in dev-eastus (acme): 2 objects" in listed.ok()
    assert "from: Helm release queues, field manager helm since 2026-01-01T00:00:00Z" in listed.out
    assert "note: the release queues still declares it" in listed.out
    assert "allot adopt namespace/nlp --platform my-platform --cluster dev-eastus" in listed.err
    assert run("adopt", *HERE, "-o", "name").ok().splitlines() == ["namespace/nlp", "resourceflavor/cpu"]


def test_a_namespace_is_taken_over_with_an_edit_that_keeps_its_work_going(run: Run, acme: Path, kube: FakeKube) -> None:
    file = acme / "clusters" / "dev-eastus.yaml"
    before = file.read_text()
    shown = run("adopt", "namespace/nlp", *HERE, "--dry-run", "client")
    assert "+withoutNetworkPolicies: [nlp]" in shown.ok()
    assert "+warnNamespaces: [nlp]" in shown.out
    assert "pod-security.kubernetes.io/enforce" in shown.out, "a level decides what runs there"
    assert (
        "network policies, which stay away unless you say --network-policies:\n      allotment-default-deny: cuts all"
        in shown.out
    )
    assert file.read_text() == before
    done = run("adopt", "namespace/nlp", *HERE, "--yes")
    assert "done: dev-eastus: 1 adopted" in done.ok()
    assert "withoutNetworkPolicies: [nlp]" in file.read_text()
    assert [line for line in file.read_text().splitlines() if line in before.splitlines()] == before.splitlines()
    plan = json.loads(run("plan", "my-platform", "--cluster", "dev-eastus", "-o", "json").ok())
    mine = [change["object"] for change in plan["changes"] if change["object"]["namespace"] == "nlp"]
    assert mine
    assert "NetworkPolicy" not in {each["kind"] for each in mine}
    assert {each["action"] for each in plan["changes"]} == {"create", "blocked", "update"}
    (updated,) = (each["object"]["name"] for each in plan["changes"] if each["action"] == "update")
    assert updated == labels.SYSTEM_NAMESPACE, "the lease made it"


def test_network_policies_come_when_they_are_asked_for(run: Run, acme: Path, kube: FakeKube) -> None:
    shown = run("adopt", "namespace/nlp", *HERE, "--network-policies", "--dry-run", "client").ok()
    assert "network policies that come with the next apply:\n      allotment-default-deny: cuts all ingress" in shown
    assert "withoutNetworkPolicies" not in shown


def test_it_asks_and_a_no_input_says_how_to_answer(run: Run, acme: Path, kube: FakeKube) -> None:
    refused = run("adopt", "namespace/nlp", *HERE)
    assert refused.code == 2
    assert "answer it with --yes" in refused.err
    assert labels.PLATFORM not in ((kube.get("v1", SPACE) or {})["metadata"].get("labels") or {})


def test_what_is_held_back_ends_with_6_and_is_in_the_document(run: Run, acme: Path, kube: FakeKube) -> None:
    kube.edit(SPACE, lambda body: {**body, "metadata": {**body["metadata"], "labels": {labels.PLATFORM: "other"}}})
    ran = run("adopt", "namespace/nlp", *HERE, "--yes", "-o", "json")
    assert ran.code == 6
    (item,) = json.loads(ran.out)["items"]
    (hindrance,) = item["hindrances"]
    assert (item["status"], hindrance["why"]) == ("held", "it belongs to the platform other")
    assert "withoutNetworkPolicies" not in (acme / "clusters" / "dev-eastus.yaml").read_text()


def refusing(matches: Callable[[Call], bool]) -> Callable[[Call], None]:
    error = AccessRefusedError("no", status=403, reason="Forbidden", message="you may not")

    def hook(call: Call) -> None:
        if not call.done and not call.dry_run and call.verb not in {"get", "list"} and matches(call):
            raise error

    return hook


FAILING: dict[str, tuple[Callable[[Call], bool], int]] = {
    "the lease is refused": (lambda call: call.key.kind == "Lease", 5),
    "the record is refused": (lambda call: call.key.kind == "ConfigMap", 5),
    "the word is refused": (lambda call: call.key == SPACE, 1),
}


@pytest.mark.parametrize(("matches", "code"), FAILING.values(), ids=FAILING)
def test_where_nothing_is_taken_over_the_directory_is_as_it_was(
    run: Run, acme: Path, kube: FakeKube, matches: Callable[[Call], bool], code: int
) -> None:
    file = acme / "clusters" / "dev-eastus.yaml"
    before = file.read_text()
    kube.hook = refusing(matches)
    ran = run("adopt", "namespace/nlp", *HERE, "--yes")
    assert (ran.code, file.read_text() == before) == (code, True), ran.err


def test_where_the_namespace_is_the_platform_s_already_the_edit_stays(run: Run, acme: Path, kube: FakeKube) -> None:
    kube.hook = refusing(lambda call: call.key == SPACE and call.verb == "apply")
    assert run("adopt", "namespace/nlp", *HERE, "--yes").code == 1
    assert labels.PLATFORM in (kube.get("v1", SPACE) or {})["metadata"]["labels"]
    assert "warnNamespaces: [nlp]" in (acme / "clusters" / "dev-eastus.yaml").read_text()


def test_a_namespace_that_is_held_back_leaves_the_directory_alone(run: Run, acme: Path, kube: FakeKube) -> None:
    kube.edit(SPACE, lambda body: {**body, "metadata": {**body["metadata"], "labels": {labels.PLATFORM: "other"}}})
    ran = run("adopt", "namespace/nlp", "resourceflavor/cpu", *HERE, "--yes")
    assert "1 adopted" in ran.out
    assert "Would be written into the directory" in ran.err
    assert "warnNamespaces" not in (acme / "clusters" / "dev-eastus.yaml").read_text()


def test_it_is_given_back(run: Run, acme: Path, kube: FakeKube) -> None:
    before = (kube.get("v1", SPACE) or {})["metadata"].get("labels")
    run("adopt", "namespace/nlp", *HERE, "--yes").ok()
    listed = run("adopt", "--undo", *HERE).ok()
    assert "Namespace nlp: gets its earlier values back" in listed
    document = json.loads(run("adopt", "--undo", "namespace/nlp", *HERE, "--yes", "-o", "json").ok())
    assert [item["status"] for item in document["items"]] == ["given-back"]
    assert (kube.get("v1", SPACE) or {})["metadata"].get("labels") == before
    assert "nothing was taken over in dev-eastus" in run("adopt", "--undo", *HERE).ok()


def test_a_queue_that_would_no_longer_count_what_runs_is_held_back(run: Run, acme: Path, kube: FakeKube) -> None:
    kueue = "kueue.x-k8s.io/v1beta2"
    empty = {"namespaceSelector": {}, "resourceGroups": []}
    kube.apply_as("helm", {"apiVersion": kueue, "kind": "ClusterQueue", "metadata": {"name": "nlp"}, "spec": empty})
    run("adopt", "resourceflavor/cpu", *HERE, "--yes").ok()
    run("apply", "my-platform", *HERE[2:], "--yes")
    run("adopt", "clusterqueue/nlp", *HERE, "--yes").ok()
    kube.put(held("cpu", queue="nlp", resource="cpu"))
    undo = ("adopt", "--undo", "clusterqueue/nlp", *HERE)
    for more, status in ((("--dry-run", "client"), "held"), (("--yes",), "held")):
        ran = run(*undo, *more, "-o", "json")
        (item,) = json.loads(ran.out)["items"]
        assert (ran.code, item["status"]) == (6, status), ran.err
        assert "it would no longer count what runs: 4 cpu in cpu by cv/train" in item["hindrances"][0]["why"]
        assert any("borrows from nobody" in note for note in item["notes"])
    told = run(*undo, "--yes")
    assert told.code == 6
    assert "x ClusterQueue nlp: held back" in told.out
    assert suggested(told.err) == [list(undo)]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("namespace/strange",), 3, "no team has the namespace strange"),
        (("resourceflavor/cpu", "--enforce"), 2, "are about a namespace"),
        (("--undo", "namespace/nlp"), 3, "was not taken over"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, acme: Path, kube: FakeKube, words: tuple[str, ...], code: int, says: str
) -> None:
    ran = run("adopt", *words, *HERE)
    assert (ran.code, says in ran.err) == (code, True), ran.err


AT = (*HERE, "--context", "my context")


def suggested(text: str) -> list[list[str]]:
    """The words of the commands below the word Next."""
    _, _, steps = text.partition("Next\n")
    return [shlex.split(line)[1:] for line in steps.splitlines() if line.startswith("  allot")]


def test_a_plan_leads_on_to_adoption_by_commands_that_run_as_printed(run: Run, acme: Path, kube: FakeKube) -> None:
    planned = run("plan", "my-platform", *AT[2:])
    assert (
        "`allot adopt namespace/nlp --platform my-platform --cluster dev-eastus --context 'my context'`" in planned.out
    )
    apply, space, flavor = suggested(planned.err)
    assert apply == ["apply", "my-platform", *AT[2:]]
    assert space == ["adopt", "namespace/nlp", *AT]
    assert flavor == ["adopt", "resourceflavor/cpu", *AT]
    applied = run(*apply, "--yes")
    assert applied.code == 6
    assert "steps stay undone" in planned.err
    assert suggested(applied.err) == [space, flavor], "what is blocked stays blocked, and the way out is told again"
    listed = run("adopt", *AT)
    assert suggested(listed.err) == [space, flavor]
    for step in (space, flavor):
        shown = run(*step, "--dry-run", "client")
        assert suggested(shown.err) == [step]
        (plan,) = suggested(run(*step, "--yes").err)
    assert plan == ["plan", "my-platform", *AT[2:]]
    run(*plan).ok()
    assert run(*apply, "--yes").code == 0


def test_what_is_held_back_leads_on_to_the_same_command(run: Run, acme: Path, kube: FakeKube) -> None:
    kube.edit(SPACE, lambda body: {**body, "metadata": {**body["metadata"], "labels": {labels.PLATFORM: "other"}}})
    ran = run("adopt", "namespace/nlp", *HERE, "--yes", "--enforce")
    assert suggested(ran.err) == [["adopt", "namespace/nlp", "--enforce", *HERE]]
    assert suggested(run("adopt", *HERE).err) == [["adopt", "resourceflavor/cpu", *HERE]]


def test_undo_says_the_order_what_the_directory_still_wants_and_what_comes_next(
    run: Run, acme: Path, kube: FakeKube
) -> None:
    run("apply", "my-platform", *HERE[2:], "--yes")
    for word in ("resourceflavor/cpu", "namespace/nlp"):
        run("adopt", word, *AT, "--yes").ok()
    flavor, space = suggested(run("adopt", "--undo", *AT).err)
    assert (flavor, space) == (
        ["adopt", "--undo", "resourceflavor/cpu", *AT],
        ["adopt", "--undo", "namespace/nlp", *AT],
    )
    assert suggested(run(*flavor, "--dry-run", "client").err) == [flavor]
    given = run(*flavor, "--yes")
    assert suggested(given.err) == [["plan", "my-platform", *AT[2:]], space]
    assert "my-platform/clusters/dev-eastus.yaml:" in given.err
    assert "choose another name: names: {flavors: {cpu: NAME}}" in given.err
    last = run(*space, "--yes")
    said = " ".join(last.err.split())
    team = (acme / "teams" / "nlp.yaml").read_text().splitlines()
    placed = next(number for number, line in enumerate(team, 1) if "dev-eastus" in line)
    assert f"my-platform/teams/nlp.yaml:{placed}: or take dev-eastus out of placements" in said
    cluster = (acme / "clusters" / "dev-eastus.yaml").read_text().splitlines()
    listed = next(number for number, line in enumerate(cluster, 1) if line.startswith("warnNamespaces"))
    stays = (
        f"my-platform/clusters/dev-eastus.yaml:{listed}: keep nlp in warnNamespaces while work with accelerators runs"
    )
    assert f"To stay in the directory for now: {stays}" in said
    history = run("history", "my-platform", *HERE[2:], "-o", "json").json()["items"]
    # Records of the same second stand in any order.
    assert sorted((each["what"], each["objects"]) for each in history) == [
        ("adopt", ["namespace/nlp"]),
        ("adopt", ["resourceflavor/cpu"]),
        ("apply", []),
        ("undo", ["namespace/nlp"]),
        ("undo", ["resourceflavor/cpu"]),
    ]
    table = run("history", "my-platform", *HERE[2:], env={"COLUMNS": "80"}).ok()
    assert "adopt namespace/nlp" in table
    assert "complete" in table
    assert max(map(len, table.splitlines())) <= 80


def test_after_a_part_was_taken_over_only_the_rest_is_named(run: Run, acme: Path, kube: FakeKube) -> None:
    kube.edit(SPACE, lambda body: {**body, "metadata": {**body["metadata"], "labels": {labels.PLATFORM: "other"}}})
    ran = run("adopt", "namespace/nlp", "resourceflavor", *HERE, "--yes")
    assert ran.code == 6
    plan, rest = suggested(ran.err)
    assert plan[0] == "plan"
    assert rest == ["adopt", "namespace/nlp", *HERE]
    again = run(*rest, "--yes")
    assert (again.code, suggested(again.err)) == (6, [rest])


def test_a_dry_run_without_a_value_is_told_the_values_and_the_help_of_the_command(run: Run, acme: Path) -> None:
    ran = run("adopt", "namespace/nlp", "--dry-run")
    assert ran.code == 2
    assert "option '--dry-run' requires an argument" in ran.err
    assert "fix: say --dry-run=client or --dry-run=server; see `allot adopt --help`" in ran.err
