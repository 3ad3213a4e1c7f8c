"""A grant that is written is the same grant when it is read."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from allotment.errors import InputError
from allotment.model.moments import LATEST
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.grant import DeclaredGrant
from allotment.model.requests.terms import QuotaShare, TakenShare
from allotment.model.source import SourceTree
from allotment.spec.granting import grant_document, grant_path
from allotment.spec.load import load_platform
from tests.by_day import by_day
from tests.unit.strategies import NASTY

CLUSTERS = ("dev", "yes", "0x1")
FLAVORS = ("a100-spot", "h100-on-demand")
TEAMS = ("nlp", "no", "1e3")
HUGE = 10**9
"""Of everything: what is granted is there, whatever it is."""

PLATFORM = "kind: Platform\nname: tiny\nadminGroups: [a]\n"
CLUSTER = """\
kind: Cluster
name: "{name}"
purpose: development
region: local
nodePools:
  - {{name: a, accelerator: a100, capacityType: spot, acceleratorsPerNode: 99, cpu: 999, memory: 1Pi, maxNodes: {huge}}}
  - {{name: h, accelerator: h100, acceleratorsPerNode: 99, cpu: 999, memory: 1Pi, maxNodes: {huge}}}
"""
TEAM = """\
kind: Team
name: "{name}"
costCenter: c
groups: {{members: [{name}]}}
placements:
"""
PLACE = '  "{name}": {{cpu: 100000, memory: 10Pi, accelerators: {{a100: 100000, h100: 100000}}}}\n'
FILES = {
    "platform.yaml": PLATFORM,
    **{f"clusters/{name}.yaml": CLUSTER.format(name=name, huge=HUGE) for name in CLUSTERS},
    **{
        f"teams/{name}.yaml": TEAM.format(name=name) + "".join(PLACE.format(name=each) for each in CLUSTERS)
        for name in TEAMS
    },
}

names = st.sampled_from(NASTY) | st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
moments = st.integers(0, LATEST - 1)
places = st.tuples(st.sampled_from(CLUSTERS), st.sampled_from(FLAVORS))


def amounts(place: tuple[str, str], devices: int, cpu: int, memory: int) -> QuotaShare:
    return QuotaShare(*place, devices, MilliCpu(cpu), Bytes(memory))


@st.composite
def parts(draw: st.DrawFn, share: QuotaShare) -> QuotaShare:
    """Not more than half of a share."""
    most = (share.devices, share.cpu, share.memory)
    return amounts((share.cluster, share.flavor), *(draw(st.integers(0, each // 2)) for each in most))


@st.composite
def grants(draw: st.DrawFn) -> DeclaredGrant:
    team = draw(st.sampled_from(TEAMS))
    since = draw(moments)
    sizes = st.tuples(
        st.integers(1, 5000), st.integers(0, 5_000_000), st.integers(0, 5000 << 30) | st.integers(0, 5000)
    )
    given = tuple(amounts(place, *draw(sizes)) for place in draw(st.lists(places, min_size=1, max_size=4, unique=True)))
    return DeclaredGrant(
        name=draw(names),
        team=team,
        since=since,
        until=draw(st.none() | st.integers(since + 1, LATEST)),
        shares=given,
        taken=tuple(
            TakenShare(other, draw(parts(share)))
            for other in draw(st.lists(st.sampled_from([each for each in TEAMS if each != team]), unique=True))
            for share in draw(st.permutations(given))[: draw(st.integers(0, 2))]
        ),
        reason=draw(st.text(max_size=60)),
    )


def read(grant: DeclaredGrant) -> DeclaredGrant:
    files = FILES | {grant_path(grant.name): grant_document(grant)}
    [found] = load_platform(SourceTree(files)).platform.grants
    return found


@settings(max_examples=by_day(60), deadline=None)
@given(grants())
def test_written_and_read_it_is_the_same(grant: DeclaredGrant) -> None:
    assert read(grant) == grant
    assert grant_document(grant) == grant_document(grant)


REASONS = [
    *(
        "",
        " ",
        "\n",
        "a\nb\r\nc\td",
        "{{ x }}",
        "yes",
        "0x1",
        "~",
        "null",
        "64Gi",
        "1d",
        "2027-01-31",
        "# no",
        "- a",
        "a: b",
    ),
    *(
        '"',
        "'",
        "\\",
        "\\n",
        "---\n",
        "...\n",
        "*a",
        "&a",
        "!x",
        "%Y",
        "|\n a",
        ">",
        "? ",
        "<<: ",
        "[",
        "{",
        "}",
        "`rm`",
    ),
    *(
        "\x00",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "\xa0",
        "\xad",
        "\u2028",
        "\u202e",
        "\ufeff",
        "\ufffe",
        "\uffff",
        "\U0001f600",
    ),
    "kind: Grant\nname: other\n---\nkind: Platform\nname: mine\n",
    "x" * 5000,
]


def simple(reason: str = "", since: int = 0, until: int | None = None) -> DeclaredGrant:
    return DeclaredGrant(
        "g", "nlp", since, until, (QuotaShare("dev", "a100-spot", 8, MilliCpu(1500), Bytes(1 << 30)),), (), reason
    )


@pytest.mark.parametrize("reason", REASONS, ids=[ascii(each)[:20] for each in REASONS])
def test_somebodys_words_are_only_words(reason: str) -> None:
    assert read(simple(reason)) == simple(reason)
    # Other readers of YAML see the same.
    assert (yaml.safe_load(grant_document(simple(reason))).get("reason") or "") == reason


@settings(max_examples=by_day(200), deadline=None)
@given(st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Zs", "Po", "Nd", "Cn", "Co"]), max_size=30))
@example("\x00")
def test_no_character_is_lost(reason: str) -> None:
    assert read(simple(reason)) == simple(reason)


def test_half_a_character_is_replaced() -> None:
    assert read(simple("a\ud800b")).reason == "a\N{REPLACEMENT CHARACTER}b"


def test_the_document() -> None:
    grant = DeclaredGrant(
        name="spring",
        team="nlp",
        since=1_801_375_200_000,
        until=1_801_375_200_001,
        shares=(QuotaShare("dev", "a100-spot", 8, MilliCpu(96_000), Bytes(1 << 40)),),
        taken=(TakenShare("cv", QuotaShare("dev", "a100-spot", 4, MilliCpu(0), Bytes(1000))),),
        reason="the release: soon",
    )
    assert grant_path("spring") == "grants/spring.yaml"
    assert grant_document(grant) == (
        "# Quota that a team has beyond its own as long as this document is here.\n"
        "kind: Grant\n"
        "name: spring\n"
        "team: nlp\n"
        'from: "2027-01-31T06:00:00Z"\n'
        'until: "2027-01-31T06:00:00.001Z"\n'
        "gpus:\n"
        "  - cluster: dev\n"
        "    flavor: a100-spot\n"
        "    devices: 8\n"
        "    cpu: 96\n"
        "    memory: 1Ti\n"
        "takenFrom:\n"
        "  - team: cv\n"
        "    cluster: dev\n"
        "    flavor: a100-spot\n"
        "    devices: 4\n"
        '    memory: "1.000k"\n'
        'reason: "the release: soon"\n'
    )


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a/b", "A", "a\n", "a.b", "x" * 64])
def test_no_other_file_is_written(name: str) -> None:
    with pytest.raises(InputError):
        grant_path(name)
