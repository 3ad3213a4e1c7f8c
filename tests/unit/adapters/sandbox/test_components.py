"""Command lines of the servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.adapters.sandbox.components import COMPONENTS, Layout, clients, port_names, start_order
from allotment.adapters.sandbox.extensions import CONTROLLERS, EXTENSIONS
from allotment.adapters.sandbox.state import Paths

PORTS = {name: 20000 + index for index, name in enumerate(port_names(EXTENSIONS))}
LAYOUT = Layout(Paths(Path("/state"), "dev"), PORTS, fast_storage=True)


def argv(name: str, layout: Layout = LAYOUT) -> list[str]:
    return COMPONENTS[name].argv(Path("/bin") / name, layout)


@pytest.mark.parametrize("name", start_order(EXTENSIONS))
def test_every_address_is_loopback(name: str) -> None:
    addresses = [flag for flag in argv(name)[1:] if "address=" in flag or "://" in flag]
    in_a_file = {"kueue", *(controller.name for controller in CONTROLLERS)}
    assert bool(addresses) is (name not in in_a_file)
    for flag in addresses:
        assert "127.0.0.1" in flag or "kubernetes.default.svc" in flag, flag


@pytest.mark.parametrize("name", ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"])
def test_each_listens_on_its_own_port(name: str) -> None:
    assert any(flag.endswith(f"{PORTS[name]}") for flag in argv(name))


def test_storage_asks_for_certificates() -> None:
    flags = argv("etcd")
    assert "--client-cert-auth=true" in flags
    assert "--peer-client-cert-auth=true" in flags


@pytest.mark.parametrize(("fast", "value"), [(True, "true"), (False, "false")])
def test_fast_storage_is_a_choice(fast: bool, value: str) -> None:
    assert f"--unsafe-no-fsync={value}" in argv("etcd", Layout(LAYOUT.paths, PORTS, fast_storage=fast))


def test_api_server_admission_and_audit() -> None:
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in argv("kube-apiserver")[1:])
    assert {"PodSecurity", "ResourceQuota", "LimitRanger", "NodeRestriction", "Priority"} <= set(
        flags["enable-admission-plugins"].split(",")
    )
    assert "disable-admission-plugins" not in flags
    assert flags["authorization-mode"] == "Node,RBAC"
    assert flags["audit-log-path"] == "/state/dev/logs/audit.log"


def test_controllers_that_need_a_cloud_are_off() -> None:
    [flag] = [flag for flag in argv("kube-controller-manager") if flag.startswith("--controllers=")]
    assert flag == "--controllers=*,-nodeipam,-route,-cloud-node-lifecycle,-service-lb-controller"


def test_further_flags_reach_the_api_server_and_never_replace_its_own() -> None:
    layout = Layout(LAYOUT.paths, PORTS, fast_storage=True, apiserver_flags={"v": "4", "bind-address": "0.0.0.0"})
    flags = argv("kube-apiserver", layout)
    assert "--v=4" in flags
    assert [flag for flag in flags if flag.startswith("--bind-address=")] == ["--bind-address=127.0.0.1"]


def test_the_servers_of_extensions_come_last_with_ports_and_kubeconfigs_of_their_own() -> None:
    assert start_order(()) == ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kueue")
    assert start_order(("jobset", "rayjob")) == (*start_order(()), "jobset")
    assert set(port_names(("leaderworkerset",))) - set(port_names(())) == {"lws", "lws-webhook"}
    assert clients(("jobset",)) == ("kube-controller-manager", "kube-scheduler", "kwok", "kueue", "jobset")
    assert "--config=/state/dev/config/jobset.json" in argv("jobset")
