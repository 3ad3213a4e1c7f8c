"""Another name for a team: every reference follows, and no cluster sees anything of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.errors import ConflictError, InputError, NotFoundError, UsageError
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.prove.guardrails import GUARDRAILS, probes
from allotment.prove.probes import CompareNodes, LookAround
from allotment.prove.scene import DeclaredCluster
from allotment.render.gitops import gitops_tree
from allotment.render.manifests import render
from allotment.spec.edit import TeamRequest, add_team
from allotment.spec.load import load_platform
from allotment.spec.renaming import rename_team
from tests.unit.spec.trees import CLUSTER, TEAM, load, rich, tiny

ACME = read_tree(Path(__file__).parents[3] / "examples" / "acme")
QUEUES = tiny(cluster=CLUSTER + "names: {queues: {nlp: language-models}}\n")
DIRECTORIES = {"acme": ACME, "rich": SourceTree(rich()), "a queue of a chosen name": SourceTree(QUEUES)}
TEAMS = [
    pytest.param(tree, team.name, id=f"{team.name} of {name}")
    for name, tree in DIRECTORIES.items()
    for team in load_platform(tree).platform.teams
]
NEW = "zz-renamed"
"""Sorts behind every other name."""


def platform_of(tree: SourceTree) -> Platform:
    return load_platform(tree).platform


def renamed(tree: SourceTree, old: str, new: str = NEW) -> SourceTree:
    return tree.with_changes(rename_team(tree, old, new))


@pytest.mark.parametrize(("tree", "name"), TEAMS)
def test_no_object_of_any_cluster_changes(tree: SourceTree, name: str) -> None:
    before, after = platform_of(tree), platform_of(renamed(tree, name))
    assert after.team(name) is None
    assert after.team(NEW) is not None
    rendered = [[render(each, cluster) for cluster in each.clusters] for each in (before, after)]
    assert [list(manifests) for manifests in rendered[0]] == [list(manifests) for manifests in rendered[1]]
    assert gitops_tree(before, rendered[0]) == gitops_tree(after, rendered[1])


@pytest.mark.parametrize(
    ("tree", "name"), [(ACME, "data-science"), (SourceTree(rich()), "nlp"), (SourceTree(rich()), "old")]
)
def test_the_same_is_proved(tree: SourceTree, name: str) -> None:
    def tried(platform: Platform) -> list[str]:
        """Every attempt but the two that take the platform, or its words for people, along."""
        stages = (DeclaredCluster(platform, cluster, render(platform, cluster)) for cluster in platform.clusters)
        return [
            re.sub(" at 0x[0-9a-f]+", "", repr(probe.attempt))
            for stage in stages
            for guardrail in GUARDRAILS
            for _team, probe in probes(guardrail, stage, stage.scenes())
            if not isinstance(probe.attempt, (LookAround, CompareNodes))
        ]

    assert tried(platform_of(renamed(tree, name))) == tried(platform_of(tree))


@pytest.mark.parametrize(("tree", "name"), TEAMS)
def test_back_to_the_first_name_is_as_if_nothing_had_been(tree: SourceTree, name: str) -> None:
    assert renamed(renamed(renamed(tree, name), NEW, "another"), "another", name).files == tree.files


def test_only_lines_with_the_name_change() -> None:
    changes = rename_team(SourceTree(rich()), "cv", "vision")
    before = rich()
    lines = {
        file: [line for line in text.splitlines() if line not in before[file].splitlines()]
        for file, text in changes.items()
    }
    pool = next(line for line in before["cluster.yaml"].splitlines() if "dedicatedTo" in line)
    assert lines == {
        "cluster.yaml": [pool.replace("dedicatedTo: cv", "dedicatedTo: vision")],
        "teams.yaml": ["name: vision", "id: cv  # what clusters know the team by: its name before it was renamed"],
    }


def test_the_name_for_people_that_is_written_stays() -> None:
    files = tiny(team=TEAM.replace("costCenter", "displayName: Natural language  # the board's words\ncostCenter"))
    assert platform_of(renamed(SourceTree(files), "nlp")).teams[0].display_name == "Natural language"


def test_a_slurm_keeps_the_account_of_the_team() -> None:
    slurm = "kind: SlurmCluster\nname: hpc\nfolder: /shared\naccounts: {nlp: lab}  # ours\n"
    after = renamed(SourceTree(tiny(hpc=slurm)), "nlp")
    assert after.files["hpc.yaml"] == slurm.replace("nlp", NEW)
    assert platform_of(after).slurms[0].accounts == {NEW: "lab"}


def test_grants_and_budgets_follow() -> None:
    after = renamed(renamed(SourceTree(rich()), "alpha"), "old", "yy")
    [grant] = platform_of(after).grants
    assert (grant.team, [each.team for each in grant.taken]) == (NEW, ["yy"])
    assert [budget.team for budget in platform_of(after).approvals.budgets] == ["nlp", NEW]
    before = rich()["grants/more.yaml"]
    assert after.files["grants/more.yaml"] == before.replace("alpha", NEW).replace("old", "yy")


REFUSED = {
    "no such team": (tiny(), "npl", "x", NotFoundError, 'no team "npl"'),
    "its own name": (tiny(), "nlp", "nlp", UsageError, "is the name of team nlp already"),
    "no name": (tiny(), "nlp", "N_L", UsageError, "cannot be the name of a team"),
    "another team's": (tiny(other=TEAM.replace("nlp", "cv")), "nlp", "cv", ConflictError, "is taken"),
    "what clusters know another team by": (
        tiny(other=TEAM.replace("name: nlp", "name: vision\nid: cv").replace("[nlp]", "[cv]")),
        "nlp",
        "cv",
        ConflictError,
        "clusters know team vision by it",
    ),
    "one line": (
        tiny(team="{kind: Team, name: nlp, costCenter: c, groups: {members: [n]}, placements: {dev: {cpu: 8}}}\n"),
        "nlp",
        "x",
        InputError,
        "cannot be edited",
    ),
    "a name that another field uses": (
        tiny(team=TEAM.replace("name: nlp", "name: &n nlp").replace("[nlp]", "[*n]")),
        "nlp",
        "x",
        InputError,
        "cannot be edited",
    ),
}


@pytest.mark.parametrize(("files", "old", "new", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(files: dict[str, str], old: str, new: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        rename_team(SourceTree(files), old, new)


def test_a_new_team_cannot_have_the_name_that_clusters_know_another_by() -> None:
    tree = renamed(SourceTree(tiny()), "nlp", "language")
    with pytest.raises(ConflictError, match='know team language by the id "nlp"'):
        add_team(tree, TeamRequest("nlp", cpu="1", memory="1Gi", groups=("g",)))


def test_an_id_says_all_that_clusters_see() -> None:
    """Whoever renames by hand and writes the id has what the command would have made."""
    by_hand = load(tiny(team=TEAM.replace("name: nlp", "name: language\nid: nlp"))).platform
    assert by_hand == platform_of(renamed(SourceTree(tiny()), "nlp", "language"))
    [team] = by_hand.teams
    assert replace(team, name="nlp", display_name="nlp") == load(tiny()).platform.teams[0]
