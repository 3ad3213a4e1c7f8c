"""Pods below the Pod Security level `restricted` are refused by the real API server.

Ids of the multi-tenancy benchmarks (MTB) and of CIS section 5. The person asking may create pods, and the pod is good
in every other point, so the level alone refuses it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.security.conftest import MEMBER, Secured
from tests.live.security.workloads import pod

pytestmark = pytest.mark.live


def secure(**more: Any) -> dict[str, Any]:
    return {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, **more}}


POD_CONTEXT = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}

CASES: list[tuple[str, dict[str, Any], str]] = [
    (
        "MTB BC-CPI-5, CIS 5.2.2: privileged container",
        {"container": {"securityContext": {"privileged": True, "capabilities": {"drop": ["ALL"]}}}},
        "privileged",
    ),
    ("MTB BC-HI-4, CIS 5.2.3: host's process ids", {"spec": {"hostPID": True}}, "hostPID=true"),
    ("MTB BC-HI-5, CIS 5.2.4: host's IPC", {"spec": {"hostIPC": True}}, "hostIPC=true"),
    ("MTB BC-HI-3, CIS 5.2.5: host's network", {"spec": {"hostNetwork": True}}, "hostNetwork=true"),
    (
        "MTB BC-HI-3: host's port",
        {"container": {"ports": [{"containerPort": 80, "hostPort": 80}]}},
        "hostPort",
    ),
    (
        "MTB BC-CPI-6, CIS 5.2.6: privilege escalation",
        {"container": secure(allowPrivilegeEscalation=True)},
        "allowPrivilegeEscalation != false",
    ),
    (
        "MTB BC-CPI-4, CIS 5.2.7: root by user id",
        {"spec": {"securityContext": {**POD_CONTEXT, "runAsUser": 0}}},
        "runAsUser=0",
    ),
    (
        "MTB BC-CPI-4, CIS 5.2.7: root not excluded",
        {"spec": {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}},
        "runAsNonRoot != true",
    ),
    ("CIS 5.2.8: NET_RAW not dropped", {"container": secure(capabilities={})}, "unrestricted capabilities"),
    (
        "MTB BC-CPI-3, CIS 5.2.9: added capability",
        {"container": secure(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]})},
        "SYS_ADMIN",
    ),
    (
        "CIS 5.2.10: not all capabilities dropped",
        {"container": secure(capabilities={"drop": ["NET_RAW"]})},
        "unrestricted capabilities",
    ),
    (
        "CIS 5.2.11: Windows host process",
        {"spec": {"hostNetwork": True, "securityContext": {**POD_CONTEXT, "windowsOptions": {"hostProcess": True}}}},
        "hostProcess",
    ),
    (
        "MTB BC-HI-1, CIS 5.2.12: volume of the host",
        {"spec": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}},
        "hostPath",
    ),
    (
        "CIS 5.6.2: no seccomp profile",
        {"spec": {"securityContext": {"runAsNonRoot": True, "runAsUser": 1000}}},
        "seccompProfile",
    ),
    (
        "CIS 5.6.3: no security context",
        {"spec": {"securityContext": {}}, "container": {"securityContext": {}}},
        "allowPrivilegeEscalation != false",
    ),
]


def test_a_good_pod_is_admitted(secured: Secured) -> None:
    assert secured.create(pod("nlp"), MEMBER) == ""


@pytest.mark.parametrize(("changes", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_pod_below_restricted_is_refused(secured: Secured, changes: dict[str, Any], says: str) -> None:
    message = secured.create(pod("nlp", **changes), MEMBER)
    assert 'violates PodSecurity "restricted:v1.29"' in message
    assert says in message
