"""Flags that a user may add to the API server, and those that would take back what a sandbox promises."""

from __future__ import annotations

import pytest

from allotment.adapters.sandbox.apiserver_flags import check
from allotment.adapters.sandbox.components import OWN_APISERVER_FLAGS
from allotment.errors import InputError


@pytest.mark.parametrize(
    "name",
    [
        "feature-gates",
        "runtime-config",
        "v",
        "oidc-issuer-url",
        "max-requests-inflight",
        "event-ttl",
        "audit-webhook-mode",
    ],
)
def test_flags_that_are_taken(name: str) -> None:
    check({name: "x"}, OWN_APISERVER_FLAGS)


@pytest.mark.parametrize("name", sorted(OWN_APISERVER_FLAGS))
def test_what_the_sandbox_sets_itself_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=name) as caught:
        check({name: "x"}, OWN_APISERVER_FLAGS)
    assert caught.value.why == "the sandbox sets it itself"


@pytest.mark.parametrize(
    "name",
    [
        "anonymous-auth",
        "authentication-config",
        "authentication-token-webhook-config-file",
        "authorization-config",
        "authorization-webhook-config-file",
        "cors-allowed-origins",
        "debug-socket-path",
        "disable-admission-plugins",
        "egress-selector-config-file",
        "enable-aggregator-routing",
        "enable-bootstrap-token-auth",
        "external-hostname",
        "permit-address-sharing",
        "permit-port-sharing",
        "requestheader-uid-headers",
        "service-account-lookup",
        "tls-cipher-suites",
        "tls-min-version",
        "tls-sni-cert-key",
        "token-auth-file",
        # Spellings that the API server would take for flags of the table.
        "bind_address",
        "authorization_mode",
        "-bind-address",
        "v=4 --bind-address",
        "Bind-Address",
        "",
    ],
)
def test_what_would_weaken_it_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        check({"v": "4", name: "x"}, OWN_APISERVER_FLAGS)
    assert caught.value.why
    assert caught.value.fix


@pytest.mark.parametrize("value", ["a\0b", "a\nb"])
def test_values_that_no_command_line_shows(value: str) -> None:
    with pytest.raises(InputError, match="feature-gates"):
        check({"feature-gates": value}, OWN_APISERVER_FLAGS)
