"""What a plan depends on besides the objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from allotment.model.manifest import Body, ObjectKey
from allotment.plan.uncounted import InUse
from allotment.plan.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a plan depends on besides the objects.

    Attributes:
        today: decides whether data must still be kept.
        forced: contested fields are taken over.
        verdicts: of the dry runs, by object; every different object has one.
        unserved: (apiVersion, kind) pairs that the server does not know.
        running: workloads by namespace, for the namespaces of leaving teams: counts by kind.
        claims: in namespaces that would be deleted; None where they may not be listed.
        in_use: what Kueue's workloads hold, where a step might take it out of the accounts.
        allow_uncounted: such steps are taken all the same.
        classless: claims that a class which becomes the default would get, where one may.
        ways_in: everything that lets somebody into those namespaces, whoever made it: metadata.
        bound: the RoleBindings of namespaces that are there and get one of ours; those not read are left out.
    """

    today: dt.date
    forced: bool = False
    verdicts: Mapping[ObjectKey, Verdict] = field(default_factory=dict)
    unserved: frozenset[tuple[str, str]] = frozenset()
    running: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    claims: Mapping[str, tuple[Body, ...] | None] = field(default_factory=dict)
    in_use: InUse = field(default_factory=InUse)
    allow_uncounted: bool = False
    classless: tuple[Body, ...] = ()
    ways_in: tuple[Body, ...] = ()
    bound: Mapping[str, tuple[Body, ...]] = field(default_factory=dict)
