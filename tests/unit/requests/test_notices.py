"""Which notices are due, in words and numbers, and that none is due twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.notice import Audience, AudienceKind, Delta, Measure, Notice, NoticeKind, NoticeSeverity
from allotment.model.requests.request import GrantRequest, RequestAct
from allotment.model.requests.terms import RequestKind
from allotment.requests.granting import ended, extended
from allotment.requests.notices import (
    TeamQuotaUse,
    due_notices,
    of_endings,
    of_grants,
    of_quotas,
    with_told,
)
from allotment.requests.request_notices import NEWS_FOR, NoticePlaces, of_requests
from allotment.requests.transitions import moved
from tests.unit.requests.cases import ANN, BOB, DAY, HOUR, LEA, RULES, START, approved, deed, grant, request, terms

TEAM = (Audience(AudienceKind.TEAM, "nlp"),)


def active(devices: int = 12, *, hours: int | None = 48, name: str = "r0000001", since: int = START) -> TeamGrant:
    given = terms(devices, hours=hours, since=since)
    return replace(grant(), id=name, terms=given, approved=(given,), state=GrantState.ACTIVE)


def device_hours(number: float, of: str = "r0000001") -> dict[str, int]:
    return {of: round(number * 3600)}


def only(found: tuple[Notice, ...]) -> Notice:
    (notice,) = found
    return notice


# Grants


def test_a_threshold_carries_the_delta_in_words_and_in_numbers() -> None:
    told = with_told(active(), only(of_grants([active()], {}, START + 39 * HOUR)))
    notice = only(of_grants([told], device_hours(461), START + 39 * HOUR))

    assert notice.subject == "nlp: the GPU-hours of grant r0000001 are used to 80 %"
    assert notice.lines[0] == "12 a100-spot in training, 80 % of its GPU-hours: 461 of 576; ends in 9 h."
    assert "falls by 12 a100-spot in training" in notice.lines[1]
    assert notice.deltas == (
        Delta(Measure.DEVICES, 12),
        Delta(Measure.DEVICE_SECONDS, 461 * 3600, 576 * 3600),
        Delta(Measure.SECONDS, 39 * 3600, 48 * 3600),
    )
    assert (notice.kind, notice.severity, notice.to) == (NoticeKind.GRANT_HOURS, NoticeSeverity.WARNING, TEAM)


@pytest.mark.parametrize(
    ("state", "used", "hours", "found"),
    [
        (GrantState.ACTIVE, 0, 0, []),
        (GrantState.ACTIVE, 460.7, 38.3, []),
        (GrantState.ACTIVE, 461, 38.3, ["hours:80"]),
        (GrantState.ACTIVE, 576, 38.3, ["hours:100"]),
        (GrantState.ACTIVE, 460, 38.4, ["time:80"]),
        (GrantState.ACTIVE, 576, 48, ["hours:100", "time:100"]),
        (GrantState.CONFLICT, 461, 38.3, ["conflict", "hours:80"]),
        (GrantState.DUE, 461, 47, []),
        (GrantState.GIVING, 461, 47, []),
        (GrantState.TAKING_BACK, 576, 48, ["time:100"]),
        (GrantState.ENDED, 576, 48, ["time:100"]),
        (GrantState.ENDED, 576, 47, []),
        (GrantState.ENDED, 576, 48 + 7 * 24 + 1, []),  # news to nobody
    ],
)
def test_thresholds_of_a_grant(state: GrantState, used: float, hours: float, found: list[str]) -> None:
    of = replace(active(), state=state)

    notices = of_grants([of], device_hours(used), START + round(hours * HOUR))

    assert [
        each.settles[-1].key.rpartition("/" if "/" in each.settles[-1].key else ":")[0] for each in notices
    ] == found


def test_of_a_grant_without_end_there_is_no_share() -> None:
    assert of_grants([active(hours=None)], device_hours(10_000), START + 99 * DAY) == ()


def test_of_use_that_is_not_known_nothing_is_told() -> None:
    notice = only(of_grants([active()], {}, START + 39 * HOUR))

    assert notice.lines[0] == "12 a100-spot in training; ends in 9 h."
    assert notice.kind is NoticeKind.GRANT_TIME


def test_the_end_is_told() -> None:
    over = only(of_grants([replace(active(), state=GrantState.ENDED)], device_hours(300), START + 48 * HOUR))

    assert over.subject == "nlp: grant r0000001 is over"
    assert over.lines == ("12 a100-spot in training, 52 % of its GPU-hours: 300 of 576; ended 2027-01-13T09:00:00Z.",)


def test_of_one_that_is_being_taken_back_it_is_not_told_that_it_is_over() -> None:
    back = only(of_grants([replace(active(), state=GrantState.TAKING_BACK)], {}, START + 48 * HOUR))

    assert back.subject == "nlp: the time of grant r0000001 is over, and it is not taken back yet"
    assert back.lines == ("12 a100-spot in training; its time ended 2027-01-13T09:00:00Z.",)


def test_one_that_was_ended_early_is_told_of_then_and_not_at_its_first_end() -> None:
    over = replace(ended(active(), START + HOUR), state=GrantState.ENDED)
    notice = only(of_grants([over], {}, START + 2 * HOUR))

    assert notice.lines == ("12 a100-spot in training; ended 2027-01-11T10:00:00Z.",)
    assert of_grants([with_told(over, notice)], {}, START + 48 * HOUR) == ()


def test_one_that_never_began_is_not_told_of() -> None:
    never = ended(grant(since=START + DAY), START)

    assert never.state is GrantState.ENDED
    assert of_grants([never], {}, START + 2 * DAY) == ()


def test_the_same_notice_has_the_same_id_while_its_numbers_go_on() -> None:
    one, other = (only(of_grants([active()], device_hours(hours), START)) for hours in (461, 470))

    assert one.id == other.id
    assert one.lines != other.lines
    assert one.id != only(of_grants([active()], device_hours(576), START)).id


def test_after_a_change_of_terms_the_threshold_is_told_again() -> None:
    first = with_told(active(), only(of_grants([active()], device_hours(461), START)))
    assert of_grants([first], device_hours(461), START) == ()

    longer = extended(
        first, approved(12, hours=48, since=START + 48 * HOUR, name="r0000002", extends=first.id), 30, START
    )
    longer = replace(longer, state=GrantState.ACTIVE, told=first.told)  # whether or not somebody has emptied it

    assert of_grants([longer], device_hours(800), START) == ()
    assert "922 of 1152" in only(of_grants([longer], device_hours(922), START)).lines[0]


def test_a_conflict_is_told_once_to_the_team_and_to_the_platform() -> None:
    stuck = replace(active(), state=GrantState.CONFLICT, trouble="its file was removed by hand")
    notice = only(of_grants([stuck], {}, START))

    assert notice.to == (*TEAM, Audience(AudienceKind.PLATFORM))
    assert notice.severity is NoticeSeverity.URGENT
    assert '"its file was removed by hand"' in notice.lines[0]
    told = with_told(stuck, notice)
    assert told.revision == stuck.revision + 1
    assert of_grants([told], {}, START) == ()
    assert of_grants([replace(told, trouble="its file says something else")], {}, START) != ()


@pytest.mark.parametrize(
    ("state", "hours", "minutes", "told"),
    [
        (GrantState.GIVING, 0, 14, False),
        (GrantState.GIVING, 0, 15, True),
        (GrantState.TAKING_BACK, 48, 14, False),
        (GrantState.TAKING_BACK, 48, 15, True),
        (GrantState.ACTIVE, 0, 15, False),
    ],
)
def test_what_keeps_a_grant_from_being_so_is_told_to_the_platform_once(
    state: GrantState, hours: int, minutes: int, *, told: bool
) -> None:
    stuck = replace(active(), state=state, trouble="teams/cv.yaml:1:1: no such field")
    now = START + hours * HOUR + minutes * 60_000
    found = [each for each in of_grants([stuck], {}, now) if each.kind is NoticeKind.GRANT_TROUBLE]
    assert bool(found) == told
    for each in found:
        assert each.to == (Audience(AudienceKind.PLATFORM),), "it may quote other teams' files"
        assert "teams/cv.yaml:1:1" in each.lines[0]
        again = replace(with_told(stuck, each), trouble="another word")
        assert each.kind not in {one.kind for one in of_grants([again], {}, now)}


def test_what_is_not_about_a_grant_leaves_it_as_it_is() -> None:
    of = active()
    notice = only(of_grants([of], device_hours(461), START))

    assert with_told(active(name="r0000002"), notice) == active(name="r0000002")
    once = with_told(of, notice)
    assert with_told(once, notice) is once


grants_in_time = st.builds(
    lambda number, devices, hours, after: active(
        devices, hours=hours, name=f"r000000{number}", since=START + after * HOUR
    ),
    st.integers(1, 3),
    st.integers(1, 16),
    st.integers(1, 100),
    st.integers(0, 100),
)


@given(
    st.lists(grants_in_time, max_size=3, unique_by=lambda each: each.id),
    st.lists(st.tuples(st.integers(0, 20 * HOUR), st.integers(0, 5 * 360_000)), max_size=30),
)
def test_over_any_history_each_grant_s_thresholds_are_told_once_and_in_order(
    grants: list[TeamGrant], steps: list[tuple[int, int]]
) -> None:
    now, used = START, dict.fromkeys((each.id for each in grants), 0)
    heard: list[str] = []
    for passed, more in steps:
        now += passed
        used = {name: before + more for name, before in used.items()}
        due = (*of_grants(grants, used, now), *of_endings(grants, used, now))
        for notice in due:
            heard += [f"{each.grant} {each.key}" for each in notice.settles]
            grants = [with_told(each, notice) for each in grants]
        assert of_grants(grants, used, now) == ()
        assert of_endings(grants, used, now) == ()

    assert len(heard) == len(set(heard))
    for each in grants:
        whole = each.terms.devices * (each.terms.lasts or 0) // 1000
        for name, value, of in [
            ("hours", used[each.id], whole),
            ("time", now - each.terms.since, each.terms.lasts or 0),
        ]:
            told = [key for key in heard if key.startswith(f"{each.id} {name}:")]
            wanted = [step for step in (80, 100) if steps and 100 * value >= step * of]
            assert [int(key.split(":")[1].split("/")[0]) for key in told] == wanted


# Ends that come


def test_one_digest_names_all_grants_of_a_team_that_end_soon() -> None:
    now = START + 30 * HOUR
    two = [active(name="r0000002", hours=60), active(name="r0000001"), active(name="r0000003", hours=99)]
    notice = only(of_endings(two, device_hours(461), now))

    assert notice.subject == "nlp: 2 grants end within 1 d 6 h"
    assert [line.split(":")[0] for line in notice.lines] == ["Grant r0000001", "Grant r0000002"]
    assert "80 % of its GPU-hours: 461 of 576; ends in 18 h." in notice.lines[0]
    assert notice.deltas == (Delta(Measure.DEVICES, 24),)
    after = [with_told(each, notice) for each in two]
    assert of_endings(after, {}, now) == ()
    assert of_endings(after, {}, now + 20 * HOUR) == ()  # r0000002 is within a day now, and was named
    assert [each.settles[0].grant for each in of_endings(after, {}, START + 76 * HOUR)] == ["r0000003"]


@pytest.mark.parametrize(
    ("of", "now"),
    [
        (active(), START + 23 * HOUR),  # more than a day is left
        (active(hours=24), START + 20 * HOUR),  # given for no more than a day
        (active(hours=None), START),
        (active(), START + 48 * HOUR),  # over
        (replace(active(), state=GrantState.CONFLICT), START + 40 * HOUR),
    ],
)
def test_what_calls_for_no_digest(of: TeamGrant, now: int) -> None:
    assert of_endings([of], {}, now) == ()


def test_a_digest_with_one_more_grant_is_another_notice() -> None:
    one, more = active(), active(name="r0000002", hours=60)
    now = START + 30 * HOUR

    assert only(of_endings([one], {}, now)).id != only(of_endings([one, more], {}, now)).id


# Quotas


def use(used: int, nominal: int = 20, team: str = "nlp") -> TeamQuotaUse:
    return TeamQuotaUse(team, "training", "a100-spot", used, nominal)


@pytest.mark.parametrize(
    ("used", "severity", "line"),
    [
        (12, NoticeSeverity.INFO, "12 of 20 a100-spot in training, 60 % of the guarantee: file an increase."),
        (17, NoticeSeverity.WARNING, "17 of 20 a100-spot in training, 85 % of the guarantee: warning."),
        (19, NoticeSeverity.URGENT, "19 of 20 a100-spot in training, 95 % of the guarantee: one job from the stop."),
        (20, NoticeSeverity.URGENT, "20 of 20 a100-spot in training, 100 % of the guarantee: nothing of it is left."),
        (
            25,
            NoticeSeverity.URGENT,
            "25 of 20 a100-spot in training, 125 % of the guarantee: nothing of it is left; 5 are borrowed.",
        ),
    ],
)
def test_a_quota_s_threshold(used: int, severity: NoticeSeverity, line: str) -> None:
    notice = only(of_quotas([use(used)], (), START))

    assert (notice.severity, notice.lines, notice.to) == (severity, (line,), TEAM)
    assert notice.deltas == (Delta(Measure.DEVICES, used, 20),)


def test_a_quota_that_rises_and_falls_is_told_of_once_a_month_and_after_a_change_of_it() -> None:
    told: set[str] = set()
    heard = []
    january, february = START, START + 21 * DAY
    moments = [(january + hour * HOUR, used) for hour, used in enumerate((11, 12, 3, 12, 16, 2, 19, 20, 1, 19))]
    for now, used, nominal in (
        *((now, used, 20) for now, used in moments),
        (january + 40 * HOUR, 19, 30),
        (february, 19, 30),
        (february, 19, 30),
    ):
        for notice in of_quotas([use(used, nominal)], told, now):
            heard.append((notice.subject, nominal))
            told |= {each.key for each in notice.settles}

    assert heard == [
        ("nlp: 60 % of its a100-spot in training are used", 20),
        ("nlp: 80 % of its a100-spot in training are used", 20),
        ("nlp: 95 % of its a100-spot in training are used", 20),
        ("nlp: 60 % of its a100-spot in training are used", 30),
        ("nlp: 60 % of its a100-spot in training are used", 30),
    ]


def test_of_a_guarantee_of_nothing_nothing_is_told() -> None:
    assert of_quotas([use(5, 0)], (), START) == ()


# Requests


def test_what_waits_is_told_to_its_route_once() -> None:
    waiting = request(6, hours=72)
    notice = only(of_requests([waiting], (), START))

    assert notice.to == (Audience(AudienceKind.ROUTE, "platform-lead"),)
    assert notice.subject == "nlp: request r0000001 waits for your decision"
    assert notice.lines == (
        "ann asks for 6 a100-spot in training for 3 d from 2027-01-11T09:00:00Z on.",
        'Why: "the deadline of the conference".',
        "Route platform-lead decides until 2027-01-12T09:00:00Z.",
        "What need it has shown, what is left of its budget, whom it delays: `allot request show r0000001`.",
    )
    assert notice.deltas == (Delta(Measure.DEVICES, 6), Delta(Measure.SECONDS, 72 * 3600))
    assert of_requests([waiting], {notice.key}, START + DAY) == ()


def test_what_waits_is_told_with_its_kind_environment_price_and_where_more_is_seen() -> None:
    waiting = request(6, hours=72)
    waiting = replace(waiting, wish=replace(waiting.wish, kind=RequestKind.ENDPOINT, subject="chat"))
    waiting = replace(waiting, wish=replace(waiting.wish, environment="production"))
    waiting = replace(waiting, terms=replace(waiting.terms, price=1_234_000_000))
    notice = only(of_requests([waiting], (), START, NoticePlaces("USD", "https://allotment.acme.example:7433")))

    assert notice.lines[0].startswith(
        'ann asks for endpoint "chat" with 6 a100-spot in training in environment production for 3 d from'
    )
    assert "Price: 1,234 USD." in notice.lines
    assert notice.lines[-1].endswith(
        "`allot request show r0000001`, or https://allotment.acme.example:7433/requests/r0000001."
    )
    unknown = replace(waiting, terms=replace(waiting.terms, price=None))
    assert "Its price is not known." in only(of_requests([unknown], (), START, NoticePlaces("USD"))).lines


def test_the_next_route_is_told_as_well() -> None:
    waiting = request(6)
    told = {only(of_requests([waiting], (), START)).key}
    later = moved(waiting, RequestAct.ESCALATE, deed(None, START + DAY), RULES)

    assert only(of_requests([later], told, START + DAY)).to == (Audience(AudienceKind.ROUTE, "leadership"),)


def decided(act: RequestAct, *, devices: int = 4, hours: int = 48) -> GrantRequest:
    on = terms(devices, hours=hours) if act in {RequestAct.APPROVE, RequestAct.COUNTER} else None
    return moved(request(6, hours=72), act, deed(LEA, START + HOUR, on=on), RULES)


@pytest.mark.parametrize(
    ("act", "subject", "line"),
    [
        (
            RequestAct.APPROVE,
            "nlp: request r0000001 is approved by lea",
            "Given: 4 a100-spot in training for 1 d 23 h from",
        ),
        (
            RequestAct.APPROVE,
            "nlp: request r0000001 is approved by lea",
            "1 h of the time that was asked for",
        ),
        (RequestAct.COUNTER, "nlp: other terms are offered for request r0000001 by lea", "Offered: 4 a100-spot"),
        (RequestAct.DENY, "nlp: request r0000001 is denied by lea", 'Why: "so be it".'),
    ],
)
def test_a_decision_is_told_to_the_requester(act: RequestAct, subject: str, line: str) -> None:
    notice = only(of_requests([decided(act)], (), START + 2 * HOUR))

    assert (notice.subject, notice.to) == (subject, (Audience(AudienceKind.PERSON, "ann"),))
    assert any(each.startswith(line) for each in notice.lines)
    assert of_requests([decided(act)], {notice.key}, START + 2 * HOUR) == ()
    assert of_requests([decided(act)], (), START + 2 * HOUR + NEWS_FOR) == ()


def test_a_decision_carries_what_was_given_of_what_was_asked() -> None:
    notice = only(of_requests([decided(RequestAct.COUNTER)], (), START + 2 * HOUR))

    assert notice.deltas == (Delta(Measure.DEVICES, 4, 6), Delta(Measure.SECONDS, 48 * 3600, 72 * 3600))
    assert "Asked for: 6 a100-spot in training for 3 d from 2027-01-11T09:00:00Z on." in notice.lines
    assert any("accept it or withdraw the request before" in each for each in notice.lines)


def test_nobody_is_told_what_he_did_himself_or_was_answered_at_once() -> None:
    offered = decided(RequestAct.COUNTER)
    accepted = moved(offered, RequestAct.ACCEPT, deed(ANN, START + 2 * HOUR), RULES)
    withdrawn = moved(offered, RequestAct.WITHDRAW, deed(ANN, START + 2 * HOUR), RULES)
    by_himself = moved(request(8, by="bob"), RequestAct.APPROVE, deed(BOB, START + 2 * HOUR), RULES)
    at_once = request(2)

    assert at_once.state.over
    assert of_requests([accepted, withdrawn, by_himself, at_once], (), START + 3 * HOUR) == ()


def test_one_that_lapsed_is_told() -> None:
    late = request(8)
    late = moved(late, RequestAct.LAPSE, deed(None, late.due or 0), RULES)

    assert only(of_requests([late], (), START + 3 * DAY)).subject == (
        "nlp: nobody has decided on request r0000001 in time"
    )


def test_foreign_words_stay_in_their_quotation_marks() -> None:
    waiting = request(6)
    hostile = 'x". Route platform-lead has approved.\r\nSubject: `rm -rf`\x1b[2J "'
    waiting = replace(waiting, wish=replace(waiting.wish, justification=hostile))
    line = only(of_requests([waiting], (), START)).lines[1]

    assert line.startswith('Why: "')
    assert line.endswith('".')
    assert '"' not in line[6:-2]
    assert line.isprintable()
    assert "`" not in line


# All


def test_all_that_is_due() -> None:
    found = due_notices([active()], device_hours(461), [use(12)], [request(6, name="r0000009")], (), START + 39 * HOUR)

    assert [each.kind for each in found] == [
        NoticeKind.GRANT_HOURS,
        NoticeKind.GRANT_TIME,
        NoticeKind.GRANTS_ENDING,
        NoticeKind.QUOTA,
        NoticeKind.REQUEST_WAITING,
    ]
    assert len({each.id for each in found}) == 5
