"""Defaults and derived things: what a directory that says little comes to."""

from __future__ import annotations

import datetime as dt

from allotment.model import labels
from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Environment, KueueApi, Taint, TaintEffect
from allotment.model.platform import AcceptedStranger
from allotment.model.policy import Mode
from allotment.model.source import SourceTree
from allotment.model.team import PodSecurityException, PodSecurityLevel
from allotment.spec.load import load_platform
from tests.unit.spec.trees import CLUSTER, PLATFORM, TEAM, load, rich, tiny

GPU = Taint("nvidia.com/gpu", "present", TaintEffect.NO_SCHEDULE)


def dev(**files):
    return load(tiny(**files)).platform.cluster("dev")


def placement(**files):
    return load(tiny(**files)).platform.team("nlp").placement_in("dev")


def test_flavors_follow_from_pools():
    cluster = load(rich()).platform.cluster("dev")
    shared, own, cpu = cluster.flavors
    assert shared.node_labels == {labels.ACCELERATOR: "a100", labels.CAPACITY_TYPE: "spot"}
    assert shared.taints == (GPU, Taint("spot", "yes", TaintEffect.NO_SCHEDULE))
    assert shared.capacity == 32
    assert own.name == "h100-on-demand-cv"
    assert own.dedicated_to == "cv"
    assert own.node_labels[labels.DEDICATED] == "cv"
    assert own.taints == (GPU, Taint(labels.DEDICATED, "cv", TaintEffect.NO_SCHEDULE))
    assert (cpu.name, cpu.accelerator, cpu.node_labels, cpu.taints) == ("cpu", None, {}, ())
    assert [pool.flavor for pool in cluster.node_pools] == ["cpu", "a100-spot", "h100-on-demand-cv"]
    assert cluster.node_pools[0].taints == ()


POOL = "  - {{name: {0}-{1}, accelerator: {0}, capacityType: {1}, cpu: 1, memory: 1Gi, maxNodes: 1}}\n"


def test_reserved_comes_before_on_demand_before_spot():
    pools = "".join(POOL.format(name, kind) for name in ("t4", "h100") for kind in ("spot", "on-demand"))
    names = [flavor.name for flavor in dev(cluster=CLUSTER + pools).flavors]
    assert names == ["t4-on-demand", "h100-on-demand", "a100-spot", "t4-spot", "h100-spot", "cpu"]
    ordered = dev(cluster=CLUSTER + pools + "flavorOrder: [h100-spot, a100-spot]\n").flavors
    assert [flavor.name for flavor in ordered][:3] == ["h100-spot", "a100-spot", "t4-on-demand"]


def test_pools_of_one_flavor_add_up():
    cluster = dev(cluster=CLUSTER + CLUSTER[CLUSTER.index("  - name") :].replace("name: a100", "name: more"))
    assert [(flavor.name, flavor.capacity) for flavor in cluster.flavors] == [("a100-spot", 64), ("cpu", 0)]


def test_an_accelerator_means_the_teams_own_pool_first():
    own = "  - {name: own, accelerator: a100, capacityType: spot, dedicatedTo: nlp, cpu: 1, memory: 1Gi, maxNodes: 8}\n"
    entries = placement(cluster=CLUSTER + own).accelerators
    assert [entry.flavor for entry in entries] == ["a100-spot-nlp"]


def test_the_purpose_gives_the_environment():
    for purpose, environment in (
        ("serving", Environment.PRODUCTION),
        ("training", Environment.STAGING),
        ("development", Environment.DEVELOPMENT),
    ):
        cluster = CLUSTER.replace("purpose: development", f"purpose: {purpose}")
        assert dev(cluster=cluster).environment is environment
        assert placement(cluster=cluster).environment is environment
        assert dev(cluster=cluster + "environment: staging\n").environment is Environment.STAGING


def test_kueues_api_follows_from_its_version():
    for version, api in (("0.14.2", KueueApi.V1BETA1), ("0.15.0", KueueApi.V1BETA2), ("0.19.2", KueueApi.V1BETA2)):
        assert dev(cluster=CLUSTER + f"versions: {{kueue: {version}}}\n").kueue_api is api
    assert dev().kueue_api is KueueApi.V1BETA2


def test_teams_join_the_first_cohort():
    assert placement().cohort == "shared"
    cohorts = "cohorts: [{name: b, parent: a}, {name: a}]\n"
    assert placement(cluster=CLUSTER + cohorts).cohort == "a"
    assert [cohort.name for cohort in dev(cluster=CLUSTER + cohorts).cohorts] == ["a", "b"]
    assert placement(team=TEAM.replace("    cpu", "    standalone: true\n    cpu")).cohort is None


def test_the_namespaces_quota_is_what_the_queue_can_give():
    usual = placement().namespace_quota
    assert (usual.requests_cpu, usual.limits_cpu) == (64_000, 128_000), "CPU is not borrowed unless it is said"
    assert usual.accelerators == (("nvidia.com/gpu", 32),), "devices are borrowed up to what there is"
    borrowing = placement(team=TEAM.replace("    cpu: 64", "    cpu: {nominal: 64, borrowingLimit: 16}"))
    assert borrowing.namespace_quota.requests_cpu == 80_000
    alone = placement(team=TEAM.replace("    cpu", "    standalone: true\n    cpu")).namespace_quota
    assert (alone.requests_cpu, alone.limits_cpu) == (64_000, 128_000)
    assert (alone.requests_memory, alone.limits_memory) == (256 << 30, 512 << 30)
    assert alone.accelerators == (("nvidia.com/gpu", 8),)
    assert alone.pods == 50
    assert dict(alone.objects)["services.nodeports"] == 0


def test_kinds_of_workloads_are_counted_where_the_cluster_has_them():
    counted = {key for key, _ in placement().namespace_quota.objects}
    added = {
        "jobset": {"count/jobsets.jobset.x-k8s.io"},
        "leaderworkerset, pod-integration": {"count/leaderworkersets.leaderworkerset.x-k8s.io"},
        "rayjob": {"count/rayjobs.ray.io", "count/rayclusters.ray.io"},
        "trainjob": {"count/trainjobs.trainer.kubeflow.org"},
    }
    for features, keys in added.items():
        objects = dict(placement(cluster=CLUSTER + f"features: [{features}]\n").namespace_quota.objects)
        assert set(objects) - counted == keys
        assert {objects[key] for key in keys} == {100}
    fewer = TEAM.replace("    cpu", "    namespaceQuota: {objects: {count/jobsets.jobset.x-k8s.io: 5}}\n    cpu")
    here = placement(cluster=CLUSTER + "features: [jobset]\n", team=fewer).namespace_quota
    assert dict(here.objects)["count/jobsets.jobset.x-k8s.io"] == 5


def test_a_team_that_says_little_is_of_the_usual_size():
    little = "kind: Team\nname: nlp\ncostCenter: c\ngroups: {members: [a]}\nplacements: {dev: {}}\n"
    team = load(tiny(team=little)).platform.team("nlp")
    [here] = team.placements
    assert (here.cpu.nominal, here.memory.nominal, here.accelerators) == (64_000, 256 << 30, ())
    assert team.priorities == ("exploratory",)
    assert [(project.name, project.cost_center) for project in team.projects] == [("nlp", "c")]
    assert team.environments == (Environment.DEVELOPMENT,)
    assert team.storage.total == 1 << 40


def test_without_rules_the_reference_holds():
    platform = load(tiny()).platform
    assert [rung.name for rung in platform.priorities] == ["production-inference", "scheduled-training", "exploratory"]
    assert platform.default_priority.preempts is False
    assert all(mode is Mode.ENFORCE for policy in platform.policies for mode in policy.modes.values())
    tiers = {tier.name: tier.default_priority for tier in platform.slo_tiers}
    assert tiers == {
        "real-time": "production-inference",
        "near-real-time": "production-inference",
        "batch": "scheduled-training",
    }


def test_the_reference_tiers_stand_on_a_ladder_of_ones_own():
    ladder = "kind: Priority\nname: only\nvalue: 5\ndefault: true\n"
    platform = load(tiny(ladder=ladder)).platform
    assert {tier.default_priority for tier in platform.slo_tiers} == {"only"}
    assert platform.team("nlp").priorities == ("only",)


def test_system_namespaces_are_always_exempt():
    exempt = load(tiny(platform=PLATFORM + "exemptNamespaces: [mine]\n")).platform.exempt_namespaces
    assert exempt == ("kube-system", "kube-public", "kube-node-lease", "allotment-system", "kueue-system", "mine")
    assert "default" not in exempt


def test_in_another_currency_only_prices_of_ones_own_count():
    prices = "kind: Prices\naccelerators: {a100: {on-demand: 3}}\n"
    accelerators = load(tiny(platform=PLATFORM + "currency: EUR\n", prices=prices)).platform.accelerators
    assert accelerators["a100"].price_per_hour == {CapacityType.ON_DEMAND: 3_000_000}
    assert accelerators["h100"].price_per_hour == {}


def test_prices_fall_back_to_the_catalogue():
    prices = load(rich()).platform.accelerators["a100"].price_per_hour
    assert prices == {
        CapacityType.RESERVED: 1_800_000,
        CapacityType.ON_DEMAND: 3_000_000,
        CapacityType.SPOT: 1_250_000,
    }


def test_a_node_label_of_ones_own_is_the_flavors():
    files = rich()
    files["cluster.yaml"] = files["cluster.yaml"].replace(
        "overrides:", "  - {name: t, accelerator: thing, cpu: 1, memory: 1Gi, maxNodes: 1}\noverrides:"
    )
    platform = load(files).platform
    assert platform.cluster("dev").flavor("thing-on-demand").node_labels == {
        "example.com/has": "thing",
        labels.CAPACITY_TYPE: "on-demand",
    }
    assert platform.accelerators["thing"].node_label == ("example.com/has", "thing")


def test_a_team_that_leaves_holds_no_capacity():
    platform = load(rich()).platform
    assert platform.team("old").offboarding is not None
    assert sum(e.devices.nominal for _t, p in platform.teams_in("dev") for e in p.accelerators) > 32 + 8


def test_what_is_accepted_though_it_is_not_ours() -> None:
    text = """accepted:
  - {kind: ClusterRoleBinding, name: audit, subjects: [acme-security], reason: incident response, until: 2027-06-30}
  - {kind: ResourceQuota, name: gke-resource-quotas, reason: the provider's}
"""
    assert load(tiny(platform=PLATFORM + text)).platform.accepted == (
        AcceptedStranger(
            "ClusterRoleBinding", "", "audit", ("acme-security",), "incident response", dt.date(2027, 6, 30)
        ),
        AcceptedStranger("ResourceQuota", "", "gke-resource-quotas", (), "the provider's", None),
    )


def test_a_pod_may_take_half_an_hour_to_end_or_what_the_team_says():
    from_default, from_team = (load(tiny(team=TEAM + more)).platform.team("nlp") for more in ("", "maxGrace: 2h\n"))
    assert (from_default.max_grace, from_team.max_grace) == (labels.DEFAULT_MAX_GRACE, 7200)


def test_an_exception_is_gone_after_its_last_day():
    fields = "podSecurity: {level: baseline, reason: images are built as root, until: 2027-01-31}"
    tree = SourceTree(tiny(team=TEAM.replace("costCenter", f"{fields}\ncostCenter")))

    def given(*day):
        return load_platform(tree, *day).platform.team("nlp").pod_security

    last = dt.date(2027, 1, 31)
    exception = PodSecurityException(PodSecurityLevel.BASELINE, "images are built as root", last)
    assert given() == given(last) == exception
    assert given(last + dt.timedelta(days=1)) is None


def test_names_of_flavors_and_queues_can_be_chosen():
    usual = dev()
    assert (usual.cpu_flavor, usual.queue_name("nlp")) == ("cpu", "nlp")
    names = "names: {flavors: {cpu: compute, a100-spot: a100}, queues: {nlp: nlp-gpu}}\nflavorOrder: [a100]\n"
    chosen = load(tiny(cluster=CLUSTER + names)).platform
    place = chosen.clusters[0]
    assert (place.cpu_flavor, place.queue_name("nlp"), place.queue_name("cv")) == ("compute", "nlp-gpu", "cv")
    assert [flavor.name for flavor in place.flavors] == ["a100", "compute"]
    assert [pool.flavor for pool in place.node_pools] == ["a100"]
    (placement,) = chosen.teams[0].placements
    assert [entry.flavor for entry in placement.accelerators] == ["a100"]
    assert (usual.declared_in, place.declared_in) == ("cluster.yaml", "cluster.yaml")


def test_what_nodes_have_beside_the_usual_is_nothing_unless_declared():
    assert (dev().runtime_classes, dev().further_resources) == ((), ())
    assert dev().warn_namespaces == ()
    assert dev(cluster=CLUSTER + "warnNamespaces: [b, a]\n").warned == ("a", "b")
    declared = dev(cluster=CLUSTER + "runtimeClasses: [gvisor, nvidia]\nfurtherResources: [rdma/hca]\n")
    assert declared.runtime_classes == ("gvisor", "nvidia")
    assert declared.further_resources == ("rdma/hca",)
