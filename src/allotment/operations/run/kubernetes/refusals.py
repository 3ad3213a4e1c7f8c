"""Pods that are refused when their time has come: by a quota of the namespace, or by a policy that came later.

A job whose pods cannot be made stands as one that starts, for ever, and no object of it says why: its controller tells
it in an event. Anybody may write events, so they are quoted, and nothing is decided by them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from allotment.errors import quoted_message
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.model.observed.namespaced import Event
from allotment.observe.kinds import BY_KIND
from allotment.observe.reading import read_object
from allotment.operations.run.kubernetes.seeing import SeenWork
from allotment.operations.run.kubernetes.standing import admitted_at, lacks_pods
from allotment.ports.kube import KubePort, RefusedError

_FAILED: Final = "reason=FailedCreate"
_FAILED_JOBS: Final = "reason=JobCreationFailed"
"""As JobSet tells it, of the Jobs that make the pods."""
_OF_A_POD: Final = re.compile(r'^.*?pods "[^"]*" is ')
"""How such a message begins: with a name that is another one at each try."""


def look_for_refusals(kube: KubePort, jobs: Iterable[SeenWork]) -> None:
    """Write down why pods cannot be made, of those jobs that lack some; a request a namespace that has one, or two."""
    lacking: defaultdict[str, list[SeenWork]] = defaultdict(list)
    for each in jobs:
        if lacks_pods(each):
            lacking[each.namespace].append(each)
    for namespace, there in sorted(lacking.items()):
        try:
            found = [*_told(kube, namespace, _FAILED)]
            if any(each.main is not None and each.main.kind == WorkKind.JOB_SET for each in there):
                found += _told(kube, namespace, _FAILED_JOBS)
        except RefusedError:
            continue  # whoever may not read events does without
        told: defaultdict[str, list[Event]] = defaultdict(list)
        for event in found:
            told[event.involved_object.uid].append(event)
        for job in there:
            job.refused = _latest(job, told)


def _told(kube: KubePort, namespace: str, fields: str) -> Iterator[Event]:
    for raw in kube.list("v1", "Event", namespace=namespace, fields=fields, lenient=True):
        event = _read(raw)
        if event is not None:
            yield event


def _latest(job: SeenWork, told: Mapping[str, Sequence[Event]]) -> str:
    """The last refusal since it was let in; `told`: all events, by the uid of whom they are about."""
    since = admitted_at(job.workloads)
    of = [each for uid in sorted(job.makers) for each in told.get(uid, ()) if each.at >= since]
    last = max(of, key=lambda each: each.at, default=None)
    return "" if last is None else f"its pods cannot be made: {quoted_message(_OF_A_POD.sub('', last.message))}"


def _read(raw: object) -> Event | None:
    value = read_object(BY_KIND["", "Event"], raw).value  # type: ignore[arg-type]
    return value if isinstance(value, Event) else None
