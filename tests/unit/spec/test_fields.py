"""Errors of single documents: unknown fields, wrong types, values that cannot be; and secrets that stay unsaid."""

from __future__ import annotations

import pytest

from allotment.spec.problems import LONGEST_ECHO, InvalidPlatformError
from tests.unit.spec.trees import CLUSTER, PLATFORM, TEAM, errors_of, load, problems_of, tiny


def team(old: str, new: str) -> dict[str, str]:
    assert old in TEAM
    return tiny(team=TEAM.replace(old, new, 1))


def cluster(old: str, new: str) -> dict[str, str]:
    assert old in CLUSTER
    return tiny(cluster=CLUSTER.replace(old, new, 1))


def extra(text: str) -> dict[str, str]:
    return tiny(extra=text)


ONE_ERROR = [
    (
        "unknown field",
        team("costCenter", "costCentre"),
        "team.yaml:3 costCentre",
        "unknown field",
        'did you mean "costCenter"?',
    ),
    (
        "unknown field deep inside",
        team("a100: 8", "a100: {nominal: 8, borowingLimit: 2}"),
        "team.yaml:10 placements.dev.accelerators.a100.borowingLimit",
        "unknown field",
        'did you mean "borrowingLimit"?',
    ),
    (
        "unknown field of a list's item",
        cluster("maxNodes", "maxNode"),
        "cluster.yaml:12 nodePools[0].maxNode",
        "unknown field",
        'did you mean "maxNodes"?',
    ),
    (
        "snake case is not camel case",
        team("costCenter", "cost_center"),
        "team.yaml:3 cost_center",
        "unknown",
        "costCenter",
    ),
    (
        "enum typo",
        cluster("purpose: development", "purpose: developmnt"),
        "cluster.yaml:3 purpose",
        "not known",
        '"development"',
    ),
    (
        "enum in a list",
        cluster("region: local", "region: local\nfeatures: [draa]"),
        "cluster.yaml:5 features[0]",
        "not known",
        '"dra"',
    ),
    (
        "unknown kind",
        extra("kind: Teem\nname: x\n"),
        "extra.yaml:1 kind",
        'unknown kind "Teem"',
        'did you mean "Team"?',
    ),
    ("no kind", extra("name: x\n"), "extra.yaml:1 kind", "no kind", "choose one of"),
    (
        "GPUs of a team",
        tiny(team=TEAM.replace("    cpu: 64", "    gpu: 8\n    cpu: 64")),
        "team.yaml:7 placements.dev.gpu",
        'unknown field "gpu"',
        'did you mean "accelerators"?',
    ),
    (
        "GPUs of a pool",
        tiny(cluster=CLUSTER.replace("    cpu: 96", "    gpus: 8\n    cpu: 96")),
        "cluster.yaml:10 nodePools[0].gpus",
        'unknown field "gpus"',
        'did you mean "acceleratorsPerNode"?',
    ),
    (
        "a letter too many is likelier than another mapping",
        tiny(cluster=CLUSTER.replace("    cpu: 96", "    accelerators: a100\n    cpu: 96")),
        "cluster.yaml:10 nodePools[0].accelerators",
        'unknown field "accelerators"',
        'did you mean "accelerator"?',
    ),
    (
        "foreign YAML",
        extra("apiVersion: v1\nkind: ConfigMap\n"),
        "extra.yaml:2 kind",
        'unknown kind "ConfigMap"',
        "left out by `include`",
    ),
    ("a foreign list", extra("- a\n"), "extra.yaml:1 ", "a list where a mapping belongs", "left out by `include`"),
    ("no mapping", extra("- a\n- b\n"), "extra.yaml:1 ", "a list where a mapping belongs", "kind"),
    (
        "other version",
        extra("kind: Priority\napiVersion: v2\nname: x\nvalue: 1\n"),
        "extra.yaml:2 apiVersion",
        '"v2"',
        "allotment.dev/v1alpha1",
    ),
    (
        "missing field",
        cluster("region: local\n", ""),
        "cluster.yaml:1 region",
        'the field "region" is missing',
        "The provider's region",
    ),
    (
        "text for a list",
        team("members: [nlp]", "members: nlp"),
        "team.yaml:4 groups.members",
        "where a list belongs",
        "- item",
    ),
    (
        "nothing for a list",
        team("{members: [nlp]}", "{members: }"),
        "team.yaml:4 groups.members",
        "nothing where a list belongs",
        "[]",
    ),
    (
        "text for a mapping",
        team("groups: {members: [nlp]}", "groups: nlp"),
        "team.yaml:4 groups",
        "where a mapping belongs",
        "indented",
    ),
    (
        "list for a text",
        team("costCenter: cc-1", "costCenter: [a]"),
        "team.yaml:3 costCenter",
        "a list where a single value",
        "one value",
    ),
    (
        "capitals in a name",
        team("name: nlp", "name: NLP"),
        "team.yaml:2 name",
        '"NLP" is no Kubernetes name',
        "lower-case",
    ),
    (
        "double dash in a name",
        team("name: nlp", "name: n--lp"),
        "team.yaml:2 name",
        "keeps for joined names",
        "single dashes",
    ),
    ("hash mark in a name", team("name: nlp", "name: x-nlp"), "team.yaml:2 name", "joined names", "another beginning"),
    ("label value", team("cc-1", "cc 1"), "team.yaml:3 costCenter", "cannot be the value of a label", "dashes"),
    (
        "not a quantity",
        team("256Gi", "256Gb"),
        "team.yaml:8 placements.dev.memory.nominal",
        '"256Gb" is no amount of memory',
        "256Gi",
    ),
    (
        "memory without unit",
        team("256Gi", "800"),
        "team.yaml:8 placements.dev.memory.nominal",
        '"800" has no unit of memory, and would be 800 bytes',
        "write 800Gi",
    ),
    (
        "a Kueue without cohorts",
        cluster("region: local", "region: local\nversions: {kueue: 0.12.3}"),
        "cluster.yaml:5 versions.kueue",
        "does not serve the kind Cohort",
        "upgrade Kueue",
    ),
    (
        "memory as many bytes",
        team("256Gi", "1e12"),
        "team.yaml:8 placements.dev.memory.nominal",
        "would be 1000000000000 bytes",
        "write 953675Mi",
    ),
    (
        "memory in powers of ten",
        team("256Gi", "8e1"),
        "team.yaml:8 placements.dev.memory.nominal",
        "would be 80 bytes",
        "write 80Gi",
    ),
    (
        "memory in thousandths",
        team("256Gi", "800m"),
        "team.yaml:8 placements.dev.memory.nominal",
        "would be 1 byte",
        "write 800Mi",
    ),
    (
        "a pool's memory without unit",
        cluster("memory: 1Ti", "memory: 64"),
        "cluster.yaml:11 nodePools[0].memory",
        '"64" has no unit of memory',
        "write 64Gi",
    ),
    (
        "containerDefaults without unit",
        team("costCenter", "containerDefaults: {requests: {memory: 4}}\ncostCenter"),
        "team.yaml:3 containerDefaults.requests.memory",
        '"4" has no unit of memory',
        "write 4Gi",
    ),
    (
        "negative quantity",
        team("cpu: 64", "cpu: -64"),
        "team.yaml:7 placements.dev.cpu.nominal",
        "no amount of CPU",
        "500m",
    ),
    (
        "digits of another script",
        team("cpu: 64", "cpu: \u0666"),
        "team.yaml:7 placements.dev.cpu.nominal",
        "no amount of CPU",
        "500m",
    ),
    (
        "boolean of YAML 1.1",
        cluster("region: local", "region: local\nfairSharing: yes"),
        "cluster.yaml:5 fairSharing",
        '"yes"',
        "true or false",
    ),
    (
        "hexadecimal",
        cluster("maxNodes: 4", "maxNodes: 0x4"),
        "cluster.yaml:12 nodePools[0].maxNodes",
        '"0x4" is no whole number',
        "digits",
    ),
    (
        "fraction of a device",
        team("a100: 8", "a100: 0.5"),
        "team.yaml:10 placements.dev.accelerators.a100.nominal",
        "no whole number",
        "8",
    ),
    (
        "negative weight",
        team("    cpu", "    weight: -1\n    cpu"),
        "team.yaml:7 placements.dev.weight",
        "no number of 0 or more",
        "1.5",
    ),
    (
        "weight with 4 decimals",
        team("    cpu", "    weight: 1.2345\n    cpu"),
        "team.yaml:7 placements.dev.weight",
        "3 decimals",
        "round",
    ),
    (
        "priority too high",
        extra("kind: Priority\nname: a\nvalue: 1000000001\n"),
        "extra.yaml:3 value",
        "more than a billion",
        "meant",
    ),
    (
        "currency",
        tiny(platform=PLATFORM + "currency: dollars\n"),
        "platform.yaml:3 currency",
        "no currency code",
        "USD",
    ),
    (
        "version",
        cluster("region: local", "region: local\nversions: {kubernetes: latest}"),
        "cluster.yaml:5 versions.kubernetes",
        "no version",
        "1.29.4",
    ),
    (
        "page without its scheme",
        tiny(platform=PLATFORM + "helpPage: wiki.acme.example/gpu\n"),
        "platform.yaml:3 helpPage",
        "no address of a page",
        "https://wiki.example/gpu",
    ),
    (
        "page of two hundred characters and more",
        tiny(platform=PLATFORM + f"helpPage: https://{'w' * 200}.example\n"),
        "platform.yaml:3 helpPage",
        "no address of a page",
        "up to 200 characters",
    ),
    (
        "date",
        tiny(team=TEAM + "offboarding: {keepDataUntil: 31.1.2027}\n"),
        "team.yaml:11 offboarding.keepDataUntil",
        "no date",
        "2027-01-31",
    ),
    (
        "bits beyond the prefix",
        extra("kind: SharedService\nname: s\ncidrs: [10.1.2.3/16]\nports: [{port: 1}]\n"),
        "extra.yaml:3 cidrs[0]",
        "bits set",
        "10.1.0.0/16",
    ),
    (
        "no address range",
        extra("kind: SharedService\nname: s\ncidrs: [10.1.2.300/16]\nports: [{port: 1}]\n"),
        "extra.yaml:3 cidrs[0]",
        "no address range",
        "10.20.0.0/16",
    ),
    (
        "port 0",
        extra("kind: SharedService\nname: s\nnamespace: n\nports: [{port: 0}]\n"),
        "extra.yaml:4 ports[0].port",
        "0 is no port",
        "65535",
    ),
    (
        "availability of 100 %",
        extra("kind: SloTier\nname: a\nlatencyP99: 1s\navailability: 100%\ndefaultPriority: exploratory\n"),
        "extra.yaml:4 availability",
        "no availability",
        "99.95%",
    ),
    (
        "latency without unit",
        extra("kind: SloTier\nname: a\nlatencyP99: 200\navailability: 99%\ndefaultPriority: exploratory\n"),
        "extra.yaml:3 latencyP99",
        "no duration",
        "200ms",
    ),
    *[
        (
            f"a right by wildcard: {field}",
            team("costCenter: cc-1", f"extraRules:\n  member:\n  - {field}: ['*']\n" + "costCenter: cc-1"),
            f"team.yaml:5 extraRules.member[0].{field}[0]",
            "nobody has thought of",
            "one by one",
        )
        for field in ("apiGroups", "resources", "verbs")
    ],
    *[
        (
            f"the verb {verb}",
            team("costCenter: cc-1", f"extraRules: {{member: [{{verbs: [get, {verb}]}}]}}\ncostCenter: cc-1"),
            "team.yaml:3 extraRules.member[0].verbs[1]",
            "hands out rights",
            "remove it",
        )
        for verb in ("bind", "escalate", "impersonate")
    ],
    (
        "a verb of nobody's",
        team("costCenter: cc-1", "extraRules: {member: [{verbs: [use]}]}\ncostCenter: cc-1"),
        "team.yaml:3 extraRules.member[0].verbs[0]",
        "no verb of objects",
        "deletecollection",
    ),
    (
        "a group with its version",
        team("costCenter: cc-1", "extraRules: {member: [{apiGroups: [ray.io/v1]}]}\ncostCenter: cc-1"),
        "team.yaml:3 extraRules.member[0].apiGroups[0]",
        "no API group",
        "without a version",
    ),
    (
        "a kind for a resource",
        team("costCenter: cc-1", "extraRules: {member: [{resources: [RayService]}]}\ncostCenter: cc-1"),
        "team.yaml:3 extraRules.member[0].resources[0]",
        "no resource",
        "plural",
    ),
    (
        "grace in milliseconds",
        tiny(team=TEAM + "maxGrace: 500ms\n"),
        "team.yaml:11 maxGrace",
        "no duration of whole seconds",
        "30m",
    ),
    (
        "grace of a month",
        tiny(team=TEAM + "maxGrace: 720h\n"),
        "team.yaml:11 maxGrace",
        "more than a week",
        "somebody would wait",
    ),
    (
        "unknown policy",
        extra("kind: Policy\nname: queue-require\n"),
        "extra.yaml:2 name",
        "not known",
        '"queue-required"',
    ),
    (
        "bad key of a mapping",
        tiny(team=TEAM.replace("  dev:", "  DEV:")),
        "team.yaml:6 placements.DEV",
        "no Kubernetes name",
        "lower-case",
    ),
    (
        "second platform",
        extra("kind: Platform\nname: two\n"),
        "extra.yaml:1 kind",
        "a second document of kind Platform",
        "keep one",
    ),
    (
        "no platform",
        {"cluster.yaml": CLUSTER, "team.yaml": TEAM},
        "platform.yaml:0 kind",
        "no document of kind Platform",
        "name:",
    ),
    ("nothing at all", {}, "platform.yaml:0 kind", "no document of kind Platform", "kind: Platform"),
]


@pytest.mark.parametrize(
    ("files", "at", "what", "fix"), [case[1:] for case in ONE_ERROR], ids=[case[0] for case in ONE_ERROR]
)
def test_error_is_told_where_it_is(files, at, what, fix):
    told = [(f"{p.file}:{p.line} {p.field}", p) for p in errors_of(files)]
    found = [problem for place, problem in told if place == at]
    assert found, "\n".join(str(problem) for _place, problem in told)
    assert what in found[0].what
    assert fix in found[0].fix


def test_a_renamed_field_is_told_as_missing_and_as_unknown_and_nothing_else():
    assert [p.field for p in errors_of(cluster("maxNodes", "maxNode"))] == [
        "nodePools[0].maxNodes",
        "nodePools[0].maxNode",
    ]


def test_all_problems_are_told_in_one_run():
    files = tiny(
        cluster=CLUSTER.replace("region: local", "regoin: local"),
        team=TEAM.replace("cc-1", "cc 1"),
        two=CLUSTER.replace("name: dev", "name: two"),
        other=TEAM.replace("nlp", "cv").replace("  dev:", "  two:").replace("a100: 8", "a100: 80"),
        third=TEAM.replace("nlp", "ml").replace("  dev:", "  tow:"),
        broken="a: [\n",
    )
    without_broken = {name: text for name, text in files.items() if name != "broken.yaml"}
    assert {problem.file for problem in errors_of(files)} >= {"broken.yaml", "cluster.yaml", "team.yaml"}
    assert {problem.file for problem in errors_of(without_broken)} == {
        "cluster.yaml",  # the unknown field
        "team.yaml",  # the cost centre
        "two.yaml",  # 80 devices of 32
        "third.yaml",  # an unknown cluster
    }


def test_a_broken_document_causes_no_second_error_about_its_name():
    errors = errors_of(tiny(cluster=CLUSTER.replace("maxNodes: 4", "maxNodes: x")))
    assert [problem.file for problem in errors] == ["cluster.yaml"]


def test_problems_are_sorted_and_said_once():
    problems = problems_of(tiny(a="a: [", team="b: [", zz="kind: Team\n"))
    places = [(p.file, p.line, p.column) for p in problems]
    assert places == sorted(places)
    assert len(set(problems)) == len(problems)


CANARY = "hunter2-" + "s3cr3t" * 20


@pytest.mark.parametrize(
    "files",
    [
        team("cc-1", CANARY + "!"),
        team("name: nlp", f"name: {CANARY}"),
        team("name: nlp", f"{CANARY}: nlp"),
        team("256Gi", CANARY),
        team("  dev:", f"  {CANARY}:"),
        team("a100: 8", f"{CANARY}: 8"),
        team("members: [nlp]", f"members: {CANARY}"),
        team("costCenter: cc-1", f"costCenter: cc-1\npassword: {CANARY}"),
        team("costCenter: cc-1", f"costCenter: cc-1\npriorities: [{CANARY}]"),
        team("costCenter: cc-1", f"costCenter: *{CANARY}"),
        team("costCenter: cc-1", f"costCenter: !{CANARY} x"),
        team("costCenter: cc-1", f"costCenter: 'x' {CANARY}"),
        team("costCenter: cc-1", f'costCenter: "{CANARY}'),
        team("costCenter: cc-1", f"costCenter: cc-1\n  {CANARY}"),
        cluster("purpose: development", f"purpose: {CANARY}"),
        cluster("accelerator: a100", f"accelerator: {CANARY}"),
        extra(f"kind: {CANARY}\n"),
        extra(f"{CANARY}\n"),
        extra(f"%{CANARY}\n---\na: b\n"),
    ],
    ids=range(19),
)
def test_long_values_are_never_repeated(files):
    problems = problems_of(files)
    assert problems
    text = "\n".join(map(str, problems)) + str(InvalidPlatformError(problems))
    assert "hunter2" not in text
    for problem in problems:
        assert "s3cr3ts3cr3t" not in repr(problem)


def test_a_short_value_is_repeated_up_to_the_limit():
    ok = "y" * LONGEST_ECHO + " "
    assert "y" * 20 in errors_of(team("cc-1", ok[:LONGEST_ECHO].replace("yy", "y y", 1)[:LONGEST_ECHO]))[0].what


def test_a_bare_text_value_of_the_wrong_type_is_not_repeated_where_it_may_be_a_secret():
    errors = errors_of(team("costCenter: cc-1", "costCenter: cc-1\ntoken: hunter2"))
    assert "hunter2" not in "\n".join(map(str, errors))


def test_values_keep_their_spelling():
    loaded = load(tiny(cluster=CLUSTER + 'versions: {kubernetes: 1.30, cuda: "12.10"}\nprovider: no\n'))
    [dev] = loaded.platform.clusters
    assert (dev.versions.kubernetes, dev.versions.cuda, dev.provider) == ("1.30", "12.10", "no")


def test_include_narrows_what_is_read():
    files = tiny(platform=PLATFORM + "include: ['*.yaml']\n") | {"ci/pipeline.yaml": "jobs: [a]\n"}
    assert load(files).platform.name == "tiny"
    assert errors_of(tiny() | {"ci/pipeline.yaml": "jobs: [a]\n"})


def test_an_unknown_api_hides_nothing_about_the_version():
    files = cluster("region: local", "region: local\nkueueApi: wrong\nversions: {kueue: 0.12.3}")
    assert {problem.field for problem in errors_of(files)} == {"kueueApi", "versions.kueue"}


FOREIGN_FORMS = {
    "tags of Python": "site_name: a\nmarkdown_extensions:\n  - a: {b: !!python/name:c.d }\n",
    "a template": "kind: {{ .Values.kind }}\nmetadata: {{ a }}\n",
    "tags of CloudFormation": "Resources:\n  Bucket: {Arn: !GetAtt a.b}\n",
}


@pytest.mark.parametrize("text", FOREIGN_FORMS.values(), ids=FOREIGN_FORMS)
def test_problems_of_form_in_somebody_elses_file_name_include(text):
    found = errors_of(extra(text))
    assert found
    assert [problem.fix for problem in found if "`include`" not in problem.fix] == []


@pytest.mark.parametrize("line", ["name: !tag nlp", "name: [nlp"])
def test_problems_of_form_in_a_file_of_ours_do_not(line):
    found = [problem for problem in errors_of(team("name: nlp", line)) if problem.file == "team.yaml"]
    assert found
    assert [problem.fix for problem in found if "`include`" in problem.fix] == []


@pytest.mark.parametrize("amount", ["0", "16Mi", "1Ti"])
def test_an_amount_in_a_usual_unit_is_not_warned_of(amount):
    files = team("costCenter", f"memberLimits: {{memory: {amount}}}\ncostCenter")
    assert [problem for problem in problems_of(files) if "bytes" in problem.what] == []
