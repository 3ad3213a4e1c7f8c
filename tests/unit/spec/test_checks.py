"""Every check: one bad directory, and exactly where and how it is told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pytest

from allotment.spec.checks import DECLARED_CHECKS, PLACED_CHECKS
from tests.unit.spec.trees import CLUSTER, GRANT, OTHER_TEAM, PLATFORM, TEAM, problems_of, rich, tiny


@dataclass(frozen=True)
class Case:
    """A directory, and the one problem it must have.

    Attributes:
        check: name of the check that finds it.
        at: `severity file:line field`.
        words: text that must stand in what or fix.
    """

    check: str
    files: dict[str, str]
    at: str
    words: str


def change(files: dict[str, str], name: str, old: str, new: str) -> dict[str, str]:
    """Replace the first occurrence of a text in a file; it must occur."""
    assert old in files[name], old
    return files | {name: files[name].replace(old, new, 1)}


def cluster(old: str, new: str) -> dict[str, str]:
    return change(tiny(), "cluster.yaml", old, new)


def team(old: str, new: str) -> dict[str, str]:
    return change(tiny(), "team.yaml", old, new)


def rich_cluster(old: str, new: str) -> dict[str, str]:
    return change(rich(), "cluster.yaml", old, new)


def rich_teams(old: str, new: str) -> dict[str, str]:
    return change(rich(), "teams.yaml", old, new)


def with_cluster_line(line: str) -> dict[str, str]:
    return tiny(cluster=CLUSTER + line + "\n")


def cohort_quota(fields: str) -> dict[str, str]:
    return with_cluster_line(f"cohorts: [{{name: all, quota: {{{fields}}}}}]")


def euros(**more: str) -> dict[str, str]:
    return tiny(platform=PLATFORM + "currency: EUR\n", **more)


def two_clusters(first: str, second: str) -> dict[str, str]:
    head = CLUSTER.replace("purpose: development", "{}")
    one = head.format(first).replace("name: dev", "name: one")
    two = head.format(second).replace("name: dev", "name: two")
    return tiny(cluster=CLUSTER, one=one, two=two)


PRIORITY = "kind: Priority\nname: {}\nvalue: {}\n"
LOW = PRIORITY.format("low", 1) + "default: true\n"
OVERLAP = CLUSTER.replace("accelerator: a100\n", "accelerator: a100-spot\n").replace("spot\n    cpu", "spot\n    cpu")

SLURM = "kind: SlurmCluster\nname: hpc\nfolder: /shared\n"
RULE = "{{apiGroups: [{}], resources: [{}], verbs: [{}]}}"


def extra_rule(groups: str, resources: str, verbs: str) -> dict[str, str]:
    rule = RULE.format(groups, resources, verbs)
    return team("groups: {members: [nlp]}", f"groups: {{members: [nlp]}}\nextraRules: {{member: [{rule}]}}")


TODAY = dt.date(2027, 1, 1)


def exception(until: str, level: str = "baseline") -> dict[str, str]:
    fields = f"{{level: {level}, reason: images are built as root, until: {until}}}"
    return team("costCenter: cc-1", f"costCenter: cc-1\npodSecurity: {fields}")


def container_defaults(fields: str) -> dict[str, str]:
    more = f"memberLimits: {{cpu: 8}}\ncontainerDefaults: {{{fields}}}"
    return team("costCenter: cc-1", f"costCenter: cc-1\n{more}")


ROUTES = """\
kind: Approvals
otherwise: leads
routes:
  - {name: leads, approvers: [leads], escalatesTo: chiefs}
  - {name: chiefs, users: [dana]}
"""


def approvals(more: str = "", old: str = "", new: str = "") -> dict[str, str]:
    """A sound document with further lines, and perhaps a text replaced."""
    return change(tiny(approvals=ROUTES + more), "approvals.yaml", old, new)


def gates(*fields: str) -> dict[str, str]:
    lines = (f"  - {{name: g{number}, {each}}}\n" for number, each in enumerate(fields))
    return approvals("gates:\n" + "".join(lines))


def absences(*entries: str) -> dict[str, str]:
    return approvals("gates: []\nabsences:\n" + "".join(f"  - {{{each}}}\n" for each in entries))


WEEK = "from: 2027-01-01T00:00:00Z, until: 2027-01-08T00:00:00Z"
HERE = "{cluster: dev, flavor: a100, devices: 2}"
OF_CV = "{team: cv, cluster: dev, flavor: a100, devices: 2}"


def grant(gpus: str = HERE, taken: str = "", team: str = "nlp", more: str = "", **files: str) -> dict[str, str]:
    """Two teams with 8 devices each, and a grant."""
    head = f"kind: Grant\nname: more\nteam: {team}\nfrom: 2026-12-01T00:00:00Z\n"
    text = f"{head}{more}gpus: [{gpus}]\ntakenFrom: [{taken}]\n"
    return tiny(**{"other": OTHER_TEAM, "grant": text, **files})


def another(gpus: str = HERE, taken: str = "", team: str = "nlp") -> dict[str, str]:
    return {"one.yaml": grant(gpus, taken, team)["grant.yaml"].replace("more", "one")}


MUCH = HERE.replace("2}", "10, cpu: 63500m, memory: 400Gi}")
SMALL = OTHER_TEAM.replace("cpu: 64", "cpu: 4")

CASES = [
    # approvals
    Case(
        "approvals_are_said_once",
        approvals() | {"more.yaml": ROUTES},
        "error more.yaml:1 kind",
        "a second document of kind Approvals: the first stands in approvals.yaml",
    ),
    Case(
        "gates_and_routes_have_names_of_their_own",
        change(gates("kinds: [gpus], route: leads", "route: leads"), "approvals.yaml", "name: g1", "name: g0"),
        "error approvals.yaml:8 gates[1].name",
        'the name "g0" is given twice',
    ),
    Case(
        "gates_and_routes_have_names_of_their_own",
        approvals(old="chiefs, users", new="leads, users"),
        "error approvals.yaml:5 routes[1].name",
        'the name "leads" is given twice',
    ),
    Case(
        "gates_and_routes_have_names_of_their_own",
        approvals(old="chiefs, users", new="at-once, users"),
        "error approvals.yaml:5 routes[1].name",
        "at-once is no route: nobody decides then",
    ),
    Case(
        "routes_are_there",
        gates("route: lead"),
        "error approvals.yaml:7 gates[0].route",
        'there is no route "lead"; did you mean "leads"?',
    ),
    Case(
        "routes_are_there",
        approvals("gates: []\n", "escalatesTo: chiefs", "escalatesTo: chief"),
        "error approvals.yaml:4 routes[0].escalatesTo",
        'there is no route "chief"; did you mean "chiefs"?',
    ),
    Case(
        "routes_are_there",
        approvals("gates: []\n", "otherwise: leads", "otherwise: at-once"),
        "error approvals.yaml:2 otherwise",
        'there is no route "at-once"',
    ),
    Case(
        "routes_are_there",
        approvals(),
        "error approvals.yaml:3 routes",
        "the usual gates need a route engineering-leadership; declare it, or write the gates out",
    ),
    Case(
        "people_are_named_by_address",
        approvals("gates: []\n", "users: [dana]", "users: ['oidc:dana@host']"),
        "error approvals.yaml:5 routes[1].users[0]",
        '"oidc:dana@host" is made of a provider\'s own name for somebody',
    ),
    Case(
        "escalation_ends",
        approvals("gates: []\n", "users: [dana]", "users: [dana], escalatesTo: leads"),
        "error approvals.yaml:5 routes[1].escalatesTo",
        'requests that "chiefs" does not answer come back to it; break the circle',
    ),
    Case(
        "somebody_decides",
        approvals("gates: []\n", ", users: [dana]", ""),
        "error approvals.yaml:5 routes[1]",
        'nobody is on the route "chiefs", so nothing is ever decided there',
    ),
    Case(
        "somebody_decides",
        approvals("gates: []\n", "[leads]", "[leads, system:authenticated]"),
        "error approvals.yaml:4 routes[0].approvers[1]",
        "is a group of Kubernetes itself",
    ),
    Case(
        "gates_can_be_met",
        gates("devices: {least: 3, most: 2}, route: leads"),
        "error approvals.yaml:7 gates[0].devices.most",
        "at most 2 devices, at least 3; write 3 or more",
    ),
    Case(
        "gates_can_be_met",
        gates(*["route: leads"] * 101),
        "error approvals.yaml:6 gates",
        "101 gates: nobody can say which one a request meets; keep it to 100",
    ),
    Case(
        "gates_can_be_met",
        gates("belowPrice: 0, route: at-once"),
        "error approvals.yaml:7 gates[0].belowPrice",
        "no price is below 0",
    ),
    Case(
        "gates_can_be_met",
        gates(
            "kinds: [gpus, volume], devices: {most: 8}, route: leads",
            "kinds: [gpus], devices: {most: 2}, route: at-once",
        ),
        "warning approvals.yaml:8 gates[1]",
        'no request comes so far: "g0", which is tried before, takes all of them; move it before that gate',
    ),
    Case(
        "budgets_are_of_teams",
        approvals("gates: []\nbudgets: {npl: 1}\n"),
        "warning approvals.yaml:7 budgets.npl",
        'there is no team "npl"; did you mean "nlp"?',
    ),
    Case(
        "absences_say_who_decides",
        absences("user: a, delegate: b, from: 2027-01-08T00:00:00Z, until: 2027-01-08T01:00:00+01:00"),
        "error approvals.yaml:8 absences[0].until",
        "is over before it begins",
    ),
    Case(
        "absences_say_who_decides",
        absences(f"user: a, delegate: a, {WEEK}"),
        "error approvals.yaml:8 absences[0].delegate",
        "name somebody else",
    ),
    Case(
        "absences_say_who_decides",
        absences(
            f"user: a, delegate: b, {WEEK}",
            "user: a, delegate: c, from: 2027-01-07T00:00:00Z, until: 2027-01-09T00:00:00Z",
        ),
        "error approvals.yaml:9 absences[1].from",
        '"a" is away at that time by another entry, too; keep one of the two',
    ),
    # grants
    Case(
        "documents_have_names_of_their_own",
        change(rich(), "rest.yaml", "---\nkind: Prices", f"---\n{GRANT}---\nkind: Prices"),
        "error rest.yaml:28 name",
        'the name "more" is taken by another document of this kind in grants/more.yaml',
    ),
    Case(
        "grants_name_teams", grant(team="npl"), "error grant.yaml:3 team", 'there is no team "npl"; did you mean "nlp"?'
    ),
    Case(
        "grants_name_teams",
        grant(taken=OF_CV.replace("cv", "cw")),
        "error grant.yaml:6 takenFrom[0].team",
        'there is no team "cw"; choose one of: cv, nlp',
    ),
    Case(
        "grants_name_teams",
        grant() | {"team.yaml": TEAM + "offboarding: {keepDataUntil: 2027-06-30}\n"},
        "warning grant.yaml:3 team",
        "team nlp leaves, and runs nothing any more; remove grant.yaml",
    ),
    Case(
        "grants_name_placements",
        grant(HERE.replace(": dev", ": dv")),
        "error grant.yaml:5 gpus[0].cluster",
        'there is no cluster "dv"; did you mean "dev"?',
    ),
    Case(
        "grants_name_placements",
        grant(HERE.replace(": dev", ": two"), two=CLUSTER.replace("name: dev", "name: two")),
        "error grant.yaml:5 gpus[0].cluster",
        "team nlp has no placement in two; add placements: {two: …} to the team, in team.yaml",
    ),
    Case(
        "grants_name_placements",
        grant(taken=OF_CV.replace(": dev", ": two"), two=CLUSTER.replace("name: dev", "name: two")),
        "error grant.yaml:6 takenFrom[0].cluster",
        "team cv has no placement in two; take it from a team that has a100 there",
    ),
    Case(
        "grants_name_clusters_of_the_team",
        grant(
            "",
            more="namespaces: [{name: nlp-more, clusters: [dev, two]}]\n",
            two=CLUSTER.replace("name: dev", "name: two"),
        ),
        "error grant.yaml:5 namespaces[0].clusters[1]",
        'team nlp has no placement in "two"',
    ),
    Case(
        "grants_name_placements",
        grant(HERE.replace("a100", "a10")),
        "error grant.yaml:5 gpus[0].flavor",
        'cluster dev has no accelerator or flavor "a10" for team nlp',
    ),
    Case(
        "grants_name_placements",
        grant(HERE.replace("a100", "cpu")),
        "error grant.yaml:5 gpus[0].flavor",
        'cluster dev has no accelerator or flavor "cpu" for team nlp',
    ),
    Case(
        "grants_name_placements",
        change(rich(), "grants/more.yaml", "flavor: a100,", "flavor: h100-on-demand-cv,"),
        "error grants/more.yaml:7 gpus[0].flavor",
        'cluster dev has no accelerator or flavor "h100-on-demand-cv" for team alpha',
    ),
    Case(
        "grants_name_placements",
        grant(team="bare", bare=TEAM.replace("nlp", "bare").replace("\n    accelerators:\n      a100: 8", "")),
        "error grant.yaml:5 gpus[0].flavor",
        "team bare in dev offers no a100-spot; add a100-spot: 0 to placements.dev.accelerators, in bare.yaml",
    ),
    Case(
        "grants_name_placements",
        grant(cluster=CLUSTER + "overrides: {teams: {nlp: {accelerators: {}}}}\n"),
        "error grant.yaml:5 gpus[0].flavor",
        "add a100-spot: 0 to overrides.teams.nlp.accelerators, in cluster.yaml",
    ),
    Case("grants_say_one_thing", grant(""), "error grant.yaml:5 gpus", "the grant gives nothing; name what it gives"),
    Case(
        "grants_say_one_thing",
        grant(HERE.replace("2", "0")),
        "error grant.yaml:5 gpus",
        "the grant gives nothing; name what it gives",
    ),
    Case(
        "grants_say_one_thing",
        grant(more="until: 2026-12-01T00:00:00Z\n"),
        "error grant.yaml:5 until",
        "the grant is over before it begins",
    ),
    Case(
        "grants_say_one_thing",
        grant(f"{HERE}, {HERE.replace('a100', 'a100-spot')}"),
        "error grant.yaml:5 gpus[1]",
        "a100-spot in dev is named twice; keep one entry, with the sum",
    ),
    Case(
        "grants_say_one_thing",
        grant(taken=f"{OF_CV}, {OF_CV}"),
        "error grant.yaml:6 takenFrom[1]",
        "a100-spot in dev is named twice",
    ),
    Case(
        "grants_say_one_thing",
        grant(taken=OF_CV.replace("cv", "nlp")),
        "error grant.yaml:6 takenFrom[0]",
        "is taken from the team that it is given to",
    ),
    Case(
        "grants_take_no_more_than_they_give",
        grant(taken=OF_CV.replace("2}", "3}")),
        "error grant.yaml:6 takenFrom[0].devices",
        "more a100-spot in dev is taken than the grant gives there; take 1 less: nobody would have the rest",
    ),
    Case(
        "grants_take_no_more_than_they_give",
        grant(
            MUCH,
            taken=f"{OF_CV.replace('2}', '1, cpu: 60}')}, {OF_CV.replace('cv', 'nlq').replace('2}', '0, cpu: 8}')}",
        ),
        "error grant.yaml:6 takenFrom[1].cpu",
        "more cpu with a100-spot in dev is taken than the grant gives there; take 4500m less",
    ),
    Case(
        "grants_take_what_is_there",
        grant(MUCH, taken=OF_CV.replace("2}", "9}")),
        "error grant.yaml:6 takenFrom[0].devices",
        "team cv has 8 a100-spot of its own in dev, and grants take 9 of it; take less",
    ),
    Case(
        "grants_take_what_is_there",
        grant(MUCH, taken=OF_CV.replace("2}", "0, cpu: 64500m}"), other=SMALL),
        "error grant.yaml:6 takenFrom[0].cpu",
        "team cv has 4 cpu of its own in dev, and grants take 64500m of it",
    ),
    Case(
        "grants_take_what_is_there",
        grant(MUCH, taken=OF_CV.replace("2}", "0, memory: 300Gi}")),
        "error grant.yaml:6 takenFrom[0].memory",
        "team cv has 256Gi memory of its own in dev, and grants take 300Gi of it",
    ),
    Case(
        "grants_take_what_is_there",
        grant(MUCH, OF_CV.replace("2}", "5}")) | another(MUCH, OF_CV.replace("2}", "5}")),
        "error one.yaml:6 takenFrom[0].devices",
        "team cv has 8 a100-spot of its own in dev, and grants take 10 of it",
    ),
    Case(
        "grants_take_what_is_there",
        grant(MUCH, OF_CV.replace("2}", "10}")) | another(team="cv"),
        "error grant.yaml:6 takenFrom[0].devices",
        "team cv has 8 a100-spot of its own in dev, and grants take 10 of it",
    ),
    Case(
        "grants_that_are_over_are_taken_out",
        grant(more="until: 2027-01-01T00:00:00Z\n"),
        "warning grant.yaml:5 until",
        "the grant has ended on 2027-01-01T00:00:00Z, and still counts; remove grant.yaml, or the document in it",
    ),
    Case(
        "devices_are_not_promised_twice",
        grant(HERE.replace("2", "20")),
        "error cluster.yaml:12 nodePools[0].maxNodes",
        "lower the guarantees (nlp 28, cv 8), end a grant (more in grant.yaml) or raise maxNodes",
    ),
    Case(
        "cpu_and_memory_are_not_promised_twice",
        grant(HERE.replace("2}", "2, cpu: 300, memory: 4Ti}")),
        "error cluster.yaml:5 nodePools",
        "lower the guarantees (most: nlp, cv), end a grant (more in grant.yaml), raise maxNodes",
    ),
    Case(
        "memory_is_in_the_unit_meant",
        grant(HERE.replace("2}", "2, memory: 8Mi}")),
        "warning grant.yaml:5 gpus[0].memory",
        "with less than 16Mi hardly a container starts",
    ),
    # names
    Case(
        "documents_have_names_of_their_own",
        tiny(team2=TEAM),
        "error team2.yaml:2 name",
        'the name "nlp" is taken by another document of this kind in team.yaml',
    ),
    Case("team_namespaces_are_free", team("nlp", "kube-nlp"), "error team.yaml:2 name", "belongs to the system"),
    Case("team_namespaces_are_free", team("nlp", "monitoring"), "error team.yaml:2 name", "belongs to the system"),
    Case(
        "team_namespaces_are_free",
        tiny(svc="kind: SharedService\nname: s\nnamespace: nlp\nports: [{port: 1}]\n"),
        "error team.yaml:2 name",
        "already that of the shared service s",
    ),
    Case(
        "team_namespaces_are_free",
        tiny(platform=PLATFORM + "exemptNamespaces: [nlp]\n"),
        "error team.yaml:2 name",
        "policies leave alone",
    ),
    Case(
        "team_namespaces_are_free",
        team("costCenter: cc-1", "costCenter: cc-1\nnamespaces: [nlp, kube-nlp]"),
        "error team.yaml:4 namespaces[1]",
        "belongs to the system",
    ),
    Case(
        "team_namespaces_are_one_teams",
        team("costCenter: cc-1", "costCenter: cc-1\nnamespaces: [nlp, nlp-serving, nlp]"),
        "error team.yaml:4 namespaces[2]",
        "is given twice",
    ),
    Case(
        "team_namespaces_are_one_teams",
        tiny(
            team=TEAM.replace("costCenter", "namespaces: [serving]\ncostCenter"),
            team2=OTHER_TEAM.replace("costCenter", "namespaces: [cv, serving]\ncostCenter"),
        ),
        "error team2.yaml:3 namespaces[1]",
        'the namespace "serving" is already one of team nlp',
    ),
    Case(
        "team_namespaces_are_one_teams",
        tiny(
            team=TEAM.replace("costCenter", "namespaces: [nlp, cv]\ncostCenter"),
            team2=OTHER_TEAM.replace("costCenter", "namespaces: [vision]\ncostCenter"),
        ),
        "error team.yaml:3 namespaces[1]",
        '"cv" is the name of another team',
    ),
    Case(
        "only_namespaces_of_the_team_are_chosen",
        team(
            "costCenter: cc-1",
            "costCenter: cc-1\npodSecurity: {level: baseline, reason: x, until: 2027-12-31, namespaces: [nlp, nl]}",
        ),
        "error team.yaml:4 podSecurity.namespaces[1]",
        'the team has no namespace "nl"; did you mean "nlp"?',
    ),
    Case(
        "only_namespaces_of_the_team_are_chosen",
        team(
            "costCenter: cc-1",
            "costCenter: cc-1\n"
            "storage: {claims: [{name: d, size: 1Gi, storageClass: fast, namespaces: [nlp-serving]}]}",
        ),
        "error team.yaml:4 storage.claims[0].namespaces[0]",
        'the team has no namespace "nlp-serving"',
    ),
    Case(
        "team_names_differ_by_more_than_dashes",
        tiny(team2=OTHER_TEAM.replace("cv", "n-lp")),
        "warning team2.yaml:2 name",
        "differ only by dashes",
    ),
    Case(
        "clusters_have_contexts_of_their_own",
        tiny(two=CLUSTER.replace("name: dev", "name: two\ncontext: dev")),
        "error two.yaml:3 context",
        "cluster dev uses the same kubeconfig context",
    ),
    Case(
        "names_inside_a_cluster_are_unique",
        rich_cluster("name: own", "name: a100"),
        "error cluster.yaml:21 nodePools[2].name",
        '"a100" is given twice',
    ),
    Case(
        "names_inside_a_cluster_are_unique",
        rich_cluster("{name: some,", "{name: all,"),
        "error cluster.yaml:9 cohorts[1].name",
        '"all" is given twice',
    ),
    Case(
        "flavors_have_names_of_their_own",
        tiny(
            cluster=CLUSTER
            + "  - {name: b, accelerator: a100-spot, capacityType: reserved, cpu: 1, memory: 1Gi, maxNodes: 1}\n"
            "  - {name: c, accelerator: a100, capacityType: spot, dedicatedTo: reserved,"
            " cpu: 1, memory: 1Gi, maxNodes: 1}\n",
            acc="kind: Accelerator\nname: a100-spot\nvendor: nvidia\nproduct: P\nresourceName: example.com/p\n"
            "memory: 1Gi\narchitecture: A\ntaintKey: t\n",
            team2=OTHER_TEAM.replace("cv", "reserved"),
        ),
        "error cluster.yaml:14 nodePools[2].name",
        'two different flavors would both be named "a100-spot-reserved"',
    ),
    Case(
        "pool_labels_are_the_pools_own",
        cluster("maxNodes: 4\n", "maxNodes: 4\n    labels: {allotment.dev/capacity-type: spot}\n"),
        'error cluster.yaml:13 nodePools[0].labels["allotment.dev/capacity-type"]',
        "follows from the pool's own fields",
    ),
    Case(
        "pool_labels_are_the_pools_own",
        cluster("maxNodes: 4\n", "maxNodes: 4\n    taints: [{key: allotment.dev/dedicated, value: nlp}]\n"),
        "error cluster.yaml:13 nodePools[0].taints[0]",
        "follows from dedicatedTo",
    ),
    # clusters
    Case(
        "pools_make_sense",
        tiny(cluster="kind: Cluster\nname: dev\npurpose: development\nregion: x\nnodePools: []\n"),
        "error cluster.yaml:5 nodePools",
        "no node pool",
    ),
    Case(
        "pools_make_sense",
        cluster("accelerator: a100", "accelerator: a100-80gb"),
        "error cluster.yaml:7 nodePools[0].accelerator",
        'did you mean "a100"?',
    ),
    Case(
        "pools_make_sense",
        rich_cluster("{name: system,", "{name: system, acceleratorsPerNode: 2,"),
        "error cluster.yaml:11 nodePools[0].acceleratorsPerNode",
        "the pool names no accelerator",
    ),
    Case(
        "pools_make_sense",
        cluster("acceleratorsPerNode: 8", "acceleratorsPerNode: 0"),
        "error cluster.yaml:8 nodePools[0].acceleratorsPerNode",
        "whose nodes have none",
    ),
    Case(
        "pools_make_sense",
        cluster("maxNodes: 4", "maxNodes: 4\n    minNodes: 5"),
        "error cluster.yaml:12 nodePools[0].maxNodes",
        "write 5 or more",
    ),
    Case(
        "pools_make_sense",
        cluster("maxNodes: 4", "maxNodes: 4\n    pods: 7"),
        "warning cluster.yaml:13 nodePools[0].pods",
        "a node offers 8 devices but only 7 pods",
    ),
    Case(
        "leader_worker_sets_queue_as_pods",
        cluster("region: local", "region: local\nfeatures: [jobset, leaderworkerset]"),
        "error cluster.yaml:5 features",
        "add pod-integration",
    ),
    Case(
        "slices_come_from_whole_devices",
        tiny(
            cluster=CLUSTER
            + "  - {name: mig, accelerator: a100-1g-10gb, acceleratorsPerNode: 20, cpu: 1, memory: 1Gi, maxNodes: 1}\n"
        ),
        "warning cluster.yaml:13 nodePools[1].acceleratorsPerNode",
        "write a multiple of 7",
    ),
    Case(
        "dedicated_pools_have_a_team",
        rich_cluster("dedicatedTo: cv", "dedicatedTo: cvv"),
        "error cluster.yaml:21 nodePools[2].dedicatedTo",
        'there is no team "cvv"; did you mean "cv"?',
    ),
    Case(
        "dedicated_pools_have_a_team",
        rich()
        | {
            "two.yaml": CLUSTER.replace("name: dev", "name: two")
            + "  - {name: own, cpu: 1, memory: 1Gi, maxNodes: 1, dedicatedTo: cv}\n"
        },
        "warning two.yaml:13 nodePools[1].dedicatedTo",
        'team "cv" has no placement in this cluster',
    ),
    Case(
        "open_namespaces_are_teams",
        rich_cluster("flavorOrder", "withoutNetworkPolicies: [cv]\nflavorOrder"),
        "warning cluster.yaml:6 withoutNetworkPolicies[0]",
        "whatever runs in the cluster reaches its pods",
    ),
    Case(
        "open_namespaces_are_teams",
        rich_cluster("flavorOrder", "withoutNetworkPolicies: [cvv]\nflavorOrder"),
        "error cluster.yaml:6 withoutNetworkPolicies[0]",
        'no team has the namespace "cvv" in this cluster',
    ),
    Case(
        "cohorts_are_trees",
        rich_cluster("parent: all", "parent: al"),
        "error cluster.yaml:9 cohorts[1].parent",
        'there is no cohort "al" in this cluster; did you mean "all"?',
    ),
    Case(
        "cohorts_are_trees",
        rich_cluster("- name: all", "- {name: all, parent: some}"),
        "error cluster.yaml:8 cohorts[0].parent",
        'the cohort "all" is its own ancestor',
    ),
    Case(
        "flavor_order_names_flavors",
        rich_cluster("[a100-spot]", "[a100-spott]"),
        "error cluster.yaml:6 flavorOrder[0]",
        'did you mean "a100-spot"?',
    ),
    Case(
        "flavor_order_names_flavors",
        rich_cluster("[a100-spot]", "[a100-spot, a100-spot]"),
        "error cluster.yaml:6 flavorOrder[1]",
        "twice",
    ),
    *(
        Case(
            "further_resources_are_further",
            rich_cluster("region: local", f"region: local\nfurtherResources: [{names}]"),
            f"error cluster.yaml:5 furtherResources[{index}]",
            what,
        )
        for names, index, what in (
            ("memory", 0, "counted in every cluster"),
            ("nvidia.com/mig-1g.5gb", 0, "is an accelerator's"),
            ("rdma/hca, rdma/hca", 1, "named twice"),
        )
    ),
    *(
        Case(check, with_cluster_line(f"names: {{{names}}}"), f"error cluster.yaml:13 names.{field}", what)
        for check, names, field, what in (
            ("chosen_names_are_of_flavors", "flavors: {a100: x}", "flavors.a100", 'no flavor "a100"'),
            ("chosen_names_are_of_flavors", "flavors: {cpu: a100-spot}", "flavors.cpu", "is that of flavor a100-spot"),
            ("chosen_names_are_of_flavors", "flavors: {a100-spot: cpu}", "flavors.a100-spot", "is that of flavor cpu"),
            ("chosen_names_are_of_flavors", "flavors: {cpu: h100}", "flavors.cpu", "the name of another accelerator"),
            ("chosen_names_are_of_queues", "queues: {cv: x}", "queues.cv", 'no queue of a team "cv"'),
            ("chosen_names_are_of_queues", "queues: {shared: x}", "queues.shared", 'no queue of a team "shared"'),
        )
    ),
    Case(
        "chosen_names_are_of_queues",
        tiny(cluster=CLUSTER + "names: {queues: {nlp: cv}}\n", team2=OTHER_TEAM),
        "error cluster.yaml:13 names.queues.nlp",
        'the name "cv" is that of cv\'s queue',
    ),
    *(
        Case(
            "warned_namespaces_have_policies",
            rich_cluster("region: local", f"region: local\nwarnNamespaces: [{names}]"),
            f"warning cluster.yaml:5 warnNamespaces[{index}]",
            what,
        )
        for names, index, what in (
            ("kube-system", 0, "no policy touches"),
            ("gpu-operator", 0, "no policy touches"),
            ("legacy, legacy", 1, "named twice"),
        )
    ),
    Case(
        "overrides_meet_placements",
        rich_cluster("    nlp: {weight: 2}", "    nlpp: {weight: 2}"),
        "error cluster.yaml:25 overrides.teams.nlpp",
        'did you mean "nlp"?',
    ),
    Case(
        "overrides_meet_placements",
        tiny(two=CLUSTER.replace("name: dev", "name: two") + "overrides: {teams: {nlp: {weight: 2}}}\n"),
        "error two.yaml:13 overrides.teams.nlp",
        'team "nlp" has no placement in this cluster',
    ),
    Case(
        "weights_have_an_effect",
        rich_cluster("weight: 1.5", "weight: 0"),
        "warning cluster.yaml:9 cohorts[1].weight",
        "borrows only when nobody else wants to",
    ),
    Case(
        "weights_have_an_effect",
        rich_cluster("region: local", "region: local\nfairSharing: false"),
        "warning cluster.yaml:10 cohorts[1].weight",
        "set fairSharing: true",
    ),
    Case(
        "weights_have_an_effect",
        rich_cluster("region: local", "region: local\nqueueLayout: shared"),
        "warning cluster.yaml:8 cohorts",
        "no effect with one shared queue",
    ),
    Case(
        "ids_are_one_teams",
        tiny(team=TEAM.replace("name: nlp", "name: language\nid: nlp"), zteam=TEAM.replace("[nlp]", "[other]")),
        "error zteam.yaml:2 name",
        'clusters know team language by the id "nlp" already',
    ),
    Case(
        "ids_are_one_teams",
        tiny(team=TEAM.replace("name: nlp", "name: language\nid: cv"), zteam=OTHER_TEAM + "id: vision\n"),
        "error team.yaml:3 id",
        '"cv" is the name of another team',
    ),
    Case(
        "memory_is_in_the_unit_meant",
        team("memory: 256Gi", "memory: 8Mi"),
        "warning team.yaml:8 placements.dev.memory",
        "8,388,608 bytes",
    ),
    Case(
        "memory_is_in_the_unit_meant",
        team("memory: 256Gi", "memory: {nominal: 256Gi, lendingLimit: 512k}"),
        "warning team.yaml:8 placements.dev.memory.lendingLimit",
        "512,000 bytes",
    ),
    Case(
        "memory_is_in_the_unit_meant",
        team("costCenter", "storage: {total: 128Ki}\ncostCenter"),
        "warning team.yaml:3 storage.total",
        "write the unit that is meant",
    ),
    Case(
        "memory_is_in_the_unit_meant",
        team("costCenter", "containerDefaults: {requests: {memory: 4Mi}}\ncostCenter"),
        "warning team.yaml:3 containerDefaults.requests.memory",
        "hardly a container starts",
    ),
    Case(
        "kueue_serves_the_api",
        with_cluster_line("versions: {kueue: 0.14.9}\nkueueApi: v1beta2"),
        "error cluster.yaml:14 kueueApi",
        "Kueue 0.14.9 does not serve v1beta2",
    ),
    Case(
        "kueue_serves_the_api",
        with_cluster_line("versions: {kueue: 0.20.1}\nkueueApi: v1beta1"),
        "error cluster.yaml:14 kueueApi",
        "no longer serves v1beta1",
    ),
    Case(
        "kubernetes_knows_our_policies",
        with_cluster_line("versions: {kubernetes: 1.29.4}"),
        "warning cluster.yaml:13 versions.kubernetes",
        "ValidatingAdmissionPolicy",
    ),
    Case(
        "production_clusters_are_identical",
        two_clusters("purpose: serving\nversions: {cuda: 12.4}", "purpose: serving\nversions: {cuda: 12.6}"),
        "warning two.yaml:4 versions.cuda",
        "12.6 here, 12.4 in one",
    ),
    Case(
        "development_is_at_most_one_ahead",
        two_clusters(
            "purpose: serving\nversions: {kubernetes: 1.34.1}", "purpose: development\nversions: {kubernetes: 1.36.0}"
        ),
        "warning two.yaml:4 versions.kubernetes",
        "more than one minor ahead of production (1.34)",
    ),
    # teams
    Case(
        "placements_name_clusters",
        tiny(team="kind: Team\nname: nlp\ncostCenter: c\ngroups: {members: [a]}\n"),
        "error team.yaml:1 placements",
        "the team has no cluster",
    ),
    Case(
        "placements_name_clusters",
        team("  dev:", "  dew:"),
        "error team.yaml:6 placements.dew",
        'there is no cluster "dew"; did you mean "dev"?',
    ),
    Case(
        "cohort_quotas_name_flavors",
        cohort_quota("accelerators: {a100-sport: 8}"),
        "error cluster.yaml:13 cohorts[0].quota.accelerators.a100-sport",
        'did you mean "a100-spot"?',
    ),
    Case(
        "cohort_quotas_name_flavors",
        cohort_quota("accelerators: {a100: 8, a100-spot: 1}"),
        "error cluster.yaml:13 cohorts[0].quota.accelerators.a100-spot",
        "mean the same flavor a100-spot",
    ),
    Case(
        "cohort_quotas_name_flavors",
        rich_cluster("- name: all", "- {name: all, quota: {accelerators: {h100-on-demand-cv: 1}}}"),
        "error cluster.yaml:8 cohorts[0].quota.accelerators.h100-on-demand-cv",
        "dedicated to team cv",
    ),
    Case(
        "accelerators_name_flavors",
        team("a100: 8", "a100-sport: 8"),
        "error team.yaml:10 placements.dev.accelerators.a100-sport",
        'did you mean "a100-spot"?',
    ),
    Case(
        "accelerators_name_flavors",
        rich_teams("{a100-spot: 8}", "{h100-on-demand-cv: 1}"),
        "error teams.yaml:40 placements.dev.accelerators.h100-on-demand-cv",
        "dedicated to team cv",
    ),
    Case(
        "accelerators_name_flavors",
        team("a100: 8", "a100: 8\n      a100-spot: 1"),
        "error team.yaml:11 placements.dev.accelerators.a100-spot",
        "mean the same flavor a100-spot",
    ),
    Case(
        "accelerators_name_flavors",
        with_cluster_line("overrides: {teams: {nlp: {accelerators: {t4: 1}}}}"),
        "error cluster.yaml:13 overrides.teams.nlp.accelerators.t4",
        'cluster dev has no accelerator or flavor "t4" for team nlp',
    ),
    Case(
        "quotas_name_accelerators",
        team("    cpu: 64", "    namespaceQuota: {accelerators: {t4: 1}}\n    cpu: 64"),
        "error team.yaml:7 placements.dev.namespaceQuota.accelerators.t4",
        "choose one of: a100",
    ),
    Case(
        "quotas_name_accelerators",
        team("    cpu: 64", "    namespaceQuota: {objects: {secret: 1}}\n    cpu: 64"),
        "error team.yaml:7 placements.dev.namespaceQuota.objects.secret",
        'did you mean "secrets"?',
    ),
    Case(
        "cohorts_exist",
        team("    cpu: 64", "    cohort: sharde\n    cpu: 64"),
        "error team.yaml:7 placements.dev.cohort",
        'did you mean "shared"?',
    ),
    Case(
        "cohorts_exist",
        team("    cpu: 64", "    cohort: shared\n    standalone: true\n    cpu: 64"),
        "error team.yaml:7 placements.dev.cohort",
        "remove cohort, or standalone",
    ),
    Case(
        "environments_agree",
        team("costCenter: cc-1", "costCenter: cc-1\nenvironments: [production]"),
        "error team.yaml:7 placements.dev",
        "the placement is in development, the team's environments are production",
    ),
    Case(
        "priorities_are_rungs",
        team("costCenter: cc-1", "costCenter: cc-1\npriorities: [exploratori]"),
        "error team.yaml:4 priorities[0]",
        'did you mean "exploratory"?',
    ),
    Case(
        "priorities_are_rungs",
        team("costCenter: cc-1", "costCenter: cc-1\npriorities: [exploratory, exploratory]"),
        "error team.yaml:4 priorities[1]",
        "named twice",
    ),
    Case(
        "somebody_may_use_it",
        team("groups: {members: [nlp]}", "groups: {viewers: [nlp]}"),
        "warning team.yaml:4 groups",
        "nobody can run anything",
    ),
    Case(
        "somebody_may_use_it", team("costCenter: cc-1\n", ""), "warning team.yaml:1 costCenter", "shown as unallocated"
    ),
    Case(
        "storage_fits",
        team("costCenter: cc-1", "costCenter: cc-1\nstorage: {claims: [{name: d, size: 1Gi}]}"),
        "error team.yaml:4 storage.claims[0].storageClass",
        "the directory has no default one",
    ),
    Case(
        "storage_fits",
        team("costCenter: cc-1", "costCenter: cc-1\nstorage: {claims: [{name: d, size: 1Gi, storageClass: fast}]}"),
        "warning team.yaml:4 storage.claims[0].storageClass",
        '"fast" is not declared here',
    ),
    Case(
        "storage_fits",
        rich_teams("total: 2Ti", "total: 1Gi"),
        "error teams.yaml:9 storage.total",
        "the claims ask for more than the total",
    ),
    Case(
        "storage_fits",
        rich_teams("storageClass: files}", "storageClass: files}, {name: data, size: 1Gi}"),
        "error teams.yaml:9 storage.claims[1].name",
        "given twice",
    ),
    Case(
        "container_defaults_are_in_order",
        container_defaults("requests: {cpu: 0}"),
        "error team.yaml:5 containerDefaults.requests.cpu",
        "a default of 0",
    ),
    Case(
        "container_defaults_are_in_order",
        container_defaults("requests: {memory: 4Gi}, limits: {memory: 2Gi}"),
        "error team.yaml:5 containerDefaults.requests.memory",
        "above the default limit of memory",
    ),
    Case(
        "container_defaults_are_in_order",
        container_defaults("limits: {cpu: 9}"),
        "error team.yaml:5 containerDefaults.limits.cpu",
        "above memberLimits.cpu",
    ),
    Case(
        "container_defaults_are_in_order",
        container_defaults("requests: {cpu: 9}"),
        "error team.yaml:5 containerDefaults.requests.cpu",
        "above memberLimits.cpu",
    ),
    # rights
    Case(
        "extra_rules_undo_no_guardrail",
        extra_rule("kueue.x-k8s.io", "localqueues", "list, create"),
        "error team.yaml:5 extraRules.member[0].resources[0]",
        '"localqueues" of kueue.x-k8s.io lets the role change queues and workloads',
    ),
    Case(
        "extra_rules_undo_no_guardrail",
        extra_rule("batch, ray.io", "rayservices, rayclusters/scale", "get, update"),
        "error team.yaml:5 extraRules.member[0].resources[1]",
        "change work that Kueue has admitted",
    ),
    *(
        Case(
            "extra_rules_undo_no_guardrail",
            extra_rule(group, resource, verb),
            "error team.yaml:5 extraRules.member[0].resources[0]",
            f'"{resource}" of {group} lets the role {why}',
        )
        for group, resource, verb, why in (
            ("events.k8s.io", "events", "create", "write what only controllers report"),
            ("events.k8s.io", "events", "patch", "write what only controllers report"),
            ("multicluster.x-k8s.io", "serviceexports", "create", "open a door to the outside"),
            ("multicluster.x-k8s.io", "serviceimports", "update", "open a door to the outside"),
        )
    ),
    Case(
        "extra_rules_undo_no_guardrail",
        extra_rule('""', "pods/exec", "get"),
        "error team.yaml:5 extraRules.member[0].resources[0]",
        "into running pods, which is the right of the groups under exec; remove it",
    ),
    Case(
        "extra_rules_undo_no_guardrail",
        extra_rule("example.com", "things/status", "update"),
        "error team.yaml:5 extraRules.member[0].resources[0]",
        "what only controllers do",
    ),
    Case(
        "extra_rules_give_something",
        extra_rule("ray.io", "rayservices", ""),
        "error team.yaml:5 extraRules.member[0].verbs",
        "gives nothing",
    ),
    Case(
        "extra_rules_give_something",
        team("costCenter: cc-1", "costCenter: cc-1\nextraRules: {viewer: [" + RULE.format("ray.io", "x", "get") + "]}"),
        "warning team.yaml:4 extraRules.viewer",
        'no group has the role "viewer"',
    ),
    Case(
        "exceptions_end",
        exception("2026-12-31"),
        "warning team.yaml:4 podSecurity.until",
        "the exception lapsed on 2026-12-31: the team's namespaces are restricted again",
    ),
    Case(
        "exceptions_end",
        exception("2027-01-15"),
        "warning team.yaml:4 podSecurity.until",
        "the exception ends in 14 days",
    ),
    Case(
        "exceptions_end",
        exception("2027-06-30", "privileged"),
        "warning team.yaml:4 podSecurity.level",
        "privileged pods can take over their node",
    ),
    # rules
    Case(
        "ladder_has_one_default",
        tiny(ladder=LOW + "---\n" + PRIORITY.format("high", 2) + "default: true\n"),
        "error ladder.yaml:9 default",
        '"low" is the default already',
    ),
    Case(
        "ladder_has_one_default",
        tiny(ladder=PRIORITY.format("low", 1)),
        "error ladder.yaml:1 ",
        "no rung of the ladder is the default",
    ),
    Case("ladder_has_one_default", tiny(ladder=LOW + "preempts: true\n"), "warning ladder.yaml:5 preempts", "displace"),
    Case(
        "rungs_differ",
        tiny(ladder=LOW + "---\n" + PRIORITY.format("high", 1)),
        "error ladder.yaml:8 value",
        'the value 1 is already that of "low"',
    ),
    Case(
        "rungs_differ",
        tiny(ladder=LOW.replace("low", "system-low")),
        "error ladder.yaml:2 name",
        "belong to Kubernetes",
    ),
    Case(
        "kinds_of_work_have_one_rule_of_idleness",
        tiny(platform=PLATFORM + "idle: [{name: a, work: [job]}, {name: b}]\n"),
        "error platform.yaml:3 idle[1].work",
        '"a" is the rule of idleness for job already',
    ),
    Case(
        "tiers_name_rungs",
        tiny(tier="kind: SloTier\nname: t\nlatencyP99: 1s\navailability: 99%\ndefaultPriority: exploratry\n"),
        "error tier.yaml:5 defaultPriority",
        'did you mean "exploratory"?',
    ),
    Case(
        "slurms_have_names_of_their_own",
        tiny(hpc=SLURM.replace("hpc", "dev")),
        "error hpc.yaml:2 name",
        'the name "dev" is taken by a Cluster in cluster.yaml',
    ),
    Case(
        "slurms_have_names_of_their_own",
        tiny(hpc=SLURM.replace("hpc", "local")),
        "error hpc.yaml:2 name",
        "local is the machine of whoever submits",
    ),
    Case(
        "slurms_translate_what_is_there",
        tiny(hpc=SLURM + "accounts: {nobodys: lab}\n"),
        "error hpc.yaml:4 accounts.nobodys",
        'the platform has no team "nobodys"',
    ),
    Case(
        "slurms_translate_what_is_there",
        tiny(hpc=SLURM + "qualities:\n  exploratry: low\n"),
        "error hpc.yaml:5 qualities.exploratry",
        'did you mean "exploratory"?',
    ),
    Case(
        "registries_belong_to_their_policy",
        tiny(p="kind: Policy\nname: queue-required\nregistries: [a.example/]\n"),
        "error p.yaml:3 registries",
        "move them to the policy trusted-registries",
    ),
    Case(
        "registries_belong_to_their_policy",
        tiny(p="kind: Policy\nname: trusted-registries\n"),
        "warning p.yaml:1 registries",
        "without registries the policy is off",
    ),
    Case(
        "drivers_belong_to_their_policy",
        tiny(p="kind: Policy\nname: queue-required\ncsiDrivers: [file.csi.azure.com]\n"),
        "error p.yaml:3 csiDrivers",
        "move them to the policy no-side-doors",
    ),
    Case(
        "guests_are_named",
        tiny(team=TEAM + "guests: [gina, 'system:authenticated']\n"),
        "error team.yaml:11 guests[1]",
        "is a name of Kubernetes itself, and no guest",
    ),
    Case(
        "services_have_another_side",
        tiny(s="kind: SharedService\nname: s\nports: [{port: 1}]\n"),
        "error s.yaml:1 namespace",
        "either a namespace or cidrs",
    ),
    Case(
        "services_have_another_side",
        tiny(s="kind: SharedService\nname: s\ncidrs: [10.0.0.0/8]\npodLabels: {a: b}\nports: [{port: 1}]\n"),
        "error s.yaml:4 podLabels",
        "podLabels without a namespace",
    ),
    Case(
        "services_have_another_side",
        tiny(s="kind: SharedService\nname: s\nnamespace: x\nports: []\n"),
        "error s.yaml:4 ports",
        "the opening has no port",
    ),
    Case(
        "groups_are_the_identity_providers",
        team("members: [nlp]", "members: [nlp], viewers: ['system:unauthenticated']"),
        "error team.yaml:4 groups.viewers[0]",
        "holds everybody who has not logged in",
    ),
    Case(
        "groups_are_the_identity_providers",
        team("members: [nlp]", "members: [nlp], exec: ['system:serviceaccounts']"),
        "error team.yaml:4 groups.exec[0]",
        "holds every pod of every team",
    ),
    Case(
        "groups_are_the_identity_providers",
        team("members: [nlp]", "owners: ['system:serviceaccounts:kube-system']"),
        "error team.yaml:4 groups.owners[0]",
        "a group of Kubernetes itself, not of people",
    ),
    Case(
        "groups_are_the_identity_providers",
        tiny(platform=PLATFORM + "adminGroups: ['system:authenticated']\n"),
        "error platform.yaml:3 adminGroups[0]",
        "holds everybody who has logged in, and every pod",
    ),
    Case(
        "groups_are_apart",
        tiny(platform=PLATFORM + "adminGroups: [nlp]\n"),
        "warning team.yaml:4 groups.members[0]",
        "among the engineers too",
    ),
    Case(
        "groups_are_apart",
        change(rich(), "teams.yaml", "{members: [g]}", "{members: [g], exec: [b]}"),
        "warning teams.yaml:38 groups.exec[0]",
        "has rights in team nlp too",
    ),
    Case(
        "metadata_stays_closed",
        tiny(s="kind: SharedService\nname: s\ncidrs: [169.254.169.254/32]\nports: [{port: 80}]\n"),
        "error s.yaml:3 cidrs[0]",
        "can act as its node",
    ),
    Case(
        "metadata_stays_closed",
        tiny(s="kind: SharedService\nname: s\ncidrs: ['fd00::/8']\nports: [{port: 443}]\n"),
        "warning s.yaml:3 cidrs[0]",
        "which stays closed",
    ),
    Case(
        "metadata_stays_closed",
        tiny(s="kind: SharedService\nname: s\ncidrs: [0.0.0.0/0]\nports: [{port: 443}]\n"),
        "warning s.yaml:3 cidrs[0]",
        "metadata address",
    ),
    Case(
        "one_storage_class_is_the_default",
        rich() | {"s.yaml": "kind: StorageClass\nname: b\nprovisioner: p\ndefault: true\n"},
        "error s.yaml:4 default",
        '"files" is the default already',
    ),
    Case(
        "prices_name_accelerators",
        tiny(p="kind: Prices\naccelerators:\n  nvidia-a10g: {spot: 1}\n"),
        "error p.yaml:3 accelerators.nvidia-a10g",
        'did you mean "a10g"?',
    ),
    Case(
        "slices_have_a_device",
        rich()
        | {"rest.yaml": rich()["rest.yaml"].replace("memory: 1Gi", "memory: 1Gi\npartitionOf: a1000\npartitions: 2")},
        "error rest.yaml:7 partitionOf",
        'there is no accelerator "a1000"',
    ),
    Case(
        "slices_have_a_device",
        rich() | {"rest.yaml": rich()["rest.yaml"].replace("memory: 1Gi", "memory: 1Gi\npartitionOf: a100-1g-10gb")},
        "error rest.yaml:7 partitionOf",
        "is a slice itself",
    ),
    Case(
        "slices_have_a_device",
        rich() | {"rest.yaml": rich()["rest.yaml"].replace("memory: 1Gi", "memory: 1Gi\npartitions: 2")},
        "error rest.yaml:7 partitions",
        "2 slices of no device",
    ),
    # books
    Case(
        "devices_are_not_promised_twice",
        tiny(team=TEAM.replace("a100: 8", "a100: 30"), other=OTHER_TEAM),
        "error cluster.yaml:12 nodePools[0].maxNodes",
        "38 devices of a100-spot are guaranteed, the pools can have 32",
    ),
    Case(
        "devices_are_not_promised_twice",
        cluster("capacityType: spot", "capacityType: reserved"),
        "warning cluster.yaml:12 nodePools[0].maxNodes",
        "8 devices of a100-reserved are guaranteed, but only 0 stand at minNodes",
    ),
    Case(
        "devices_are_not_promised_twice",
        change(cohort_quota("accelerators: {a100: 33}"), "team.yaml", "a100: 8", "a100: {nominal: 0}"),
        "error cluster.yaml:12 nodePools[0].maxNodes",
        "33 devices of a100-spot are guaranteed, the pools can have 32; lower the guarantees (cohort all 33)",
    ),
    Case(
        "devices_are_not_promised_twice",
        cluster("    maxNodes: 4", "    minNodes: 2\n    maxNodes: 4"),
        "warning cluster.yaml:12 nodePools[0].minNodes",
        "only 8 are anybody's quota: 8 can be used by nobody, not even by borrowing",
    ),
    Case(
        "cpu_and_memory_are_not_promised_twice",
        cohort_quota("memory: 4Ti"),
        "error cluster.yaml:5 nodePools",
        "lower the guarantees (most: cohort all, nlp)",
    ),
    Case(
        "no_team_can_fill_the_cpu_nodes",
        rich_cluster("maxNodes: 6", "maxNodes: 4"),
        "warning cluster.yaml:10 nodePools",
        "which can have 60 CPU and 224Gi memory; one team alone may fill them (CPU: nlp 72; memory: nlp 256Gi)",
    ),
    Case(
        "no_team_can_fill_the_cpu_nodes",
        rich_cluster("memory: 56Gi", "memory: 40Gi"),
        "warning cluster.yaml:10 nodePools",
        "which can have 90 CPU and 240Gi memory; one team alone may fill them (memory: nlp 256Gi)",
    ),
    Case(
        "no_team_can_fill_the_cpu_nodes",
        rich_teams("costCenter: cc-1", "costCenter: cc-1\nnamespaces: [nlp, nlp-serving]"),
        "warning cluster.yaml:10 nodePools",
        "(CPU: nlp 144; memory: nlp 512Gi)",
    ),
    Case(
        "no_team_can_fill_the_cpu_nodes",
        rich_teams("{pods: 40,", "{pods: 40, requestsCpu: 90,"),
        "warning cluster.yaml:10 nodePools",
        "(CPU: nlp 90)",
    ),
    Case(
        "no_team_can_fill_the_cpu_nodes",
        rich_cluster(
            "minNodes: 1, maxNodes: 6}", "minNodes: 1, maxNodes: 4, taints: [{key: a, effect: PreferNoSchedule}]}"
        ),
        "warning cluster.yaml:10 nodePools",
        "which can have 60 CPU",
    ),
    Case(
        "cpu_and_memory_are_not_promised_twice",
        team("cpu: 64", "cpu: 385"),
        "error cluster.yaml:5 nodePools",
        "385 CPU are guaranteed, the pools can have 384",
    ),
    Case(
        "cpu_and_memory_are_not_promised_twice",
        team("memory: 256Gi", "memory: 5Ti"),
        "error cluster.yaml:5 nodePools",
        "5Ti memory are guaranteed, the pools can have 4Ti",
    ),
    # borrowing
    Case(
        "limits_need_a_cohort",
        team("    cpu: 64", "    standalone: true\n    cpu: {nominal: 64, borrowingLimit: 1}"),
        "error team.yaml:8 placements.dev.cpu.borrowingLimit",
        "a borrowing limit on a queue that stands alone",
    ),
    Case(
        "limits_need_a_cohort",
        tiny(
            cluster=CLUSTER.replace("region: local", "region: local\nqueueLayout: shared"),
            team=TEAM.replace("a100: 8", "a100: {nominal: 8, lendingLimit: 4}"),
        ),
        "warning team.yaml:10 placements.dev.accelerators.a100.lendingLimit",
        "no effect with one shared queue",
    ),
    Case(
        "lending_stays_within_the_guarantee",
        team("a100: 8", "a100: {nominal: 8, lendingLimit: 9}"),
        "error team.yaml:10 placements.dev.accelerators.a100.lendingLimit",
        "above the guarantee",
    ),
    Case(
        "cohorts_with_quota_have_borrowers",
        cohort_quota("cpu: 8"),
        "warning cluster.yaml:13 cohorts[0].quota.cpu",
        "no team of the cohort's tree may borrow CPU, so this can be used by nobody",
    ),
    Case(
        "cohorts_with_quota_have_borrowers",
        change(
            cohort_quota("accelerators: {a100: 8}"), "team.yaml", "a100: 8", "a100: {nominal: 8, borrowingLimit: 0}"
        ),
        "warning cluster.yaml:13 cohorts[0].quota.accelerators",
        "no team of the cohort's tree may borrow a100-spot",
    ),
    Case(
        "somebody_lends_what_may_be_borrowed",
        team("a100: 8", "a100: {nominal: 8, borrowingLimit: 4}"),
        "warning team.yaml:10 placements.dev.accelerators.a100.borrowingLimit",
        "nobody else in the cohort has a100-spot to lend",
    ),
    Case(
        "somebody_lends_what_may_be_borrowed",
        tiny(
            team=TEAM.replace("a100: 8", "a100: {nominal: 8, borrowingLimit: 4}"),
            other=OTHER_TEAM.replace("a100: 8", "a100: {nominal: 8, lendingLimit: 0}"),
        ),
        "warning team.yaml:10 placements.dev.accelerators.a100.borrowingLimit",
        "nothing can be borrowed",
    ),
    Case(
        "somebody_lends_what_may_be_borrowed",
        with_cluster_line("overrides: {teams: {nlp: {accelerators: {a100: {nominal: 8, borrowingLimit: 4}}}}}"),
        "warning cluster.yaml:13 overrides.teams.nlp.accelerators.a100.borrowingLimit",
        "nothing can be borrowed",
    ),
    Case(
        "namespace_quota_leaves_room",
        team("    cpu: 64", "    namespaceQuota: {requestsCpu: 63}\n    cpu: 64"),
        "warning team.yaml:7 placements.dev.namespaceQuota.requestsCpu",
        "below what the queue can give of cpu",
    ),
    Case(
        "namespace_quota_leaves_room",
        team("    cpu: 64", "    namespaceQuota: {limitsMemory: 1Gi}\n    cpu: 64"),
        "warning team.yaml:7 placements.dev.namespaceQuota.limitsMemory",
        "of its own requestsMemory",
    ),
    Case(
        "namespace_quota_leaves_room",
        rich_teams("{pods: 40,", "{pods: 40, accelerators: {a100: 11},"),
        "warning teams.yaml:17 placements.dev.namespaceQuota.accelerators",
        "11 where the queue can give 12",
    ),
    Case(
        "namespaces_hold_devices_once",
        rich_teams("costCenter: cc-1", "costCenter: cc-1\nnamespaces: [nlp, nlp-serving]"),
        "warning teams.yaml:18 placements.dev.namespaceQuota.accelerators",
        "dev does not enforce queue-required, and work past the queue may hold 24 nvidia.com/gpu in 2 namespaces, "
        "where the queue can give 12",
    ),
    Case(
        "pods_can_use_the_quota",
        rich_teams("pods: 40", "pods: 1"),
        "warning teams.yaml:17 placements.dev.namespaceQuota.pods",
        "1 pods of 8 devices reach 8 of 12 devices",
    ),
    Case(
        "weights_have_an_effect",
        team("    cpu: 64", "    weight: 0\n    cpu: 64"),
        "warning team.yaml:7 placements.dev.weight",
        "the team borrows only when nobody else wants to",
    ),
    Case(
        "weights_have_an_effect",
        team("    cpu: 64", "    weight: 2\n    standalone: true\n    cpu: 64"),
        "warning team.yaml:7 placements.dev.weight",
        "a weight without a cohort has no effect",
    ),
    Case(
        "weights_have_an_effect",
        tiny(
            cluster=CLUSTER.replace("region: local", "region: local\nfairSharing: false"),
            team=TEAM.replace("    cpu: 64", "    weight: 2\n    cpu: 64"),
        ),
        "warning team.yaml:7 placements.dev.weight",
        "a weight without fair sharing has no effect",
    ),
    # fit
    Case(
        "isolated_teams_have_their_pool",
        team("costCenter: cc-1", "costCenter: cc-1\nisolation: node-pool"),
        "error team.yaml:7 placements.dev",
        "add dedicatedTo: nlp to a node pool there",
    ),
    Case(
        "isolated_teams_have_their_pool",
        rich_teams("{h100: 4}", "{h100: 4, a100: 1}"),
        "error teams.yaml:25 placements.dev.accelerators.a100",
        "a100-spot is shared, but the team's isolation is node-pool",
    ),
    Case(
        "separate_teams_are_alone",
        tiny(team=TEAM.replace("costCenter", "isolation: cluster\ncostCenter"), other=OTHER_TEAM),
        "error team.yaml:7 placements.dev",
        "isolation cluster, but cv is placed in dev too",
    ),
    Case(
        "quota_can_be_used",
        team("costCenter: cc-1", "costCenter: cc-1\nmemberLimits: {accelerators: 0}"),
        "warning team.yaml:4 memberLimits.accelerators",
        "no pod may have a device",
    ),
    Case(
        "quota_can_be_used",
        team("a100: 8", "a100: {nominal: 0, borrowingLimit: 0}"),
        "warning team.yaml:10 placements.dev.accelerators.a100",
        "nothing of a100-spot is guaranteed and nothing can be borrowed",
    ),
    Case(
        "work_finds_a_node",
        team("\n    accelerators:\n      a100: 8", ""),
        "warning team.yaml:6 placements.dev",
        "no node of dev takes work without accelerators, and the team has none there; nothing of the team can run",
    ),
    Case(
        "work_finds_a_node",
        tiny(
            cluster=CLUSTER + "  - {name: cpu, cpu: 96, memory: 1Ti, maxNodes: 4, dedicatedTo: nlp}\n",
            other=OTHER_TEAM.replace("\n    accelerators:\n      a100: 8", ""),
        ),
        "warning other.yaml:6 placements.dev",
        "no node of dev takes work without accelerators",
    ),
    Case(
        "member_limits_fit_a_node",
        team("costCenter: cc-1", "costCenter: cc-1\nmemberLimits: {accelerators: 9}"),
        "warning team.yaml:4 memberLimits.accelerators",
        "the team's largest node has 8",
    ),
    Case(
        "production_services_do_not_vanish",
        tiny(
            cluster=CLUSTER.replace("purpose: development", "purpose: serving"),
            team=TEAM.replace("costCenter", "priorities: [production-inference]\ncostCenter"),
        ),
        "warning team.yaml:11 placements.dev.accelerators.a100",
        "services of tier",
    ),
    Case(
        "prices_are_in_the_currency",
        euros(),
        "warning platform.yaml:3 currency",
        "the catalogue's prices are in USD and do not count in EUR: no price of a100; write your own",
    ),
    Case(
        "prices_are_in_the_currency",
        euros(prices="kind: Prices\naccelerators: {a100: {on-demand: 3}, h100: {spot: 1}}\n"),
        "warning platform.yaml:3 currency",
        "do not count in EUR: no price of a100",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.words[:40]}")
def test_problem_is_told_where_it_is(case):
    problems = problems_of(case.files, TODAY)
    told = [f"{p.severity} {p.file}:{p.line} {p.field}" for p in problems if case.words in f"{p.what}; {p.fix}"]
    assert case.at in told, "\n".join(map(str, problems))
    assert all(problem.what and problem.fix for problem in problems)


def test_every_check_has_a_case():
    named = {check.__name__ for check in (*DECLARED_CHECKS, *PLACED_CHECKS)}
    assert named == {case.check for case in CASES}


@pytest.mark.parametrize("files", [tiny(), rich()], ids=["tiny", "rich"])
def test_the_unchanged_directories_have_no_problems(files):
    assert problems_of(files) == ()


QUIET = {
    "a pool without nodes": tiny(
        cluster=CLUSTER
        + "  - {name: soon, accelerator: h100, acceleratorsPerNode: 8, cpu: 96, memory: 1Ti, maxNodes: 0}\n"
    ),
    "quotas that are enough in all namespaces together": change(
        rich_teams("costCenter: cc-1", "costCenter: cc-1\nnamespaces: [nlp, nlp-serving]"),
        "teams.yaml",
        "{pods: 40,",
        "{pods: 1, requestsCpu: 36, requestsMemory: 128Gi, accelerators: {a100: 6},",
    ),
    "a node-local DNS cache": tiny(
        dns="kind: SharedService\nname: dns\ncidrs: [169.254.20.10/32]\nports: [{port: 53, protocol: UDP}]\n"
    ),
    "one shared queue, and amounts without limits": with_cluster_line("queueLayout: shared"),
    "auditors who see two teams": tiny(
        team=TEAM.replace("[nlp]", "[nlp], viewers: [audit]"),
        other=OTHER_TEAM.replace("[cv]", "[cv], viewers: [audit]").replace("a100: 8", "a100: 1"),
    ),
    "the first Kueue with cohorts": with_cluster_line("versions: {kueue: 0.13.0}"),
    "several namespaces": team("costCenter: cc-1", "costCenter: cc-1\nnamespaces: [nlp-training, nlp-serving]"),
    "defaults up to the most of a pod": container_defaults("requests: {cpu: 8}, limits: {cpu: 8, memory: 1Ti}"),
    "an exception that ends far from now": exception("2027-01-16"),
    "a cohort's quota that can be borrowed": cohort_quota("accelerators: {a100: 8}"),
    "a limit that the cohort's own quota fills": change(
        cohort_quota("accelerators: {a100: 8}"), "team.yaml", "a100: 8", "a100: {nominal: 8, borrowingLimit: 4}"
    ),
    "standing devices that a cohort lends": change(
        cohort_quota("accelerators: {a100: 8}"), "cluster.yaml", "    maxNodes: 4", "    minNodes: 2\n    maxNodes: 4"
    ),
    "CPU nodes that one team alone is on": cluster(
        "nodePools:\n", "nodePools:\n  - {name: cpu, cpu: 1, memory: 1Gi, maxNodes: 1}\n"
    ),
    "another currency with its own prices": euros(prices="kind: Prices\naccelerators: {a100: {spot: 1}}\n"),
    "another currency, and a price of the pool": change(
        euros(), "cluster.yaml", "    maxNodes: 4", "    maxNodes: 4\n    pricePerHour: 9"
    ),
    "another currency, and an accelerator of one's own": euros(
        own="kind: Accelerator\nname: a100\nvendor: nvidia\nproduct: A\n"
        "architecture: Ampere\nmemory: 80Gi\nresourceName: nvidia.com/gpu\n"
        "taintKey: nvidia.com/gpu\npricePerHour: {spot: 1}\n"
    ),
    "no CPU nodes at all": tiny(other=OTHER_TEAM),
    "a grant of what is nobody's": grant(),
    "a grant that ends today": grant(more="until: 2027-01-01T00:00:01Z\n"),
    "a grant of all that another team has": grant(
        HERE.replace("2}", "8, cpu: 64}"),
        taken=OF_CV.replace("2}", "8, cpu: 64}"),
        other=OTHER_TEAM.replace("a100: 8", "a100: {nominal: 8, borrowingLimit: 0}"),
    ),
    "two grants that take of the same": grant(taken=OF_CV) | another(taken=OF_CV),
    "gates of which each takes less than the one before": gates(
        "kinds: [gpus], environments: [development], devices: {most: 7}, belowPrice: 9, route: at-once",
        "kinds: [gpus], devices: {most: 7}, belowPrice: 9, route: at-once",
        "kinds: [gpus], devices: {most: 7}, undoneWithin: 1h, route: at-once",
        "kinds: [gpus], devices: {most: 7}, withinBudget: true, route: at-once",
        "kinds: [gpus], devices: {most: 7}, route: leads",
        "kinds: [gpus], workloads: [training], route: leads",
        "kinds: [gpus], route: leads",
        "route: leads",
    ),
    "absences one after the other": absences(
        f"user: a, delegate: b, {WEEK}", "user: a, delegate: c, from: 2027-01-08T00:00:00Z, until: 2027-01-09T00:00:00Z"
    ),
    "budgets alone": tiny(approvals="kind: Approvals\nbudgets: {nlp: 20000}\n"),
    "a team without accelerators that has CPU nodes of its own": tiny(
        cluster=CLUSTER + "  - {name: cpu, cpu: 96, memory: 1Ti, maxNodes: 4, dedicatedTo: nlp}\n",
        team=TEAM.replace("\n    accelerators:\n      a100: 8", ""),
    ),
}


@pytest.mark.parametrize("files", QUIET.values(), ids=QUIET)
def test_what_is_in_order_is_not_told(files):
    assert problems_of(files, TODAY) == ()
