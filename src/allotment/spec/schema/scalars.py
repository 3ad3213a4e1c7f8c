"""Types of single values.

Every plain YAML scalar arrives as the text that was written; the types here give it its meaning. So ``1.30`` is a
version in one field and a number in another, and nothing ever becomes a boolean because it reads "no".
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar

from pydantic import GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

from allotment.model.names import SEPARATOR, is_dns_label, is_dns_subdomain, is_plain
from allotment.model.quantity import parse_bytes, parse_cpu
from allotment.spec.defaults import KUEUE_COHORTS_SINCE, minor_of
from allotment.spec.problems import echo
from allotment.spec.schema.base import refuse

T = TypeVar("T")

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_LABEL_NAME: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h)")
_MILLISECONDS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_RESOURCE_PATH: Final = re.compile(r"[a-z][-a-z0-9]*(/[a-z]+)?")
_LONGEST_PATH: Final = 100
_VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
_VERBS_OF_OTHERS: Final = frozenset({"bind", "escalate", "impersonate"})
_UNITS: Final = tuple(f"{prefix}{binary}" for prefix in "kKMGTPE" for binary in ("", "i"))
_VERSION: Final = re.compile(r"v?[0-9]+(\.[0-9]+){0,3}([-+][0-9A-Za-z.-]+)?")
_LONGEST_TEXT: Final = 500
_URL: Final = re.compile(r"https?://[!-~]+")
_LONGEST_URL: Final = 200
_LONGEST_SECONDS: Final = 7 * 24 * 3600
MICROS: Final = 1_000_000
X_TYPE: Final = "x-type"
"""Key of the JSON Schema under which the documentation finds type and unit in words."""


def scalar(parse: Callable[[str], T], json_schema: dict[str, Any], words: str) -> Any:
    """Annotations of a type that is read from one scalar by a pure function; equal texts are parsed once.

    Args:
        parse: the text's meaning; refuses what has none.
        json_schema: what editors check while one types.
        words: type and unit for the documentation.
    """
    cached = lru_cache(maxsize=4096)(parse)

    def validate(value: Any) -> T:
        if isinstance(value, str):
            return cached(value)
        if value is None or isinstance(value, (list, dict)):
            refuse(f"{echo(value)} where a single value belongs", "write one value on the field's line")
        parsed: T = value  # built in Python (a default), where the types are checked already
        return parsed

    schema = core_schema.no_info_plain_validator_function(validate)
    return GetPydanticSchema(lambda _source, _handler: schema), WithJsonSchema({**json_schema, X_TYPE: words})


def _text(value: str) -> str:
    if len(value) > _LONGEST_TEXT:
        refuse(f"a text of {len(value)} characters", f"keep it under {_LONGEST_TEXT}")
    if not value.strip():
        refuse("the text is empty", "write it, or remove the field")
    if any(not (character.isprintable() or character == "\n") for character in value):
        refuse("the text holds control characters", "remove them")
    return value


def _line(value: str) -> str:
    if "\n" in _text(value):
        refuse("the text has more than one line", "write it on one line")
    return value


def name_rule(value: str, rule: str) -> str:
    """The fix of a text that is no name: the name that differs from it in case and dashes alone, then the rule."""
    meant = value.lower().replace("_", "-").replace(" ", "-")
    return f'did you mean "{meant}"? {rule}' if meant != value and is_dns_label(meant) else rule


def _dns_label(value: str) -> str:
    if not is_dns_label(value):
        rule = "use lower-case letters, digits and single dashes inside, at most 63 characters"
        refuse(f"{echo(value)} is no Kubernetes name", name_rule(value, rule))
    return value


def _tenant(value: str) -> str:
    _dns_label(value)
    if not is_plain(value):
        refuse(
            f'{echo(value)} contains "{SEPARATOR}" or starts with "x-", which Allotment keeps for joined names',
            "use single dashes, and another beginning",
        )
    return value


def _dns_subdomain(value: str) -> str:
    if not is_dns_subdomain(value):
        refuse(
            f"{echo(value)} is no Kubernetes object name",
            "use lower-case letters, digits, dashes and dots, starting and ending with a letter or digit",
        )
    return value


def is_label_value(value: str) -> bool:
    """Whether the text may be a label's value."""
    return value == "" or _LABEL_NAME.fullmatch(value) is not None


def _label_value(value: str) -> str:
    if not value or not is_label_value(value):
        refuse(
            f"{echo(value)} cannot be the value of a label",
            "use letters, digits, dashes, underscores and dots, at most 63 characters, a letter or digit at both ends",
        )
    return value


def _label_key(value: str) -> str:
    prefix, slash, name = value.rpartition("/")
    if _LABEL_NAME.fullmatch(name) is None or (slash and not is_dns_subdomain(prefix)):
        refuse(f"{echo(value)} cannot be the key of a label", "write name or domain.example/name")
    return value


def _resource_name(value: str) -> str:
    domain, slash, _name = value.rpartition("/")
    if not slash or "." not in domain:
        refuse(f"{echo(value)} is no extended resource", "write domain/resource, for example nvidia.com/gpu")
    return _label_key(value)


def _no_wildcard(value: str) -> None:
    if "*" in value:
        refuse(f"{echo(value)} gives what nobody has thought of yet", "name what is needed, one by one")


def _api_group(value: str) -> str:
    _no_wildcard(value)
    if value and not is_dns_subdomain(value):
        refuse(
            f"{echo(value)} is no API group", 'write its name without a version, such as ray.io; "" is the core group'
        )
    return value


def _resource_path(value: str) -> str:
    _no_wildcard(value)
    if len(value) > _LONGEST_PATH or _RESOURCE_PATH.fullmatch(value) is None:
        refuse(f"{echo(value)} is no resource", "write the plural in lower case, such as rayservices")
    return value


def _verb(value: str) -> str:
    _no_wildcard(value)
    if value in _VERBS_OF_OTHERS:
        refuse(f"the verb {echo(value)} hands out rights that the role does not have", "remove it")
    if value not in _VERBS:
        refuse(f"{echo(value)} is no verb of objects", f"choose one of: {', '.join(_VERBS)}")
    return value


def _count(value: str) -> int:
    if _INTEGER.fullmatch(value) is None:
        refuse(f"{echo(value)} is no whole number", "write digits only, for example 8")
    number = int(value)
    if number < 0:
        refuse(f"{number} is negative", "write 0 or more")
    if number > 10**9:
        refuse(f"{number} is more than a billion", "write a number that can be meant")
    return number


def _flag(value: str) -> bool:
    if value not in {"true", "false"}:
        refuse(f"{echo(value)} is neither true nor false", "write true or false")
    return value == "true"


def _number(value: str) -> Fraction:
    if _DECIMAL.fullmatch(value) is None:
        refuse(f"{echo(value)} is no number of 0 or more", "write digits with a decimal point, for example 1.5")
    return Fraction(value)


def _micros(value: str) -> int:
    micros = _number(value) * MICROS
    if micros.denominator != 1:
        refuse(f"{echo(value)} has more than 6 decimals", "round it to millionths")
    return int(micros)


def _thousandths(value: str) -> int:
    thousandths = _number(value) * 1000
    if thousandths.denominator != 1:
        refuse(f"{echo(value)} has more than 3 decimals", "round it, for example 1.5")
    if thousandths > 10**9:
        refuse(f"{echo(value)} is too large for a weight", "write a weight up to a million")
    return int(thousandths)


def _availability(value: str) -> int:
    number = _number(value.removesuffix("%").strip()) * 10_000
    if number.denominator != 1 or not 0 < number < MICROS:
        refuse(f"{echo(value)} is no availability", "write a percentage below 100 with up to 4 decimals: 99.95%")
    return int(number)


def _whole_percent(value: str) -> int:
    number = value.removesuffix("%")
    if not value.endswith("%") or not number.isascii() or not number.isdigit() or not 1 <= int(number[:4]) <= 100:
        refuse(f"{echo(value)} is no share", "write a whole percentage from 1% to 100%: 20%")
    return int(number)


def _milliseconds(value: str) -> int:
    match = _DURATION.fullmatch(value)
    if match is None or int(match[1]) == 0:
        refuse(f"{echo(value)} is no duration", "write a whole number and its unit: 200ms, 2s, 30m, 1h")
    return int(match[1]) * _MILLISECONDS[match[2]]


def _seconds(value: str) -> int:
    match = _DURATION.fullmatch(value)
    if match is None or match[2] == "ms" or int(match[1]) == 0:
        refuse(f"{echo(value)} is no duration of whole seconds", "write a whole number and its unit: 90s, 30m, 2h")
    seconds = int(match[1]) * _MILLISECONDS[match[2]] // 1000
    if seconds > _LONGEST_SECONDS:
        refuse(f"{echo(value)} is more than a week", "write a time that somebody would wait")
    return seconds


def _ascii(value: str) -> str:
    """Digits of other scripts look like numbers to Python, but not to the API server."""
    if not value.isascii():
        raise ValueError
    return value


def _cpu(value: str) -> int:
    try:
        return parse_cpu(_ascii(value))
    except ValueError:
        refuse(f"{echo(value)} is no amount of CPU", "write cores or milli-cores: 64, 500m")


def _bytes(value: str) -> int:
    try:
        amount = parse_bytes(_ascii(value))
    except ValueError:
        refuse(f"{echo(value)} is no amount of memory or storage", "write a number and its unit: 256Gi, 1.5Ti")
    if amount and not value.endswith(_UNITS):
        # Kubernetes reads bytes, or thousandths of them, which nobody means; 0 is 0 in every unit.
        refuse(
            f"{echo(value)} has no unit of memory, and would be {amount} bytes", f"write {_with_unit(value, amount)}"
        )
    return amount


def _with_unit(value: str, amount: int) -> str:
    """What was probably meant: the bytes themselves if there are many, else the number with the usual unit."""
    number = value.rstrip("num")
    if amount >= 1 << 20:
        return f"{-(-amount // (1 << 20))}Mi"
    return f"{number if _DECIMAL.fullmatch(number) else amount}{'Gi' if number == value else 'Mi'}"


def _date(value: str) -> dt.date:
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        refuse(f"{echo(value)} is no date", "write year-month-day, for example 2027-01-31")


def _cidr(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        refuse(f"{echo(value)} is no address range", "write an address and a prefix length: 10.20.0.0/16")
    if ipaddress.ip_address(value.partition("/")[0]) != network.network_address:
        refuse(f"{echo(value)} has bits set beyond its prefix", f"write {network}")
    return str(network)


def _version(value: str) -> str:
    if len(value) > 63 or _VERSION.fullmatch(value) is None:
        refuse(f"{echo(value)} is no version", "write numbers with dots, for example 1.29.4")
    return value.removeprefix("v")


def _kueue_version(value: str) -> str:
    version = _version(value)
    if minor_of(version) < KUEUE_COHORTS_SINCE:
        refuse(
            f"Kueue {version} does not serve the kind Cohort as v1beta1 (0.13 is the first that does)", "upgrade Kueue"
        )
    return version


def _currency(value: str) -> str:
    if len(value) != 3 or not (value.isascii() and value.isalpha() and value.isupper()):
        refuse(f"{echo(value)} is no currency code", "write the ISO 4217 code, for example USD")
    return value


def _port(value: str) -> int:
    number = _count(value)
    if not 1 <= number <= 65535:
        refuse(f"{number} is no port", "write 1 to 65535")
    return number


def _url(value: str) -> str:
    if len(value) > _LONGEST_URL or _URL.fullmatch(value) is None:
        refuse(
            f"{echo(value)} is no address of a page",
            f"write up to {_LONGEST_URL} characters, for example https://wiki.example/gpu",
        )
    return value


_STRING: Final = {"type": "string"}
_QUANTITY: Final = {"type": ["string", "number"], "pattern": r"^[0-9]"}
_BYTES: Final = {"type": ["string", "number"], "pattern": r"^(0|[0-9.]+(k|[MGTPE]|[KMGTPE]i))$", "maximum": 0}
"""Keywords of JSON Schema speak of one type each: a text has a unit, a bare number is 0."""

Text = Annotated[str, *scalar(_text, {"type": "string", "maxLength": _LONGEST_TEXT}, "text")]
Line = Annotated[str, *scalar(_line, {"type": "string", "maxLength": _LONGEST_TEXT}, "text, one line")]
Name = Annotated[
    str, *scalar(_dns_label, {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}, "Kubernetes name")
]
TenantName = Annotated[
    str,
    *scalar(
        _tenant, {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}, "Kubernetes name without `--`"
    ),
]
ObjectName = Annotated[
    str,
    *scalar(
        _dns_subdomain,
        {"type": "string", "pattern": "^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"},
        "Kubernetes object name",
    ),
]
LabelKey = Annotated[str, *scalar(_label_key, _STRING, "label key")]
LabelValue = Annotated[str, *scalar(_label_value, {"type": ["string", "number", "boolean"]}, "label value")]
ResourceName = Annotated[
    str, *scalar(_resource_name, {"type": "string", "pattern": "^[^/]+[.][^/]+/[^/]+$"}, "extended resource name")
]
ApiGroup = Annotated[
    str, *scalar(_api_group, {"type": "string", "pattern": "^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?)?$"}, "API group")
]
ResourcePath = Annotated[
    str, *scalar(_resource_path, {"type": "string", "pattern": "^[a-z][-a-z0-9]*(/[a-z]+)?$"}, "resource, plural")
]
Verb = Annotated[str, *scalar(_verb, {"type": "string", "enum": list(_VERBS)}, "verb")]
Count = Annotated[int, *scalar(_count, {"type": "integer", "minimum": 0}, "whole number")]
Flag = Annotated[bool, *scalar(_flag, {"type": "boolean"}, "true or false")]
Price = Annotated[int, *scalar(_micros, {"type": "number", "minimum": 0}, "price, in the currency")]
Weight = Annotated[int, *scalar(_thousandths, {"type": "number", "minimum": 0}, "number, up to 3 decimals")]
Availability = Annotated[
    int, *scalar(_availability, {"type": ["string", "number"], "pattern": "^[0-9.]+ ?%?$"}, "percentage, as 99.95%")
]
WholePercent = Annotated[int, *scalar(_whole_percent, {"type": "string", "pattern": "^[0-9]+%$"}, "share, as 20%")]
Milliseconds = Annotated[
    int, *scalar(_milliseconds, {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}, "duration: 200ms, 2s, 1h")
]
Seconds = Annotated[int, *scalar(_seconds, {"type": "string", "pattern": "^[0-9]+(s|m|h)$"}, "duration: 90s, 30m, 2h")]
Cpu = Annotated[int, *scalar(_cpu, _QUANTITY, "CPU: cores or milli-cores (64, 500m)")]
Memory = Annotated[int, *scalar(_bytes, _BYTES, "bytes with unit (256Gi)")]
Date = Annotated[dt.date, *scalar(_date, {"type": "string", "format": "date"}, "date (2027-01-31)")]
Cidr = Annotated[str, *scalar(_cidr, _STRING, "address range (10.20.0.0/16)")]
Url = Annotated[
    str, *scalar(_url, {"type": "string", "maxLength": _LONGEST_URL, "pattern": "^https?://[!-~]+$"}, "URL of a page")
]
Version = Annotated[str, *scalar(_version, {"type": ["string", "number"]}, "version (1.35.4)")]
KueueVersion = Annotated[
    str, *scalar(_kueue_version, {"type": ["string", "number"]}, "version (0.19.2), 0.13 or later")
]
"""Every cluster has a cohort at least, and an older Kueue has no such kind in the API that is written."""
Currency = Annotated[str, *scalar(_currency, {"type": "string", "pattern": "^[A-Z]{3}$"}, "ISO 4217 code")]
PortNumber = Annotated[int, *scalar(_port, {"type": "integer", "minimum": 1, "maximum": 65535}, "port number")]
