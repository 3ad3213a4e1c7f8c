"""Addresses of repositories, and names of branches."""

from __future__ import annotations

import pytest

from allotment.adapters.git_repository.remotes import OPENED_BY, RemotePlace, checked_branch, remote_place
from allotment.errors import UsageError


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://forge.example/team/platform.git",
         RemotePlace("https://forge.example/team/platform.git", "https://forge.example/team/platform.git", "https")),
        ("https://forge.example:8443/p",
         RemotePlace("https://forge.example:8443/p", "https://forge.example:8443/p", "https")),
        ("https://mia@forge.example/p", RemotePlace("https://mia@forge.example/p", "https://forge.example/p", "https")),
        ("http://127.0.0.1:3000/p", RemotePlace("http://127.0.0.1:3000/p", "http://127.0.0.1:3000/p", "http")),
        ("http://[::1]:3000/p", RemotePlace("http://[::1]:3000/p", "http://[::1]:3000/p", "http")),
        ("ssh://git@forge.example:22/p.git",
         RemotePlace("ssh://git@forge.example:22/p.git", "ssh://forge.example:22/p.git", "ssh")),
        ("git@forge.example:team/p.git",
         RemotePlace("git@forge.example:team/p.git", "forge.example:team/p.git", "ssh")),
        ("/srv/git/p.git", RemotePlace("/srv/git/p.git", "/srv/git/p.git", "file")),
        ("file:///srv/git/p.git", RemotePlace("file:///srv/git/p.git", "file:///srv/git/p.git", "file")),
    ],
)  # fmt: skip
def test_what_is_an_address(address: str, place: RemotePlace) -> None:
    assert remote_place(address) == place


@pytest.mark.parametrize(
    "address",
    [
        "", "-oProxyCommand=x", "--upload-pack=x", "ext::sh -c x", "ext::sh", "fd::3", "s3cret", "p.git", "../p.git",
        "http://forge.example/p", "git://forge.example/p", "ftp://forge.example/p", "https:///p", "https://forge.example",
        "https://forge.example/", "https://forge.example/p?s3cret", "https://forge.example/p#s3cret",
        "https://forge.example:s3cret/p", "https://[::1/p", "ssh://git:s3cret@forge.example/p",
        "https://mia:s3cret@forge.example/p", "http://mia:s3cret@127.0.0.1/p", "ssh://-oX/p",
        "-x@forge.example:p", "git@-forge.example:p", "git@forge.example:-p", "file://host/p",
        "https://forge.example/p\nurl = ext::sh", "https://forge.example/p\x7f", "https://forge.example /\tp",
        "javascript:alert(1)//s3cret x",
    ],
)  # fmt: skip
def test_what_is_none_is_not_repeated(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        remote_place(address)
    assert "s3cret" not in str(caught.value)


def test_a_secret_is_in_no_repr() -> None:
    assert "bWlh" not in repr(remote_place("https://mia@forge.example/p", "s3cret"))


def test_an_address_with_a_password_is_refused_with_what_to_use_instead() -> None:
    with pytest.raises(UsageError, match="holds a password") as caught:
        remote_place("https://mia:s3cret@forge.example/p")
    assert OPENED_BY in caught.value.fix


def test_a_password_comes_beside_the_address() -> None:
    place = remote_place("https://mi%20a@forge.example/p", "s3 cret")
    assert (place.url, place.header) == ("https://forge.example/p", "Authorization: Basic bWkgYTpzMyBjcmV0")


@pytest.mark.parametrize("name", ["main", "release/1.2", "a", "feature-1+b"])
def test_what_is_a_branch(name: str) -> None:
    assert checked_branch(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-x", "a..b", "a b", "a:b", "+a", "a//b", "a/", "/a", "a.lock",
     "a.lock/b", "a/.b", "a.", "a~1", "a^", "a@{1}", "*"],
)  # fmt: skip
def test_what_is_no_branch(name: str) -> None:
    with pytest.raises(UsageError):
        checked_branch(name)
