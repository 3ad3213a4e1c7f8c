"""Reasons of a Slurm → causes: each with a state that has it, what is said of it, and the act that would start it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from allotment.cli.commands.ask.queues_view import queues_listing
from allotment.diagnose.rules.slurm.table import SLURM_RULES
from allotment.diagnose.slurm.limits import binding_limits
from allotment.diagnose.slurm.proposing import elsewhere
from allotment.diagnose.slurm.room import need_of
from allotment.diagnose.slurm.view import SlurmView
from allotment.diagnose.subjects import find_case
from allotment.errors import NotFoundError, UnreachableError, UsageError
from allotment.model.explanation import CauseVerdict, Confidence, Explanation, StartsWhen
from allotment.model.observed.slurm import SlurmFacts, node_facts
from allotment.model.observed.snapshot import Snapshot
from allotment.model.slurm.declared import DeclaredSlurm
from allotment.model.slurm.seen import (
    SlurmAssociation,
    SlurmJob,
    SlurmLicense,
    SlurmNode,
    SlurmPartition,
    SlurmQos,
    SlurmReservation,
)
from allotment.model.slurm.submission import MARK
from allotment.observe.view import seen_by
from allotment.observe.written import decode, encode
from allotment.operations.ask.explaining import why, why_all
from allotment.operations.ask.quotas import queues_of, quotas_of
from allotment.operations.run.slurm.as_source import SlurmWords, slurm_snapshot
from allotment.operations.run.slurm.configured import SlurmDescription, configured_slurm, described_slurm
from allotment.operations.run.slurm.reason_words import in_plain_words
from allotment.ports.stored_jobs import StoredJob
from tests.unit import builders as build
from tests.unit.adapters.slurm.cluster import fake_cluster
from tests.unit.adapters.store.jobs import submitted

NOW = 1_795_600_800
WORDS = SlurmWords("hpc", build.platform(), configured_slurm({"folder": "/shared"}))
WAITING, HELD, VERDICT = CauseVerdict.WAITING, "held", CauseVerdict


@dataclass
class Still(type(fake_cluster())):  # type: ignore[misc]
    """A cluster that stands still: what is put into it is what it shows."""

    shown: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def jobs(self) -> tuple[SlurmJob, ...]:
        return self.shown["jobs"]

    def nodes(self) -> tuple[SlurmNode, ...]:
        return self.shown.get("nodes", ()) or super().nodes()

    def partitions(self) -> tuple[SlurmPartition, ...]:
        return self.shown.get("partitions", ()) or super().partitions()

    def reservations(self) -> tuple[SlurmReservation, ...]:
        return self.shown.get("reservations", ())

    def licenses(self) -> tuple[SlurmLicense, ...]:
        return self.shown.get("licenses", ())

    def associations(self) -> tuple[SlurmAssociation, ...]:
        return self.shown.get("associations", ()) or super().associations()

    def qualities(self) -> tuple[SlurmQos, ...]:
        return self.shown.get("qualities", ()) or super().qualities()


def tres(gpus: int = 0, cpus: int = 1, nodes: int = 1, mib: int = 100) -> dict[str, int]:
    devices = {"gres/gpu": gpus, "gres/gpu:a100": gpus} if gpus else {}
    return {"cpu": cpus, "mem": mib, "node": nodes, **devices}


def job(number: int, reason: str = "", **fields: Any) -> SlurmJob:
    usual: dict[str, Any] = {
        "job_id": number, "name": "x", "user": "ann", "states": ("PENDING",), "account": "nlp", "partition": "batch",
        "qos": "normal", "reasons": (reason,) if reason else (), "requested": tres(), "submitted": NOW - 60,
        "eligible": NOW - 60, "minutes": 10, "priority": 100,
    }  # fmt: skip
    return SlurmJob(**{**usual, **fields})


def running(number: int, *nodes: str, gpus: int = 0, cpus: int = 1, minutes: int = 5, **fields: Any) -> SlurmJob:
    held = tres(gpus, cpus, len(nodes))
    return job(number, states=("RUNNING",), requested=held, allocated=held, nodes=nodes, node_count=len(nodes),
               started=NOW - 60, ends=NOW + 60 * minutes, **{"user": "bob", **fields})  # fmt: skip


def nodes(*jobs: SlurmJob, **states: tuple[tuple[str, ...], str]) -> tuple[SlurmNode, ...]:
    """The usual three, with what jobs hold of them; of some their states and the reason."""
    found = []
    for node in fake_cluster().machines:
        here = [each for each in jobs if node.name in each.nodes]
        words, reason = states.get(node.name, (("mixed" if here else "idle",), ""))
        gpus = sum(each.allocated.get("gres/gpu", 0) // len(each.nodes) for each in here)
        found.append(
            replace(node, states=words, reason=reason, cpus_used=sum(each.allocated.get("cpu", 0) for each in here),
                    gres_used=dict.fromkeys(node.gres, gpus))
        )  # fmt: skip
    return tuple(found)


def snapshot(*jobs: SlurmJob, ours: Mapping[str, StoredJob] | None = None, **shown: Any) -> Snapshot:
    usual = fake_cluster()
    state = {"nodes": nodes(*(each for each in jobs if each.holds)), "associations": associations(), **shown}
    still = Still(usual.machines, usual.lanes, usual.limits, usual.services, shown={"jobs": jobs, **state})
    return slurm_snapshot(still, WORDS, ours or {}, NOW * 1000)


def associations(**group: Mapping[str, int]) -> tuple[SlurmAssociation, ...]:
    qos = ("normal", "short", "single")
    accounts = [SlurmAssociation("root"), *(SlurmAssociation(name, parent="root", group=group.get(name, {}))
                                            for name in ("nlp", "cv"))]  # fmt: skip
    mine = [SlurmAssociation(name, user=user, qos=qos) for name in ("nlp", "cv") for user in ("ann", "bob")]
    return (*accounts, *mine)


def told(number: int, *jobs: SlurmJob, **shown: Any) -> Explanation:
    return why(snapshot(*jobs, **shown), str(number)).explanation


FULL = (running(1, "gpu0", gpus=4), running(2, "gpu1", gpus=4, minutes=9))
DRAINED = {"gpu0": (("idle", "drain"), "fan broken"), "gpu1": (("down",), "gone")}
CLOSED = tuple(replace(each, up=each.name == "steady") for each in fake_cluster().lanes)


@dataclass(frozen=True)
class Reason:
    """A state, the cause of job 9, words of its summary, and a command that would start it; empty for none."""

    cause: str
    verdict: CauseVerdict
    words: str
    command: str
    jobs: tuple[SlurmJob, ...]
    shown: Mapping[str, Any] = field(default_factory=dict)


GPUS = tres(4)
REASONS = {
    "account": Reason("slurm-not-allowed", VERDICT.MISCONFIGURED, "ann may not use the account nlp", "account=cv",
                      (job(9, "InvalidAccount"),)),
    "qos": Reason("slurm-not-allowed", VERDICT.MISCONFIGURED, "quality of service x", "qos=normal",
                  (job(9, "InvalidQOS", qos="x"),)),
    "never": Reason("slurm-dependency-never", VERDICT.MISCONFIGURED, "afterok:3(failed)", "jobid=9 dependency=",
                    (job(9, "DependencyNeverSatisfied", dependency="afterok:3(failed)"), job(3, states=("FAILED",)))),
    "held": Reason("slurm-held", VERDICT.MISCONFIGURED, "JobHeldUser", "scontrol release 9",
                   (job(9, "JobHeldUser", priority=0),)),
    "admin": Reason("slurm-held", VERDICT.MISCONFIGURED, "an administrator holds it", "scontrol release 9",
                    (job(9, "JobHeldAdmin", priority=0),)),
    "dependency": Reason("slurm-dependency", WAITING, "job 1 of bob (running)", "jobid=9 dependency=",
                         (running(1, "cpu0"), job(9, "Dependency", dependency="afterany:1(unfulfilled)"))),
    "begin": Reason("slurm-begin-time", WAITING, "before 2026-11-25T11:00:00Z", "starttime=now",
                    (job(9, "BeginTime", eligible=NOW + 3600),)),
    "array": Reason("slurm-array-limit", WAITING,
                    "2 tasks of its array 9 run, and its throttle lets 2 run at once: job 9_0 of bob, job 9_1 of bob",
                    "scontrol update jobid=9 arraytaskthrottle=3",
                    (*(running(10 + each, "cpu0", array_id=9, array_tasks=str(each)) for each in range(2)),
                     job(9, "JobArrayTaskLimit", array_id=9, array_tasks="2-9%2"))),
    "closed": Reason("slurm-partition-down", VERDICT.BROKEN, "the partition batch starts no jobs", "partition=steady",
                     (job(9, "PartitionDown"),), {"partitions": CLOSED}),
    "inactive": Reason("slurm-partition-down", VERDICT.BROKEN, "batch", "state=up", (job(9, "PartitionInactive"),),
                       {"partitions": CLOSED}),
    "minutes": Reason("slurm-job-limit", VERDICT.MISCONFIGURED, "asks for 90 minutes", "timelimit=60",
                      (job(9, "PartitionTimeLimit", minutes=90),)),
    "wall": Reason("slurm-job-limit", VERDICT.MISCONFIGURED, "quality of service short may have 10", "qos=normal",
                   (job(9, "QOSMaxWallDurationPerJobLimit", qos="short", minutes=50),),
                   {"qualities": (SlurmQos("normal"), SlurmQos("short", minutes=10))}),
    "group": Reason("slurm-group-limit", WAITING, "account nlp may hold 4 gres/gpu, 3 are in use", "gres=gpu:a100:1",
                    (running(1, "gpu0", gpus=3), job(9, "AssocGrpGRES", requested=tres(2))),
                    {"associations": associations(nlp={"gres/gpu": 4})}),
    "too much": Reason("slurm-group-limit", VERDICT.MISCONFIGURED, "the job asks for 4", "account=cv",
                       (job(9, "AssocGrpGRES", requested=GPUS),), {"associations": associations(nlp={"gres/gpu": 2})}),
    "per user": Reason("slurm-group-limit", WAITING, "each user of quality of service normal may hold 4", "scancel 1",
                       (running(1, "gpu0", gpus=4, user="ann"), job(9, "QOSMaxGRESPerUser", requested=tres(2))),
                       {"qualities": (SlurmQos("normal", per_user={"gres/gpu": 4}),)}),
    "jobs": Reason("slurm-group-limit", WAITING, "may hold 1 running job, 1 is in use", "qos=short",
                   (running(1, "cpu0"), job(9, "QOSGrpJobsLimit")),
                   {"qualities": (SlurmQos("normal", jobs=1), SlurmQos("short"))}),
    "unknown limit": Reason("slurm-group-limit", WAITING, "AssocGrpGRESMinutes", "", (job(9, "AssocGrpGRESMinutes"),)),
    "too large": Reason("slurm-no-such-node", VERDICT.MISCONFIGURED, "0 of 3 nodes", "",
                        (job(9, "BadConstraints", requested=tres(8)),)),
    "own reservation": Reason("slurm-reservation", WAITING, "begins at", "jobid=9 reservationname=",
                              (job(9, "Reservation", reservation="r"),),
                              {"reservations": (SlurmReservation("r", NOW + 600, NOW + 999, ("cpu0",)),)}),
    "reserved": Reason("slurm-reservation", WAITING, "kept by the reservation r", "timelimit=4",
                       (job(9, "ReqNodeNotAvail", requested=GPUS),),
                       {"reservations": (SlurmReservation("r", NOW + 300, NOW + 999, ("gpu0", "gpu1")),)}),
    "licences": Reason("slurm-licenses", WAITING, "3 of 4 are in use: job 1 of bob holds 3", "",
                       (running(1, "cpu0", licenses={"m": 3}), job(9, "Licenses", licenses={"m": 2})),
                       {"licenses": (SlurmLicense("m", 4, 3),)}),
    "drained": Reason("slurm-nodes-unavailable", VERDICT.BROKEN, "fan broken", "nodename=gpu0 state=resume",
                      (job(9, "ReqNodeNotAvail", requested=GPUS),), {"nodes": nodes(**DRAINED)}),
    "resources": Reason("slurm-resources", WAITING, "job 1 of bob (4 GPUs, until", "", (*FULL, job(9, "Resources",
                        requested=GPUS))),
    "own jobs": Reason("slurm-resources", WAITING, "2 nodes that would do", "scancel 1",
                       (replace(FULL[0], user="ann"), FULL[1], job(9, "Resources", requested=GPUS))),
    "priority": Reason("slurm-priority", WAITING, "1 job waits before it", "partition=urgent",
                       (*FULL, job(8, "Resources", requested=GPUS, priority=200, user="bob"), job(9, "Priority"))),
    "kept": Reason("slurm-priority", WAITING, "first job 8 of ann", "scontrol hold 8",
                   (running(1, "cpu0", cpus=12), job(8, "Resources", requested=tres(cpus=16), user="ann",
                    required=("cpu0",)), job(9, "ReqNodeNotAvail", required=("cpu0",)))),
    "odd": Reason("slurm-other", WAITING, "Slurm says", "", (job(9, "FrontEndDown"),)),
    "new": Reason("slurm-other", WAITING, "not looked at it yet", "", (job(9),)),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_a_reason_is_a_cause_with_numbers_and_an_act(name: str) -> None:
    case = REASONS[name]
    found = told(9, *case.jobs, **case.shown)
    assert (found.cause, found.verdict) == (case.cause, case.verdict), found.summary
    assert case.words in found.summary
    starting = [each.command for each in found.remedies if each.tried.starts is StartsWhen.NOW]
    if case.command:
        assert any(case.command in each for each in starting), found.remedies
    else:
        assert not starting


KEPT = SlurmReservation("r", NOW + 1200, NOW + 9999, ("gpu1",))


@pytest.mark.parametrize(
    ("ends", "command", "starts"),
    [(30, "", StartsWhen.NO), (5, "timelimit=14", StartsWhen.LATER), (0, "timelimit=19", StartsWhen.NOW)],
)
def test_a_reservation_hides_no_holder_and_no_drained_node(ends: int, command: str, starts: StartsWhen) -> None:
    """A shorter time limit is offered only where what the job needs is free early enough to end before."""
    held = (running(2, "gpu1", gpus=4, minutes=ends),) if ends else ()
    there = nodes(*held, gpu0=(("drained",), "fan broken"))
    found = told(9, *held, job(9, "ReqNodeNotAvail", requested=GPUS, minutes=30), nodes=there, reservations=(KEPT,))
    assert found.cause == "slurm-reservation"
    assert ("before that job 2 of bob (4 GPUs, until" in found.summary) is bool(ends)
    assert 'gpu0 is drained ("fan broken")' in found.summary
    shorter = [each for each in found.remedies if "timelimit=" in each.command]
    assert [(each.command.rpartition(" ")[2], each.tried.starts) for each in shorter] == (
        [(command, starts)] if command else []
    )
    (back,) = (each for each in found.remedies if "nodename=gpu0 state=resume" in each.command)
    assert back.tried.starts is StartsWhen.NOW


@pytest.mark.parametrize(("expected", "command"), [(NOW + 1200, "timelimit=19"), (0, ""), (NOW + 3600, "")])
def test_a_time_limit_that_ends_before_others_are_to_start_fills_in(expected: int, command: str) -> None:
    first = job(8, "Resources", requested=tres(8, nodes=2), node_count=2, priority=200, user="bob", started=expected)
    found = told(9, FULL[0], first, job(9, "Priority", requested=tres(1), minutes=30))
    assert found.cause == "slurm-priority"
    shorter = [each for each in found.remedies if "timelimit=" in each.command]
    assert [each.command.rpartition(" ")[2] for each in shorter] == ([command] if command else [])
    assert all(each.tried.starts is StartsWhen.NOW for each in shorter)


def test_a_partition_that_ends_jobs_of_others_says_whose() -> None:
    first = job(8, "Resources", requested=GPUS, priority=200, user="bob")
    (move,) = (
        each for each in told(9, *FULL, first, job(9, "Priority")).remedies if "partition=urgent" in each.command
    )
    assert move.summary.endswith("urgent, which may end jobs of batch; there is room, so none has to")
    view = SlurmView(snapshot(*FULL, job(9, "Priority", requested=GPUS)).sources[0].slurm or SlurmFacts(),
                     job(9, "Priority", requested=GPUS), NOW)  # fmt: skip
    (asked,) = (each for each in elsewhere(view) if each.command.endswith("partition=urgent"))
    assert asked.summary.endswith("urgent; Slurm may end for it job 1 of bob, job 2 of bob")


def test_who_holds_no_device_is_in_the_way_only_where_more_than_devices_is_short() -> None:
    others = (running(3, "gpu0", cpus=2),)
    waits = job(9, "Resources", requested=GPUS)
    assert "job 3" not in told(9, *FULL, *others, waits).summary
    crowd = (running(3, "gpu0", cpus=16),)
    assert "job 3 of bob (16 CPUs" in told(9, *FULL, *crowd, waits).summary


def test_every_cause_has_a_case() -> None:
    assert {each.cause for each in REASONS.values()} == {name for _, name, _, _ in SLURM_RULES}


def test_all_binding_limits_are_told_with_who_ends_next() -> None:
    """Of an account, of the one above it and of the quality of service; each by who ends first."""
    first, later = running(1, "gpu0", gpus=1, minutes=3), running(2, "gpu0", gpus=2, minutes=7, account="cv")
    found = told(9, first, later, job(9, "AssocGrpGRES", requested=tres(2)),
                 associations=tuple(replace(each, group={"gres/gpu": 4}) if each.account == "root" else each
                                    for each in associations(nlp={"gres/gpu": 2})),
                 qualities=(SlurmQos("normal", group={"gres/gpu": 3}),))  # fmt: skip
    assert "2 more limits bind" in found.summary
    whose = [found.facts["of"], *(each["of"] for each in found.facts["further_limits"])]
    assert whose == ["account nlp", "account root", "quality of service normal"]
    assert [*found.facts["further_limits"][0]["held_by"]] == ["job 1", "job 2"]
    assert (found.facts["next_ends"], found.facts["enough_ends_at_the_latest"]) == (
        "2026-11-25T10:03:00Z", "2026-11-25T10:07:00Z",
    )  # fmt: skip


def test_an_end_is_told_only_where_time_limits_bound_it() -> None:
    endless = running(1, "gpu0", gpus=4, minutes=99)
    endless = replace(endless, minutes=None)
    found = told(9, endless, job(9, "AssocGrpGRES", requested=tres(1)),
                 associations=associations(nlp={"gres/gpu": 4}))  # fmt: skip
    assert (found.facts["next_ends"], found.facts["enough_ends_at_the_latest"]) == ("", "")


def test_a_ring_of_accounts_ends() -> None:
    ring = (SlurmAssociation("nlp", parent="cv", group={"cpu": 1}), SlurmAssociation("cv", parent="nlp"))
    view = SlurmView(SlurmFacts(jobs=(), associations=ring), job(9, requested=tres(cpus=2)), NOW)
    assert [each.whose for each in binding_limits(view)] == ["account nlp"]
    assert view.below("cv") == {"nlp", "cv"}


def test_what_slurm_tells_of_all_nodes_is_spread_over_them() -> None:
    assert need_of(job(9, requested=tres(8, 6, 2, 4000), node_count=2)).told() == (
        "4 gpu:a100, 3 CPUs, 2000 MiB on each of 2 nodes"
    )


def test_jobs_that_run_are_settled_and_the_list_has_those_that_wait() -> None:
    over = (job(7, states=("COMPLETED",), ends=NOW), job(8, states=("NODE_FAIL",), requested=GPUS, ends=NOW))
    taken = snapshot(*FULL, *over, job(9, "Resources", requested=GPUS))
    assert why(taken, "1").explanation.summary.startswith("it runs on gpu0, until 2026-11-25T10:05:00Z")
    assert [each.subject.name for each in why_all(taken).waiting] == ["9"]
    assert {
        each.name for each in queues_of(snapshot(job(9), associations=associations(nlp={"gres/gpu": 4}))).standings
    } == {"nlp"}


def test_it_is_the_same_from_a_file_and_a_view_names_nobody_elses_job() -> None:
    taken = snapshot(*FULL, job(9, "Resources", requested=GPUS))
    again = decode(encode(taken))
    assert why(again, "9") == why(taken, "9")
    view = seen_by(taken, "nlp", frozenset({"nlp"}))
    assert view.sources[0].slurm is None
    assert why(view, "9").explanation.cause == "unknown"


def test_without_the_accounting_the_answer_says_what_was_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_self: Still) -> tuple[SlurmAssociation, ...]:
        raise UnreachableError("slurmdbd does not answer")

    monkeypatch.setattr(Still, "associations", away)
    found = told(9, job(9, "AssocGrpGRES", requested=tres(2)))
    assert (found.cause, found.confidence) == ("slurm-group-limit", Confidence.LIKELY)
    assert "the accounting could not be read" in found.summary
    assert "associations: failed" in found.unseen
    queues = queues_of(snapshot(job(9)))
    assert queues.remarks == ("hpc: the accounting could not be read, so which limits its accounts have is not known",)
    assert queues_listing(queues, everything=False).nothing == "no account with a limit on devices was seen"
    assert quotas_of(snapshot(job(9)), None).remarks == queues.remarks


def test_of_several_of_ours_of_one_name_the_newest_is_meant() -> None:
    ours = {each: submitted(each) for each in ("k1", "k2")}
    jobs = (job(each, user="root", name=f"train{MARK}k{each}-a1", submitted=NOW - 60 + each) for each in (1, 2))
    taken = snapshot(*jobs, ours=ours)
    name = ours["k1"].job.name
    found = [find_case(taken, each).subject.metadata.uid for each in (name, f"job/{name}", "k1", "k2")]
    assert found == ["slurm-2", "slurm-2", "slurm-1", "slurm-2"]


ARRAY = (
    running(16, "gpu0", gpus=1, array_id=12, array_tasks="0"),
    running(17, "gpu0", gpus=1, array_id=12, array_tasks="1"),
    job(12, "JobArrayTaskLimit", array_id=12, array_tasks="2-9%2"),
)


@pytest.mark.parametrize(("asked", "called", "says"), [
    ("12_0", "12_0", "it runs on gpu0"),
    ("16", "12_0", "it runs on gpu0"),
    ("12_5", "12", "2 tasks of its array 12 run"),
    ("job/12_9", "12", "2 tasks of its array 12 run"),
    ("12", "12", "2 tasks of its array 12 run"),
    ("15", "15", "it is over, and Slurm says TIMEOUT since 2026-11-25T09:59:00Z"),
    ("bert2", "18", "it runs on gpu1"),
])  # fmt: skip
def test_jobs_of_others_are_found_and_told_as_squeue_shows_them(asked: str, called: str, says: str) -> None:
    ended = job(15, name="bert2", states=("TIMEOUT",), ends=NOW - 60)
    there = snapshot(*ARRAY, ended, running(18, "gpu1", gpus=4, name="bert2"), running(19, "cpu0"))
    found = why(there, asked).explanation
    assert (found.subject.name, found.summary[: len(says)]) == (called, says)


@pytest.mark.parametrize("asked", ["12_10", "13_0", "bert3"])
def test_what_is_not_there_is_said_to_be_not_there(asked: str) -> None:
    with pytest.raises(NotFoundError, match="there is no object"):
        why(snapshot(*ARRAY), asked)


def test_of_several_of_one_name_none_is_guessed() -> None:
    several = (running(1, "cpu0", name="bert"), job(2, "Priority", name="bert", account="cv"))
    with pytest.raises(UsageError, match="the name of 2 objects") as refused:
        why(snapshot(*several), "bert")
    assert "job/1 -n nlp, job/2 -n cv" in refused.value.why


def test_a_job_of_ours_is_known_by_its_number_and_not_by_what_it_is_called() -> None:
    ours = {"k1": replace(submitted("k1"), native="7")}
    name = ours["k1"].job.name
    renamed, same = job(7, user="root", name="renamed"), job(8, user="eve", name=f"x{MARK}k1-a1")
    there = snapshot(renamed, same, ours=ours)
    assert find_case(there, name).subject.metadata.uid == "slurm-7"
    assert find_case(there, "k1").subject.metadata.uid == "slurm-7"
    assert find_case(there, "7").subject.metadata.uid == "slurm-7"
    over = snapshot(replace(renamed, states=("FAILED",), ends=NOW), ours=ours)
    assert "it is over" in why(over, name).explanation.summary
    task = running(20, "cpu0", user="root", array_id=7, array_tasks="1")
    ended = replace(task, job_id=21, array_tasks="0", states=("FAILED",))
    assert "it runs" in why(snapshot(ended, task, ours=ours), name).explanation.summary


def test_names_of_others_are_quoted_in_commands() -> None:
    hostile = "cv;rm -rf ~"
    mine = (*associations(), SlurmAssociation(hostile, parent="root"), SlurmAssociation(hostile, user="ann"))
    found = told(9, job(9, "InvalidAccount"), associations=mine)
    commands = [each.command for each in found.remedies]
    assert f"scontrol update jobid=9 account='{hostile}'" in commands


def test_an_own_file_goes_before_the_platform_directory_and_that_is_said() -> None:
    declared = DeclaredSlurm("hpc", "/platforms", accounts={"nlp": "lab"})
    own = {"folder": "/own"}
    assert described_slurm(None, declared)[0].accounts == {"nlp": "lab"}
    assert described_slurm(own, None) == (configured_slurm(own), ())
    found, said = described_slurm(own, declared)
    assert (found.folder, found.accounts) == ("/own", {})
    assert "in place of what the platform directory says of hpc" in said[0]


OWN, OTHER = {"folder": "/own"}, {"folder": "/other"}


@pytest.mark.parametrize(("read", "now", "told"), [
    (None, None, "read from the platform directory; a file of yours goes before that: /c/hpc.yaml"),
    (None, OWN, "the platform directory; /c/hpc.yaml is there by now, and not used yet: `allot down`, then `allot up`"),
    (OWN, OWN, "its description was read from /c/hpc.yaml"),
    (OWN, OTHER, "/c/hpc.yaml was changed since, which is not used yet: `allot down`, then `allot up`, takes it up"),
    (OWN, None, "/c/hpc.yaml is no longer there: `allot down`"),
])  # fmt: skip
def test_from_where_a_description_is_and_that_it_has_changed_since(read: Any, now: Any, told: str) -> None:
    description = SlurmDescription("/c/hpc.yaml", read)
    assert told in description.told(now)
    assert bool(description.changed(now)) == (read != now)


@pytest.mark.parametrize(("reason", "words"), [
    ("AssocGrpGRES", "the limit of its account on devices is used up (AssocGrpGRES)"),
    ("QOSMaxCpuPerJobLimit", "it asks for more CPUs than its quality of service lets one job have"),
    ("QOSMaxGRESPerUser", "its user holds as much of devices as its quality of service lets one user"),
    ("Priority", "others come first (Priority)"),
    ("FrontEndDown", "FrontEndDown"),
])  # fmt: skip
def test_a_reason_in_plain_words(reason: str, words: str) -> None:
    assert in_plain_words((reason,)).startswith(words)


def test_facts_of_a_node_keep_its_devices() -> None:
    node = SlurmNode("n", ("idle",), gres={("gpu", "a100"): 4, ("shard", ""): 8})
    assert msgspec.to_builtins(node_facts(node))["gres"] == {"gpu:a100": 4, "shard": 8}
