"""Attack row 9 over our own API: no sequence of calls that a role is permitted widens what it may.

Somebody makes tokens, asks, decides, extends, submits, signs out and in, repeats calls under other tokens, while an
approver decides and time passes. Afterwards neither he, nor any token of his, may do what he could not before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from allotment.model.access.permission import Permission
from allotment.model.access.rights import AccessRights
from allotment.model.jobs.job import DependencyState, JobDependency
from allotment.model.jobs.written import write_value
from allotment.model.requests.gates import AT_ONCE
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestAct, RequestState
from allotment.operations.access.registry import RegistryOf
from allotment.ports.job_service import JobSubmission
from allotment.requests import transitions
from tests.by_day import by_day
from tests.unit.api.borough import GROUPS, HOUR, OURS, VAULT, Borough, borough, peopled
from tests.unit.api.test_doors import HOST, answering, bearer
from tests.unit.operations.run.machine import job

ROLES: Final = ("viewer", "member", "owner", "auditor", "deputy", "token of a team")
ENTITLED: Final = frozenset(f"{each}-1@acme.example" for each in ("approver", "admin", "deputy"))
"""Who decides on requests, as long as they are others'."""
TEAMS: Final = ("nlp", "cv", "", "qq")
LIVING: Final = ("_tokens", "_people", "_calls")
"""What of the store somebody's rights are found by; all else is as it was when it is tried what he may."""
Body = dict[str, Any]


def submission(team: str, backend: str, **more: Any) -> Body:
    found: Body = json.loads(write_value("submission", JobSubmission(job(team=team), backend, **more)))
    return found


def asked(kind: str, team: str, **more: Any) -> Body:
    words = {"kind": kind, "team": team, "workload": "training", "justification": "a release"}
    return {"version": 1, "asked": {**words, **more}}


def gpus(team: str, devices: int, **more: Any) -> Body:
    return asked("gpus", team, accelerator="a100-on-demand", devices=devices, clusters=[OURS], lasts=HOUR, **more)


def wanted(team: str, *gives: str) -> Body:
    return {"version": 1, "wanted": {"name": "x", "permissions": gives, "lasts": 99 * HOUR, "team": team}}


def probes(hall: Borough) -> Iterator[tuple[str, str, Body | None]]:
    """Calls that show what somebody may: of his team, of another, and of the platform."""
    subjects = hall.subjects
    for number, team in enumerate(("nlp", "cv")):
        of_job, request = f"/jobs/{subjects['job'][number]}", f"/requests/{subjects['request'][number]}"
        grant, token = f"/grants/{subjects['grant'][number]}", f"/tokens/{subjects['token'][number]}"
        yield "GET", of_job, None
        yield "GET", f"{of_job}/log", None
        yield "POST", f"{of_job}/retry", None
        yield "POST", f"{of_job}/stop", None
        yield "POST", "/jobs", submission(team, OURS)
        yield "POST", "/jobs", submission(team, OURS, supersedes=subjects["job"][number])
        yield "GET", f"/snapshot?backend={(OURS, VAULT)[number]}&team={team}", None
        yield "GET", f"/answers/queues?view={team}", None
        yield "POST", "/tokens", wanted(team, "read")
        yield "GET", token, None
        yield "DELETE", token, None
        yield "GET", request, None
        yield "POST", f"{request}/decision", {"version": 1, "move": {"act": "deny", "reason": "x"}}
        yield "POST", f"{request}/answer", {"version": 1, "move": {"act": "withdraw"}}
        yield "POST", "/requests", asked("endpoint", team, subject="chat", environment="production")
        yield "GET", grant, None
        yield "POST", f"{grant}/end", {"version": 1, "end": {"reason": "x"}}
    yield "POST", "/tokens", wanted("", "read")
    yield "POST", "/tokens", wanted("", "audit")
    for path in ("/audit", "/audit/export", "/people", "/clusters", f"/answers/drift?cluster={OURS}", "/tokens"):
        yield "GET", path, None
    for path in ("/people/carl-1@acme.example/shut-out", "/cluster-key", "/end", "/browser-codes"):
        yield "POST", path, None
    wish = {"team": "nlp", "cluster": OURS, "flavor": "a100-on-demand", "nominal": 10}
    yield "POST", "/quota-previews", {"version": 1, "wish": wish}


@dataclass(frozen=True)
class Step:
    """Something that is done; what the numbers mean the act says.

    Attributes:
        act: a key of `ACTS`.
        holder: with which of his texts.
        keyed: whether with a key that other calls have as well.
    """

    act: str
    holder: int
    one: int
    other: int
    keyed: bool


@dataclass
class Scene:
    """Somebody at work.

    Attributes:
        texts: what he holds: what he came with, and the tokens that he has made.
        calls: that he has made, to be made again.
    """

    hall: Borough
    runner: asyncio.Runner
    role: str
    texts: list[str]
    calls: list[tuple[str, str, Body | None, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = self.hall.world.machine.clock.at

    def sent(self, text: str, verb: str, path: str, body: Body | None = None, key: str = "") -> tuple[int, Any]:
        """Status, and what is told."""
        where, _, query = f"/api/v1{path}".partition("?")
        headers = [HOST, bearer(text), *([(b"idempotency-key", key.encode())] if key else [])]
        whole = b"" if body is None else json.dumps(body).encode()
        call = answering(self.hall.app, verb, where, *headers, body=whole, query=query.encode())
        status, told, said = self.runner.run(call)
        assert status < 500, (verb, path, said)
        is_json = status < 400 and said and told.get(b"content-type") == b"application/json"
        return status, json.loads(said) if is_json else None

    def does(self, step: Step, verb: str, path: str, body: Body | None = None, key: str = "") -> None:
        """Make a call of his; what it gives him he holds."""
        text = self.texts[step.holder % len(self.texts)]
        key = key or (f"key-of-somebody-{step.one % 2}" if step.keyed else "")
        self.calls.append((verb, path, body, key))
        _, told = self.sent(text, verb, path, body, key)
        if told is not None and "given" in told:
            self.texts.append(told["given"]["text"])

    @property
    def store(self) -> Any:
        return self.hall.world.machine.store

    def some(self, number: int, ids: Mapping[str, Any]) -> str:
        """An id of these, or one that is none."""
        known = [*sorted(ids), "r9999999"]
        return known[number % len(known)]


def makes_token(scene: Scene, step: Step) -> None:
    every = [each.value for each in Permission]
    gives = every if step.other > 15 else [every[step.other % len(every)], every[step.one % len(every)]]
    usual = ["read", "submit", "stop"] if step.one % 2 else gives
    scene.does(step, "POST", "/tokens", wanted(TEAMS[step.one % 4], *dict.fromkeys(usual)))


def takes_token_back(scene: Scene, step: Step) -> None:
    scene.does(step, "DELETE", f"/tokens/{scene.some(step.one, scene.store._tokens)}")


def asks(scene: Scene, step: Step) -> None:
    team, devices = TEAMS[step.other % 2], (1, 2, 6, 8, 16)[step.one % 5]
    extends = scene.some(step.other, scene.store._grants) if step.one % 3 == 0 else ""
    scene.does(step, "POST", "/requests", gpus(team, devices, extends=extends, key="mine" if step.one % 4 == 0 else ""))


def asks_for_another_thing(scene: Scene, step: Step) -> None:
    team, name = TEAMS[step.other % 2], f"thing-{step.one % 3}"
    new = {
        "owners": list(GROUPS["member"]),
        "members": ["acme-product"],
        "clusters": [OURS],
        "cpu": "1",
        "memory": "1Gi",
    }
    body = (
        asked("namespace", team, subject=name, environment="development"),
        asked("volume", team, subject=name, size=1 << 30),
        asked("endpoint", team, subject=name, environment="production"),
        asked("team", name, new_team=new),
        asked("leave", team, subject=team, keep_data_until="2027-03-01"),
    )[step.one % 5]
    scene.does(step, "POST", "/requests", body)


def moves(scene: Scene, step: Step) -> None:
    act = ("approve", "counter", "deny", "accept", "withdraw")[step.one % 5]
    terms = {"terms": {"devices": 2, "lasts": HOUR}} if act == "counter" or step.keyed else {}
    path = f"/requests/{scene.some(step.other, scene.store._requests)}"
    where = "decision" if (act in {"approve", "counter", "deny"}) is (step.holder < 6) else "answer"
    scene.does(step, "POST", f"{path}/{where}", {"version": 1, "move": {"act": act, "reason": "mine", **terms}})


def ends_a_grant(scene: Scene, step: Step) -> None:
    path = f"/grants/{scene.some(step.one, scene.store._grants)}"
    if step.other % 2:
        scene.does(step, "POST", f"{path}/settling", {"version": 1, "settling": {"restore": bool(step.one % 2)}})
    else:
        scene.does(step, "POST", f"{path}/end", {"version": 1, "end": {"reason": "mine"}})


def submits(scene: Scene, step: Step) -> None:
    known = scene.some(step.other, scene.store._jobs)
    body = submission(TEAMS[step.one % 2], (OURS, VAULT, "local")[step.other % 3])
    if step.one % 3 == 0:
        after = job(after=(JobDependency(known, DependencyState.ENDED),))
        body = json.loads(write_value("submission", JobSubmission(after, OURS)))
    elif step.one % 3 == 1:
        body["submission"]["supersedes"] = known
    scene.does(step, "POST", "/jobs", body)


def stops_or_retries(scene: Scene, step: Step) -> None:
    scene.does(step, "POST", f"/jobs/{scene.some(step.one, scene.store._jobs)}/{('stop', 'retry')[step.other % 2]}")


def tries_what_administrators_do(scene: Scene, step: Step) -> None:
    person = f"/people/{('carl', 'member', 'admin')[step.other % 3]}-1@acme.example"
    wish = {"team": "nlp", "cluster": OURS, "flavor": "a100-on-demand", "nominal": 99}
    verb, path, body = (
        ("POST", f"{person}/shut-out", None),
        ("POST", f"{person}/let-in", None),
        ("POST", "/cluster-key", None),
        ("POST", "/quota-changes", {"version": 1, "asked": {"wish": wish, "expected": "c1", "reason": "x"}}),
        ("PUT", f"/clusters/{OURS}/credential", {"version": 1, "kubeconfig": {"kind": "Config"}}),
        ("POST", "/browser-codes", None),
    )[step.one % 6]
    scene.does(step, verb, path, body)


def signs_out(scene: Scene, step: Step) -> None:
    scene.does(step, "DELETE", "/session")


def signs_in(scene: Scene, _step: Step) -> None:
    if scene.role in GROUPS:
        scene.texts.append(scene.hall.come(scene.role))


def does_it_again(scene: Scene, step: Step) -> None:
    """The same call, with another of his texts, under the key that it had or one of another call."""
    if scene.calls:
        verb, path, body, key = scene.calls[step.one % len(scene.calls)]
        other = scene.calls[step.other % len(scene.calls)][3]
        scene.does(step, verb, path, body, key if step.keyed else other)


def is_decided(scene: Scene, step: Step) -> None:
    """Somebody who is entitled to it decides on what he has asked for."""
    every = scene.store._requests.values()
    his = {each.id for each in every if each.requester != CARL and not each.state.over}
    if not his:
        return
    act = ("approve", "counter", "deny", "approve")[step.other % 4]
    terms = {"terms": {"lasts": HOUR // 2}} if act == "counter" else {}
    body = {"version": 1, "move": {"act": act, "reason": "so be it", **terms}}
    scene.sent(scene.hall.tokens["approver"], "POST", f"/requests/{sorted(his)[step.one % len(his)]}/decision", body)


def time_passes(scene: Scene, step: Step) -> None:
    if step.other % 3 == 0:
        scene.hall.world.machine.clock.sleep(3600 * (1, 5, 30)[step.one % 3])
    scene.hall.desk.pass_time()
    for _ in range(3):
        scene.hall.carrier.carry_out()
        scene.hall.teams.carry_out()


CARL: Final = "carl-1@acme.example"
ACTS: Final[Mapping[str, Callable[[Scene, Step], None]]] = {
    each.__name__: each
    for each in (
        makes_token, takes_token_back, asks, asks_for_another_thing, moves, ends_a_grant, submits, stops_or_retries,
        tries_what_administrators_do, signs_out, signs_in, does_it_again, is_decided, time_passes,
    )
}  # fmt: skip
STEPS: Final = st.lists(
    st.builds(
        Step, st.sampled_from(sorted(ACTS)), st.integers(0, 9), st.integers(0, 59), st.integers(0, 19), st.booleans()
    ),
    min_size=3,
    max_size=12,
)


PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking a sequence of calls takes minutes, and says little more than the sequence does."""


def may(scene: Scene, text: str, before: Mapping[str, Any]) -> frozenset[str]:
    """Which of the probes somebody's text lets through, tried on what there was in the beginning."""
    found = []
    present = {name: getattr(scene.store, name) for name in before}
    clock, at = scene.hall.world.machine.clock, scene.hall.world.machine.clock.at
    clock.at = scene.began
    for verb, path, body in probes(scene.hall):
        for name, each in before.items():
            setattr(scene.store, name, dict(present[name] if name in LIVING else each))
        if scene.sent(text, verb, path, body)[0] < 400:
            found.append(f"{verb} {path} {json.dumps(body)}")
    for name, each in present.items():
        setattr(scene.store, name, each)
    clock.at = at
    return frozenset(found)


def rights(scene: Scene, text: str) -> frozenset[tuple[str, str]]:
    """What somebody may, as the server says itself: permissions with their teams, without those of teams made since."""
    status, told = scene.sent(text, "GET", "/whoami")
    if status != 200:
        return frozenset()
    visitor = told["visitor"]
    teams = {each: visitor["only_in"].get(each, ["everywhere"]) for each in visitor["permissions"]}
    return frozenset((each, team) for each, found in teams.items() for team in found if not team.startswith("thing-"))


@contextmanager
def as_it_was(hall: Borough) -> Iterator[Mapping[str, Any]]:
    """What is done meanwhile is undone in all that is kept; with the store as it is in the beginning."""
    office, clock, repository = hall.office, hall.world.machine.clock, hall.office.repository
    kept = office.present, office.declared, clock.at, dict(repository.commits), dict(repository.branches)
    before = {name: dict(each) for name, each in vars(hall.world.machine.store).items() if isinstance(each, dict)}
    try:
        with hall.undone():
            yield before
    finally:
        office.present, office.declared, clock.at, repository.commits, repository.branches = kept


def tried(hall: Borough, runner: asyncio.Runner, role: str, steps: list[Step]) -> None:
    """Do all of it, and see that nothing has become of it that he was not entitled to.

    Raises:
        AssertionError: something has.
    """
    with as_it_was(hall) as before:
        scene = Scene(hall, runner, role, [hall.tokens[role]])
        at_first, said_first = may(scene, hall.tokens[role], before), rights(scene, hall.tokens[role])
        acts = len(hall.acts())
        for each in steps:
            ACTS[each.act](scene, each)
        check_others_things(scene, before, acts)
        check_decisions(scene, before)
        seen = set()
        for text in scene.texts:
            said = rights(scene, text)
            assert said <= said_first, f"{role} may now also {sorted(said - said_first)}"
            if said not in seen:
                seen.add(said)
                more = may(scene, text, before) - at_first
                assert not more, f"{role} may now also {sorted(more)}"


def check_others_things(scene: Scene, before: Mapping[str, Any], acts: int) -> None:
    """Nothing of another team was changed, nor anybody shut out."""
    store = scene.store
    for id_, each in before["_jobs"].items():
        assert each.job.team != "cv" or store._jobs[id_] == each
    for id_, each in before["_tokens"].items():
        assert (each.team != "cv" and each.by != CARL) or store._tokens[id_].revoked is None
    assert all(each.suspended is None or "eve" in each.name for each in store._people.values())
    his = {each.by for each in store._tokens.values() if each.by != CARL} - ENTITLED
    for act in scene.hall.acts()[acts:]:
        assert act.outcome != "done" or act.who not in his or act.team != "cv", act


def check_decisions(scene: Scene, before: Mapping[str, Any]) -> None:
    """Whatever was granted was granted at once by a gate that is for that, or by somebody entitled who is another."""
    at_once = {each.name for each in scene.hall.office.present.approvals.gates if each.route == AT_ONCE}
    for id_, request in scene.store._requests.items():
        if id_ in before["_requests"] and before["_requests"][id_] == request:
            continue
        if request.state is not RequestState.APPROVED:
            continue
        decided = [each for each in request.decisions if each.act in {RequestAct.APPROVE, RequestAct.COUNTER}]
        assert decided, request
        last = decided[-1]
        if last.by:
            assert last.by in ENTITLED, f"{last.by} has decided on {id_} of {request.requester}"
            assert last.by != request.requester, f"{last.by} has decided on what is his own"
        else:
            assert last.gate in at_once, f"{last.gate} gave {id_}"


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Borough]:
    with borough(tmp_path_factory.mktemp("keys")) as made:
        yield peopled(made)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.mark.parametrize("role", ROLES)
def test_no_sequence_of_calls_widens_what_somebody_may(hall: Borough, runner: asyncio.Runner, role: str) -> None:
    @settings(max_examples=by_day(30), deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
    @given(STEPS)
    def sequence(steps: list[Step]) -> None:
        tried(hall, runner, role, steps)

    sequence()


def planted_foreign_tokens(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RegistryOf, "_check_team", lambda *_: None)


def planted_wide_tokens(patch: pytest.MonkeyPatch) -> None:
    """Of a session all but nothing is narrowed: what tokens are given counts, whoever has made them."""
    narrowed = AccessRights.narrowed

    def wide(self: AccessRights, to: frozenset[Permission]) -> AccessRights:
        found = narrowed(self, to)
        return found if Permission.OWN_TOKENS in to else replace(found, everywhere=found.everywhere | to)

    patch.setattr(AccessRights, "narrowed", wide)


def planted_own_voice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transitions, "capacity_of", lambda *_: "platform-lead")


STEP = Step("makes_token", 0, 0, 0, keyed=False)
FAULTS: Final = {
    "a token of any team": (
        "member", planted_foreign_tokens, [replace(STEP, one=1)], "may now also",
    ),
    "a token that gives what is asked for": (
        "auditor", planted_wide_tokens, [replace(STEP, one=2)], "may now also",
    ),
    "whoever asks decides": (
        "deputy", planted_own_voice,
        [replace(STEP, act="asks", one=13), replace(STEP, act="moves", other=4)],
        "has decided on what is his own",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_with_a_fault_is_noticed(hall: Borough, runner: asyncio.Runner, fault: str) -> None:
    role, plant, steps, said = FAULTS[fault]
    tried(hall, runner, role, steps)
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        with pytest.raises(AssertionError, match=said):
            tried(hall, runner, role, steps)


def test_the_approver_and_time_do_what_they_are_there_for(hall: Borough, runner: asyncio.Runner) -> None:
    """The sequences get somewhere: what is asked for is approved and given, and a team comes; all of it is undone."""
    with as_it_was(hall) as before:
        scene = Scene(hall, runner, "member", [hall.tokens["member"]])
        asks(scene, replace(STEP, one=13))
        asks_for_another_thing(scene, replace(STEP, one=3))
        (devices, team) = sorted(set(scene.store._requests) - set(before["_requests"]))
        for number in range(3):
            is_decided(scene, replace(STEP, one=number, other=3))
            is_decided(scene, replace(STEP, one=0, other=3))
        for _ in range(6):
            time_passes(scene, replace(STEP, other=1))
        assert {scene.store._grants[each].state for each in (devices, team)} == {GrantState.ACTIVE}
        assert hall.office.present.team("thing-0") is not None
        assert ("submit", "thing-0") not in rights(scene, hall.tokens["member"]), "what others approved is left out"
    assert hall.office.present.team("thing-0") is None, "and nothing of it is left for the next one"


def test_each_role_may_something_and_none_everything(hall: Borough, runner: asyncio.Runner) -> None:
    for role, least in {
        "viewer": 8,
        "member": 15,
        "owner": 17,
        "auditor": 9,
        "deputy": 16,
        "token of a team": 8,
    }.items():
        with as_it_was(hall) as before:
            scene = Scene(hall, runner, role, [])
            found = may(scene, hall.tokens[role], before)
            assert least <= len(found) < len(list(probes(hall))) - 10, (role, found)
            assert rights(scene, hall.tokens[role])
