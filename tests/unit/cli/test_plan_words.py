"""Plans in the words of who runs a cluster; equal changes together; values cut so that what differs stays."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.cli.commands.change.plan_view import plan_listing, plan_text
from allotment.cli.commands.change.values import list_difference, shown_values
from allotment.cli.commands.change.wording import gist, resource_words, told
from allotment.model.manifest import Family, Manifest
from allotment.plan.changes import Change, Conflict, Contested, Create, Delete, Plan, Seen, Update
from allotment.plan.difference import ABSENT, FieldChange, difference

Body = dict[str, Any]
SEEN = Seen("uid", "1", "")


def flavor(name: str, resource: str, nominal: int | str, **limits: int | str) -> Body:
    return {"name": name, "resources": [{"name": resource, "nominalQuota": nominal, **limits}]}


def queue(*flavors: Body, name: str = "nlp", **spec: Any) -> Body:
    cpu = flavor("cpu", "cpu", 64)
    cpu["resources"].append({"name": "memory", "nominalQuota": "256Gi"})
    groups = [
        {"coveredResources": ["cpu", "memory"], "flavors": [cpu]},
        {"coveredResources": ["nvidia.com/gpu"], "flavors": list(flavors)},
    ]
    return made("ClusterQueue", name, spec={"resourceGroups": groups, **spec})


def made(kind: str, name: str, namespace: str = "", **body: Any) -> Body:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **body}


def binding(*groups: str, namespace: str = "nlp") -> Body:
    subjects = [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group} for group in groups]
    role = {"kind": "Role", "name": "allotment-member"}
    return made("RoleBinding", "allotment-member", namespace, roleRef=role, subjects=subjects)


def quota(namespace: str = "nlp", **hard: str) -> Body:
    return made("ResourceQuota", "allotment-quota", namespace, spec={"hard": hard})


def policy(*actions: str) -> Body:
    return made("ValidatingAdmissionPolicyBinding", "p.allotment.dev", spec={"validationActions": list(actions)})


def annotated(**annotations: str) -> Body:
    body = made("Namespace", "nlp")
    body["metadata"]["annotations"] = annotations
    return body


RESERVED, SPOT = flavor("a100-reserved", "nvidia.com/gpu", 16), flavor("h100-spot", "nvidia.com/gpu", 8)
LONG = ",".join(f"queue.flavor-{number}=8" for number in range(40))

ACTIONS = (("Deny", "Audit"), ("Deny", "Audit"), ("Warn", "Audit"), ("Deny", "Audit"))

CASES: list[tuple[str, Body, Body, list[str]]] = [
    ("amount", queue(RESERVED), queue(flavor("a100-reserved", "nvidia.com/gpu", 2)), ["a100-reserved GPUs 16 -> 2"]),
    (
        "memory",
        queue(RESERVED),
        _with := copy.deepcopy(queue(RESERVED)),
        ["CPU 64 -> 32", "memory 256Gi -> 1Ti"],
    ),
    (
        "borrowing",
        queue(flavor("t4", "nvidia.com/gpu", 4, borrowingLimit=4)),
        queue(flavor("t4", "nvidia.com/gpu", 4)),
        ["- t4 GPUs, may borrow: 4"],
    ),
    (
        "an amount that is written otherwise",
        queue(RESERVED),
        queue(flavor("a100-reserved", "nvidia.com/gpu", "16"), SPOT),
        ["h100-spot GPUs none -> 8"],
    ),
    ("new flavor", queue(RESERVED), queue(RESERVED, SPOT), ["h100-spot GPUs none -> 8"]),
    ("flavor gone", queue(RESERVED, SPOT), queue(RESERVED), ["h100-spot GPUs 8 -> none"]),
    (
        "flavor renamed",
        queue(RESERVED),
        queue(SPOT),
        [
            ".spec.resourceGroups[1].flavors[0].name: a100-reserved -> h100-spot",
            ".spec.resourceGroups[1].flavors[0].resources[0].nominalQuota: 16 -> 8",
        ],
    ),
    (
        "weight and cohort",
        queue(RESERVED, cohortName="a", fairSharing={"weight": "1"}),
        queue(RESERVED, cohortName="b", fairSharing={"weight": "3"}),
        ["cohort a -> b", "fair-share weight 1 -> 3"],
    ),
    (
        "quota",
        quota(**{"requests.nvidia.com/gpu": "12", "count/jobs.batch": "100", "limits.cpu": "8", "pods": "5"}),
        quota(**{"requests.nvidia.com/gpu": "8", "count/jobs.batch": "50", "limits.cpu": "9", "pods": "6"}),
        ["number of jobs.batch 100 -> 50", "CPU limits 8 -> 9", "pods 5 -> 6", "GPUs 12 -> 8"],
    ),
    ("access", binding("ml"), binding("ml", "interns"), ["access as member: + interns"]),
    ("other people", binding("ml"), binding("nlp"), ["access as member ml -> nlp"]),
    ("mode", policy("Deny", "Audit"), policy("Warn", "Audit"), ["mode enforce -> warn"]),
    ("mode of fewer actions", policy("Deny", "Audit"), policy("Audit"), ["mode enforce -> audit"]),
    ("actions of nobody's mode", policy("Deny"), policy("Warn"), [".spec.validationActions[0]: Deny -> Warn"]),
    (
        "size",
        made("PersistentVolumeClaim", "d", "nlp", spec={"resources": {"requests": {"storage": "1Ti"}}}),
        made("PersistentVolumeClaim", "d", "nlp", spec={"resources": {"requests": {"storage": "2Ti"}}}),
        ["size 1Ti -> 2Ti"],
    ),
    (
        "limits",
        made("LimitRange", "l", "nlp", spec={"limits": [{"type": "Pod", "max": {"cpu": "8"}}]}),
        made("LimitRange", "l", "nlp", spec={"limits": [{"type": "Pod", "max": {"cpu": "9"}}]}),
        ["most CPU of a pod 8 -> 9"],
    ),
    (
        "a text that lists",
        annotated(limits=LONG, groups="ml\nleads"),
        annotated(limits=LONG.replace("7=8", "7=5", 1), groups="leads\ninterns"),
        ["annotation groups: - ml, + interns", "annotation limits: queue.flavor-7 8 -> 5"],
    ),
    ("a field without a word", made("X", "x", spec={"a": 1}), made("X", "x", spec={"a": 2}), [".spec.a: 1 -> 2"]),
]
_with["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0]["nominalQuota"] = 32
_with["spec"]["resourceGroups"][0]["flavors"][0]["resources"][1]["nominalQuota"] = "1Ti"


def update(old: Body, new: Body, family: Family = Family.KUEUE) -> Update:
    return Update(Manifest(family, None, new), SEEN, difference(old, new, {}))


def plan_of(*changes: Change) -> Plan:
    return Plan("acme", "dev", "d", changes, 0, (), forced=False)


def lines_of(plan: Plan, width: int = 100) -> list[str]:
    return click.unstyle(plan_text(plan, plan_listing(plan).rows, width)).splitlines()[3:]


@pytest.mark.parametrize(("old", "new", "lines"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_changes_in_words(old: Body, new: Body, lines: list[str]) -> None:
    assert [line.strip() for line in lines_of(plan_of(update(old, new)))[1:]] == lines


@pytest.mark.parametrize("form", ["set", "atomic"])
def test_a_mode_is_told_however_the_server_keeps_the_actions(form: str) -> None:
    shape = {"f:spec": {"f:validationActions": {'v:"Deny"': {}, 'v:"Audit"': {}} if form == "set" else {}}}
    fields = difference(policy("Audit", "Deny"), policy("Warn", "Audit"), shape)
    (said,) = told(policy("Warn", "Audit"), fields)
    assert (said.what, said.change.old, said.change.new) == ("mode", "enforce", "warn")


def test_wide_tables_have_the_paths() -> None:
    old, new = queue(RESERVED), queue(flavor("a100-reserved", "nvidia.com/gpu", 2))
    listing = plan_listing(plan_of(update(old, new)))
    (details,) = [column for column in listing.columns if column.title == "DETAILS"]
    assert details.of(listing.rows[0]) == ".spec.resourceGroups[1].flavors[0].resources[0].nominalQuota: 16 -> 2"


def contested(body: Body, field: str, live: Any, declared: Any) -> list[str]:
    found = Contested(field, "kubectl-edit", "", live, declared)
    return lines_of(plan_of(Conflict(Manifest(Family.KUEUE, None, body), SEEN, (found,))))[1:]


def test_contested_fields_are_told_in_words_too() -> None:
    assert contested(quota(), ".spec.hard.requests.nvidia.com/gpu", "7", "8") == [
        "      GPUs: 7 is owned by kubectl-edit; declared is 8"
    ]
    declared, live = queue(RESERVED), queue(flavor("a100-reserved", "nvidia.com/gpu", 20), SPOT)
    groups = [each["spec"]["resourceGroups"] for each in (live, declared)]
    assert contested(declared, ".spec.resourceGroups", *groups) == [
        "      a100-reserved GPUs: 20 is owned by kubectl-edit; declared is 16",
        "      h100-spot GPUs: 8 is owned by kubectl-edit; declared is none",
    ]
    subjects = [each["subjects"] for each in (binding("ml", "eve"), binding("ml"))]
    assert contested(binding("ml"), ".subjects", *subjects) == [
        "      access as member: + eve against what is declared, by kubectl-edit"
    ]
    assert contested(made("X", "x"), ".spec.a", 1, 2) == ["      .spec.a: 1 is owned by kubectl-edit; declared is 2"]


def test_equal_changes_are_told_once() -> None:
    def changed(namespace: str, amount: str) -> Update:
        return update(quota(namespace, pods="5"), quota(namespace, pods=amount))

    plan = plan_of(changed("cv", "9"), changed("ds", "9"), changed("nlp", "7"), changed("ocr", "9"))
    assert lines_of(plan) == [
        "  ~ ResourceQuota cv/allotment-quota",
        "      pods 5 -> 9",
        "      the same for 2 more namespaces: ds, ocr",
        "  ~ ResourceQuota nlp/allotment-quota",
        "      pods 5 -> 7",
    ]
    queues = [
        update(queue(RESERVED, name=name), queue(flavor("a100-reserved", "nvidia.com/gpu", 2), name=name))
        for name in ("a", "b")
    ]
    assert lines_of(plan_of(*queues))[-1] == "      the same for 1 more: b"


def test_names_of_equal_changes_are_never_broken() -> None:
    names = [f"a-team-with-a-long-name-{number}" for number in range(12)]
    plan = plan_of(*(update(quota(name, pods="5"), quota(name, pods="9")) for name in names))
    told_lines = lines_of(plan, width=60)
    assert all(len(line) <= 60 for line in told_lines)
    words = " ".join(told_lines).replace(",", " ").split()
    assert set(names[1:]) <= set(words)


def test_deletions_of_data_and_namespaces_stand_alone() -> None:
    keys = [
        Manifest(Family.STORAGE, None, made("PersistentVolumeClaim", "data", name)).key for name in ("cv", "nlp")
    ] + [Manifest(Family.RBAC, None, binding("x", namespace=name)).key for name in ("cv", "nlp")]
    assert lines_of(plan_of(*(Delete(key, "v1", SEEN, "") for key in keys))) == [
        "  - PersistentVolumeClaim cv/data",
        "  - PersistentVolumeClaim nlp/data",
        "  - RoleBinding cv/allotment-member",
        "      the same for 1 more namespace: nlp",
    ]


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (binding("ml", "interns"), "member for ml, interns"),
        (
            queue(RESERVED, flavor("t4", "nvidia.com/gpu", 4, borrowingLimit=4)),
            "CPU 64, memory 256Gi, a100-reserved GPUs 16, t4 GPUs 4",
        ),
        (policy("Warn", "Audit"), "warn"),
        (quota(pods="5"), ""),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_new_object_says_what_it_is_about(body: Body, about: str) -> None:
    assert gist(body) == about
    (line,) = lines_of(plan_of(Create(Manifest(Family.KUEUE, None, body))))
    assert line.endswith(f": {about}" if about else body["metadata"]["name"])


def test_many_new_objects_say_what_they_are_about_while_they_are_few() -> None:
    spaces = ("cv", "nlp")
    bindings = [binding(f"ml-{name}", "interns", namespace=name) for name in spaces for _ in range(2)]
    policies = [{**policy(*actions), "metadata": {"name": f"p{at}"}} for at, actions in enumerate(ACTIONS)]
    queues = [queue(RESERVED, flavor("t4", "nvidia.com/gpu", 4), name=f"q{number}") for number in range(4)]

    def lines(bodies: list[Body], width: int = 100) -> list[str]:
        return lines_of(plan_of(*(Create(Manifest(Family.KUEUE, None, body)) for body in bodies)), width)[1:]

    assert lines(bindings) == [
        f"      {name}: member for ml-{name}, interns; member for ml-{name}, interns" for name in spaces
    ]
    assert lines(policies) == ["      enforce: p0, p1, p3", "      warn: p2"]
    assert lines(queues, width=60)[:2] == [
        "      q0: CPU 64, memory 256Gi, a100-reserved GPUs 16,",
        "        t4 GPUs 4",
    ]
    many = [queue(RESERVED, name=f"q{number}") for number in range(25)]
    assert lines(many, width=200) == [f"      {', '.join(f'q{number}' for number in range(25))}"]


def test_a_line_that_is_too_long_is_parted_not_cut() -> None:
    field = FieldChange(("f:spec", "f:expression"), "a" * 50, "b" * 50, "kubectl-edit", "2026-01-01T00:00:00Z")
    change = replace(update(made("X", "x"), made("X", "x")), fields=(field,))
    assert lines_of(plan_of(change), width=70)[1:] == [
        "      .spec.expression:",
        f"        {'a' * 50}",
        f"        -> {'b' * 50}",
        "        (was set by kubectl-edit since 2026-01-01T00:00:00Z)",
    ]


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_values_that_differ_never_look_alike(before: str, one: str, other: str, after: str) -> None:
    first, second = before + one + after, before + other + after
    shown = shown_values(first, second)
    assert (shown[0] == shown[1]) is (first == second)
    assert max(map(len, shown)) <= 100
    assert all(text.isprintable() or not text.isascii() for text in shown)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", 1), ("true", True), ("a b", "a\nb"), ("a", "a "), ("\n", "\\n"), (["1"], [1]), ("null", None)],
    ids=repr,
)
def test_values_of_other_kinds_never_look_alike(one: Any, other: Any) -> None:
    first, second = shown_values(one, other)
    assert first != second
    assert first.split() != second.split()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (["a", "b"], ["b", "c"], "- a, + c"),
        (["a", "b"], ["b", "a"], ""),
        ([{"key": "x"}, {"key": "y"}], [{"key": "x"}], ""),
        (
            [{"kind": "Group", "name": "ml"}, {"kind": "User", "name": "eve"}],
            [{"kind": "Group", "name": "ml"}, {"kind": "ServiceAccount", "namespace": "a", "name": "b"}],
            "- user eve, + service account a/b",
        ),
        ("a", "b", ""),
        ("a,b", ABSENT, "- a, - b"),
        (",".join("abcdefghijkl"), "", "- a, - b, - c, - d, - e, - f, - g, - h, … 5 more"),
    ],
    ids=["names", "order", "mappings", "subjects", "no list", "gone", "many"],
)
def test_lists_are_told_by_what_comes_and_goes(old: Any, new: Any, said: str) -> None:
    assert list_difference(old, new) == said


def test_words_of_resources() -> None:
    names = ("cpu", "amd.com/gpu", "nvidia.com/mig-1g.10gb", "google.com/tpu")
    assert [resource_words(name) for name in names] == ["CPU", "GPUs", "MIG 1g.10gb", "TPU chips"]
