"""The Kubernetes multi-tenancy benchmarks (MTB), asked of the rendered objects. One test for each id.

What only a server can decide (that it refuses a privileged pod) has its other half in `tests/live/security`.
"""

from __future__ import annotations

from allotment.model.policy import Mode, PolicyName
from allotment.render.namespaces import POD_SECURITY_MODES
from allotment.render.policies.admission import object_name
from allotment.render.rbac import OWN_CLUSTER_VIEWER, Role
from tests.security.subject import CHANGES, POD_SECURITY, Subject

RBAC = "rbac.authorization.k8s.io"


def test_pl1_cc_cpi_1_no_access_to_cluster_resources(subject: Subject) -> None:
    """MTB-PL1-CC-CPI-1: tenants cannot see, let alone change, what belongs to the whole cluster.

    The one exception is the tenant that has the cluster to itself: it may look. A deliberate deviation: what work may
    name and no team owns (classes of priority, storage, runtime and device) may be looked up by all, see
    docs/decisions/0019. Engineers are no tenants.
    """
    engineers = set(subject.platform.admin_groups)
    for binding in subject.of_kind("ClusterRoleBinding"):
        groups = {entry["name"] for entry in binding.body["subjects"]}
        match binding.body["roleRef"]["name"]:
            case "allotment-reader":
                assert groups == engineers
            case "allotment-word-reader":
                assert not groups & engineers
            case other:
                assert other == OWN_CLUSTER_VIEWER
                assert len(subject.namespaces()) == 1
    words = {right.resource for right in subject.rights() if right.role == "allotment-word-reader"}
    assert words <= {
        "deviceclasses", "priorityclasses", "runtimeclasses", "storageclasses", "workloadpriorityclasses",
    }  # fmt: skip
    assert not [right for right in subject.rights() if not right.namespace and right.verb in CHANGES]


def test_pl1_bc_cpi_2_no_change_of_tenancy_objects(subject: Subject) -> None:
    """MTB-PL1-BC-CPI-2: what the administrator put into a tenant's namespace for tenancy, the tenant cannot change.

    Quotas, limits, network policies and queues: by RBAC alone. Role bindings, claims and the default account: by the
    policy `managed-objects-protected`, since RBAC cannot tell our objects from the tenant's.
    """
    guarded = {"limitranges", "localqueues", "networkpolicies", "resourcequotas", "serviceaccounts"}
    assert not [right for right in subject.rights() if right.resource in guarded and right.verb in CHANGES]
    policies = {policy.name: policy for policy in subject.platform.policies}
    assert policies[PolicyName.MANAGED_OBJECTS_PROTECTED].modes[subject.cluster.name] is Mode.ENFORCE
    rendered = {item.key.name for item in subject.of_kind("ValidatingAdmissionPolicy")}
    assert object_name(policies[PolicyName.MANAGED_OBJECTS_PROTECTED]) in rendered


def test_pl1_bc_cpi_3_no_added_capabilities(subject: Subject) -> None:
    """MTB-PL1-BC-CPI-3: a container cannot add Linux capabilities (Pod Security `restricted`)."""
    assert subject.enforces_restricted()


def test_pl1_bc_cpi_4_no_root(subject: Subject) -> None:
    """MTB-PL1-BC-CPI-4: containers run as another user than root (Pod Security `restricted`)."""
    assert subject.enforces_restricted()


def test_pl1_bc_cpi_5_no_privileged_containers(subject: Subject) -> None:
    """MTB-PL1-BC-CPI-5: no privileged containers (Pod Security `restricted`)."""
    assert subject.enforces_restricted()


def test_pl1_bc_cpi_6_no_privilege_escalation(subject: Subject) -> None:
    """MTB-PL1-BC-CPI-6: no process gains more rights than its parent (Pod Security `restricted`)."""
    assert subject.enforces_restricted()


def test_pl1_cc_ti_1_no_change_of_quotas(subject: Subject) -> None:
    """MTB-PL1-CC-TI-1: a tenant cannot create, change or delete the quotas of its namespace."""
    for verb in CHANGES:
        assert not subject.holders(verb, "", "resourcequotas")


def test_pl1_cc_ti_2_no_access_to_other_tenants(subject: Subject) -> None:
    """MTB-PL1-CC-TI-2: a tenant has no rights in another tenant's namespace.

    Every binding of a namespace names groups of its own team only, and points at a Role of that namespace.
    """
    teams = {name: team for team in subject.platform.teams for name in team.namespaces}
    for binding in subject.of_kind("RoleBinding"):
        groups = teams[binding.key.namespace].groups
        own = {*groups.owners, *groups.members, *groups.viewers, *groups.exec}
        assert {entry["name"] for entry in binding.body["subjects"]} <= own
        assert {entry["kind"] for entry in binding.body["subjects"]} == {"Group"}
        assert binding.body["roleRef"]["kind"] == "Role"
        assert subject.in_namespace("Role", binding.key.namespace)


def test_pl1_bc_hi_1_no_host_paths_and_no_node_ports(subject: Subject) -> None:
    """MTB-PL1-BC-HI-1: no volumes of the host (Pod Security), and no services that open a port on every node.

    The benchmark gave this id to both; the quota and the policy `no-exposed-services` are each enough for the second.
    """
    assert subject.enforces_restricted()
    for namespace in subject.namespaces():
        [quota] = subject.in_namespace("ResourceQuota", namespace.key.name)
        assert quota["spec"]["hard"]["services.nodeports"] == "0"
        assert quota["spec"]["hard"]["services.loadbalancers"] == "0"
    policies = {policy.name: policy for policy in subject.platform.policies}
    assert subject.cluster.name in policies[PolicyName.NO_EXPOSED_SERVICES].modes


def test_pl1_bc_hi_3_no_host_network_and_ports(subject: Subject) -> None:
    """MTB-PL1-BC-HI-3: no pod uses the host's network or its ports (Pod Security `restricted`)."""
    assert subject.enforces_restricted()


def test_pl1_bc_hi_4_no_host_processes(subject: Subject) -> None:
    """MTB-PL1-BC-HI-4: no pod sees the host's processes (Pod Security `restricted`)."""
    assert subject.enforces_restricted()


def test_pl1_bc_hi_5_no_host_ipc(subject: Subject) -> None:
    """MTB-PL1-BC-HI-5: no pod shares the host's inter-process communication (Pod Security `restricted`)."""
    assert subject.enforces_restricted()


def test_pl1_cc_fns_1_compute_and_storage_are_bounded(subject: Subject) -> None:
    """MTB-PL1-CC-FNS-1: every tenant's namespace has a quota of CPU, memory and storage; ours of devices too."""
    for namespace in subject.namespaces():
        [quota] = subject.in_namespace("ResourceQuota", namespace.key.name)
        hard = quota["spec"]["hard"]
        assert {"requests.cpu", "limits.cpu", "requests.memory", "limits.memory", "requests.storage"} <= set(hard)
    for item in subject.of_kind("ClusterQueue"):
        for namespace, devices in _devices_offered(subject, item.key.name):
            [quota] = subject.in_namespace("ResourceQuota", namespace)
            assert {f"requests.{device}" for device in devices} <= set(quota["spec"]["hard"]), namespace


def _devices_offered(subject: Subject, cluster_queue: str) -> list[tuple[str, set[str]]]:
    """(namespace, resource names of devices) of the LocalQueues that lead to a ClusterQueue of a team."""
    teams = {team.queue: team for team in subject.platform.teams}
    if cluster_queue not in teams:
        return []
    placement = teams[cluster_queue].placement_in(subject.cluster.name)
    assert placement is not None
    accelerators = (subject.cluster.flavor(entry.flavor).accelerator for entry in placement.accelerators)
    names = {subject.platform.accelerators[name].resource_name for name in accelerators if name is not None}
    return [(namespace, names) for namespace in teams[cluster_queue].namespaces]


def test_pl1_cc_fns_2_object_counts_are_bounded(subject: Subject) -> None:
    """MTB-PL1-CC-FNS-2: every tenant's namespace bounds the number of pods, claims, services and others."""
    for namespace in subject.namespaces():
        [quota] = subject.in_namespace("ResourceQuota", namespace.key.name)
        counted = {"pods", "persistentvolumeclaims", "services.nodeports", "services.loadbalancers"}
        assert counted <= set(quota["spec"]["hard"])
        assert {"services", "count/services"} & set(quota["spec"]["hard"])


def test_pl1_cc_di_1_private_images_need_credentials(subject: Subject) -> None:
    """MTB-PL1-CC-DI-1: a private image can be used only by those who hold its credentials.

    The benchmark asks for `imagePullPolicy: Always`; since Kubernetes 1.35 the kubelet itself checks the credentials
    of an image that is on the node already. Here: each tenant pulls with secrets of its own namespace, named by its
    default account, and Allotment renders none of them. `docs/isolation.md` says what is left on older nodes.
    """
    secrets = {name: team.image_pull_secrets for team in subject.platform.teams for name in team.namespaces}
    for namespace in subject.namespaces():
        [account] = subject.in_namespace("ServiceAccount", namespace.key.name)
        named = tuple(entry["name"] for entry in account.get("imagePullSecrets", ()))
        assert named == secrets[namespace.key.name]
    assert not subject.of_kind("Secret")


def test_pl2_cc_ti_1_no_escalation_of_roles(subject: Subject) -> None:
    """MTB-PL2-CC-TI-1: no tenant may escalate roles, or bind roles that it does not hold itself."""
    assert not [right for right in subject.rights() if right.verb in {"bind", "escalate"}]


def test_pl2_bc_ops_3_owners_make_role_bindings(subject: Subject) -> None:
    """MTB-PL2-BC-OPS-3: a tenant can make roles and bindings in its own namespace.

    Owners can; the API server keeps both below the owner's own rights, because nobody holds `bind` or `escalate`.
    """
    owners = {item.key.namespace for item in subject.of_kind("Role") if item.key.name == Role.OWNER}
    for resource in ("rolebindings", "roles"):
        for verb in ("create", "delete", "get", "list", "watch"):
            allowed = {
                right.namespace
                for right in subject.rights()
                if (right.verb, right.group, right.resource, right.role) == (verb, RBAC, resource, Role.OWNER)
            }
            assert allowed == owners


def test_pl2_bc_ops_4_openings_are_self_service_by_declaration(subject: Subject) -> None:
    """MTB-PL2-BC-OPS-4: a tenant can manage network policies of its own.

    A deliberate deviation: network policies only ever add, so one made by a tenant could open the cloud's metadata
    address, and with it the node's credentials. A tenant sees every policy, and asks for an opening by a pull request
    to the platform directory; each declared opening is there as a policy of its own.
    """
    assert not [right for right in subject.rights() if right.resource == "networkpolicies" and right.verb in CHANGES]
    openings = {
        f"allotment-{'to' if service.direction == 'egress' else 'from'}-{service.name}"
        for service in subject.platform.shared_services
    }
    for namespace in subject.staying():
        names = {body["metadata"]["name"] for body in subject.in_namespace("NetworkPolicy", namespace)}
        assert openings <= names


def test_pod_security_is_pinned_in_all_modes(subject: Subject) -> None:
    """What BC-CPI-3 to -6 and BC-HI-1 to -5 rest on: enforce, audit and warn, at one pinned version."""
    for namespace in subject.namespaces():
        found = namespace.body["metadata"]["labels"]
        for mode in POD_SECURITY_MODES:
            assert found[f"{POD_SECURITY}/{mode}"] == (subject.level(namespace) if mode == "enforce" else "restricted")
            assert found[f"{POD_SECURITY}/{mode}-version"].startswith("v1.")
