"""Where the pods of one PodSet (or of a leader and its workers) go (KEP-2724).

Phase 1 counts bottom-up how many pods and slices fit in each domain. Phase 2 picks domains at the requested level
and then descends level by level. Two profiles: best fit for required and preferred requests, least free capacity
for unconstrained ones.
"""

from __future__ import annotations

from typing import Final

from allotment.scheduling.queueing.domains.forest import Domain
from allotment.scheduling.queueing.indices import Leaf

_MANY: Final = 1 << 30


class SearchParameters:
    """What is placed, and how close together.

    Attributes:
        count: pods (without the leader).
        led: a leader pod must be placed beside the workers.
        level: index of the requested level.
        slice_level, slice_size: slices of that many pods stay inside one domain of that level.
        required: no other level will do.
        unconstrained: any spread will do.
    """

    __slots__ = ("count", "led", "level", "required", "slice_level", "slice_size", "unconstrained")

    def __init__(
        self,
        count: int,
        level: int,
        *,
        led: bool = False,
        slice_level: int = 0,
        slice_size: int = 1,
        required: bool = False,
        unconstrained: bool = False,
    ) -> None:
        self.count: int = count
        self.level: int = level
        self.led: bool = led
        self.slice_level: int = slice_level
        self.slice_size: int = slice_size
        self.required: bool = required
        self.unconstrained: bool = unconstrained


class Shortage:
    """The search failed: so many of the wanted slices would fit."""

    __slots__ = ("fit", "wanted")

    def __init__(self, fit: int, wanted: int) -> None:
        self.fit: int = fit
        self.wanted: int = wanted


class LeafCounts:
    """(leaf, count) pairs in the lexicographic order of the leaves."""

    __slots__ = ("leaders", "workers")

    def __init__(self, workers: list[tuple[Leaf, int]], leaders: list[tuple[Leaf, int]]) -> None:
        self.workers: list[tuple[Leaf, int]] = workers
        self.leaders: list[tuple[Leaf, int]] = leaders


class Search:
    """One search."""

    def __init__(self, by_level: list[list[Domain]], request: SearchParameters, *, least_free: bool) -> None:
        """Prepare a search.

        Args:
            by_level: the domains. With a leader the counters of the leaves are filled in (`pods`, `led_pods`,
                `leaders`); without, `pods` and `slices` of all domains, and these are left as they were.
            request: what to place.
            least_free: use the least-free-capacity profile instead of best fit.
        """
        self._by_level: list[list[Domain]] = by_level
        self._request: SearchParameters = request
        self._least_free: bool = least_free
        self._before: list[tuple[Domain, int, int]] = []

    def run(self) -> LeafCounts | Shortage:
        """Place everything or say what is short."""
        request = self._request
        if request.led:
            self._roll_up()
        level, choose = request.level, self._choose if request.led else self._choose_unled
        chosen = choose(level)
        while chosen is None:
            level -= 1
            chosen = choose(level)
        if isinstance(chosen, Shortage):
            return chosen
        found = self._descend(*chosen)
        for domain, pods, slices in reversed(self._before):
            domain.pods, domain.slices = pods, slices
        return found

    def _descend(self, level: int, domains: list[Domain]) -> LeafCounts:
        """Spread over the lower levels what the chosen domains hold."""
        request = self._request
        lowest = len(self._by_level) - 1
        leaders = 1 if request.led else 0
        domains = self._take(domains, request.count, leaders, request.slice_size, by_slices=True)
        while level < min(lowest, request.slice_level):
            below = self._sorted(
                [child for domain in domains for child in domain.children if request.led or child.slices > 0]
            )
            domains = self._take(below, request.count, leaders, request.slice_size, by_slices=True)
            level += 1
        while level < lowest:
            inside: list[Domain] = []
            for domain in domains:
                children = self._sorted([child for child in domain.children if request.led or child.pods > 0])
                inside.extend(self._take(children, domain.pods, domain.leaders, 1, by_slices=False))
            domains = inside
            level += 1
        domains.sort(key=lambda domain: domain.values)
        workers = [(domain.leaf, domain.pods) for domain in domains if domain.pods > 0]
        led = [(domain.leaf, domain.leaders) for domain in domains if domain.leaders > 0]
        return LeafCounts(workers, led if request.led else [])

    def _roll_up(self) -> None:
        """Counters of all domains above the leaves, from those of their children."""
        for level in range(len(self._by_level) - 1, -1, -1):
            for domain in self._by_level[level]:
                self._sum_up(domain, level)

    def _sum_up(self, domain: Domain, level: int) -> None:
        request = self._request
        if domain.children:
            pods = slices = leaders = 0
            pods_lost = slices_lost = _MANY
            for child in domain.children:
                pods += child.pods
                slices += child.slices
                leaders = max(leaders, child.leaders)
                if not request.led or child.leaders > 0:
                    pods_lost = min(pods_lost, child.pods - child.led_pods)
                    slices_lost = min(slices_lost, child.slices - child.led_slices)
            domain.pods, domain.slices, domain.leaders = pods, slices, leaders
            domain.led_pods = pods - pods_lost if pods_lost != _MANY else 0
            domain.led_slices = slices - slices_lost if pods_lost != _MANY else 0
        if level == request.slice_level:
            domain.slices = domain.pods // request.slice_size
            domain.led_slices = domain.led_pods // request.slice_size

    def _choose_unled(self, level: int) -> tuple[int, list[Domain]] | Shortage | None:
        """As `_choose`, for a request without a leader, in one pass over the level.

        Both profiles take the smallest sufficient domain if there is one. Where the request may span domains and all
        of them together do not hold it, no order of them helps.
        """
        request = self._request
        wanted = request.count // request.slice_size
        domains = self._by_level[level]
        fitting = [domain for domain in domains if domain.slices >= wanted]
        if fitting:
            return level, [min(fitting, key=lambda domain: (domain.slices, domain.pods, domain.values))]
        if request.required:
            return Shortage(max(domain.slices for domain in domains), wanted)
        total = sum(domain.slices for domain in self._by_level[0])
        if total < wanted:
            return Shortage(total, wanted)
        if level > 0 and not request.unconstrained:
            return None
        several = self._several(self._sorted([domain for domain in domains if domain.slices > 0]), wanted, 0)
        return several if isinstance(several, Shortage) else (level, several)

    def _choose(self, level: int) -> tuple[int, list[Domain]] | Shortage | None:
        """Level and domains that together hold everything; None if the next wider level is to be asked."""
        request = self._request
        wanted = request.count // request.slice_size
        leaders = 1 if request.led else 0
        domains = self._sorted_by_leader(self._by_level[level])
        if not domains:
            return Shortage(0, wanted)
        top = domains[0]
        if self._least_free:
            for domain in domains:
                if domain.leaders >= leaders and _room(domain, led=request.led, by_slices=True) >= wanted:
                    return level, [domain]
            if request.required:
                return Shortage(domains[-1].pods, wanted)
        elif top.led_slices >= wanted and top.leaders >= leaders:
            top = _best_fit(domains, wanted, led=request.led, by_slices=True)
        if top.led_slices >= wanted and top.leaders >= leaders:
            return level, [top]
        if request.required:
            return Shortage(top.slices, wanted)
        if level > 0 and not request.unconstrained:
            return None
        several = self._several(domains, wanted, leaders)
        return several if isinstance(several, Shortage) else (level, several)

    def _several(self, domains: list[Domain], wanted: int, leaders: int) -> list[Domain] | Shortage:
        """Take domains in order until everything fits; leaders first, then the rest by worker capacity."""
        chosen: list[Domain] = []
        if leaders:
            domains = _leader_first(domains, wanted, by_slices=True)
        left, leaders_left, index = wanted, leaders, 0
        while leaders_left > 0 and index < len(domains) and domains[index].leaders > 0:
            domain = domains[index]
            if not self._least_free and domain.led_slices >= left:
                domain = _best_fit(domains[index:], left, led=True, by_slices=True)
            chosen.append(domain)
            leaders_left -= domain.leaders
            left -= domain.led_slices
            index += 1
        if leaders_left > 0:
            return Shortage(leaders - leaders_left, wanted)
        rest = self._sorted(domains[index:])
        for position, candidate in enumerate(rest):
            if left <= 0:
                break
            domain = candidate
            if not self._least_free and domain.slices >= left:
                domain = _best_fit(rest[position:], left, led=False, by_slices=True)
            chosen.append(domain)
            left -= domain.slices
        return Shortage(wanted - left, wanted) if left > 0 else chosen

    def _take(
        self, domains: list[Domain], count: int, leaders: int, slice_size: int, *, by_slices: bool
    ) -> list[Domain]:
        """Assign `count` pods and the leaders to the domains in order, using as few as the order allows."""
        taken: list[Domain] = []
        left = count // slice_size if by_slices else count
        if leaders:
            domains = _leader_first(domains, left, by_slices=by_slices)
        for index, candidate in enumerate(domains):
            if leaders > 0:
                domain, left, leaders, done = self._take_led(
                    domains[index:], left, leaders, slice_size, by_slices=by_slices
                )
                taken.append(domain)
                if done:
                    return taken
                continue
            domain = candidate
            if not self._least_free and _room(domain, led=False, by_slices=by_slices) >= left:
                domain = _best_fit(domains[index:], left, led=False, by_slices=by_slices)
            domain.leaders = 0
            self._before.append((domain, domain.pods, domain.slices))
            taken.append(domain)
            room = _room(domain, led=False, by_slices=by_slices)
            assigned = min(room, left)
            domain.pods = assigned * slice_size
            if by_slices:
                domain.slices = assigned
            if room >= left:
                return taken
            left -= room
        return []

    def _take_led(
        self, domains: list[Domain], left: int, leaders: int, slice_size: int, *, by_slices: bool
    ) -> tuple[Domain, int, int, bool]:
        """`_take` of one domain while the leader is not placed: domain, what is left, and whether all is done."""
        domain = domains[0]
        room = _room(domain, led=True, by_slices=by_slices)
        if not self._least_free and room >= left and domain.leaders >= leaders:
            domain = _best_fit(domains, left, led=True, by_slices=by_slices)
            room = _room(domain, led=True, by_slices=by_slices)
        done = room >= left and domain.leaders >= leaders
        assigned = min(room, left)
        domain.leaders = min(domain.leaders, leaders)
        domain.pods = assigned * slice_size
        if by_slices:
            domain.slices = assigned
        return domain, left - assigned, leaders - domain.leaders, done

    def _sorted(self, domains: list[Domain]) -> list[Domain]:
        sign = 1 if self._least_free else -1
        return sorted(domains, key=lambda domain: (sign * domain.slices, domain.pods, domain.values))

    def _sorted_by_leader(self, domains: list[Domain]) -> list[Domain]:
        sign = 1 if self._least_free else -1
        return sorted(
            domains,
            key=lambda domain: (-domain.leaders, sign * domain.led_slices, domain.led_pods, domain.values),
        )


def _room(domain: Domain, *, led: bool, by_slices: bool) -> int:
    if by_slices:
        return domain.led_slices if led else domain.slices
    return domain.led_pods if led else domain.pods


def _best_fit(domains: list[Domain], needed: int, *, led: bool, by_slices: bool) -> Domain:
    """The smallest sufficient domain, the first on ties; the first of all if none is sufficient."""
    best, best_room = domains[0], _MANY
    for domain in domains:
        if led and domain.leaders == 0:
            continue
        room = _room(domain, led=led, by_slices=by_slices)
        if needed <= room < best_room:
            best, best_room = domain, room
    return best


def _leader_first(domains: list[Domain], needed: int, *, by_slices: bool) -> list[Domain]:
    """Move the first domain to the front that can take the leader and still leaves room for all workers."""
    total = sum(_room(domain, led=False, by_slices=by_slices) for domain in domains)
    for index, domain in enumerate(domains):
        lost = _room(domain, led=False, by_slices=by_slices) - _room(domain, led=True, by_slices=by_slices)
        if domain.leaders > 0 and total - lost >= needed:
            return [domain, *domains[:index], *domains[index + 1 :]]
    return domains
