"""Who refused? The API server's words name the guardrail; without this, one guardrail could hide that another is gone.

The texts are those of Kubernetes 1.30 to 1.36: admission plug-ins ``resourcequota``, ``limitranger``,
``podsecurity``, ``validatingadmissionpolicy``; the RBAC authorizer and its escalation check.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class RefuserKind(StrEnum):
    """What refuses requests."""

    POLICY = "admission policy"
    QUOTA = "resource quota"
    LIMIT_RANGE = "limit range"
    POD_SECURITY = "Pod Security"
    ESCALATION = "RBAC's escalation check"
    RBAC = "RBAC"
    WEBHOOK = "admission webhook"
    VALIDATION = "API validation"


@dataclass(frozen=True, slots=True)
class Refuser:
    """Its kind and, where there are several, its name: of the policy, the quota, the webhook."""

    kind: RefuserKind
    name: str = ""

    def __str__(self) -> str:
        """As reports show it."""
        return f"{self.kind.value} {self.name}".strip()


_PATTERNS: Final = (
    (RefuserKind.POLICY, re.compile(r"ValidatingAdmissionPolicy '(?P<name>[^']+)' with binding")),
    (RefuserKind.WEBHOOK, re.compile(r"admission webhook \"(?P<name>[^\"]+)\" denied")),
    (RefuserKind.QUOTA, re.compile(r"(?:exceeded|failed) quota: (?P<name>[^,:]+)")),
    (RefuserKind.POD_SECURITY, re.compile(r"violates PodSecurity (?P<name>\"[^\"]+\")")),
    (RefuserKind.LIMIT_RANGE, re.compile(r"(?:maximum|minimum) (?P<name>\S+) usage per (?:Pod|Container)")),
    (RefuserKind.ESCALATION, re.compile(r"is attempting to grant RBAC permissions not currently held(?P<name>)")),
    (RefuserKind.RBAC, re.compile(r"User \"[^\"]*\" cannot \w+ resource (?P<name>\"[^\"]+\")")),
)
_IMPERSONATION: Final = re.compile(r"cannot impersonate resource")


def refuser_of(message: str) -> Refuser:
    """Who speaks in a refusal; API validation if nobody else can be made out."""
    for kind, pattern in _PATTERNS:
        match = pattern.search(message)
        if match is not None:
            return Refuser(kind, match["name"])
    return Refuser(RefuserKind.VALIDATION)


def refuses(message: str, user: str) -> bool:
    """Whether RBAC refused exactly this user."""
    return bool(user) and f'User "{user}" cannot ' in message


def forbids_impersonation(message: str) -> bool:
    """Whether we ourselves were refused, for acting as somebody else."""
    return _IMPERSONATION.search(message) is not None
