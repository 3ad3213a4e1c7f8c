"""How data come to a job before it starts: with which program, from where, into which volume.

In Kubernetes a container runs each command by itself. Where jobs see folders instead of mounts, one constant shell
program runs all of them; nothing of a user is ever part of its text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

from allotment.jobs.losses import FieldLoss
from allotment.model.jobs.job import Job, JobVolume, StagedData, StagingTime, VolumeUse
from allotment.model.quantity import Bytes, MilliCpu

STAGING_CPU: Final = MilliCpu(1000)
STAGING_MEMORY: Final = Bytes(2 << 30)
"""What fetching is given: it copies, and unpacks at most. It holds no device."""

FETCHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "https": (
        *("curl", "--fail", "--globoff", "--location", "--proto-redir", "=https", "--retry", "5"),
        *("--connect-timeout", "60", "--speed-limit", "1000", "--speed-time", "600"),
        *("--continue-at", "-", "--create-dirs", "--output"),
    ),
    "s3": ("aws", "s3", "sync"),
    "gs": ("gcloud", "storage", "rsync", "--recursive"),
    "hf": ("huggingface-cli", "download", "--local-dir"),
    "": ("cp",),
}
"""The usual way of a scheme; each goes on where an earlier try broke off, or copies anew.

A source that sends less than 1,000 bytes a second for ten minutes is given up: it would hold its place without an end.
"""
_WHOLE: Final = """\
place=$1 source=$2 part="$1.allotment-part-${ALLOTMENT_JOB_ID:-$$}" child=; shift 2
find "$place".allotment-part-* -prune -type f -mmin +2880 -exec rm -f {} + 2>/dev/null || :
[ ! -f "$place" ] || exit 0
[ ! -d "$place" ] || exit 21
trap 'kill "$child" 2>/dev/null; wait; rm -f "$part"; exit 143' TERM
"$@" "$part" "$source" & child=$!; wait "$child"; code=$?
case $code in
    22 | 33 | 36) rm -f "$part"; "$@" "$part" "$source" & child=$!; wait "$child"; code=$? ;;
esac
[ "$code" -eq 0 ] || exit "$code"
mv "$part" "$place\""""
"""Fetches a file as curl does, under a name of the job's own until it is whole.

What is there is whole, who needs it next fetches nothing, and two that fetch it at once do not write into one file.
A part that the server cannot go on from (33, 36), or that is whole already (22), is fetched anew, once. A folder in its
place is no file (21). Who is told to end leaves no part, and the next one removes parts that nobody has written for two
days. A name with brackets is one name, and no redirect leads out of TLS.
"""
_COPIED: Final = """\
place=$1 source=$2 child= part=
trap 'kill "$child" 2>/dev/null; wait; drop; exit 143' TERM
drop() { [ ! -e "$part" ] || { chmod -R u+w "$part"; rm -rf "$part"; }; }
whole() {
    part="$2.allotment-part-${ALLOTMENT_JOB_ID:-$$}"
    find "$2".allotment-part-* -prune -cmin +2880 -exec rm -rf {} + 2>/dev/null || :
    [ ! -e "$2" ] && [ ! -L "$2" ] || return 0
    drop || exit
    cp -a "$1" "$part" & child=$!; wait "$child" || exit
    [ -d "$2" ] || mv -fT "$part" "$2" || [ -d "$2" ] || exit
    drop || :
}
mkdir -p "${place%/*}" || exit
if [ ! -d "$place" ]; then whole "$source" "$place"; exit; fi
[ -d "$source" ] || { echo "$source is no folder, and $place is one" >&2; exit 21; }
for each in "$source"/* "$source"/.[!.]* "$source"/..?*; do
    [ ! -e "$each" ] && [ ! -L "$each" ] || whole "$each" "$place/${each##*/}"
done"""
"""Copies a file or a folder under a name of the job's own until it is whole, as `_WHOLE` fetches one.

A folder that is there already is filled with what it lacks, one entry after the other, and not put into. Who comes
second leaves what is there: two jobs that copy the same at once would fail one another, and cut off files while they
are read. A part that somebody else's folder came before is dropped.
"""
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

SAYS: Final = "allotment: "
"""How a line begins in which the program says what it could not fetch."""
FETCH: Final = """\
log=$1; shift
exec 3>&2
[ "$log" = - ] || exec >>"$log" 2>&1
while [ "$#" -gt 0 ]; do
    source=$1 place=$2 count=$3; shift 3
    code=0
    (
        mkdir -p "${place%/*}" || exit
        taken=0
        while [ "$taken" -lt "$count" ]; do set -- "$@" "$1"; shift; taken=$((taken + 1)); done
        shift "$(($# - count))"
        exec "$@"
    ) || code=$?
    if [ "$code" -ne 0 ]; then
        name=$1
        [ "$name" != sh ] || [ "$count" -lt 4 ] || name=$4
        printf 'allotment: %s could not be fetched: %s ended with %d\\n' "$source" "$name" "$code" >&3
        exit "$code"
    fi
    shift "$count"
done"""
"""Runs the commands of `fetch_arguments` one after the other, up to the first that fails; only that is said on what was
standard error, all else goes to a file. In the parentheses the first `count` arguments are turned to the end, and what
stands before them is dropped."""


def staged(job: Job, when: StagingTime) -> tuple[StagedData, ...]:
    """What is fetched then."""
    return tuple(each for each in job.data if each.when is when)


def volume_of(job: Job, data: StagedData) -> JobVolume | None:
    """The volume that data go to; None where the job has none of that name."""
    return next((each for each in job.volumes if each.name == data.volume), None)


def fetchable(data: StagedData) -> bool:
    """Whether there is a way to fetch it: its own, or the usual one of its scheme."""
    return bool(data.argv) or scheme_of(data) in FETCHERS


def scheme_of(data: StagedData) -> str:
    """Of a source; empty for a path, and a dash for what is neither."""
    if data.source.startswith("/"):
        return ""
    found = _SCHEME.match(data.source)
    return "-" if found is None else found[1].lower()


def fetch_command(data: StagedData, source: str, place: str) -> tuple[str, ...]:
    """What fetches data: its own command, or the usual one.

    Args:
        data: one that is `fetchable`.
        source: where it is.
        place: where it goes; absolute.
    """
    if data.argv:
        return data.argv
    scheme = scheme_of(data)
    if not scheme:
        return ("sh", "-c", _COPIED, fetch_program(data), place, source)
    if scheme == "hf":
        return (*FETCHERS[scheme], place, "--", source.removeprefix("hf://"))
    if scheme == "https":
        return ("sh", "-c", _WHOLE, fetch_program(data), place, source, *FETCHERS[scheme])
    return (*FETCHERS[scheme], source, place)


def fetch_program(data: StagedData) -> str:
    """The program that fetches data which are `fetchable`."""
    return data.argv[0] if data.argv else FETCHERS[scheme_of(data)][0]


def fetch_arguments(job: Job, folders: Mapping[str, str], log: str) -> tuple[str, ...]:
    """`FETCH` with its arguments, for where volumes are folders: what fetches all data of a job.

    Args:
        job: one that runs into none of `FETCH_LOSSES`.
        folders: of its volumes, absolute, by name.
        log: file that what the programs say is added to; a dash for where they say it.
    """
    return ("sh", "-c", FETCH, "sh", log, *_each(job, folders))


def _each(job: Job, folders: Mapping[str, str]) -> Iterator[str]:
    for data in job.data:
        place = posixpath.normpath(f"{folders[data.volume]}/{data.path}")
        command = fetch_command(data, _on_this_side(job, data.source, folders), place)
        yield from (data.source, place, str(len(command)), *command)


def _on_this_side(job: Job, source: str, folders: Mapping[str, str]) -> str:
    """A path in a volume of the job, as it is called here; anything else as it is."""
    for volume in sorted(job.volumes, key=lambda each: -len(each.path)):
        inside = source.removeprefix(volume.path.rstrip("/"))
        if volume.name in folders and inside != source and (not inside or inside.startswith("/")):
            return f"{folders[volume.name]}{inside}"
    return source


def kept_for_data(job: Job, volume: JobVolume) -> bool:
    """Whether a volume has to stay from attempt to attempt though it is scratch: data were fetched into it."""
    return volume.use is VolumeUse.SCRATCH and any(each.volume == volume.name for each in job.data)


def told_of_data(job: Job) -> Iterator[str]:
    """What is different where volumes are folders, in sentences."""
    if staged(job, StagingTime.AT_START):
        yield "all its data are fetched before it holds anything, those of `when: at-start` too"


def _strange_target(job: Job) -> bool:
    return any(
        volume_of(job, each) is None or each.path.startswith("/") or ".." in each.path.split("/") for each in job.data
    )


def _names_a_mount(job: Job) -> bool:
    paths = tuple(each.path.rstrip("/") for each in job.volumes)
    return any(
        word == path or word.startswith(f"{path}/")
        for each in job.data
        for word in each.argv
        for path in paths
    )  # fmt: skip


FETCH_LOSSES: Final = (
    FieldLoss(
        "data.path",
        "fetch data to where the job has no volume",
        "name one of the job's volumes, and a path in it without ..",
        _strange_target,
    ),
    FieldLoss(
        "data.source",
        "fetch it: no usual way is known for its scheme",
        f"write data.command, or use {', '.join(filter(None, FETCHERS))} or an absolute path",
        lambda job: any(not fetchable(each) for each in job.data),
    ),
    FieldLoss(
        "data.image",
        "fetch with the programs of an image",
        "leave it out: the program is looked for where the job runs",
        lambda job: any(each.image for each in job.data),
    ),
    FieldLoss(
        "data.command",
        "fetch to a path at which a volume would be mounted",
        "let the command take the folder from its variable ALLOTMENT_VOLUME_…, by a script or `sh -c`",
        _names_a_mount,
    ),
)
"""What cannot be fetched where volumes are folders."""
