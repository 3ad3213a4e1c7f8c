"""Secrets that a job names and its namespace lacks: its pods would be let in, and hold their devices without starting.

It is asked by the server's user, and where he may not read a Secret nothing is said: members of a team may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from allotment.errors import UnreachableError
from allotment.model.jobs.job import SecretVariable
from allotment.model.manifest import Body, ObjectKey
from allotment.ports.kube import AccessQuestion, KubePort, RefusedError


def lacking_secrets(kube: KubePort, namespace: str, wanted: Sequence[SecretVariable]) -> tuple[str, ...]:
    """What is missing, a clause for each Secret or key: ``the Secret hub is not there``.

    Args:
        kube: the cluster.
        namespace: where the job's pods look for them.
        wanted: what they need before they start.
    """
    return tuple(dict.fromkeys(_lacking(kube, namespace, wanted)))


def _lacking(kube: KubePort, namespace: str, wanted: Sequence[SecretVariable]) -> Iterator[str]:
    read: dict[str, Body | None] = {}
    for each in wanted:
        try:
            if each.secret not in read:
                if not kube.permitted(AccessQuestion("get", "", "secrets", namespace=namespace, name=each.secret)):
                    continue
                read[each.secret] = kube.get("v1", ObjectKey("", "Secret", namespace, each.secret))
        except (RefusedError, UnreachableError):
            continue  # nobody who may submit is held up for want of that right
        found = read[each.secret]
        if found is None:
            yield f"the Secret {each.secret} is not there"
        elif each.key not in (found.get("data") or {}):
            yield f"the Secret {each.secret} has no key {each.key}"
