from __future__ import annotations

import datetime as dt

import pytest

from allotment.model import labels
from allotment.model.team import Contact, Groups, Offboarding, PodSecurityException, PodSecurityLevel, Project
from allotment.render.namespaces import pod_security_labels
from tests.unit import builders as build
from tests.unit.render.looking import find, rendered


@pytest.mark.parametrize(
    ("declared", "pinned"),
    [
        ("1.36.3", "v1.36"),
        ("v1.29", "v1.29"),
        ("1.30.1-gke.100", "v1.30"),
        ("1.33-eks-113cf36", "v1.33"),
        ("", "latest"),
        ("stable", "latest"),
    ],
)
def test_pod_security_is_pinned_to_the_minor_version(declared: str, pinned: str) -> None:
    assert pod_security_labels(declared, PodSecurityLevel.RESTRICTED) == {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": pinned,
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": pinned,
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": pinned,
    }


def test_namespace_says_what_policies_need_to_know() -> None:
    team = build.team(
        "nlp",
        projects=(Project("chat", "cc-1"), Project("search", "cc-2")),
        cost_center="cc-1",
        contacts=(Contact("email", "nlp@example.com"), Contact("pager", "+1 555")),
    )
    namespace = find(rendered(build.platform(teams=[team])), "Namespace", "nlp")
    annotations = namespace["metadata"]["annotations"]
    assert annotations[labels.PROJECTS_ANNOTATION] == "chat,search"
    assert annotations[labels.COST_CENTERS_ANNOTATION] == "cc-1,cc-2"
    assert annotations[labels.PRIORITIES_ANNOTATION] == "exploratory,scheduled-training"
    assert annotations[labels.QUEUES_ANNOTATION] == "default"
    assert annotations[labels.CONTACTS_ANNOTATION] == "email:nlp@example.com,pager:+1 555"
    assert namespace["metadata"]["labels"][labels.TENANT] == "nlp"


def test_a_leaving_team_is_marked_with_the_date() -> None:
    team = build.team("nlp", offboarding=Offboarding(dt.date(2027, 1, 31)))
    metadata = find(rendered(build.platform(teams=[team])), "Namespace", "nlp")["metadata"]
    assert metadata["labels"][labels.OFFBOARDING] == "true"
    assert metadata["annotations"][labels.KEEP_DATA_UNTIL] == "2027-01-31"


def test_a_staying_team_is_not_marked() -> None:
    metadata = find(rendered(build.platform()), "Namespace", "nlp")["metadata"]
    assert labels.OFFBOARDING not in metadata["labels"]
    assert labels.KEEP_DATA_UNTIL not in metadata["annotations"]


def test_groups_and_guests_stand_one_a_line() -> None:
    groups = Groups(owners=("leads",), members=("cn=a,ou=b", "leads"), viewers=(), exec=())
    team = build.team("nlp", groups=groups, guests=("gina", "auditors"))
    namespace = find(rendered(build.platform(teams=[team])), "Namespace", "nlp")
    annotations = namespace["metadata"]["annotations"]
    # A name may hold commas: split at one, "a,system:authenticated" would let everybody in.
    assert annotations[labels.GROUPS_ANNOTATION] == "leads\ncn=a,ou=b"
    assert annotations[labels.GUESTS_ANNOTATION] == "gina\nauditors"
    assert annotations[labels.MAX_GRACE_ANNOTATION] == "1800"


LAST_DAY = dt.date(2027, 1, 31)
BUILDS = PodSecurityException(PodSecurityLevel.BASELINE, "images are built as root", LAST_DAY)


def security(on: dt.date) -> tuple[dict[str, str], str | None]:
    declared = build.platform(teams=[build.team("nlp", pod_security=BUILDS)]).as_of(on)
    metadata = find(rendered(declared), "Namespace", "nlp")["metadata"]
    prefix = "pod-security.kubernetes.io/"
    levels = {mode: metadata["labels"][f"{prefix}{mode}"] for mode in ("enforce", "audit", "warn")}
    return levels, metadata["annotations"].get(labels.POD_SECURITY_EXCEPTION)


def test_an_exception_holds_to_its_last_day_and_still_warns() -> None:
    for day in (dt.date.min, LAST_DAY):
        assert security(day) == (
            {"enforce": "baseline", "audit": "restricted", "warn": "restricted"},
            "until 2027-01-31: images are built as root",
        )


def test_from_the_next_day_the_namespace_is_restricted_again() -> None:
    usual = dict.fromkeys(("enforce", "audit", "warn"), "restricted")
    assert security(LAST_DAY + dt.timedelta(days=1)) == (usual, None)
