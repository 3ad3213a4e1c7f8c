"""What Slurm's commands print → values, where they print no JSON.

Names, comments and reasons are foreign text, which may hold any sign, line ends too. So fields are separated by a word
that was drawn anew for the one call and that nobody could have written into a name: a `Separator`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.adapters.slurm.answers import processes, reasons_of, used_of
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

_NOTHING: Final = frozenset({"", "(null)", "N/A", "None", "none", "NONE", "Unknown", "UNLIMITED", "NOT_SET", "INVALID"})
_DURATION: Final = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(?:(\d+):)?(\d+)", re.ASCII)
_SENTENCES: Final = {"Nodes_required_for_job": "ReqNodeNotAvail", "Nodes required for job": "Resources"}
"""How a sentence begins that stands in the place of a reason, and the reason that slurmrestd of 22.05 gives with it."""

JOB_FIELDS: Final = (
    "JobID", "ArrayJobID", "ArrayTaskID", "State", "Reason", "Name", "UserName", "Account", "Partition", "QOS", "tres",
    "tres-alloc", "NodeList", "SubmitTime", "EligibleTime", "StartTime", "EndTime", "PreemptTime", "TimeLimit",
    "RestartCnt", "NumTasks", "PriorityLong", "exit_code", "Dependency", "Feature", "ReqNodes", "Reservation",
    "Licenses", "Comment", "STDOUT",
)  # fmt: skip
"""Of ``squeue -O``."""
NODE_FIELDS: Final = (
    "NodeList", "StateLong", "CPUsState", "Memory", "AllocMem", "Gres", "GresUsed", "Features", "PartitionName",
    "Reason",
)  # fmt: skip
"""Of ``sinfo -O``."""
BOOKING_FIELDS: Final = (
    "JobIDRaw", "JobID", "JobName", "User", "Account", "State", "Partition", "QOS", "Submit", "Start", "End",
    "ElapsedRaw", "ExitCode", "ReqTRES", "AllocTRES", "NodeList",
)  # fmt: skip
"""Of ``sacct --format``."""
ASSOCIATION_FIELDS: Final = (
    "Cluster", "Account", "User", "Partition", "ParentName", "GrpTRES", "MaxTRES", "GrpJobs", "MaxJobs", "MaxWall",
    "QOS",
)  # fmt: skip
"""Of ``sacctmgr show assoc``."""
QOS_FIELDS: Final = (
    "Name", "Priority", "Preempt", "GrpTRES", "MaxTRESPU", "MaxTRES", "MaxWall", "MaxTRESPA", "GrpJobs", "MaxJobsPU",
    "MaxJobsPA",
)  # fmt: skip
"""Of ``sacctmgr show qos``."""


@dataclass(frozen=True, slots=True)
class Separator:
    """A word between fields, drawn for one call: letters and digits, so that every command takes it."""

    word: str

    def columns(self, fields: Iterable[str]) -> str:
        """For ``-O`` of squeue and sinfo: each field of any width, with the word after it."""
        return ",".join(f"{field}:{self.word}" for field in fields)

    def rows(self, printed: str, fields: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
        """By name; every field, the last one too, is followed by the word, and a row by a line end."""
        values = printed.split(self.word)[:-1]
        for start in range(0, len(values) - len(values) % len(fields), len(fields)):
            row = values[start : start + len(fields)]
            yield dict(zip(fields, [row[0].removeprefix("\n"), *row[1:]], strict=True))


def job_of(row: Mapping[str, str]) -> SlurmJob:
    """Of a row of squeue."""
    array_id, task = _number(row["ArrayJobID"]), _text(row["ArrayTaskID"])
    said = row["Reason"].strip()
    meant = next((word for begins, word in _SENTENCES.items() if said.startswith(begins)), "")
    requested = tres_of(row["tres"])
    state, nodes = row["State"].strip(), hosts_of(_text(row["NodeList"]))
    return SlurmJob(
        job_id=_number(row["JobID"]),
        name=row["Name"],
        user=row["UserName"].strip(),
        states=(state,),
        account=_text(row["Account"]),
        partition=_text(row["Partition"]),
        qos=_text(row["QOS"]),
        array_id=array_id if task else 0,
        array_tasks=task,
        reasons=(meant,) if meant else reasons_of(said.partition(",")[0]),
        said=said if "," in said or meant else "",
        requested=requested,
        # Of a job that waits, or never ran, squeue prints there what it asks for.
        allocated=tres_of(row["tres-alloc"]) if nodes and state != "PENDING" else {},
        nodes=nodes,
        node_count=requested.get("node", 1),
        tasks=processes(_number(row["NumTasks"])),
        submitted=_number(row["SubmitTime"]),
        eligible=_number(row["EligibleTime"]),
        started=_number(row["StartTime"]),
        ends=_number(row["EndTime"]),
        told_to_go=_number(row["PreemptTime"]),
        minutes=minutes_of(row["TimeLimit"]),
        restarts=_number(row["RestartCnt"]),
        priority=_number(row["PriorityLong"]),
        end=_status(row["exit_code"]),
        dependency=_text(row["Dependency"]),
        features=_text(row["Feature"]),
        required=hosts_of(_text(row["ReqNodes"])),
        reservation=_text(row["Reservation"]),
        licenses=licenses_of(_text(row["Licenses"])),
        comment=_text(row["Comment"]),
        output=_text(row["STDOUT"]),
    )


def nodes_of(rows: Iterable[Mapping[str, str]]) -> tuple[SlurmNode, ...]:
    """Of rows of sinfo, which has one for each partition of a node."""
    found: dict[str, SlurmNode] = {}
    for row in rows:
        name = row["NodeList"].strip()
        before = found.get(name)
        partitions = {*(before.partitions if before else ()), row["PartitionName"].strip()}
        cpus = [_number(each) for each in row["CPUsState"].split("/")]
        found[name] = SlurmNode(
            name=name,
            states=tuple(each for each in row["StateLong"].strip().lower().split("+") if each),
            reason=_text(row["Reason"]),
            partitions=tuple(sorted(partitions)),
            features=tuple(each for each in _text(row["Features"]).split(",") if each),
            cpus=cpus[-1],
            cpus_used=cpus[0],
            memory_mib=_number(row["Memory"]),
            memory_used_mib=_number(row["AllocMem"]),
            gres=(gres := gres_of(row["Gres"])),
            gres_used=used_of(gres, row["GresUsed"]),
        )
    return tuple(found.values())


def partition_of(line: str) -> SlurmPartition:
    """Of a line of ``scontrol -o show partition``, whose values hold no spaces."""
    found = _pairs(line)
    return SlurmPartition(
        name=found.get("PartitionName", ""),
        up=found.get("State") == "UP",
        default=found.get("Default") == "YES",
        nodes=hosts_of(_text(found.get("Nodes", ""))),
        minutes=minutes_of(found.get("MaxTime", "")),
        default_minutes=minutes_of(found.get("DefaultTime", "")),
        tier=_number(found.get("PriorityTier", "")),
        preemption=found.get("PreemptMode", "").lower(),
        grace=_number(found.get("GraceTime", "")),
        accounts=_listed(found.get("AllowAccounts", "")),
        qos=_listed(found.get("AllowQos", "")),
        own_qos=_text(found.get("QoS", "")),
    )


def association_of(row: Mapping[str, str], used: Mapping[str, int]) -> SlurmAssociation:
    """Of a row of sacctmgr."""
    return SlurmAssociation(
        account=row["Account"],
        cluster=row["Cluster"],
        user=row["User"],
        partition=row["Partition"],
        parent=row["ParentName"],
        group=tres_of(row["GrpTRES"]),
        used=used,
        per_job=tres_of(row["MaxTRES"]),
        jobs=_limit(row["GrpJobs"]),
        own_jobs=_limit(row["MaxJobs"]),
        minutes=minutes_of(row["MaxWall"]),
        qos=tuple(each for each in row["QOS"].split(",") if each),
    )


def qos_of(row: Mapping[str, str], used: Mapping[str, int]) -> SlurmQos:
    """Of a row of sacctmgr."""
    return SlurmQos(
        name=row["Name"],
        priority=_number(row["Priority"]),
        preempts=tuple(each for each in row["Preempt"].split(",") if each),
        group=tres_of(row["GrpTRES"]),
        used=used,
        per_user=tres_of(row["MaxTRESPU"]),
        per_job=tres_of(row["MaxTRES"]),
        minutes=minutes_of(row["MaxWall"]),
        per_account=tres_of(row["MaxTRESPA"]),
        jobs=_limit(row["GrpJobs"]),
        jobs_per_user=_limit(row["MaxJobsPU"]),
        jobs_per_account=_limit(row["MaxJobsPA"]),
    )


def reservation_of(line: str) -> SlurmReservation:
    """Of a line of ``scontrol -o show reservation``, whose times are seconds."""
    found = _pairs(line)
    return SlurmReservation(
        name=found.get("ReservationName", ""),
        starts=_number(found.get("StartTime", "")),
        ends=_number(found.get("EndTime", "")),
        nodes=hosts_of(_text(found.get("Nodes", ""))),
        users=_listed(found.get("Users", "")),
        accounts=_listed(found.get("Accounts", "")),
        partition=_text(found.get("PartitionName", "")),
    )


def license_of(line: str) -> SlurmLicense:
    """Of a line of ``scontrol -o show licenses``."""
    found = _pairs(line)
    return SlurmLicense(found.get("LicenseName", ""), _number(found.get("Total", "")), _number(found.get("Used", "")))


def _pairs(line: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in line.split() if "=" in part)


def booking_of(row: Mapping[str, str]) -> SlurmBooking:
    """Of a row of sacct."""
    array, _, task = row["JobID"].partition("_")
    code, _, signal = row["ExitCode"].partition(":")
    return SlurmBooking(
        job_id=_number(row["JobIDRaw"]),
        name=row["JobName"],
        user=row["User"],
        account=row["Account"],
        state=(row["State"].split() or [""])[0],
        partition=row["Partition"],
        qos=row["QOS"],
        array_id=_number(array) if task else 0,
        array_task=task,
        submitted=_number(row["Submit"]),
        started=_number(row["Start"]),
        ended=_number(row["End"]),
        elapsed=_number(row["ElapsedRaw"]),
        end=SlurmExit(_number(code), _number(signal)),
        requested=tres_of(row["ReqTRES"]),
        allocated=tres_of(row["AllocTRES"]),
        nodes=() if row["NodeList"].startswith("None") else hosts_of(row["NodeList"]),
    )


def minutes_of(text: str) -> int | None:
    """``2-03:00:00``, ``30:00`` or ``10`` (seconds); None for no limit."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or text.strip() in _NOTHING:
        return None
    days, first, second, seconds = (int(each or 0) for each in match.groups())
    hours, minutes = (first, second) if match[3] is not None else (0, first)
    return (days * 86400 + hours * 3600 + minutes * 60 + seconds) // 60


def _listed(text: str) -> tuple[str, ...]:
    return () if text in {"", "ALL", "(null)"} else tuple(text.split(","))


def _text(text: str) -> str:
    return "" if text.strip() in _NOTHING else text.strip()


def _number(text: str) -> int:
    found = text.strip()
    return int(found) if found.isascii() and found.isdigit() and len(found) < 19 else 0


def _limit(text: str) -> int | None:
    return _number(text) if text.strip() else None


def _status(text: str) -> SlurmExit:
    status = _number(text)
    return SlurmExit(status >> 8 & 0xFF, status & 0x7F)
