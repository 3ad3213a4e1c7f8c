"""The portal's files: whoever comes gets them, and they let nothing run but what came with them."""

from __future__ import annotations

import gzip
import re

import pytest

from allotment.api.pages import page_files
from tests.unit.api.test_doors import HOST, answered
from tests.unit.api.test_service import World, from_afar

FILES = page_files()


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/jabc", "/requests", "/no-such-screen", "/sign-out"])
def test_every_screen_is_the_one_page(path: str) -> None:
    status, told, body = answered(from_afar(World()), "GET", path, HOST)
    assert (status, body) == (200, FILES["index.html"].content)
    assert told[b"cache-control"] == b"no-cache"
    policy = told[b"content-security-policy"].decode()
    for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "require-trusted-types-for 'script'"):
        assert rule in policy.split("; ")
    assert "unsafe" not in policy
    assert told[b"x-content-type-options"] == b"nosniff"


def test_what_has_a_digest_in_its_name_is_kept_for_good_and_packed() -> None:
    app = from_afar(World())
    names = [each for each in FILES if each.startswith("a/")]
    assert {each.rpartition(".")[2] for each in names} == {"js", "css"}
    for name in names:
        status, told, body = answered(app, "GET", f"/{name}", HOST)
        assert (status, body) == (200, FILES[name].content)
        assert b"immutable" in told[b"cache-control"]
        _, told, packed = answered(app, "GET", f"/{name}", HOST, (b"accept-encoding", b"gzip, br"))
        assert told[b"content-encoding"] == b"gzip"
        assert gzip.decompress(packed) == body


@pytest.mark.parametrize(
    "path", ["/a/none.js", "/favicon.ico", "/api/v2/jobs", "/api/", "/a/../index.html", "/.env", "/metrics", "/healthz"]
)
def test_what_is_no_file_is_none(path: str) -> None:
    status, told, _ = answered(from_afar(World()), "GET", path, HOST)
    assert (status, told[b"content-type"]) == (404, b"application/problem+json")


def test_the_page_has_nothing_that_its_policy_would_stop() -> None:
    page = FILES["index.html"].content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=|\bstyle=|<style", page)
    assert all(each.startswith("/") for each in re.findall(r'(?:src|href)="([^"]*)"', page))
