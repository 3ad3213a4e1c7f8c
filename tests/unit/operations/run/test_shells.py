"""Who submits to a cluster from another shell than the server's is told that the server reaches it by its own."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from allotment.api.backends import connected
from allotment.errors import NotFoundError
from allotment.operations.run.shells import of_shell, unlike

SHELL = {"KUBECONFIG": "/b", "SLURM_CONF": "/s.conf", "SLURM_JWT": "h.p.s", "PATH": "/bin"}
CASES: dict[str, tuple[Mapping[str, str] | None, Mapping[str, str], bool, tuple[str, ...]]] = {
    "the same": (of_shell(SHELL), SHELL, True, ()),
    "the same Slurm": (of_shell(SHELL), SHELL, False, ()),
    "set since the server started": ({}, SHELL, True, ("no KUBECONFIG,",)),
    "another since": ({"KUBECONFIG": "/a\x1b[2J"}, SHELL, True, ("KUBECONFIG=/a\\x1b[2J,",)),
    "nothing is set here": ({"KUBECONFIG": "/a"}, {"KUBECONFIG": ""}, True, ()),
    "what concerns the others": ({"KUBECONFIG": "/b"}, SHELL, True, ()),
    "a Slurm's": ({"KUBECONFIG": "/a"}, SHELL, False, ("no SLURM_CONF, no SLURM_JWT,",)),
    "a server that does not tell": (None, SHELL, True, ()),
}


@pytest.mark.parametrize(("server", "shell", "cluster", "says"), CASES.values(), ids=CASES)
def test_a_shell_that_means_another_is_told(
    server: Mapping[str, str] | None, shell: Mapping[str, str], cluster: bool, says: tuple[str, ...]
) -> None:
    said = unlike(server, shell, cluster=cluster)
    assert bool(said) is bool(says)
    assert all(each in said for each in says)
    assert not says or "`allot down`, then `allot up` here" in said


def test_no_token_leaves_the_environment() -> None:
    assert of_shell(SHELL) == {"KUBECONFIG": "/b", "SLURM_CONF": "/s.conf", "SLURM_JWT": "set"}


def test_a_server_without_a_kubeconfig_says_whose_environment_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    with pytest.raises(NotFoundError, match="/nowhere/config does not exist") as caught:
        connected("training")
    assert "the shell that started it" in caught.value.why
    assert caught.value.fix == "`allot down`, then `allot up` in a shell that sets KUBECONFIG"
