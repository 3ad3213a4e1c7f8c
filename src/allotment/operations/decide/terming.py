"""From what somebody asks for, or would rather give, to terms: which devices, where, of whom, from when to when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from allotment.errors import ConflictError, NotFoundError, UsageError, quoted
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.team import NewTeam
from allotment.model.requests.terms import QuotaShare, RequestKind, Terms, Wish
from allotment.operations.decide.notebooks import notebook_price
from allotment.operations.decide.taking import DevicesHeld, WantedDevices, fitted, propose_shares, propose_taken
from allotment.operations.decide.team_edits import last_day, said_once_more
from allotment.operations.decide.wished_places import LASTS, check_named, clusters_meant, environment_meant
from allotment.ports.request_service import AskedRequest, OtherTerms
from allotment.requests.pricing import price_of, share_prices
from allotment.requests.team_steps import OF_TEAMS


def wish_of(asked: AskedRequest, platform: Platform) -> Wish:
    """What is asked for, apart from its terms.

    Raises:
        NotFoundError: there is no such team.
        ConflictError: the team that is asked for is there already.
        UsageError: the name of a team that is to leave was typed otherwise.
    """
    if asked.kind is RequestKind.TEAM:
        if platform.team(asked.team) is not None:
            raise ConflictError(f"there is a team {quoted(asked.team)} already", fix="choose another name")
        new = asked.new_team or NewTeam()
        return Wish(asked.kind, asked.team, asked.workload, asked.justification, new_team=new)
    team = platform.team(asked.team)
    if team is None or team.offboarding is not None:
        raise NotFoundError(f"there is no team {quoted(asked.team)}", fix="`allot whoami` names yours")
    wish = Wish(asked.kind, team.name, asked.workload, asked.justification, asked.subject, asked.environment)
    if asked.kind is RequestKind.LEAVE:
        return said_once_more(replace(wish, keep_data_until=asked.keep_data_until))
    if asked.extends:
        return wish  # where it is, and how large, stands with its grant
    check_named(asked)
    clusters = clusters_meant(asked, team)
    wish = replace(wish, size=asked.size, clusters=clusters, environment=environment_meant(asked, clusters, team))
    if asked.kind is RequestKind.NOTEBOOK:
        return replace(wish, image=asked.image, accelerator=asked.accelerator)
    return wish


def terms_asked(
    asked: AskedRequest, platform: Platform, held: DevicesHeld, now: int, extends: TeamGrant | None
) -> Terms:
    """The terms of a new request.

    Args:
        asked: in somebody's words.
        platform: as declared, with what was granted.
        held: what is used of the guarantees.
        now: milliseconds since the epoch.
        extends: the grant that it prolongs or changes; None for none.

    Raises:
        NotFoundError: there is no such accelerator.
        InputError: the team is not in such a cluster.
        CapacityError: so many cannot be guaranteed.
        UsageError: devices are asked for where the kind has none, or the other way round.
    """
    start, until = time_asked(asked, now, extends)
    if asked.kind in OF_TEAMS:
        return _terms_of_team(asked, now)
    if extends is not None and not asked.devices:
        longer = replace(extends.terms, since=start, until=until)
        return (
            replace(longer, price=_at_the_same(extends.terms, longer))
            if not longer.shares
            else _priced(longer, platform)
        )
    if (asked.kind is RequestKind.GPUS) != (asked.devices > 0):
        raise UsageError(
            "say how many devices are wanted" if asked.kind is RequestKind.GPUS else "that kind has no devices",
            fix="`allot request gpus N --accelerator CLASS` asks for devices",
        )
    if asked.kind is RequestKind.NOTEBOOK:
        terms, team = Terms((), (), start, until, None), platform.team(asked.team)
        clusters = () if team is None else clusters_meant(asked, team)
        wish = Wish(asked.kind, asked.team, asked.workload, "", clusters=clusters, accelerator=asked.accelerator)
        return replace(terms, price=notebook_price(wish, terms, platform))
    if not asked.devices:
        return Terms((), (), start, until, None)
    wanted = WantedDevices(asked.accelerator, asked.devices, asked.clusters)
    return _proposed(platform, asked.team, wanted, held, start, until)


def _at_the_same(held: Terms, longer: Terms) -> int | None:
    """The price of more time at what an hour has cost: a notebook's device stands in no share."""
    if held.price is None or not held.lasts or longer.lasts is None:
        return None
    return -(-held.price * longer.lasts // held.lasts)


def _terms_of_team(asked: AskedRequest, now: int) -> Terms:
    """A team has no end; one that leaves has, on the day after the last one on which its data are kept."""
    if asked.extends or asked.devices or asked.lasts is not None or asked.since is not None:
        raise UsageError(
            "a team comes, or leaves, once that is approved, and for good",
            fix="leave out devices and times; grants give more of either later on",
        )
    if asked.kind is RequestKind.TEAM:
        return Terms((), (), now, None, None)
    day = last_day(Wish(asked.kind, asked.team, asked.workload, "", keep_data_until=asked.keep_data_until))
    if day == dt.date.max:
        raise UsageError("a time lies beyond all calendars", fix="name an earlier day")
    after = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)
    return Terms((), (), now, round(after.timestamp() * 1000), None)


def time_asked(asked: AskedRequest, now: int, extends: TeamGrant | None) -> tuple[int, int | None]:
    """From when to when something is asked for; None for good. More time joins on to what a grant has."""
    since = asked.since
    if joins_on(asked, extends) and extends is not None:
        since = extends.terms.until if since is None else since
        since = None if since is None else max(now, since)
    start = now if since is None else since
    return start, _end(start, LASTS.get(asked.kind) if asked.lasts is None else asked.lasts)


def joins_on(asked: AskedRequest, extends: TeamGrant | None) -> bool:
    """Whether more time is asked for and nothing else."""
    return extends is not None and not asked.devices


def terms_instead(other: OtherTerms, team: str, table: Terms, platform: Platform, held: DevicesHeld) -> Terms:
    """Terms in the place of those on the table; fewer devices are the first of these.

    Raises:
        NotFoundError: there is no such accelerator.
        InputError: the team is not in such a cluster.
        CapacityError: so many cannot be guaranteed.
        UsageError: the table is about no devices.
    """
    if not table.shares and (other.devices, other.accelerator, other.clusters) != (None, None, None):
        raise UsageError(
            "the request is about no devices",
            why="devices are asked for and decided on by themselves",
            fix="say another time at most, or deny it and have devices asked for",
        )
    until = table.until if other.lasts is None else table.since + other.lasts
    devices = table.devices if other.devices is None else other.devices
    elsewhere = other.accelerator is not None or other.clusters is not None
    if not elsewhere and other.devices is None:
        # Another time alone: an extension's devices are its team's already, and would be looked for a second time.
        return _priced(replace(table, until=until), platform)
    if not elsewhere and devices <= table.devices:
        shares = fitted(platform, fewer(table.shares, devices), team, held)
        taken = propose_taken(platform, shares, team, held)
        return _priced(Terms(shares, taken, table.since, until, None), platform)
    clusters = other.clusters if other.clusters is not None else tuple(each.cluster for each in table.shares)
    accelerator = other.accelerator if other.accelerator is not None else _class_of(table, platform)
    wanted = WantedDevices(accelerator, devices, tuple(dict.fromkeys(clusters)))
    return _proposed(platform, team, wanted, held, table.since, until)


def fewer(shares: Sequence[QuotaShare], devices: int) -> tuple[QuotaShare, ...]:
    """The first of shares, up to so many devices, with the CPU and memory of as many."""
    kept: list[QuotaShare] = []
    for each in shares:
        number = min(each.devices, devices - sum(one.devices for one in kept))
        if number > 0:
            cpu, memory = each.cpu * number // each.devices, each.memory * number // each.devices
            kept.append(replace(each, devices=number, cpu=MilliCpu(cpu), memory=Bytes(memory)))
    return tuple(kept)


def _proposed(
    platform: Platform, team: str, wanted: WantedDevices, held: DevicesHeld, since: int, until: int | None
) -> Terms:
    shares = propose_shares(platform, team, wanted, held)
    taken = propose_taken(platform, shares, team, held)
    return _priced(Terms(shares, taken, since, until, None), platform)


def _class_of(table: Terms, platform: Platform) -> str:
    """The accelerator of the first share: what more is asked of is of the same kind."""
    first = table.shares[0]
    cluster = platform.cluster(first.cluster)
    return first.flavor if cluster is None else cluster.flavor(first.flavor).accelerator or first.flavor


def _priced(terms: Terms, platform: Platform) -> Terms:
    return replace(terms, price=price_of(terms, share_prices(platform)))


def _end(since: int, lasts: int | None) -> int | None:
    return None if lasts is None else since + lasts
