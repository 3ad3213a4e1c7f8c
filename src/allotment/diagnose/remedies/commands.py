"""A proposal as one shell line that does it, every name and body quoted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any, Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.remedies.changed import seen_object
from allotment.diagnose.remedies.guards import guard_of
from allotment.diagnose.remedies.moved import lies_at
from allotment.diagnose.remedies.originals import traces_in
from allotment.model import labels
from allotment.model.explanation import Patch, PatchOp
from allotment.model.names import is_dns_subdomain
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job

_TYPES: Final = {PatchOp.MERGE: "merge", PatchOp.STRATEGIC: "strategic", PatchOp.JSON: "json"}
_MAKE: Final = 'printf %s "${}" | kubectl create -f -'
_PUT_BACK: Final = "echo 'refused as changed: it is made again as it was' >&2"
_LEFT: Final = """echo 'not made again; once the old one is gone: printf %s "$made" | kubectl create -f -' >&2"""
"""What takes minutes to end is in the way that long."""
_LET_BE: Final = "echo 'it has started since: nothing is done' >&2"
_OF_A_POD: Final[dict[str, Any]] = {
    "metadata": {"resourceVersion": None, "uid": None, "creationTimestamp": None},
    "spec": {"nodeName": None},
    "status": None,
}
"""What the cluster wrote into a pod: a copy with its node would go there, cordoned or full."""
_MOST_ACTS: Final = 20
"""Acts that one line holds."""
_KNOWN_GROUPS: Final = ("", "apps", "autoscaling", "batch", "policy")


def command_of(case: Case, proposal: Proposal) -> str:
    """Text to copy into a shell; empty for what no command does, or only one that nobody would read."""
    if proposal.command:
        return proposal.command
    if proposal.target is None or proposal.patch is None:
        return ""
    acts = (*proposal.first, (proposal.target, proposal.patch), *proposal.then)
    if len(acts) > _MOST_ACTS or not _all_there(case, acts):
        return ""
    # Whoever has to wait after it needs no command for that.
    lines = [_command(case, target, patch) for target, patch in acts if patch is proposal.patch or not _waits(patch)]
    return " && ".join(lines) if all(lines) else ""


def _all_there(case: Case, acts: Sequence[tuple[Reference, Patch]]) -> bool:
    """Whether all that is to be changed was seen, was sent, or is made before.

    Owners are what the object below says: a person who may write that must not choose what a command changes.
    """
    made: list[Reference] = []
    for target, patch in acts:
        if patch.op is PatchOp.CREATE:
            made.append(target)
        elif not _waits(patch) and target not in made and not _is_there(case, lies_at(case, target, patch)):
            return False
    return True


def _is_there(case: Case, target: Reference) -> bool:
    return (case.subject is None and target == case.reference) or seen_object(case.source.objects, target) is not None


def _waits(patch: Patch) -> bool:
    return patch.op is PatchOp.WAIT


def _command(case: Case, target: Reference, patch: Patch) -> str:
    if patch.op in _TYPES:
        return f"kubectl patch {_named(target)} --type {_TYPES[patch.op]} -p {_json(patch.body)}"
    if patch.op is PatchOp.DELETE:
        found = seen_object(case.source.objects, target)
        job = "" if found is None or isinstance(found, Pod) else found.metadata.labels.get(labels.JOB, "")
        # Its server would take it for lost.
        return f"allot stop {shlex.quote(job)}" if job else f"kubectl delete {_named(target)}"
    if patch.op is PatchOp.CREATE and target.kind == "Pod":
        return ""  # neither its arguments nor its environment are ever read: its author has the whole of it
    if patch.op is PatchOp.CREATE:
        return f"printf %s {_json(patch.body)} | kubectl create -f -"
    if patch.op is PatchOp.RESUBMIT:
        return _resubmitted(case, lies_at(case, target, patch), patch.body)
    return ""


def _resubmitted(case: Case, target: Reference, body: Any) -> str:
    if case.subject is None:
        # What was sent is known only in part (its environment is never read), so the asker's own file is changed.
        # Only what can be an object's name becomes part of a file's.
        file = f"{target.name if is_dns_subdomain(target.name) else 'manifest'}.yaml"
        change = f"--type {_form(target, body)} -p {_json(body)}"
        return f"kubectl patch --local -f {file} {change} -o json | kubectl create -f -"
    was = f"was=$(kubectl get {_named(target)} -o json{_patched_here(target, _traces(case, target))})"
    made = f'made=$(printf %s "$was"{_patched_here(target, body)})' if body else "made=$was"
    # A ResourceQuota that is being counted anew for what was deleted refuses now and then with a conflict: what was
    # to be made is sent once more. Deleted and not made again would be the worst end, so the shell keeps both.
    again = f"{_MAKE.format('made')} || {{ {_MAKE.format('was')} && {_PUT_BACK} || {_LEFT}; false; }}"
    sent = f'{{ printf %s "$made" | kubectl replace --force -f - || {{ sleep 2; {again}; }}; }}'
    guard = guard_of(case, target, _named(target))
    return f"{was} && {made} && " + (f"if {guard}; then {sent}; else {_LET_BE}; fi" if guard else sent)


def _patched_here(target: Reference, body: Any) -> str:
    """A pipe through which an object goes, to come out changed."""
    return f" | kubectl patch --local -f - --type {_form(target, body)} -p {_json(body)} -o json" if body else ""


def _form(target: Reference, body: Any) -> str:
    """Lists are merged by their key only for the kinds that kubectl knows."""
    if isinstance(body, list):
        return "json"
    group = target.api_version.partition("/")[0] if "/" in target.api_version else ""
    known = group in _KNOWN_GROUPS or (group.endswith(".k8s.io") and "x-k8s.io" not in group)
    return "strategic" if known else "merge"


def _traces(case: Case, target: Reference) -> dict[str, Any]:
    """A patch that takes out what controllers wrote, so that the copy is as its author made it; empty for no change."""
    if target.kind == "Pod":
        return _OF_A_POD
    job = case.index.work_by_name.get((target.kind, target.namespace, target.name))
    return traces_in(case, job) if isinstance(job, Job) else {}


def _named(target: Reference) -> str:
    group, slash, _ = target.api_version.partition("/")
    resource = f"{target.kind.lower()}.{group}" if slash else target.kind.lower()
    where = f" -n {shlex.quote(target.namespace)}" if target.namespace else ""
    return f"{shlex.quote(f'{resource}/{target.name}')}{where}"


def _json(body: Any) -> str:
    return shlex.quote(json.dumps(body, separators=(",", ":"), ensure_ascii=True))
