"""Gates, routes, absences and budgets: as they are written, and as they are where nobody writes them."""

from __future__ import annotations

import pytest

from allotment.model.requests.gates import AT_ONCE, ApprovalGate, Approvals, ApproverAbsence, Budget, Route
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.spec.defaults import USUAL_GATES, usual_approvals
from tests.unit.spec.trees import PLATFORM, errors_of, load, rich, tiny

ADMINS = PLATFORM + "adminGroups: [engineers]\n"


def approvals(text: str, **files: str) -> Approvals:
    return load(tiny(approvals=f"kind: Approvals\n{text}", **files)).platform.approvals


def test_a_document_says_all_of_it() -> None:
    assert load(rich()).platform.approvals == Approvals(
        gates=(
            ApprovalGate(
                "few", (RequestKind.GPUS,), (WorkloadType.TRAINING,), ("development",), 1, 2, None, None, False, AT_ONCE
            ),
            ApprovalGate("cheap", (), (), (), 0, None, 12_500_000, 5_400, True, AT_ONCE),
        ),
        routes=(
            Route("leads", ("a", "team-owners"), ("dana",), 8 * 3600, "chiefs", others_only=False),
            Route("chiefs", (), ("lee",), 24 * 3600, "", others_only=True),
        ),
        absences=(ApproverAbsence("dana", "lee", 1_798_758_000_000, 1_799_362_800_000),),
        budgets=(Budget("nlp", 1_000_000_000), Budget("alpha", 20_500_000)),
        otherwise="leads",
        longest=30,
    )


def test_without_one_the_usual_gates_hold_and_the_engineers_decide() -> None:
    found = load(tiny(platform=ADMINS)).platform.approvals
    assert found == usual_approvals(("engineers",))
    assert {each.approvers for each in found.routes} == {("engineers",)}


def test_what_is_left_out_stays_usual() -> None:
    found = approvals("budgets: {nlp: 20000}\n", platform=ADMINS)
    assert found.budget_of("nlp") == 20_000_000_000
    assert (found.gates, found.routes) == (
        usual_approvals(("engineers",)).gates,
        usual_approvals(("engineers",)).routes,
    )
    assert approvals("gates: []\n").gates == ()


def met(kind: RequestKind, devices: int = 0, environment: str = "", price: int | None = None, *, room: bool) -> str:
    """The route of the first usual gate that a request meets, taken back within a minute; ``-`` where it meets none."""
    for gate in USUAL_GATES:
        if (
            kind in gate.kinds
            and (not gate.environments or environment in gate.environments)
            and gate.least_devices <= devices
            and (gate.most_devices is None or devices <= gate.most_devices)
            and (gate.below_price is None or (price is not None and price < gate.below_price))
            and (gate.undone_within is None or gate.undone_within >= 60)
            and (not gate.within_budget or room)
        ):
            return gate.route or "at once"
    return "-"


LEAD, LEADERSHIP = "platform-lead", "engineering-leadership"
PRICE = 299_999_999


@pytest.mark.parametrize(
    ("kind", "devices", "environment", "price", "room", "route"),
    [
        (RequestKind.NOTEBOOK, 1, "production", None, False, "at once"),
        (RequestKind.VOLUME, 0, "", None, False, "at once"),
        (RequestKind.NAMESPACE, 0, "development", None, False, "at once"),
        (RequestKind.NAMESPACE, 0, "production", None, False, "-"),
        (RequestKind.NAMESPACE, 0, "", None, False, "-"),
        (RequestKind.GPUS, 0, "", None, True, "-"),
        (RequestKind.GPUS, 1, "", None, False, "at once"),
        (RequestKind.GPUS, 2, "production", PRICE * 9, False, "at once"),
        (RequestKind.GPUS, 3, "", PRICE, False, "at once"),
        (RequestKind.GPUS, 3, "", PRICE + 1, False, LEAD),
        (RequestKind.GPUS, 3, "", None, False, LEAD),
        (RequestKind.GPUS, 7, "", PRICE + 1, True, "at once"),
        (RequestKind.GPUS, 7, "", None, True, "at once"),
        (RequestKind.GPUS, 8, "", 1, True, LEADERSHIP),
        (RequestKind.GPUS, 64, "development", PRICE, True, LEADERSHIP),
        (RequestKind.CLUSTER, 0, "development", 1, True, LEADERSHIP),
        (RequestKind.ENDPOINT, 1, "production", 1, True, LEAD),
        (RequestKind.ENDPOINT, 1, "development", 1, True, "-"),
        (RequestKind.MODEL_API, 0, "", 1, True, LEAD),
    ],
)
def test_the_usual_gates(
    kind: RequestKind, devices: int, environment: str, price: int | None, room: bool, route: str
) -> None:
    assert met(kind, devices, environment, price, room=room) == route


ROUTE = "gates: []\notherwise: r\nroutes:\n  - {{name: r, users: [a], {}}}\n"
VALUES = [
    ("a gate's route is never left out", "gates:\n  - {name: g}\n", "gates[0].route", "is missing"),
    ("an unknown kind", "gates:\n  - {name: g, kinds: [gpu], route: r}\n", "gates[0].kinds[0]", '"gpu" is not known'),
    ("0 minutes", ROUTE.format("answerWithin: 0m"), "routes[0].answerWithin", "the duration is 0"),
    ("no unit", ROUTE.format("answerWithin: 90"), "routes[0].answerWithin", "is no duration"),
    ("more than a year", ROUTE.format("answerWithin: 9999d"), "routes[0].answerWithin", "is more than 366 days"),
    ("days without their unit", "longest: 30\n", "longest", "is no number of days"),
    ("no day", "longest: 0d\n", "longest", "is no number of days"),
    ("days that nobody lives to see", "longest: 99999d\n", "longest", "is more than ten years"),
    ("digits of another script", "longest: \u0663d\n", "longest", "is no number of days"),
    ("a negative budget", "budgets: {nlp: -1}\n", "budgets.nlp", "is no number of 0 or more"),
    (
        "a day for a time",
        "absences: [{user: a, delegate: b, from: 2027-01-01, until: 2027-01-02}]\n",
        "absences[0].from",
        "is no time",
    ),
    (
        "a time without zone",
        "absences: [{user: a, delegate: b, from: 2027-01-01T00:00:00, until: x}]\n",
        "absences[0].from",
        "has no time zone",
    ),
    (
        "a time before all",
        "absences: [{user: a, delegate: b, from: 1969-12-31T23:59:59Z, until: x}]\n",
        "absences[0].from",
        "check the year",
    ),
    (
        "since, as it is called inside",
        "absences: [{user: a, delegate: b, since: x, until: x}]\n",
        "absences[0].since",
        'unknown field "since"',
    ),
]


@pytest.mark.parametrize(("text", "field", "words"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_values_that_cannot_be(text: str, field: str, words: str) -> None:
    told = {
        error.field: f"{error.what}; {error.fix}" for error in errors_of(tiny(approvals=f"kind: Approvals\n{text}"))
    }
    assert words in told[field]
