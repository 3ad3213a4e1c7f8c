"""A pod has its node and cannot get one of its volumes there."""

from __future__ import annotations

import re
from typing import Any, Final

from allotment.diagnose.amending import described, runs
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.others import work_above
from allotment.diagnose.rules.storage.claims import claim_of
from allotment.diagnose.rules.storage.holders_end import blocks_itself, holder_ended
from allotment.errors import quoted_message, spelled
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import Event
from allotment.model.observed.pods import Pod, Volume

_REASONS: Final = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
_BETTER: Final = ("SuccessfulAttachVolume", "Pulling", "Pulled", "Created", "Started")
_VOLUME: Final = re.compile(r'for volume "(?P<volume>[^"]+)"')
_KINDS: Final = {"configmap": "ConfigMap", "secret": "Secret", "serviceaccounts": "ServiceAccount"}
_ABSENT: Final = re.compile(r'(?P<kind>configmap|secret|serviceaccounts) "(?P<name>[^"]+)" not found', re.IGNORECASE)
_KEY: Final = re.compile(r"references non-existent (?P<kind>config|secret) key: (?P<key>\S+)")
_PASSING: Final = re.compile(r"failed to sync (?:configmap|secret) cache|object \S+ not registered")
"""What a kubelet says that has just started, or a pod; it passes by itself."""
_UNMOUNTED: Final = re.compile(r"unmounted volumes=\[(?P<volume>[^\],\s]+)")


def find(case: Case) -> Finding | None:
    """The newest event of a pod that has not started says so; or another pod holds the volume on another node."""
    for pod in case.starting_pods:
        if pod.status.phase != "Pending" or any(each.state.running for each in pod.status.init_container_statuses):
            continue
        event = _newest(case, pod)
        holder = _holder(case, pod)
        if holder is not None and (event is None or event.reason == "FailedAttachVolume"):
            return _held(case, pod, event, *holder)
        if event is not None:
            return _absent(case, pod, event) or _broken(case, pod, event)
    return None


def _newest(case: Case, pod: Pod) -> Event | None:
    for each in reversed(case.events(pod)):
        if each.reason in _REASONS and not _PASSING.search(each.message):
            return each
        if each.reason in _BETTER:
            return None
    return None


def _facts(pod: Pod, event: Event | None, volume: Volume | None, name: str) -> dict[str, Any]:
    source: dict[str, Any] = {}
    if volume is not None:
        if volume.persistent_volume_claim is not None:
            source = {"persistentVolumeClaim": {"claimName": volume.persistent_volume_claim.claim_name}}
        elif volume.config_map is not None:
            source = {"configMap": {"name": volume.config_map.name}}
        elif volume.secret is not None:
            source = {"secret": {"secretName": volume.secret.secret_name}}
    return {
        "pod": pod.name,
        "node": pod.spec.node_name,
        "volume": name or None,
        "source": source,
        "reason": event.reason if event is not None else None,
        "message": event.message if event is not None else None,
    }


def _volume(case: Case, pod: Pod, message: str) -> tuple[Volume | None, str]:
    """The pod's volume that a message means: by its name there, or by that of the PersistentVolume."""
    found = _VOLUME.search(message) or _UNMOUNTED.search(message)
    name = found["volume"] if found is not None else ""
    for each in pod.spec.volumes:
        claim = claim_of(case, each.persistent_volume_claim.claim_name) if each.persistent_volume_claim else None
        if name and (each.name == name or (claim is not None and claim.spec.volume_name == name)):
            return each, each.name
    return None, name


def _absent(case: Case, pod: Pod, event: Event) -> Finding | None:
    """A ConfigMap or Secret that is not there, or lacks a key."""
    said, lacks = _ABSENT.search(event.message), _KEY.search(event.message)
    if said is None and lacks is None:
        return None
    volume, name = _volume(case, pod, event.message)
    if lacks is None:
        assert said is not None  # noqa: S101  one of the two was found
        kind = _KINDS[said["kind"].lower()]
        named = said["name"].rpartition("/")[2]
        what = f"the {kind} {spelled(named)} does not exist"
    else:
        kind = "ConfigMap" if lacks["kind"] == "config" else "Secret"
        source = (volume.config_map or volume.secret) if volume is not None else None
        named = (source.name or source.secret_name) if source is not None else ""
        what = f"the {kind} {spelled(named)} has no key {spelled(lacks['key'])}"
    # Only an account that the pod itself names is made for the word of an event.
    account = kind == _KINDS["serviceaccounts"] and named == (pod.spec.service_account_name or "default")
    target = Reference(api_version="v1", kind=kind, namespace=pod.namespace, name=named)
    made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": named, "namespace": pod.namespace}}
    return Finding(
        "volume-mount-failed",
        CauseVerdict.MISCONFIGURED,
        f"the pod {pod.name} cannot mount the volume {spelled(name)} on {pod.spec.node_name}: {what} in namespace "
        f"{pod.namespace}",
        facts={**_facts(pod, event, volume, name), "missing": f"{kind} {named}"},
        evidence=(Evidence(reference_of(pod), f"events[{event.reason}].message", event.message),),
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.FIX_VOLUME,
                Doer.USER,
                f"create the {kind} {spelled(named)}{'' if account else ' with what the pods read from it'}"
                if lacks is None
                else f"put the key {spelled(lacks['key'])} into the {kind} {spelled(named)}",
                target,
                # What is in it, its owner knows: one without anything lets pods start that then fail.
                Patch(PatchOp.CREATE if account else PatchOp.SIGNAL, made),
                effect=runs(case.starting_pods),
            ),
        ),
    )


def _holder(case: Case, pod: Pod) -> tuple[Pod, Volume] | None:
    """A pod on another node that holds a volume for one node only, with the volume of ours that it is."""
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is None:
            continue
        name = volume.persistent_volume_claim.claim_name
        claim = claim_of(case, name)
        if claim is None or {"ReadWriteMany", "ReadOnlyMany"} & set(claim.spec.access_modes):
            continue
        for other in case.index.objects.pods:
            if other.namespace != pod.namespace or not other.bound or other.spec.node_name == pod.spec.node_name:
                continue
            if any(
                each.persistent_volume_claim is not None and each.persistent_volume_claim.claim_name == name
                for each in other.spec.volumes
            ):
                return other, volume
    return None


def _held(case: Case, pod: Pod, event: Event | None, holder: Pod, volume: Volume) -> Finding:
    above = work_above(case, holder)
    claim = volume.persistent_volume_claim.claim_name if volume.persistent_volume_claim is not None else ""
    node = case.index.nodes.get(holder.spec.node_name)
    lost = node is not None and not node.ready
    evidence = [Evidence(reference_of(holder), "spec.nodeName", holder.spec.node_name, "holds the volume there")]
    if event is not None:
        evidence.append(Evidence(reference_of(pod), f"events[{event.reason}].message", event.message))
    return Finding(
        "volume-mount-failed",
        CauseVerdict.BROKEN
        if lost
        else CauseVerdict.MISCONFIGURED
        if blocks_itself(case, holder)
        else CauseVerdict.WAITING,
        f"the volume of the claim {claim} can be on one node only, and {described(above)} has it on "
        f"{holder.spec.node_name}"
        + (" (which is not ready)" if lost else "")
        + f"; {pod.name} is on {pod.spec.node_name}",
        facts={
            **_facts(pod, event, volume, volume.name),
            "held_by": described(above),
            "held_by_pod": holder.name,
            "held_on_node": holder.spec.node_name,
        },
        evidence=tuple(evidence),
        confidence=Confidence.SURE if event is not None else Confidence.LIKELY,
        proposals=holder_ended(case, holder, runs(case.starting_pods), lost=lost),
    )


def _broken(case: Case, pod: Pod, event: Event) -> Finding:
    volume, name = _volume(case, pod, event.message)
    claim = volume.persistent_volume_claim if volume is not None else None
    target = (
        Reference(api_version="v1", kind="PersistentVolumeClaim", namespace=pod.namespace, name=claim.claim_name)
        if claim is not None
        else reference_of(pod)
    )
    driver = "registered CSI drivers" in event.message
    what = "the node has no driver for it" if driver else quoted_message(event.message)
    return Finding(
        "volume-mount-failed",
        CauseVerdict.BROKEN,
        f"the pod {pod.name} cannot get the volume {spelled(name)} on {pod.spec.node_name}: {what}",
        facts=_facts(pod, event, volume, name),
        evidence=(Evidence(reference_of(pod), f"events[{event.reason}].message", event.message),),
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.FIX_VOLUME,
                Doer.PLATFORM,
                f"bring the volume driver on {pod.spec.node_name} up again"
                if driver
                else "mend what the volume's driver says",
                target,
                Patch(PatchOp.SIGNAL, {"message": event.message}),
                effect=runs(case.starting_pods),
            ),
        ),
    )
