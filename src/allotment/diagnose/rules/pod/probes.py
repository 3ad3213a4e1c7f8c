"""Containers that run and are not taken to work, for a probe fails."""

from __future__ import annotations

import re
from typing import Any, Final

from allotment.diagnose.amending import amended, changed_pods, containers_patch
from allotment.diagnose.by_hand import described, logs_of
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.pod.containers import Stuck, killed_by, said_last, statuses, stuck
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Condition
from allotment.model.observed.pods import Container, Pod, Probe, ProbeTarget
from allotment.model.spelling import nearest

_REFUSED: Final = re.compile(r"connection refused", re.IGNORECASE)
_NO_PATH: Final = re.compile(r"statuscode: 404")
_LATE: Final = re.compile(r"deadline exceeded|Client\.Timeout|timed? ?out", re.IGNORECASE)
_GATES: Final = "ReadinessGatesNotReady"
_LOADS_WITHIN: Final = 600.0
"""Seconds in which a server may load its model."""
_SEEN_WITHIN: Final = 60.0
"""Seconds in which the kubelet has called a container ready that has no probe."""
_PERIOD: Final = 10
_TRIES: Final = 90
"""Of a startup probe that is proposed: a quarter of an hour in all."""
_SLOWER: Final = 4
"""Times as many tries that are proposed for what answers too late."""


def startup(case: Case) -> Finding | None:
    """The startup probe fails: the container is killed before it is done starting."""
    for each in stuck(case):
        probe = each.container.startup_probe
        if probe is None or each.status.ready or each.status.started:
            continue
        said = said_last(case, each.pod, "Unhealthy", "Startup probe")
        killed = killed_by(case, each, "startup")
        if not (said or killed) or (not killed and not each.status.restart_count and within_its_time(case, each, said)):
            continue
        return _finding(case, each, probe, "startup", said or killed)
    return None


def liveness(case: Case) -> Finding | None:
    """The liveness probe fails: a container that ran is killed, again and again."""
    for each in stuck(case):
        probe = each.container.liveness_probe
        if probe is None:
            continue
        said = said_last(case, each.pod, "Unhealthy", "Liveness probe")
        killed = killed_by(case, each, "liveness")
        if not killed or not (said or each.status.restart_count):
            continue
        return _finding(case, each, probe, "liveness", said or killed)
    return None


def readiness(case: Case) -> Finding | None:
    """The readiness probe never holds: the container runs and nobody sends it anything."""
    for each in stuck(case):
        probe = each.container.readiness_probe
        if probe is None or each.status.state.running is None or each.status.ready or each.passing:
            continue
        if each.container.startup_probe is not None and not each.status.started:
            continue
        said = said_last(case, each.pod, "Unhealthy", "Readiness probe")
        if within_its_time(case, each, said):
            continue
        return _finding(case, each, probe, "readiness", said)
    return _by_gate(case) or _without_probe(case)


def _node_reports(case: Case, pod: Pod) -> bool:
    """Whether what is said of a pod is its node's own word: of one that is not ready its controller speaks."""
    node = case.index.nodes.get(pod.spec.node_name)
    return node is None or node.ready


def _by_gate(case: Case) -> Finding | None:
    """Its containers are ready and it is not: a condition that somebody else has to set is not there."""
    for pod in (each for each in case.starting_pods if _node_reports(case, each)):
        ready = _unready(pod)
        mains = [each.status for each in statuses(pod) if not each.initial]
        if ready is None or not mains or not all(each.ready for each in mains):
            continue
        gate = ready.reason == _GATES
        what = f"a readiness gate of it is not: {quoted_message(ready.message)}" if gate else "the pod is not called so"
        who = "see who is to set the condition of that gate" if gate else "see whether its node still reports"
        return Finding(
            _CAUSES["readiness"],
            CauseVerdict.BROKEN,
            f"the containers of the pod {pod.name} are ready, and {what}",
            facts={"pod": pod.name, "node": pod.spec.node_name, "message": ready.message or None},
            evidence=(Evidence(reference_of(pod), "status.conditions[Ready].reason", ready.reason, ready.message),),
            confidence=Confidence.SURE if gate else Confidence.LIKELY,
            proposals=(_looked_at(pod, who, described(pod)),),
        )
    return None


def _without_probe(case: Case) -> Finding | None:
    """A container runs, has no probe that could fail, and is not called ready all the same."""
    for each in (one for one in stuck(case) if _node_reports(case, one.pod)):
        runs_since = each.status.state.running
        if runs_since is None or each.status.ready or each.initial or each.container.readiness_probe is not None:
            continue
        if each.container.startup_probe is not None or each.pod.metadata.deletion_timestamp:
            continue
        if 0 < each.age(case.now) < _SEEN_WITHIN:
            continue
        since = f" since {runs_since.started_at}" if runs_since.started_at else ""
        return Finding(
            _CAUSES["readiness"],
            CauseVerdict.BROKEN,
            f"the container {each.status.name} of the pod {each.pod.name} runs{since} and is not called ready; it has "
            f"no readiness probe, so the kubelet of {each.pod.spec.node_name} should have called it so",
            facts={**each.facts(), "message": None, "restart_count": each.status.restart_count},
            evidence=(each.evidence("ready", False, "no probe says otherwise"),),
            confidence=Confidence.LIKELY,
            proposals=(
                _looked_at(
                    each.pod,
                    "see what it writes, and whether its node still reports",
                    logs_of(each.pod, each.status.name, restarted=False),
                ),
            ),
        )
    return None


def may_load(case: Case, each: Stuck) -> bool:
    """Whether a container that runs and is not ready may still be loading."""
    probe = each.container.startup_probe or each.container.readiness_probe
    if each.ended is not None and each.ended.exit_code:
        return False
    if probe is None:
        return 0 < each.age(case.now) < _SEEN_WITHIN
    said = said_last(case, each.pod, "Unhealthy", "Readiness probe") if each.status.started else ""
    return within_its_time(case, each, said or said_last(case, each.pod, "Unhealthy", "Startup probe"))


def within_its_time(case: Case, each: Stuck, said: str) -> bool:
    """Whether a container may still be loading, by its age; `said` tells whether its probe asks in the wrong place."""
    container, age = each.container, each.age(case.now)
    started = each.status.started or container.startup_probe is None
    probe = container.readiness_probe if started else container.startup_probe
    allowed = _LOADS_WITHIN if started or probe is None else budget(probe)
    if not 0 < age < allowed or probe is None:
        return False
    kind = "readiness" if started else "startup"
    return not _change(case, each, probe, kind, said) and _NO_PATH.search(said) is None


def budget(probe: Probe) -> int:
    """Seconds after which a probe that never held has given up."""
    return probe.initial_delay_seconds + probe.period_seconds * probe.failure_threshold


def _unready(pod: Pod) -> Condition | None:
    return next((each for each in pod.status.conditions if each.type == "Ready" and not each.true), None)


def _looked_at(pod: Pod, what: str, command: str) -> Proposal:
    return Proposal(RemedyKind.OTHER, Doer.USER, what, reference_of(pod), command=command)


_CAUSES: Final = {
    "startup": "startup-probe-failing",
    "liveness": "liveness-probe-kills",
    "readiness": "readiness-never-true",
}
_THEN: Final = {
    "startup": "so it is killed and started again",
    "liveness": "so it is killed and started again",
    "readiness": "so it is never taken to be ready",
}


def _finding(case: Case, each: Stuck, probe: Probe, kind: str, message: str) -> Finding:
    asked = probe.http_get or probe.tcp_socket
    port, path = (_port(each.container, asked), asked.path) if asked is not None else (None, "")
    better_port, better_path = _server(case, each, probe, kind, message)
    where = f" at {port}{path}" if asked is not None else ""
    serves = ""
    if better_port is not None and better_port != port:
        serves = f"; it declares port {better_port}"
    elif better_path and better_path != path:
        serves = f"; what serves here answers at {better_path}"
    return Finding(
        _CAUSES[kind],
        CauseVerdict.MISCONFIGURED,
        f"the {kind} probe of the container {each.status.name} fails{where}, {_THEN[kind]}{serves}: "
        f"{quoted_message(message) if message else 'no event says how'}",
        facts={
            **each.facts(),
            "message": message or None,
            "probe_path": path or None,
            "probe_port": port,
            "server_port": better_port,
            "server_path": better_path or None,
            "restart_count": each.status.restart_count,
        },
        evidence=(
            each.evidence("started" if kind == "startup" else "ready", False, f"the {kind} probe does not hold"),
        ),
        confidence=Confidence.SURE if message else Confidence.LIKELY,
        proposals=_proposals(case, each, probe, kind, message),
    )


def _port(container: Container, asked: ProbeTarget) -> int | str:
    return next((each.container_port for each in container.ports if each.name and each.name == asked.port), asked.port)


def _server(case: Case, each: Stuck, probe: Probe, kind: str, message: str) -> tuple[int | str | None, str]:
    """Where the server is, as far as the spec says: the one port it declares, the path that other probes ask."""
    asked, container = probe.http_get or probe.tcp_socket, each.container
    if asked is None:
        return None, ""
    others = [
        one.http_get
        for one in (container.startup_probe, container.liveness_probe, container.readiness_probe)
        if one is not None and one is not probe and one.http_get is not None
    ]
    ports = {one.container_port for one in container.ports if one.protocol == "TCP"}
    port = _port(container, asked)
    declared = next(iter(ports)) if len(ports) == 1 else next((_port(container, one) for one in others), None)
    path = asked.path
    if _NO_PATH.search(message):
        path = next((one.path for one in others if one.path != asked.path), "") or _path_of_siblings(case, asked, kind)
    return declared if declared is not None else (port if ports else None), path


def _path_of_siblings(case: Case, asked: ProbeTarget, kind: str) -> str:
    """The path that like probes of the namespace ask with success, where they agree on one that is nearly ours."""
    paths = set()
    for pod in case.index.objects.pods:
        if pod.namespace != case.namespace or pod.status.phase != "Running":
            continue
        if not any(each.type == "Ready" and each.true for each in pod.status.conditions):
            continue
        for each in pod.spec.containers:
            probe = each.startup_probe if kind == "startup" else each.readiness_probe or each.liveness_probe
            if probe is not None and probe.http_get is not None:
                paths.add(probe.http_get.path)
    return nearest(asked.path, paths - {asked.path})


def _change(case: Case, each: Stuck, probe: Probe, kind: str, message: str) -> dict[str, Any]:
    """What else the probe should ask, as far as the spec and what it was answered tell."""
    asked = probe.http_get or probe.tcp_socket
    if asked is None:
        return {}
    port, path = _server(case, each, probe, kind, message)
    change: dict[str, Any] = {}
    if port is not None and port != _port(each.container, asked) and _REFUSED.search(message):
        change["port"] = port
    if probe.http_get is not None and path and path != probe.http_get.path and _NO_PATH.search(message):
        change["path"] = path
    return change


def _proposals(case: Case, each: Stuck, probe: Probe, kind: str, message: str) -> tuple[Proposal, ...]:
    form = "httpGet" if probe.http_get is not None else "tcpSocket"
    change, name = _change(case, each, probe, kind, message), f"{kind}Probe"
    if change:
        what = " and ".join(f"{key} {value}" for key, value in change.items())
        body = containers_patch({each.status.name: {name: {form: change}}}, each.listed)
        return (changed_pods(RemedyKind.FIX_COMMAND, f"let the {kind} probe ask {what}", case, body),)
    late = _LATE.search(message) is not None
    loads = kind != "readiness" and _NO_PATH.search(message) is None
    slower = (_slower(case, each, probe, kind, late=late),) if late or loads else ()
    if late:
        return slower
    asked = Proposal(
        RemedyKind.FIX_COMMAND,
        Doer.USER,
        f"let the {kind} probe ask where the server answers, or the server answer there",
        amended(case, {})[0],
        Patch(PatchOp.SIGNAL, {"container": each.status.name, name: {form: {"port": "…", "path": "…"}}}),
        cost=1,
    )
    return (*slower, asked)


def _slower(case: Case, each: Stuck, probe: Probe, kind: str, *, late: bool) -> Proposal:
    """More time: for who answers late, more tries; for who does not listen yet, as many at the start alone.

    A startup probe holds off the liveness probe, which stays as quick as it is.
    """
    tries = probe.failure_threshold * _SLOWER
    change: dict[str, Any] = {f"{kind}Probe": {"failureThreshold": tries}}
    said = f"give it time: failureThreshold {tries}"
    asked = probe.http_get or probe.tcp_socket
    if late:
        change[f"{kind}Probe"]["timeoutSeconds"] = 5
        said += ", timeoutSeconds 5"
    elif kind == "liveness" and each.container.startup_probe is None and asked is not None:
        scheme = {"scheme": asked.scheme} if asked.scheme else {}
        form = {"tcpSocket": {"port": asked.port}}
        if probe.http_get is not None:
            form = {"httpGet": {"port": asked.port, "path": asked.path, **scheme}}
        change = {"startupProbe": {**form, "periodSeconds": _PERIOD, "failureThreshold": _TRIES}}
        said = f"give it time to load: a startupProbe that asks the same, for up to {_PERIOD * _TRIES // 60} minutes"
    body = containers_patch({each.status.name: change}, each.listed)
    return changed_pods(RemedyKind.OTHER, said, case, body)
