"""JSON of Slurm → values: of slurmrestd, and of commands that write the same with --json.

Two families of shapes are read by the same functions. In v0.0.38 a number is a number or null, a state one word, an
exit code what wait(2) returns. From v0.0.40 on a number is {"set", "infinite", "number"}, states are lists, and an
exit code is taken apart; these shapes are from the published schema and were not met on a real server. Everything is
foreign: a field of another type than expected counts as absent, and one bad job spoils no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from allotment.model.slurm.seen import (
    SlurmAssociation,
    SlurmBooking,
    SlurmExit,
    SlurmJob,
    SlurmLicense,
    SlurmNode,
    SlurmPartition,
    SlurmQos,
    SlurmReservation,
)
from allotment.model.slurm.tres import gres_of, hosts_of, licenses_of, tres_of

Raw = Mapping[str, Any]
_EMPTY: Final[Raw] = {}
_NO_NUMBER: Final = 0xFFFFFFFE
_NOTHING: Final = frozenset({"", "None", "(null)", "N/A"})


def job_of(raw: Raw) -> SlurmJob:
    """Of ``jobs`` of slurmctld."""
    array_id = number(raw, "array_job_id") or 0
    task = number(raw, "array_task_id")
    waiting = text(raw, "array_task_string")
    requested = tres_of(text(raw, "tres_req_str"))
    return SlurmJob(
        job_id=number(raw, "job_id") or 0,
        name=text(raw, "name"),
        user=text(raw, "user_name"),
        states=words(raw, "job_state"),
        account=text(raw, "account"),
        partition=text(raw, "partition"),
        qos=text(raw, "qos"),
        array_id=array_id,
        array_tasks=waiting or ("" if task is None or not array_id else str(task)),
        reasons=reasons_of(text(raw, "state_reason")),
        said=text(raw, "state_description"),
        requested=requested,
        allocated=tres_of(text(raw, "tres_alloc_str")),
        nodes=hosts_of(text(raw, "nodes")),
        # What `node_count` says of a waiting job is a guess.
        node_count=requested.get("node") or number(raw, "node_count") or 1,
        tasks=processes(number(raw, "tasks")),
        submitted=number(raw, "submit_time") or 0,
        eligible=number(raw, "eligible_time") or 0,
        started=number(raw, "start_time") or 0,
        ends=number(raw, "end_time") or 0,
        told_to_go=number(raw, "preempt_time") or 0,
        minutes=number(raw, "time_limit"),
        restarts=number(raw, "restart_cnt") or 0,
        priority=number(raw, "priority") or 0,
        end=_exit(raw.get("exit_code")),
        dependency=text(raw, "dependency"),
        features=text(raw, "features"),
        required=hosts_of(text(raw, "required_nodes")),
        reservation=text(raw, "resv_name"),
        licenses=licenses_of(text(raw, "licenses")),
        comment=text(raw, "comment"),
        output=text(raw, "standard_output"),
    )


def processes(found: int | None) -> int:
    """Processes in all; of a job that was changed since, 22.05 may write what stands for no number."""
    return found if found and found < _NO_NUMBER else 1


def reasons_of(said: str) -> tuple[str, ...]:
    """Slurm's word, or words; None stands for none."""
    return tuple(each for each in (part.strip() for part in said.split(",")) if each not in _NOTHING)


def node_of(raw: Raw) -> SlurmNode:
    """Of ``nodes`` of slurmctld."""
    flags = raw.get("state_flags")
    states = (*words(raw, "state"), *(flags if isinstance(flags, list) else ()))
    return SlurmNode(
        name=text(raw, "name"),
        states=tuple(each.lower() for each in states if isinstance(each, str)),
        reason=text(raw, "reason"),
        partitions=tuple(sorted(words(raw, "partitions"))),
        features=words(raw, "features"),
        cpus=number(raw, "cpus") or 0,
        cpus_used=number(raw, "alloc_cpus") or 0,
        memory_mib=number(raw, "real_memory") or 0,
        memory_used_mib=number(raw, "alloc_memory") or 0,
        gres=(gres := gres_of(text(raw, "gres"))),
        gres_used=used_of(gres, text(raw, "gres_used")),
    )


def used_of(gres: Mapping[tuple[str, str], int], used: str) -> dict[tuple[str, str], int]:
    """Of the devices that there are: a node without any still names the kind."""
    return {key: count for key, count in gres_of(used).items() if key in gres}


def partition_of(raw: Raw) -> SlurmPartition:
    """Of ``partitions`` of slurmctld; from v0.0.40 on its fields stand in groups, and preemption is not among them."""
    if "max_time_limit" in raw:
        mode = words(raw, "preemption_mode")
        return SlurmPartition(
            name=text(raw, "name"),
            up=text(raw, "state").upper() == "UP",
            default="default" in {each.lower() for each in words(raw, "flags")},
            nodes=hosts_of(text(raw, "nodes")),
            minutes=limit(raw, "max_time_limit"),
            default_minutes=limit(raw, "default_time_limit"),
            tier=number(raw, "priority_tier") or 0,
            preemption=_preemption(mode),
            grace=number(raw, "preemption_grace_time") or 0,
            accounts=words(raw, "allowed_accounts"),
            qos=words(raw, "allowed_qos"),
            own_qos=text(raw, "qos"),
        )
    state = below(raw, "partition")
    return SlurmPartition(
        name=text(raw, "name"),
        up="UP" in {each.upper() for each in words(state, "state")},
        default="DEFAULT" in {each.upper() for each in words(raw, "flags")},
        nodes=hosts_of(text(below(raw, "nodes"), "configured")),
        minutes=limit(below(raw, "maximums"), "time"),
        default_minutes=limit(below(raw, "defaults"), "time"),
        tier=number(below(raw, "priority"), "tier") or 0,
        preemption=_preemption(words(raw, "preempt_mode")),
        grace=number(raw, "grace_time") or 0,
        accounts=words(below(raw, "accounts"), "allowed"),
        qos=words(below(raw, "qos"), "allowed"),
        own_qos=text(below(raw, "qos"), "assigned"),
    )


def _preemption(mode: tuple[str, ...]) -> str:
    found = [each.lower() for each in mode]
    return "off" if found == ["disabled"] else ",".join(found)


def association_of(raw: Raw, used: Mapping[str, int]) -> SlurmAssociation:
    """Of ``associations`` of slurmdbd, which knows nothing of use."""
    most = below(raw, "max")
    return SlurmAssociation(
        account=text(raw, "account"),
        cluster=text(raw, "cluster"),
        user=text(raw, "user"),
        partition=text(raw, "partition"),
        parent=text(raw, "parent_account"),
        group=amounts(below(most, "tres").get("total")),
        used=used,
        per_job=amounts(below(most, "tres", "per").get("job")),
        jobs=number(below(most, "jobs", "per"), "count"),
        own_jobs=number(below(most, "jobs"), "active"),
        minutes=number(below(most, "jobs", "per"), "wall_clock"),
        qos=words(raw, "qos"),
    )


def qos_of(raw: Raw, used: Mapping[str, int]) -> SlurmQos:
    """Of ``QOS`` or ``qos`` of slurmdbd."""
    most = below(raw, "limits", "max")
    return SlurmQos(
        name=text(raw, "name"),
        priority=number(raw, "priority") or 0,
        preempts=words(below(raw, "preempt"), "list"),
        group=amounts(below(most, "tres").get("total")),
        used=used,
        per_user=amounts(below(most, "tres", "per").get("user")),
        per_job=amounts(below(most, "tres", "per").get("job")),
        minutes=number(below(most, "wall_clock", "per"), "job"),
        per_account=amounts(below(most, "tres", "per").get("account")),
        jobs=number(below(most, "active_jobs"), "count"),
        jobs_per_user=number(below(most, "jobs", "active_jobs", "per"), "user"),
        jobs_per_account=number(below(most, "jobs", "active_jobs", "per"), "account"),
    )


def reservation_of(raw: Raw) -> SlurmReservation:
    """Of ``reservations`` of slurmctld."""
    return SlurmReservation(
        name=text(raw, "name"),
        starts=number(raw, "start_time") or 0,
        ends=number(raw, "end_time") or 0,
        nodes=hosts_of(text(raw, "node_list")),
        users=words(raw, "users"),
        accounts=words(raw, "accounts"),
        partition=text(raw, "partition"),
    )


def license_of(raw: Raw) -> SlurmLicense:
    """Of ``licenses`` of slurmctld; before v0.0.40 the fields begin with capitals."""
    name = text(raw, "LicenseName") or text(raw, "name")
    return SlurmLicense(name, *((number(raw, each) or number(raw, each.lower()) or 0) for each in ("Total", "Used")))


def booking_of(raw: Raw) -> SlurmBooking:
    """Of ``jobs`` of slurmdbd."""
    times, array = below(raw, "time"), below(raw, "array")
    task = number(array, "task_id")
    array_id = number(array, "job_id") or 0
    return SlurmBooking(
        job_id=number(raw, "job_id") or 0,
        name=text(raw, "name"),
        user=text(raw, "user"),
        account=text(raw, "account"),
        state=(words(below(raw, "state"), "current") or ("",))[0],
        partition=text(raw, "partition"),
        qos=text(raw, "qos"),
        array_id=array_id,
        array_task="" if task is None or not array_id else str(task),
        submitted=number(times, "submission") or 0,
        started=number(times, "start") or 0,
        ended=number(times, "end") or 0,
        elapsed=number(times, "elapsed") or 0,
        end=_booked_exit(raw),
        requested=amounts(below(raw, "tres").get("requested")),
        allocated=amounts(below(raw, "tres").get("allocated")),
        nodes=() if text(raw, "nodes").startswith("None") else hosts_of(text(raw, "nodes")),
    )


def use_by(jobs: Iterable[SlurmJob], parents: Mapping[str, str]) -> dict[tuple[str, str], dict[str, int]]:
    """What jobs that run hold, by account and user; under no user that of the account, all below it included."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for job in jobs:
        if not job.holds:
            continue
        _add(found.setdefault((job.account, job.user), {}), job.allocated)
        account, seen = job.account, set[str]()
        while account and account not in seen:
            seen.add(account)
            _add(found.setdefault((account, ""), {}), job.allocated)
            account = parents.get(account, "")
    return found


def use_by_qos(jobs: Iterable[SlurmJob]) -> dict[str, dict[str, int]]:
    """What jobs that run hold, by their quality of service."""
    found: dict[str, dict[str, int]] = {}
    for job in jobs:
        if job.holds:
            _add(found.setdefault(job.qos, {}), job.allocated)
    return found


def moment(since: int) -> str:
    """Seconds since 1970 as Slurm's own reader of times takes them; it knows none with fewer digits."""
    return f"uts{max(since, 10**9)}"


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count


def text(raw: Raw, name: str) -> str:
    """A text; empty where there is none."""
    found = raw.get(name)
    return found if isinstance(found, str) else ""


def words(raw: Raw, name: str) -> tuple[str, ...]:
    """A list of texts, or one text with commas."""
    found = raw.get(name)
    if isinstance(found, str):
        return tuple(each for each in found.split(",") if each)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def number(raw: Raw, name: str) -> int | None:
    """A number of either shape; None where it is not set, or infinite."""
    found = raw.get(name)
    if isinstance(found, Mapping):
        if not found.get("set", True) or found.get("infinite"):
            return None
        found = found.get("number")
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1 << 62:
        return None
    return int(found)


def limit(raw: Raw, name: str) -> int | None:
    """A limit; None for none, which older versions write as -1 too."""
    found = number(raw, name)
    return None if found is None or found < 0 else found


def below(raw: Raw, *path: str) -> Raw:
    """An object in objects; an empty one where there is none."""
    for name in path:
        found = raw.get(name)
        raw = found if isinstance(found, Mapping) else _EMPTY
    return raw


def amounts(found: object) -> dict[str, int]:
    """``[{"type": "gres", "name": "gpu", "count": 4}]`` by name, as texts of resources name them."""
    result: dict[str, int] = {}
    for each in found if isinstance(found, list) else ():
        if isinstance(each, Mapping) and (count := number(each, "count")) is not None and count >= 0:
            kind, name = text(each, "type"), text(each, "name")
            result[f"{kind}/{name}" if name else kind] = count
    return result


def _booked_exit(raw: Raw) -> SlurmExit | None:
    """None where v0.0.38 says 0 of a job that failed: it drops the exit code that it was booked with."""
    end = _exit(raw.get("exit_code"))
    return None if end == SlurmExit() and "FAILED" in words(below(raw, "state"), "current") else end


def _exit(found: object) -> SlurmExit:
    if isinstance(found, Mapping):
        signal = below(found, "signal")
        ended_by = number(signal, "signal_id") if "signal_id" in signal else number(signal, "id")
        return SlurmExit(number(found, "return_code") or 0, ended_by or 0)
    status = found if isinstance(found, int) else 0
    return SlurmExit(status >> 8 & 0xFF, status & 0x7F)
