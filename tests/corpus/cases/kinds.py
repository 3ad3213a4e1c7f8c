"""Which test of ours covers what needs a server: a row's id, or ``path::name``."""

from __future__ import annotations

from typing import Final

_COURSES: Final = "tests/live/attacks/test_courses.py"
_ROLE: Final = f"{_COURSES}::test_a_role_of_small_and_large_pods"

LATER: Final = frozenset(
    {
        "e12a-when-never-two-podsets",
        "e13-malformed-scenarios",
        "e15-cohortname-ignored",
        "e20-when-hangs",
        "t01-swf-odd",
        "t02-philly-openb-odd",
        "y13-limits-only-job",
    }
)
"""Cases of other issues, with tests of their own there."""

ELSEWHERE: Final = {
    "adoption": "tests/live/e2e/test_coming.py",
    "attacks": "tests/live/attacks/test_attempts.py::test_attempt",
}

WEAKENINGS: Final = {
    "B01": "policy-rule-gone",
    "B02": "policy-ignored-on-failure",
    "B03": "policy-audited",
    "B04": "binding-passes-over-a-namespace",
    "B05": "binding-excludes-a-kind",
    "B06": "binding-skips-a-label",
    "B07": "policy-spares-a-friend",
    "B08": "policy-excludes-a-kind",
    "B09": "policy-passes-over-a-namespace",
    "B10": "admin-for-a-person",
    "B11": "admin-for-a-team",
    "B12": "another-team-in-a-namespace",
    "B13": "a-person-in-a-namespace",
    "B14": "proxy-of-nodes",
    "B15": "member-may-exec",
    "B16": "quota-raised",
    "B17": "quota-scoped",
    "B18": "quota-gone",
    "B19": "limits-gone",
    "B20": "second-limits",
    "B21": "wall-for-some",
    "B22": "hole-in-the-wall",
    "B23": "tokens-mounted",
    "B24": "second-account",
    "B25": "queue-for-all",
    "B26": "door-to-another-queue",
    "B27": "queue-held",
    "B28": "queue-grows",
    "B29": "queue-reclaims-nothing",
    "B30": "queue-in-our-cohort",
    "B31": "pods-privileged",
    "B32": "pods-of-an-old-standard",
    "B33": "queues-widened",
    "B34": "priorities-widened",
    "B35": "no-tenant-any-more",
    "B36": "rung-raised",
    "B37": "kueues-rung-raised",
    "B38": "flavor-without-its-taint",
    "B39": "flavor-tolerates-more",
    "B40": "policy-says-yes",
    "B42": "policy-with-a-parameter",
    "B43": "policy-unbound",
    "B44": "policy-without-updates",
    "B45": "policy-asks-exactly",
    "B46": "webhooks-gone",
    "B47": "secrets-for-all-who-view",
    "B48": "tests/live/nodes/test_nodes.py::test_what_was_taken_off_is_named_by_all_three_and_put_back",
}

ATTACKS: Final = {
    "Q19": "prebuilt Workload of a Job",
    "N16": "all devices for a container without",
    "N17": "a Job that takes thirty years to end",
    "N18": "a finalizer on the pods of a Job",
    "L06": "image registry.acme.example@evil.test/x",
    "S06": "root in a user namespace for a pod",
    "S10": "a secret of another namespace by CSI",
    "O4": "tests/live/policies/test_cases.py::test_case",
    "F9": f"{_COURSES}::test_work_under_the_accounts_of_other_work",
    "W2": f"{_COURSES}::test_work_under_the_accounts_of_other_work",
    "W3": f"{_COURSES}::test_work_under_the_accounts_of_other_work",
    "H7a": f"{_COURSES}::test_pods_that_do_not_end",
    "X4": "a token that never expires",
    "X6": "a finalizer on a pod",
    "CP1": "tests/unit/spec/test_checks.py::test_problem_is_told_where_it_is",
    "H1a": _ROLE,
    "H1b": _ROLE,
    "H1c": _ROLE,
    "H2a": _ROLE,
    "H2b1": _ROLE,
    "H2b2": _ROLE,
    "H2b3": _ROLE,
    "H2b4": _ROLE,
    "H3d": f"{_COURSES}::test_objects_in_deletion_are_not_free",
    "H3g": "a name of another team's service",
    "C3a": f"{_COURSES}::test_a_guarantee_beside_a_neighbour_without_gpus",
    "R09": "a binding to system:unauthenticated",
    "R10": "a binding to system:authenticated",
    "R17": "a token that never expires",
}
"""Attempts that came through and should not have."""
