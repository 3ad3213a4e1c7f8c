"""Ways to a device, a secret or a privilege past those who count and guard them.

The container runtime hands out devices by an environment variable or an annotation, whether the scheduler counted them
or not; a volume written into the pod hands its parameters to a storage driver that may read other namespaces; and in a
user namespace of its own a pod may be root, which Pod Security lets pass there.
"""

from __future__ import annotations

from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, sentence, string_list
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import ALL_CONTAINERS, DEBUGGED, WORKLOADS, each, field, pod_variables
from allotment.render.policies.trained import PLACED, trained_variables

DEVICE_VARIABLES: Final = (
    "AMD_VISIBLE_DEVICES",
    "ASCEND_VISIBLE_DEVICES",
    "HABANA_VISIBLE_DEVICES",
    "NVIDIA_IMEX_CHANNELS",
    "NVIDIA_VISIBLE_DEVICES",
)
"""By which container runtimes hand out devices; what a program goes by inside its container is not among them."""


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(*WORKLOADS, DEBUGGED),
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "pods"),
            *trained_variables(),
            Variable("deviceVariables", string_list(DEVICE_VARIABLES)),
            Variable("csiDrivers", string_list(policy.csi_drivers)),
        ),
        checks=(_VARIABLES, _TRAINERS, _ANNOTATIONS, _VOLUMES, _ROOT),
        told_with=told_with(),
    )


_OPENS: Final = (
    'e.name in variables.deviceVariables && (has(e.valueFrom) || !(e.?value.orValue("") in ["", "none", "void"]))'
)
_OPEN: Final = f"{ALL_CONTAINERS}.filter(c, c.?env.orValue([]).exists(e, {_OPENS}))"
_FIX: Final = ", which hands out devices past the scheduler; take it away, and ask for devices in resources.limits"

_VARIABLES: Final = Check(
    name="openVariables",
    message="devices are asked for in resources.limits, not by an environment variable",
    faults=each(
        f"size({_OPEN}) > 0",
        field("spec.containers: container "),
        Expr(f"{_OPEN}[0].name"),
        " sets ",
        Expr(f"{_OPEN}[0].env.filter(e, {_OPENS})[0].name"),
        _FIX,
        among=PLACED,
    ),
)

_HERE: Final = "dyn(object).spec"
_SAID: Final = ", ".join(
    f'{{"at": dyn("spec.{path}"), "env": dyn({_HERE}.?{path.replace(".", ".?")}.?env.orValue([]))}}'
    for path in ("trainer", "initializer.dataset", "initializer.model")
)

_TRAINERS: Final = Check(
    name="trainerVariables",
    message="devices are asked for in resourcesPerNode, not by an environment variable",
    faults=Expr(
        f'(variables.kind == "TrainJob" ? [{_SAID}] : []).map(t, t.env.filter(e, {_OPENS}).map(e, '
        + sentence(Expr("t.at"), ".env sets ", Expr("e.name"), _FIX)
        + ")).flatten()"
    ),
)

_INJECTED: Final = 'p.annotations.filter(k, k.startsWith("cdi.k8s.io/"))'

_ANNOTATIONS: Final = Check(
    name="deviceAnnotations",
    message="devices are asked for in resources.limits, not by an annotation",
    faults=each(
        f"size({_INJECTED}) > 0",
        field("metadata.annotations holds "),
        Expr(f'{_INJECTED}.join(", ")'),
        _FIX,
        among=PLACED,
    ),
)

_INLINE: Final = "p.spec.?volumes.orValue([]).filter(v, has(v.csi) && !(v.csi.driver in variables.csiDrivers))"

_VOLUMES: Final = Check(
    name="inlineVolumes",
    message="a volume of a storage driver is claimed, not written into the pod",
    faults=each(
        f"size({_INLINE}) > 0",
        field("spec.volumes: volume "),
        Expr(f"{_INLINE}[0].name"),
        " names the driver ",
        Expr(f"{_INLINE}[0].csi.driver"),
        " itself, whose parameters may reach other namespaces; use a PersistentVolumeClaim",
        Expr('(size(variables.csiDrivers) > 0 ? ", or one of the drivers " + variables.csiDrivers.join(", ") : "")'),
        among=PLACED,
    ),
)


def _effective(name: str, default: str) -> str:
    return f"c.?securityContext.?{name}.orValue(p.spec.?securityContext.?{name}.orValue({default}))"


_ROOTS: Final = (
    f"p.containers.filter(c, int({_effective('runAsUser', '-1')}) == 0 || !{_effective('runAsNonRoot', 'false')})"
)

_ROOT: Final = Check(
    name="rootOfItsOwn",
    message="a pod is not root in a user namespace of its own either",
    faults=each(
        f"!p.spec.?hostUsers.orValue(true) && size({_ROOTS}) > 0",
        field("spec.hostUsers is false and container "),
        Expr(f"{_ROOTS}[0].name"),
        " may run as root; set securityContext.runAsNonRoot to true, and no runAsUser of 0",
    ),
)
