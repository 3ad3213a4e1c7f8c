"""Tenant names: two tenants never share one, whatever their spelling (security row 1)."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from allotment.model.names import (
    LABEL_LIMIT,
    is_dns_label,
    is_dns_subdomain,
    is_plain,
    is_reserved,
    tenant_name,
)
from tests.by_day import by_day

# Pieces that invite collisions: case, dashes, other scripts that fold or look alike, separators, the hash mark.
pieces = st.sampled_from(
    ["a", "A", "b", "-", "--", "ä", "\uff41", "ß", "ss", "K", "k", ".", "_", "/", "x-", "0", "\u200b", "é", "e\u0301"]
)
awkward = st.lists(pieces, min_size=1, max_size=12).map("".join)
long = st.integers(55, 140).flatmap(lambda n: st.sampled_from(["a", "A", "-a"]).map(lambda s: (s * n)[:n]))
part = st.one_of(awkward, long, st.text(min_size=1, max_size=70))
parts = st.lists(part, min_size=1, max_size=3).map(tuple)


@settings(max_examples=by_day(400))
@given(parts, parts)
@example(("a", "b"), ("a--b",))
@example(("a-", "b"), ("a", "-b"))
@example(("a", "b", "c"), ("a--b", "c"))
@example(("Nlp",), ("nlp",))
@example(("a" * 63,), ("a" * 64,))
@example(("a" * 70 + "b",), ("a" * 70 + "c",))
@example(("é",), ("e\u0301",))
@example(("\ud800",), ("\udfff",))
def test_different_tenants_have_different_names(one, other):
    assert (tenant_name(*one) == tenant_name(*other)) == (one == other)


def test_every_short_combination_is_unique():
    alphabet = ["a", "b", "-", "A", "x"]
    words = ["".join(letters) for size in (1, 2, 3) for letters in product(alphabet, repeat=size)]
    inputs = [(word,) for word in words] + [(one, two) for one in words[:40] for two in words[:40]]
    assert len({tenant_name(*given_) for given_ in inputs}) == len(inputs)


@settings(max_examples=by_day(500))
@given(parts)
def test_names_are_always_dns_labels(given_):
    name = tenant_name(*given_)
    assert is_dns_label(name)
    assert len(name) <= LABEL_LIMIT


@given(parts)
@example(("x", "a"))
def test_plain_names_are_readable_and_hashed_ones_are_marked(given_):
    name = tenant_name(*given_)
    joined = "--".join(given_)
    assert (name == joined) == (all(map(is_plain, given_)) and len(joined) <= LABEL_LIMIT)
    assert (name != joined) == (name.startswith("x-") and not name.startswith("x--"))


@given(parts)
def test_a_name_given_as_a_team_is_another_team(given_):
    """Whoever calls a team as another team's hashed namespace is called gets a namespace of their own."""
    name = tenant_name(*given_)
    if given_ != (name,):
        assert tenant_name(name) != name


@pytest.mark.parametrize("given_", [(), ("",), ("a", ""), ("", "a")])
def test_empty_parts_are_refused(given_):
    with pytest.raises(ValueError, match="at least one part"):
        tenant_name(*given_)


RESERVED = [
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "kube-anything",
    "allotment-system",
    "allotment-x",
    "kueue-system",
    "gpu-operator",
    "monitoring",
    "openshift-config",
    "x-something",
]


@pytest.mark.parametrize("name", RESERVED)
def test_system_namespaces_are_reserved(name):
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["nlp", "kube", "kubernetes", "defaults", "team-kube-system", "xray"])
def test_ordinary_names_are_free(name):
    assert not is_reserved(name)
    assert is_plain(name)


LABELS = [
    ("a", True),
    ("a-b", True),
    ("0", True),
    ("a" * 63, True),
    ("a" * 64, False),
    ("", False),
    ("-a", False),
    ("a-", False),
    ("A", False),
    ("a.b", False),
    ("a_b", False),
    ("a\n", False),
    ("ä", False),
    ("٣", False),
]


@pytest.mark.parametrize(("text", "expected"), LABELS)
def test_dns_label(text, expected):
    assert is_dns_label(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a.b", True), ("a" * 253, True), ("a" * 254, False), (".a", False), ("a.", False), ("a\n", False)],
)
def test_dns_subdomain(text, expected):
    assert is_dns_subdomain(text) is expected


@given(st.text(max_size=80))
def test_dns_label_agrees_with_the_rfc(text):
    expected = re.fullmatch(r"(?!-)[a-z0-9-]{1,63}(?<!-)", text, re.ASCII) is not None
    assert is_dns_label(text) is expected
