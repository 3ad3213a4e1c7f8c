"""Types of single values of a job file, and what its short forms stand for.

What a program is handed (arguments, values of variables) is taken as it is written: ``1.30``, ``no`` and ``0x1`` stay
those characters. All else has a meaning, and what has none is refused.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Final

from pydantic import GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

from allotment.model.jobs.bounds import (
    LONGEST_NAME,
    LONGEST_RUN,
    MOST_DEVICES,
    MOST_REPLICAS,
    MOST_RETRIES,
    MOST_SEED,
    MOST_TRIALS,
    path_fault,
)
from allotment.model.moments import rfc3339
from allotment.model.names import is_dns_label, is_dns_subdomain, is_plain
from allotment.model.quantity import parse_bytes
from allotment.spec.jobs.cron import CronError, parse_cron
from allotment.spec.jobs.zones import is_zone, zone_names
from allotment.spec.problems import LONGEST_ECHO, did_you_mean, echo
from allotment.spec.schema.base import refuse
from allotment.spec.schema.scalars import X_TYPE, name_rule, scalar
from allotment.spec.schema.short_forms import ONE_WORD, ShortForm
from allotment.spec.schema.times import MOMENT_SCHEMA, STRETCH_SCHEMA, stretch_seconds, zoned

LONGEST_ARGUMENT: Final = 32 * 1024
"""Characters of an argument, or of a variable's value."""
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9._/=-]{1,40}")
_LONGEST_PATH: Final = 400
_LONGEST_URI: Final = 1_000

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_PARAMETER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_SECRET_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}")
_IMAGE: Final = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_LONGEST_IMAGE: Final = 300
_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_URI: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,20})://(?P<rest>[!-~]+)")
# What YAML cannot hold unless it is escaped; a line's end and a tab are text.
_UNFIT: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_GIVEN: Final = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "GPU_DEVICE_ORDINAL",
        "HIP_VISIBLE_DEVICES",
        "NEURON_RT_VISIBLE_CORES",
        "NVIDIA_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
        "TPU_VISIBLE_CHIPS",
        "ZE_AFFINITY_MASK",
    }
)
"""Variables by which a program sees devices: whoever sets them by hand takes those of others."""
_KEPT: Final = ("ALLOTMENT_", "SLURM_", "SBATCH_")
"""Beginnings of variables that a back end sets."""
_SYSTEM: Final = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "usr", "var/run"}
)
"""Folders of a machine that no volume may hide."""
_NEVER_BELOW: Final = ("/dev/", "/proc/", "/sys/")


def _run_of(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        words = [str(each) for each in value]
        told = ", ".join(words) if all(map(_PLAIN_WORD.fullmatch, words)) else "…"
        refuse("a list where a mapping belongs", f"write `run: {{command: [{told}]}}`: a list is a command")
    return {"script": value} if isinstance(value, str) else value


RUN_SHORT: Final = ShortForm(_run_of, ONE_WORD)
"""A single value is a script's path; a list has to say what it is."""


def whole(least: int, most: int, words: str) -> Any:
    """Annotations of a whole number within bounds."""

    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            refuse(f"{echo(value)} is no whole number", f"write digits only, {least} to {most:,}")
        number = int(value)
        if not least <= number <= most:
            refuse(f"{number:,} is not between {least} and {most:,}", f"write {least} to {most:,}")
        return number

    return scalar(parse, {"type": "integer", "minimum": least, "maximum": most}, words)


def _as_written(value: Any) -> str:
    if value is None:
        refuse("nothing where a text belongs", 'write it in quotation marks: "" is the empty text, "null" the word')
    if not isinstance(value, str):
        refuse(f"{echo(value)} where a single text belongs", "write one text; it is handed over as it is written")
    if len(value) > LONGEST_ARGUMENT:
        refuse(f"a text of {len(value):,} characters", f"keep it under {LONGEST_ARGUMENT:,}; hand over a file instead")
    if _UNFIT.search(value) is not None:
        refuse("the text holds control characters", "remove them, or hand over a file instead")
    return value


def variable_fault(name: str) -> tuple[str, str] | None:
    """Why a job may not set a variable of that name, and what to do; None where it may."""
    if _VARIABLE.fullmatch(name) is None:
        return f"{echo(name)} is no name of a variable", "use letters, digits and underscores, no digit first"
    if name in _GIVEN:
        return f"{echo(name)} says which devices a program sees, and the back end sets it", "remove it"
    if name.startswith(_KEPT):
        return f"{echo(name)} is one of the variables that the back end sets", "choose another name"
    return None


def _variable(value: str) -> str:
    fault = variable_fault(value)
    if fault is not None:
        refuse(*fault)
    return value


def _job_name(value: str) -> str:
    if len(value) > LONGEST_NAME:
        refuse(
            f"a name of {len(value)} characters",
            f"keep it within {LONGEST_NAME}: back ends add a number and a rank to it",
        )
    if not is_dns_label(value):
        rule = "use lower-case letters, digits and single dashes inside"
        refuse(f"{echo(value)} is no name of a job", name_rule(value, rule))
    if not is_plain(value):
        refuse(f'{echo(value)} contains "--" or starts with "x-", which are kept', "use single dashes")
    return value


def _image(value: str) -> str:
    if len(value) > _LONGEST_IMAGE or _IMAGE.fullmatch(value) is None:
        # What stands before an @ may be a password.
        named = "that" if "@" in value else echo(value)
        refuse(f"{named} is no image", "write registry/name:tag, or registry/name@sha256:digest")
    return value


def _path(value: str) -> str:
    if not value or len(value) > _LONGEST_PATH:
        refuse("the path is empty" if not value else f"a path of {len(value)} characters", "write a path")
    if not value.isprintable():
        refuse("the path holds control characters", "remove them")
    if value.startswith(("~", "-")):
        refuse(f"{echo(value)} begins with {value[0]}, which programs take for something else", "write the path out")
    if ".." in value.split("/"):
        refuse(f"{echo(value)} leads out of its folder", "write a path without ..")
    fault = path_fault(value)
    if fault is not None:
        refuse(f"{echo(value)} is no path: {fault}", "write a shorter one")
    return value


def _script(value: str) -> str:
    if "\n" in value:
        refuse(
            "lines of a shell where the path of a script belongs",
            "no shell reads it: write the lines into a script and name that, or hand them to a shell: "
            "`run: {command: [sh, -c, LINES]}`, with `code: .` where they need the folder's files",
        )
    return _path(value).removeprefix("./")


def _relative(value: str) -> str:
    if _path(value).startswith("/"):
        refuse(f"{echo(value)} is absolute", "write a path below the folder, for example . or src")
    return "/".join(part for part in value.split("/") if part not in ("", ".")) or "."


def _either(value: str) -> str:
    return _absolute(value) if value.startswith("/") else _relative(value)


def _absolute(value: str) -> str:
    if not _path(value).startswith("/"):
        refuse(f"{echo(value)} is not absolute", "write a path that begins with /")
    return "/" + "/".join(part for part in value.split("/") if part not in ("", "."))


def _mount(value: str) -> str:
    path = _absolute(value)
    if path == "/" or path[1:] in _SYSTEM or path.startswith(_NEVER_BELOW):
        refuse(f"{echo(path)} belongs to the machine", "choose a folder of its own, for example /data")
    if ":" in path or "," in path:
        refuse(f"{echo(path)} holds a colon or a comma, which separate mounts", "choose a path without")
    return path


def _file_name(value: str) -> str:
    if not value:
        return ""
    if "/" in value or value in {".", ".."}:
        refuse(f"{echo(value)} is no name of a file", "write the name alone, without a folder")
    return _path(value)


def _duration(value: str) -> int:
    return stretch_seconds(value, LONGEST_RUN)


def _moment(value: str) -> str:
    return rfc3339(zoned(value))


def _number(value: str) -> Fraction:
    if _NUMBER.fullmatch(value) is None:
        refuse(f"{echo(value)} is no number", "write it with digits, for example 0.1 or 1e-5")
    return Fraction(value)


def _least(value: str) -> int:
    amount = value.removeprefix(">=").strip()
    try:
        parsed = parse_bytes(amount) if amount.isascii() and not amount.isdigit() else 0
    except ValueError:
        parsed = 0
    if not parsed:
        refuse(f"{echo(value)} is no least amount of memory", 'write it with its unit: ">=40Gi"')
    return parsed


def _source(value: str) -> str:
    if value.startswith("/"):
        return _absolute(value)
    match = _URI.fullmatch(value) if len(value) <= _LONGEST_URI else None
    if match is None:
        named = "that" if "@" in value else echo(value)
        refuse(f"{named} is neither a URI nor an absolute path", "write https://…, s3://…, hf://… or /path")
    authority = re.split(r"[/?#]", match["rest"], maxsplit=1)[0]
    if "@" in authority:
        # Not repeated: what stands before the sign is a password.
        refuse("the address of the data holds a user or a password", "remove it, and name a secret in run.secrets")
    if ".." in match["rest"].split("/"):
        refuse(f"{echo(value)} holds ..", "write the address out")
    return value


def _secret(value: Any) -> Any:
    """``wandb/token``: a key of a secret; ``wandb``: the key that is named as the variable."""
    if not isinstance(value, str):
        return value
    secret, slash, key = value.partition("/")
    return {"secret": secret, "key": key} if slash else {"secret": secret}


def _secret_key(value: str) -> str:
    if _SECRET_KEY.fullmatch(value) is None or ".." in value:
        # Not repeated: whoever mistakes the field writes the secret itself.
        refuse("that is no key of a secret", "write which entry of the secret is meant, never its value")
    return value


def _secret_name(value: str) -> str:
    if not is_dns_subdomain(value) or ".." in value:
        refuse("that is no name of a secret", "write the name of the secret that holds the value, never the value")
    return value


def _class_name(value: str) -> str:
    """Any word: which device it may have meant is told where the platform's are known."""
    if not value or len(value) > LONGEST_ECHO or not value.isprintable():
        refuse(f"{echo(value)} is no class of accelerators", "write a name of the catalogue, for example a100")
    return value


def _devices(value: Any) -> Any:
    """``2``: so many of whatever the team may use; ``a100``: one; ``a100:2``: two."""
    if not isinstance(value, str):
        return value
    if value.isascii() and value.isdigit():
        return {"count": value}
    name, colon, number = value.rpartition(":")
    return {"class": name, "count": number} if colon else {"class": value}


def _parameter(value: str) -> str:
    if _PARAMETER.fullmatch(value) is None:
        refuse(f"{echo(value)} is no name of a parameter", "use letters, digits, dashes, underscores and dots")
    return value


def _metric(value: str) -> str:
    if len(value) > 100 or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./:-]*", value) is None:
        refuse(f"{echo(value)} is no name of a metric", "use letters, digits, dashes, slashes, dots and underscores")
    return value


def _cron(value: str) -> str:
    try:
        return parse_cron(value).text
    except CronError as error:
        refuse(error.what, error.fix)


def _zone(value: str) -> str:
    if not is_zone(value):
        refuse(f"{echo(value)} is no time zone of the IANA database", _zone_meant(value))
    return value


def _zone_meant(value: str) -> str:
    """Most know the city, and not the continent that the database has before it."""
    city, known = value.casefold().replace(" ", "_"), zone_names()
    found = sorted((len(name), name) for name in known if name.rpartition("/")[2].casefold() == city)
    return did_you_mean(found[0][1] if found else value, known)


_STRING: Final = {"type": "string"}
_ANYTHING: Final = {"type": ["string", "number", "boolean"], X_TYPE: "text, as it is written"}

AsWritten = Annotated[
    str,
    GetPydanticSchema(lambda _source, _handler: core_schema.no_info_plain_validator_function(_as_written)),
    WithJsonSchema(_ANYTHING),
]
JobName = Annotated[
    str,
    *scalar(
        _job_name,
        {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": LONGEST_NAME},
        f"name of at most {LONGEST_NAME} characters",
    ),
]
VariableName = Annotated[
    str, *scalar(_variable, {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "name of a variable")
]
ClassName = Annotated[
    str,
    *scalar(
        _class_name,
        {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
        "accelerator class",
    ),
]
ImageName = Annotated[str, *scalar(_image, _STRING, "container image")]
ScriptPath = Annotated[str, *scalar(_script, _STRING, "path of a script")]
InnerPath = Annotated[str, *scalar(_relative, {"type": "string", "pattern": "^[^/]"}, "relative path")]
EitherPath = Annotated[str, *scalar(_either, _STRING, "path, absolute or relative")]
MountPath = Annotated[str, *scalar(_mount, {"type": "string", "pattern": "^/"}, "absolute path")]
FileName = Annotated[str, *scalar(_file_name, {"type": "string", "pattern": "^[^/]*$"}, "name of a file")]
Duration = Annotated[int, *scalar(_duration, STRETCH_SCHEMA, "duration: 90s, 30m, 1h30m, 2d")]
Moment = Annotated[str, *scalar(_moment, MOMENT_SCHEMA, "time with its zone (2027-01-31T06:00:00Z)")]
RangeNumber = Annotated[Fraction, *scalar(_number, {"type": ["number", "string"]}, "number (0.1, 1e-5)")]
LeastMemory = Annotated[
    int, *scalar(_least, {"type": "string", "pattern": "^(>=)? *[0-9.]+[A-Za-z]+$"}, "least bytes with unit (>=40Gi)")
]
SourceAddress = Annotated[str, *scalar(_source, _STRING, "URI (https, s3, gs, hf) or absolute path")]
SecretName = Annotated[str, *scalar(_secret_name, _STRING, "name of a secret")]
SecretKey = Annotated[str, *scalar(_secret_key, _STRING, "key of a secret")]
SweptName = Annotated[str, *scalar(_parameter, _STRING, "name of a parameter")]
MetricName = Annotated[str, *scalar(_metric, _STRING, "name of a metric")]
CronText = Annotated[str, *scalar(_cron, _STRING, "cron expression: minute hour day month weekday")]
ZoneName = Annotated[str, *scalar(_zone, _STRING, "IANA time zone (Europe/Berlin)")]
Replicas = Annotated[int, *whole(1, MOST_REPLICAS, f"whole number, 1 to {MOST_REPLICAS:,}")]
Devices = Annotated[int, *whole(1, MOST_DEVICES, "whole number, 1 or more")]
Trials = Annotated[int, *whole(1, MOST_TRIALS, f"whole number, 1 to {MOST_TRIALS:,}")]
Retries = Annotated[int, *whole(0, MOST_RETRIES, f"whole number, 0 to {MOST_RETRIES}")]
Seed = Annotated[int, *whole(0, MOST_SEED, "whole number")]
SECRET_SHORT: Final = ShortForm(_secret, {"type": "string", X_TYPE: "secret/key"})
DEVICES_SHORT: Final = ShortForm(_devices, {"type": ["string", "integer"], X_TYPE: "count, class or class:count"})
