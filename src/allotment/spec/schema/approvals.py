"""Kind Approvals: what is given at once, and who decides on the rest."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from allotment.spec.schema.base import KindSpec, Spec
from allotment.spec.schema.choices import EnvironmentChoice, RequestKindChoice, WorkloadTypeChoice
from allotment.spec.schema.scalars import Count, Flag, Line, Name, Price, TenantName
from allotment.spec.schema.times import Days, Instant, Stretch

AT_ONCE_WORD: Final = "at-once"
"""What is written for the route of what nobody has to decide on."""


class DeviceRangeSpec(Spec):
    """Numbers of devices."""

    least: Count = Field(default=0, description="Fewer do not meet the gate. 0: no bound.")
    most: Count | None = Field(default=None, description="More do not meet the gate. No bound by default.")


class GateSpec(Spec):
    """A rule; the first that a request meets with all that it says decides."""

    name: Name = Field(description="Name of the gate, as decision records have it.")
    kinds: tuple[RequestKindChoice, ...] = Field(
        default=(), description="Kinds of requests that it is about. All by default."
    )
    workloads: tuple[WorkloadTypeChoice, ...] = Field(
        default=(), description="Kinds of work that something is asked for. All by default."
    )
    environments: tuple[EnvironmentChoice, ...] = Field(
        default=(), description="Environments that it is about. All by default, and requests that name none."
    )
    devices: DeviceRangeSpec = Field(
        default_factory=DeviceRangeSpec, description="How many devices are asked for. Any number by default."
    )
    below_price: Price | None = Field(
        default=None,
        description="Price of the whole time, in the platform's currency: it has to be known, and below. It does not "
        "count by default.",
    )
    undone_within: Stretch | None = Field(
        default=None, description="Time within which it can be taken back, at most. It does not count by default."
    )
    within_budget: Flag = Field(
        default=False, description="Whether the team's budget of the month has to have room for it."
    )
    most_standing: Count = Field(
        default=10,
        description="Through a gate at once: grants of the kind that a team may have at a time on which nobody "
        "decided. 10: room for experiments; a loop is caught.",
    )
    route: Name = Field(description="Name of the route that decides; at-once: nobody has to.")


class RouteSpec(Spec):
    """Who decides, and until when."""

    name: Name = Field(description="Name of the route, such as platform-lead.")
    approvers: tuple[Line, ...] = Field(
        default=(),
        description="Groups of the identity provider whose people may decide; team-owners stands for the owners of "
        "the team that asks. None by default.",
    )
    users: tuple[Line, ...] = Field(default=(), description="Single people besides, by user name. None by default.")
    answer_within: Stretch = Field(
        default=86_400,
        json_schema_extra={"default": "1d"},
        description="Time after which the next route decides; without a next one the request lapses. 1d: whoever asks "
        "can plan tomorrow.",
    )
    escalates_to: Name | None = Field(default=None, description="Name of the next route. None by default.")
    others_only: Flag = Field(
        default=True,
        description="Whether nobody decides on a request of his own. On: what is gated is seen by two people.",
    )


class AbsenceSpec(Spec):
    """Somebody who decides for another for a time."""

    user: Line = Field(description="Who is away, by user name.")
    delegate: Line = Field(description="Who decides in that time, by user name.")
    since: Instant = Field(alias="from", description="When it begins.")
    until: Instant = Field(description="From when on it is over.")


class ApprovalsSpec(KindSpec):
    """What is given at once, and who decides on the rest; at most one document of this kind."""

    kind: Literal["Approvals"] = Field(description="Which kind of document this is.")
    gates: tuple[GateSpec, ...] | None = Field(
        default=None,
        description="Gates, in the order in which they are tried. By default the usual ones, which "
        "docs/platform-directory.md tells; an empty list is none, so that everything is decided by `otherwise`.",
    )
    routes: tuple[RouteSpec, ...] | None = Field(
        default=None,
        description="Routes. By default platform-lead and, a day later or for what is large, engineering-leadership, "
        "both the platform's adminGroups.",
    )
    otherwise: Name = Field(
        default="platform-lead", description="Name of the route of what no gate meets. platform-lead: a usual route."
    )
    longest: Days | None = Field(default=None, description="How long a grant lasts at most. No bound by default.")
    budgets: dict[TenantName, Price] = Field(
        default_factory=dict,
        description="By team, what it may spend in a calendar month (UTC) through gates with withinBudget, in the "
        "platform's currency. A team without one has none to spend.",
    )
    absences: tuple[AbsenceSpec, ...] = Field(
        default=(), description="Who decides for whom, and when. None by default."
    )
