"""When all policies that were sent to an API server are in force."""

from __future__ import annotations

import time
from typing import Final

from allotment.adapters.kube.client import KubeClient
from allotment.model.manifest import Body, key_of
from allotment.ports.kube import RefusedError

LAST: Final = "zz-last"
"""A policy of these tests, not of the platform."""


def wait_until_in_force(kube: KubeClient) -> None:
    """Until a policy that was made after all others refuses.

    The server learns of policies and of bindings one by one, each in the order they were made, and takes up what it
    knows of all together. That one of the platform's policies refuses says nothing about the next.
    """
    policy, binding = _last_policy()
    for body in (policy, binding):
        kube.create(body)
    end = time.monotonic() + 60
    while not _refused(kube):
        assert time.monotonic() < end, "the policies did not come into force"
        time.sleep(0.3)
    for body in (binding, policy):
        kube.delete(body["apiVersion"], key_of(body))


def _refused(kube: KubeClient) -> bool:
    forbidden: Body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LAST, "namespace": "default"}}
    try:
        kube.create(forbidden, dry_run=True)
    except RefusedError:
        return True
    return False


def _last_policy() -> tuple[Body, Body]:
    api = "admissionregistration.k8s.io/v1"
    config_maps = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    policy = {
        "apiVersion": api,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": LAST},
        "spec": {
            "matchConstraints": {"resourceRules": [config_maps]},
            "validations": [{"expression": f"object.metadata.name != '{LAST}'"}],
        },
    }
    binding = {
        "apiVersion": api,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": LAST},
        "spec": {"policyName": LAST, "validationActions": ["Deny"]},
    }
    return policy, binding
