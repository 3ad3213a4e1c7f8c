"""Hypothesis strategies: valid platforms of every shape, as the loader would hand them to render."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from allotment.model.cluster import Environment, Feature, KueueApi, QueueLayout
from allotment.model.names import is_plain, is_reserved
from allotment.model.platform import Platform
from allotment.model.policy import Direction, Port, SharedService
from allotment.model.quantity import MilliCpu
from allotment.model.team import Contact, Groups, Isolation, Offboarding, PodLimits, Project, Team
from tests.unit import builders as build

NASTY = ("yes", "no", "on", "null", "0x1", "1e3", "007", "true", "n", "y", "inf", "1-2")
"""Names that some YAML reader takes for something else."""

names = st.one_of(st.sampled_from(NASTY), st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)).filter(
    lambda name: is_plain(name) and not is_reserved(name) and name != "shared"
)

free_text = st.text(max_size=40)
"""Anything at all: descriptions, contacts."""

group_ids = st.one_of(st.uuids().map(str), st.text(min_size=1, max_size=20))


@st.composite
def groups(draw: st.DrawFn) -> Groups:
    """Groups by role; a role may have none, and one group may hold several."""
    some = st.lists(group_ids, max_size=2, unique=True).map(tuple)
    return Groups(owners=draw(some), members=draw(some), viewers=draw(some), exec=draw(some))


@st.composite
def pod_limits(draw: st.DrawFn) -> PodLimits:
    """Limits for one pod, some of them absent."""
    return PodLimits(
        cpu=draw(st.none() | st.integers(1, 1 << 20).map(MilliCpu)),
        memory=draw(st.none() | st.integers(1, 1 << 50).map(build.Bytes)),
        accelerators=draw(st.none() | st.integers(0, 64)),
    )


@st.composite
def services(draw: st.DrawFn) -> SharedService:
    """An opening, by namespace or by address."""
    by_address = draw(st.booleans())
    octets = st.integers(0, 255)
    network = st.builds("{}.{}.0.0/{}".format, octets, octets, st.integers(0, 16))
    return SharedService(
        name=draw(names),
        direction=draw(st.sampled_from(Direction)),
        namespace=None if by_address else draw(st.sampled_from(("registry", "monitoring"))),
        pod_labels={} if by_address else draw(st.sampled_from(({}, {"app": "prometheus"}))),
        cidrs=tuple(draw(st.lists(network, min_size=1, max_size=2))) if by_address else (),
        ports=tuple(draw(st.lists(st.builds(Port, st.just("TCP"), st.integers(1, 65535)), max_size=2))),
        description=draw(free_text),
    )


@st.composite
def teams(draw: st.DrawFn, name: str, layout: QueueLayout) -> Team:
    """A team of the default cluster, sharing it with others."""
    projects = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    per_team = layout is QueueLayout.PER_TEAM
    limits = st.none() | st.integers(0, 32)
    allowance = build.allowance(
        draw(st.integers(0, 32)),
        borrowing=draw(limits) if per_team else None,
        lending=draw(limits) if per_team else None,
    )
    return build.team(
        name,
        # A joined name is no team's, so it cannot meet another team's namespace.
        namespaces=draw(st.sampled_from(((name,), (name, f"{name}--serving"), (f"{name}--serving", name)))),
        isolation=draw(st.sampled_from((Isolation.NAMESPACE, Isolation.NODE_POOL))),
        groups=draw(groups()),
        member_limits=draw(pod_limits()),
        projects=[Project(project, "cc-1") for project in projects],
        image_pull_secrets=draw(st.lists(names, max_size=2, unique=True)),
        contacts=draw(st.lists(st.builds(Contact, st.just("chat"), free_text), max_size=2)),
        offboarding=draw(st.none() | st.builds(Offboarding, st.dates(min_value=dt.date(2026, 1, 1)))),
        placements=[
            build.placement(
                environment=draw(st.sampled_from(Environment)),
                cohort=draw(st.sampled_from((None, build.DEFAULT_COHORT))) if per_team else None,
                weight=draw(st.integers(0, 10_000)),
                accelerators={"a100-spot": allowance},
                quota=build.namespace_quota(cpu=draw(st.integers(0, 5000)), pods=draw(st.integers(0, 5000))),
            )
        ],
    )


@st.composite
def platforms(draw: st.DrawFn) -> Platform:
    """A platform with one cluster and up to five teams."""
    layout = draw(st.sampled_from(QueueLayout))
    cluster = build.cluster(
        kueue_api=draw(st.sampled_from(KueueApi)),
        queue_layout=layout,
        fair_sharing=draw(st.booleans()),
        features=draw(st.sets(st.sampled_from(Feature))),
    )
    team_names = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    openings = draw(st.lists(services(), max_size=3, unique_by=lambda service: service.name))
    return build.platform(
        clusters=[cluster],
        teams=[draw(teams(name, layout)) for name in team_names],
        services=openings,
    )
