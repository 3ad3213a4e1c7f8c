"""Pod templates keep to the Pod Security level of their namespace, as their pods have to.

Kubernetes' Pod Security admission refuses pods; about a Job or a Deployment it only warns. So one without a security
context would be accepted, hold its quota, and never have a pod. The rules are those of the Pod Security Standards
(kubernetes.io/docs/concepts/security/pod-security-standards, as of Kubernetes 1.36), read off
k8s.io/pod-security-admission/policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, label, quote, sentence, string_list
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import WORKLOADS, pod_variables

SECURITY_LEVEL: Final = label("namespaceObject.metadata.labels", "pod-security.kubernetes.io/enforce")
"""CEL: the Pod Security level that the namespace enforces; empty for none."""


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "pods"),
            Variable("securityLevel", SECURITY_LEVEL),
        ),
        checks=(_CHECK,),
        told_with=told_with(),
    )


@dataclass(frozen=True, slots=True)
class _Control:
    """One control of the standards.

    Attributes:
        wanted: what a reader has to do.
        broken: CEL over pod `p`: whether the control is broken.
    """

    wanted: str
    broken: str


def _any(condition: str) -> str:
    """CEL: the condition holds for the security context of pod `p`, or of a container `c` of it, both called `o`."""
    return f"([p.spec] + p.containers).exists(o, {condition})"


def _own(field: str) -> str:
    """CEL optional: a field of container `c`'s security context, or else of the pod's."""
    return f"c.?securityContext.?{field}.or(p.spec.?securityContext.?{field})"


_LINUX: Final = 'p.spec.?os.?name.orValue("linux") != "windows"'
_CAPABILITIES: Final = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip
_SELINUX_TYPES: Final = ("", "container_engine_t", "container_init_t", "container_kvm_t", "container_t")
_SYSCTLS: Final = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
)  # fmt: skip
_VOLUMES: Final = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "gitRepo", "glusterfs", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte",
    "rbd", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = (*(f"c.?{probe}" for probe in _PROBES), "c.?lifecycle.?postStart", "c.?lifecycle.?preStop")
_HOSTS: Final = " || ".join(
    f'{handler}.?{action}.?host.orValue("") != ""' for handler in _HANDLERS for action in ("httpGet", "tcpSocket")
)
_APP_ARMOR: Final = quote("container.apparmor.security.beta.kubernetes.io/")

_BASELINE: Final = (
    _Control("set no hostProcess", _any("o.?securityContext.?windowsOptions.?hostProcess.orValue(false)")),
    _Control(
        "leave hostNetwork, hostPID and hostIPC away",
        " || ".join(f"p.spec.?{name}.orValue(false)" for name in ("hostNetwork", "hostPID", "hostIPC")),
    ),
    _Control(
        "set no securityContext.privileged", "p.containers.exists(c, c.?securityContext.?privileged.orValue(false))"
    ),
    _Control(
        "add no such capabilities",
        "p.containers.exists(c, c.?securityContext.?capabilities.?add.orValue([])"
        f".exists(name, !(name in {string_list(_CAPABILITIES)})))",
    ),
    _Control("mount no hostPath", "p.spec.?volumes.orValue([]).exists(v, v.?hostPath.hasValue())"),
    _Control(
        "open no hostPort",
        "p.containers.exists(c, c.?ports.orValue([]).exists(port, port.?hostPort.orValue(0) != 0))",
    ),
    _Control("name no host in probes and lifecycle handlers", f"p.containers.exists(c, {_HOSTS})"),
    _Control(
        "leave AppArmor on",
        _any('o.?securityContext.?appArmorProfile.?type.orValue("") == "Unconfined"')
        + f" || p.annotations.exists(key, key.startsWith({_APP_ARMOR})"
        ' && !(p.annotations[key] in ["", "runtime/default"] || p.annotations[key].startsWith("localhost/")))',
    ),
    _Control(
        "set no SELinux user, role or other type",
        _any(
            "o.?securityContext.?seLinuxOptions.hasValue()"
            f' && (!(o.securityContext.seLinuxOptions.?type.orValue("") in {string_list(_SELINUX_TYPES)})'
            ' || o.securityContext.seLinuxOptions.?user.orValue("") != ""'
            ' || o.securityContext.seLinuxOptions.?role.orValue("") != "")'
        ),
    ),
    _Control(
        "leave procMount away",
        'p.containers.exists(c, c.?securityContext.?procMount.orValue("Default") != "Default")',
    ),
    _Control(
        "set no seccomp profile Unconfined",
        _any('o.?securityContext.?seccompProfile.?type.orValue("") == "Unconfined"'),
    ),
    _Control(
        "set no such sysctls",
        f"p.spec.?securityContext.?sysctls.orValue([]).exists(s, !(s.name in {string_list(_SYSCTLS)}))",
    ),
)

_RESTRICTED: Final = (
    _Control(
        "mount volumes by claims only",
        f"p.spec.?volumes.orValue([]).exists(v, {' || '.join(f'v.?{name}.hasValue()' for name in _VOLUMES)})",
    ),
    _Control(
        "set securityContext.allowPrivilegeEscalation: false in each container",
        f"{_LINUX} && p.containers.exists(c, c.?securityContext.?allowPrivilegeEscalation.orValue(true))",
    ),
    _Control(
        "set securityContext.runAsNonRoot: true", f"p.containers.exists(c, !{_own('runAsNonRoot')}.orValue(false))"
    ),
    _Control("set no securityContext.runAsUser: 0", _any("o.?securityContext.?runAsUser.orValue(1) == 0")),
    _Control(
        "set securityContext.seccompProfile.type: RuntimeDefault",
        f"{_LINUX} && p.containers.exists(c,"
        f' !({_own("seccompProfile.?type")}.orValue("") in ["Localhost", "RuntimeDefault"]))',
    ),
    _Control(
        "set securityContext.capabilities.drop: [ALL] in each container, and add at most NET_BIND_SERVICE",
        f'{_LINUX} && p.containers.exists(c, !("ALL" in c.?securityContext.?capabilities.?drop.orValue([]))'
        ' || c.?securityContext.?capabilities.?add.orValue([]).exists(name, name != "NET_BIND_SERVICE"))',
    ),
)


def _list(controls: tuple[_Control, ...]) -> str:
    return " + ".join(f"(({control.broken}) ? [{quote(control.wanted)}] : [])" for control in controls)


_BROKEN: Final = (
    f'(variables.securityLevel in ["baseline", "restricted"] ? {_list(_BASELINE)} : [])'
    f' + (variables.securityLevel == "restricted" ? {_list(_RESTRICTED)} : [])'
)

_CHECK: Final = Check(
    name="insecure",
    message="pod templates keep to the Pod Security level of their namespace",
    faults=(
        # A pod itself is Kubernetes' own business.
        'variables.pods.filter(p, variables.kind != "Pod")'
        f'.map(p, {{"at": dyn(p.at), "wanted": dyn({_BROKEN})}}).filter(found, size(found.wanted) > 0).map(found, '
        + sentence(
            Expr("found.at"),
            "spec breaks Pod Security level ",
            Expr("variables.securityLevel"),
            ": ",
            Expr('found.wanted.join("; ")'),
        )
        + ")"
    ),
)
