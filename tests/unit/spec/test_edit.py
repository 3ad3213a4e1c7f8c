"""Edits: what they change, what they leave, and what they refuse."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from allotment.adapters.files.tree import read_tree
from allotment.errors import AllotmentError, CapacityError, ConflictError, InputError, NotFoundError, UsageError
from allotment.model.cluster import Purpose
from allotment.model.source import SourceTree
from allotment.spec.edit import TeamRequest, add_team, finish_removals, list_namespace, remove_team, starter
from allotment.spec.load import load_platform
from allotment.spec.problems import InvalidPlatformError
from tests.by_day import by_day
from tests.unit.spec.trees import CLUSTER, GRANT, OTHER_TEAM, PLATFORM, TEAM, rich, tiny

ACME = read_tree(Path(__file__).parents[3] / "examples" / "acme")
DAY = dt.date(2027, 1, 31)


def robotics(**changes) -> TeamRequest:
    fields = {"name": "robotics", "accelerators": {"a100": 4}, "cpu": "32", "memory": "128Gi", "groups": ("robots",)}
    return TeamRequest(**(fields | changes))


def test_robotics_joins_acme_where_training_is():
    changes = add_team(ACME, robotics())
    assert list(changes) == ["teams/robotics.yaml"]
    loaded = load_platform(ACME.with_changes(changes))
    team = loaded.platform.team("robotics")
    assert [placement.cluster for placement in team.placements] == ["training-eastus"]
    [placement] = team.placements
    assert [(entry.flavor, entry.devices.nominal) for entry in placement.accelerators] == [("a100-on-demand", 4)]
    assert placement.cpu.nominal == 32_000
    assert placement.memory.nominal == 128 << 30
    assert team.groups.members == ("robots",)
    assert [warning.field for warning in loaded.warnings] == ["costCenter"]


def test_a_cost_centre_leaves_no_warning():
    changes = add_team(ACME, robotics(cost_center="cc-4700"))
    assert load_platform(ACME.with_changes(changes)).warnings == ()


def test_a_capacity_type_can_be_asked_for():
    changes = add_team(ACME, robotics(accelerators={"a100:spot": 0, "h100:spot": 0}))
    assert "a100-spot: 0" in changes["teams/robotics.yaml"]


def test_a_cluster_can_be_named_even_in_production():
    changes = add_team(ACME, robotics(accelerators={}, clusters=("prod-inference-westeu", "dev-eastus")))
    team = load_platform(ACME.with_changes(changes)).platform.team("robotics")
    assert {placement.cluster for placement in team.placements} == {"prod-inference-westeu", "dev-eastus"}


WHERE = {
    "words name the clusters": (
        {"training-eastus/a100": 4, "dev-eastus/t4": 2},
        None,
        {"training-eastus": {"a100-on-demand": 4}, "dev-eastus": {"t4-spot": 2}},
    ),
    "flags name more": (
        {"training-eastus/a100": 4},
        ("training-eastus", "dev-eastus"),
        {"training-eastus": {"a100-on-demand": 4}, "dev-eastus": {}},
    ),
    "a count for one before a count for all": (
        {"prod-inference-westeu/a100": 0, "a100": 1},
        ("training-eastus", "prod-inference-westeu"),
        {"training-eastus": {"a100-on-demand": 1}, "prod-inference-westeu": {"a100-reserved": 0}},
    ),
}


@pytest.mark.parametrize(("accelerators", "clusters", "expected"), WHERE.values(), ids=WHERE)
def test_devices_differ_by_cluster(accelerators, clusters, expected):
    changes = add_team(ACME, robotics(accelerators=accelerators, clusters=clusters, cpu="1", memory="1Gi"))
    team = load_platform(ACME.with_changes(changes)).platform.team("robotics")
    assert {
        placement.cluster: {entry.flavor: entry.devices.nominal for entry in placement.accelerators}
        for placement in team.placements
    } == expected


REFUSED = [
    (
        "more than there is",
        robotics(accelerators={"a100": 9}),
        CapacityError,
        "9 of a100-on-demand asked for, 8 not yet",
    ),
    ("nobody has it", robotics(accelerators={"b200": 1}), NotFoundError, "training-eastus: a100-on-demand"),
    ("only production has it", robotics(accelerators={"a100:reserved": 1}), NotFoundError, "no cluster outside"),
    ("a pool of another team", robotics(accelerators={"h100:on-demand": 1}), NotFoundError, "no cluster outside"),
    ("several clusters", robotics(accelerators={}), UsageError, "dev-eastus, training-eastus"),
    ("unknown cluster", robotics(clusters=("dev-eastu",)), NotFoundError, 'did you mean "dev-eastus"'),
    ("cluster without it", robotics(clusters=("dev-eastus",)), NotFoundError, "it offers t4-spot"),
    ("a word for an unknown cluster", robotics(accelerators={"dev/t4": 1}), NotFoundError, "no cluster"),
    (
        "a word for a cluster that is not meant",
        robotics(accelerators={"training-eastus/a100": 1}, clusters=("dev-eastus",)),
        UsageError,
        "which --cluster leaves out",
    ),
    ("more than one cluster has", robotics(accelerators={"training-eastus/a100": 9}), CapacityError, "9 of a100"),
    ("unknown capacity type", robotics(accelerators={"a100:spt": 1}), UsageError, 'did you mean "spot"'),
    ("team exists", robotics(name="nlp"), ConflictError, "exists"),
    ("capital letters", robotics(name="Robotics"), UsageError, "lower-case"),
    ("new line in the name", robotics(name="a\nkind: Cluster"), UsageError, "lower-case"),
    ("path in the name", robotics(name="../../etc/passwd"), UsageError, "lower-case"),
    ("reserved", robotics(name="kube-robots"), InvalidPlatformError, "belongs to the system"),
    ("no quantity", robotics(cpu="many"), UsageError, "not a quantity"),
    ("too much CPU", robotics(cpu="9000"), InvalidPlatformError, "CPU are guaranteed"),
]


@pytest.mark.parametrize(
    ("request_", "error", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_refused(request_, error, words):
    with pytest.raises(error) as caught:
        add_team(ACME, request_)
    assert words in str(caught.value)


def test_a_directory_that_leaves_new_files_out_is_told():
    tree = SourceTree(tiny(platform=PLATFORM + "include: [platform.yaml, cluster.yaml, team.yaml]\n"))
    with pytest.raises(InputError, match="include"):
        add_team(tree, robotics())


def test_an_invalid_directory_is_not_edited():
    with pytest.raises(InvalidPlatformError):
        add_team(SourceTree(tiny(team="kind: Team\n")), robotics())


@settings(max_examples=by_day(60), deadline=None)
@given(
    group=st.text(min_size=1, max_size=20),
    cost_center=st.one_of(
        st.none(), st.text(min_size=1, max_size=20), st.sampled_from(["yes", "0x1", "1e3", "null", "a: b"])
    ),
)
@example(group="0\x85", cost_center="\u2028\ufeff")
def test_whatever_is_asked_for_is_what_is_read_back(group, cost_center):
    tree = SourceTree(tiny())
    try:
        changes = add_team(tree, TeamRequest("new", {}, "1", "1Gi", (group,), None, cost_center))
    except AllotmentError:
        return
    platform = load_platform(tree.with_changes(changes)).platform
    assert sorted(team.name for team in platform.teams) == ["new", "nlp"]
    assert platform.team("new").groups.members == (group,)
    assert platform.team("new").cost_center == (cost_center if cost_center is not None else "unassigned")


@pytest.mark.parametrize("name", ["nlp", "cv", "recsys", "data-science"])
def test_removal_adds_lines_and_touches_nothing_else(name):
    changes = remove_team(ACME, name, DAY)
    [(path, text)] = changes.items()
    before = ACME.files[path]
    assert path == f"teams/{name}.yaml"
    assert text.startswith(before)
    assert "keepDataUntil: 2027-01-31" in text.removeprefix(before)
    team = load_platform(ACME.with_changes(changes)).platform.team(name)
    assert team.offboarding.keep_data_until == DAY


def test_removal_in_the_middle_of_a_file_keeps_every_line():
    files = rich()
    changes = remove_team(SourceTree(files), "cv", DAY)
    before, after = files["teams.yaml"].splitlines(), changes["teams.yaml"].splitlines()
    added = [line for line in after if line not in before]
    assert [line for line in after if line not in added or line in before] == before
    assert len(after) == len(before) + 3
    platform = load_platform(SourceTree(files | changes)).platform
    assert [team.name for team in platform.teams if team.offboarding] == ["cv", "old"]


def test_comments_below_the_last_field_stay_last():
    tree = SourceTree(tiny(team=TEAM + "\n# the end\n"))
    text = remove_team(tree, "nlp", DAY)["team.yaml"]
    assert text.endswith("  keepDataUntil: 2027-01-31\n\n# the end\n")


def test_a_file_without_a_last_newline():
    tree = SourceTree(tiny(team=TEAM.rstrip("\n")))
    assert load_platform(tree.with_changes(remove_team(tree, "nlp", DAY))).platform.team("nlp").offboarding


def test_a_second_removal_changes_the_date_only():
    tree = SourceTree(tiny(team=TEAM + "offboarding:\n  keepDataUntil: 2027-01-31   # asked by legal\n"))
    text = remove_team(tree, "nlp", dt.date(2028, 2, 29))["team.yaml"]
    assert text.endswith("  keepDataUntil: 2028-02-29   # asked by legal\n")
    inline = SourceTree(tiny(team=TEAM + "offboarding: {keepDataUntil: 2027-01-31} # asked by legal\n"))
    assert "{keepDataUntil: 2028-02-29} # asked" in remove_team(inline, "nlp", dt.date(2028, 2, 29))["team.yaml"]


def test_a_team_on_one_line_is_left_to_people():
    line = "{kind: Team, name: nlp, costCenter: c, groups: {members: [a]}, placements: {dev: {cpu: 1, memory: 1Gi}}}\n"
    with pytest.raises(InputError, match="by hand"):
        remove_team(SourceTree(tiny(team=line)), "nlp", DAY)


def test_removing_nobody():
    with pytest.raises(NotFoundError, match='did you mean "nlp"'):
        remove_team(ACME, "nlpp", DAY)


def test_removals_are_finished_the_day_after():
    leaving = ACME.with_changes(remove_team(ACME, "recsys", DAY))
    assert finish_removals(leaving, DAY) == {}
    changes = finish_removals(leaving, DAY + dt.timedelta(days=1))
    assert changes["teams/recsys.yaml"] is None
    assert set(changes) == {"teams/recsys.yaml", "clusters/dev-eastus.yaml", "approvals.yaml"}
    assert changes["approvals.yaml"] == ACME.files["approvals.yaml"].replace("  recsys: 10000\n", "")
    before = ACME.files["clusters/dev-eastus.yaml"]
    assert before.startswith(changes["clusters/dev-eastus.yaml"].rstrip("\n"))
    left = load_platform(leaving.with_changes(changes))
    assert [team.name for team in left.platform.teams] == ["cv", "data-science", "nlp"]


def test_finishing_takes_one_document_out_of_a_file():
    files = rich()
    changes = finish_removals(SourceTree(files), dt.date(2028, 1, 1))
    kept = changes["teams.yaml"]
    assert "name: old" not in kept
    assert [line for line in files["teams.yaml"].splitlines() if "name: " in line and "old" not in line] == [
        line for line in kept.splitlines() if "name: " in line
    ]


def test_finishing_keeps_other_overrides_and_their_comments():
    overrides = """\
overrides:
  teams:
    # of nlp
    nlp:
      weight: 2
    # of cv
    cv:
      weight: 3 # three
"""
    files = tiny(
        cluster=CLUSTER + overrides, team=TEAM + "offboarding: {keepDataUntil: 2027-01-31}\n", other=OTHER_TEAM
    )
    changes = finish_removals(SourceTree(files), dt.date(2028, 1, 1))
    assert "    # of cv\n    cv:\n      weight: 3 # three\n" in changes["cluster.yaml"]
    assert "weight: 2" not in changes["cluster.yaml"]


def test_a_pool_of_the_team_has_to_be_given_away_first():
    files = rich()
    leaving = SourceTree(files).with_changes(remove_team(SourceTree(files), "cv", DAY))
    with pytest.raises(InvalidPlatformError, match='there is no team "cv"'):
        finish_removals(leaving, dt.date(2028, 1, 1))


def test_what_a_team_that_leaves_was_granted_ends():
    others = GRANT.replace("more", "own").replace("team: alpha", "team: nlp").replace("team: old", "team: alpha")
    files = rich() | {"own.yaml": f"{others}---\n{GRANT.replace('more', 'other')}"}
    before = load_platform(SourceTree(files)).platform
    assert {grant.name: grant.team for grant in before.grants} == {"more": "alpha", "other": "alpha", "own": "nlp"}
    assert [devices(before, name) for name in ("alpha", "old", "nlp")] == [8 + 4 + 4 - 2, 30 - 2 - 2, 8 + 4]

    changes = remove_team(SourceTree(files), "alpha", DAY)

    assert changes["grants/more.yaml"] is None
    assert changes["own.yaml"] == others
    left = load_platform(SourceTree(files).with_changes(changes)).platform
    assert [grant.name for grant in left.grants] == ["own"]
    assert [devices(left, name) for name in ("old", "nlp")] == [30, 8 + 4]


def devices(platform, team):
    return platform.team(team).placement_in("dev").quota.of("a100-spot")


OF_OLD = "  - {team: old, cluster: dev, flavor: a100, devices: 1}\n"
OF_NLP = "  - {team: nlp, cluster: dev, flavor: a100, devices: 1} # stays\n"
IN_LINES = "  - team: old\n    cluster: dev\n    flavor: a100\n    devices: 1\n"
TAKEN = {
    "the only one": (OF_OLD, None),
    "the first of several": (OF_OLD + OF_NLP, OF_NLP),
    "the last of several": (f"{OF_NLP}  # of old\n{IN_LINES}", f"{OF_NLP}  # of old\n"),
}


@pytest.mark.parametrize("case", TAKEN)
def test_finishing_takes_the_team_out_of_grants_and_budgets(case: str):
    before, after = TAKEN[case]
    head, _, tail = GRANT.partition("takenFrom:\n")
    tail = tail[tail.index("reason") :]
    files = rich() | {"grants/more.yaml": f"{head}takenFrom:\n{before}{tail}"}
    files["rest.yaml"] = files["rest.yaml"].replace("budgets:\n", "budgets:\n  # nobody's soon\n  old: 5\n")

    changes = finish_removals(SourceTree(files), dt.date(2028, 1, 1))

    assert changes["grants/more.yaml"] == (f"{head}takenFrom:\n{after}{tail}" if after else f"{head}{tail}")
    assert changes["rest.yaml"] == files["rest.yaml"].replace("  old: 5\n", "")
    assert load_platform(SourceTree(files).with_changes(changes)).platform.team("old") is None


def test_a_list_of_what_is_taken_on_one_line_is_edited_by_hand():
    head, _, _ = GRANT.partition("takenFrom:\n")
    two = "[{team: old, cluster: dev, flavor: a100, devices: 1}, {team: nlp, cluster: dev, flavor: a100, devices: 1}]"
    files = rich() | {"grants/more.yaml": f"{head}takenFrom: {two}\n"}
    with pytest.raises(InputError, match="by hand"):
        finish_removals(SourceTree(files), dt.date(2028, 1, 1))


LISTS = {
    "absent": ("", "withoutNetworkPolicies: [nlp]\n"),
    "empty": ("withoutNetworkPolicies: [] # none\n", "withoutNetworkPolicies: [nlp] # none\n"),
    "in brackets": ("withoutNetworkPolicies: [cv, ] # why\n", "withoutNetworkPolicies: [cv, nlp, ] # why\n"),
    "quoted": ('withoutNetworkPolicies: ["cv"]\n', 'withoutNetworkPolicies: ["cv", nlp]\n'),
    "a line each": (
        "withoutNetworkPolicies:\n  # of cv\n  - cv # why\n",
        "withoutNetworkPolicies:\n  # of cv\n  - cv # why\n  - nlp\n",
    ),
    "named already": ("withoutNetworkPolicies: [nlp]\n", "withoutNetworkPolicies: [nlp]\n"),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_namespace_is_added_to_a_list_of_a_cluster(case: str):
    before, after = LISTS[case]
    files = tiny(cluster=before + CLUSTER, other=OTHER_TEAM)
    changes = list_namespace(SourceTree(files), "dev", ["withoutNetworkPolicies"], "nlp")
    text = changes.get("cluster.yaml", files["cluster.yaml"])
    assert text == (after + CLUSTER if before else CLUSTER + after)


def test_a_list_over_several_lines_is_edited_by_hand():
    files = tiny(cluster="withoutNetworkPolicies: [\n  cv\n  ]\n" + CLUSTER, other=OTHER_TEAM)
    with pytest.raises(InputError, match="cannot be edited without disturbing it"):
        list_namespace(SourceTree(files), "dev", ["withoutNetworkPolicies"], "nlp")


def test_the_starter_is_valid_and_explains_itself():
    files = starter("my-platform")
    loaded = load_platform(SourceTree(files))
    assert loaded.warnings == ()
    assert loaded.platform.name == "my-platform"
    assert [cluster.purpose for cluster in loaded.platform.clusters] == [Purpose.DEVELOPMENT]
    for text in files.values():
        lines = text.splitlines()
        assert sum("#" in line for line in lines) >= len(lines) // 4
        assert "{{" not in text


def test_a_starter_needs_a_name_that_can_be():
    with pytest.raises(UsageError):
        starter("My Platform")
