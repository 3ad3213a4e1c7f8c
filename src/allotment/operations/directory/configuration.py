"""Settings: flag > environment > configuration file > default, and where each value came from.

Pure: the environment and the file's content are passed in, so that `allot config view --show-origin` and every
command decide in the same place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final

from allotment.errors import InputError, UsageError

ENVIRONMENT_PREFIX: Final = "ALLOTMENT_"

OUTPUT_FORMATS: Final = ("table", "wide", "json", "yaml", "name", "csv")
"""How results are written; `-o` everywhere."""

BOOLEANS: Final = ("true", "false")
COLOR_MODES: Final = ("auto", "always", "never")


class SettingOrigin(StrEnum):
    """Where a setting's value came from, strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        key: its name in the configuration file and of its flag, such as ``platform`` and ``--platform``.
        default: the value when nobody says anything; empty means "not set".
        choices: the values it may have; empty means any text.
        is_path: a relative value is made absolute before it is stored.
    """

    key: str
    default: str
    summary: str
    choices: tuple[str, ...] = ()
    is_path: bool = False

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return ENVIRONMENT_PREFIX + self.key.upper().replace("-", "_")


SETTINGS: Final = (
    Setting("platform", "", "platform directory; the current one when it holds a platform", is_path=True),
    Setting("cluster", "", "cluster to work on; the only one when the platform has just one"),
    Setting("team", "", "team to work on; all teams where that makes sense"),
    Setting("context", "", "context of the kubeconfig; the cluster's own `context` by default"),
    Setting("kubeconfig", "", "kubeconfig file; KUBECONFIG, then ~/.kube/config by default", is_path=True),
    Setting("prometheus", "", "address of a Prometheus that measures the devices, or CLUSTER=ADDRESS,... for each"),
    Setting("prometheus-cluster-label", "", "label in which its series say their cluster; none by default"),
    Setting("store", "", "where jobs are kept: a file, or postgresql://USER@HOST/DATABASE", is_path=True),
    Setting("server", "", "address of a server elsewhere, as `allot login` leaves it; this machine's own by default"),
    Setting("ca", "", "certificates that the asked server's is checked against; this machine's own", is_path=True),
    Setting("listen", "", "where this machine's server listens besides its socket; 127.0.0.1 by default, or none"),
    Setting("hosts", "", "names by which it may be called there, with commas between them"),
    Setting("trusted-proxies", "", "proxies that are believed: addresses and networks, with commas between them"),
    Setting("tls-cert", "", "its certificate chain, for other addresses than loopback ones", is_path=True),
    Setting("tls-key", "", "the certificate's key", is_path=True),
    Setting("metrics-listen", "", "where health and metrics alone are told, to anybody, such as 127.0.0.1:9433"),
    Setting("advertise", "", "address by which a server that stands by reaches this one; the machine's own by default"),
    Setting("shared-folder", "", "folder that servers with a standby share", is_path=True),
    Setting("recorded", "", "folder of recorded snapshots that its books over a time rest on", is_path=True),
    Setting("log-format", "text", "of the server's log: lines of text, or of JSON", ("text", "json")),
    Setting("repository", "", "Git repository that the platform directory is kept in; where the directory lies"),
    Setting("repository-branch", "main", "branch of it that counts"),
    Setting("repository-folder", "", "the platform directory within it; all of it by default"),
    Setting(
        "repository-mode",
        "direct",
        "where commits of grants go: onto that branch, or each onto one of its own, perhaps as a pull request",
        ("direct", "branch", "pull-request"),
    ),
    Setting(
        "repository-take-back",
        "same",
        "where what is over is taken back: as it was given, or onto the branch that counts",
        ("same", "direct"),
    ),
    Setting("forge", "gitea", "what opens pull requests", ("gitea", "github")),
    Setting("forge-address", "", "its address, such as https://forge.example or https://github.com"),
    Setting("forge-repository", "", "OWNER/NAME of the repository there"),
    Setting("forge-token", "", "file with a token that may open pull requests there", is_path=True),
    Setting("oidc-issuer", "", "address of the identity provider whose people may sign in there; none by default"),
    Setting("oidc-client", "allotment", "name under which the provider knows Allotment (client_id)"),
    Setting("oidc-groups", "groups", "claim of the provider's tokens that lists groups"),
    Setting("oidc-groups-prefix", "", "what the directory puts before the names of the provider's groups, as oidc:"),
    Setting("oidc-scopes", "openid profile email", "what is asked of the provider, with spaces between the words"),
    Setting("oidc-ca", "", "certificates that the provider's is checked against; none of its own", is_path=True),
    Setting("notices", "", "file of receivers of notices that the server sends; none by default", is_path=True),
    Setting("key-file", "", "where the server's key for credentials of clusters lies; in its folder", is_path=True),
    Setting("output", "table", "output format", OUTPUT_FORMATS),
    Setting("color", "auto", "colours: auto looks at the terminal, NO_COLOR and CLICOLOR_FORCE", COLOR_MODES),
    Setting("no-input", "false", "never ask; a question becomes an error that names the flag", BOOLEANS),
)
"""Every setting there is. A new one is a line here and, if it has a flag, an option in `cli/shell/options.py`."""


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and its origin; `detail` names the flag, the variable or the file."""

    key: str
    value: str
    origin: SettingOrigin
    detail: str


def setting(key: str) -> Setting:
    """The setting of that name.

    Raises:
        UsageError: there is none; the message suggests the nearest.
    """
    for candidate in SETTINGS:
        if candidate.key == key:
            return candidate
    known = [candidate.key for candidate in SETTINGS]
    near = get_close_matches(key, known, n=1)
    raise UsageError(
        f"there is no setting {key!r}",
        why=f"the settings are {', '.join(known)}",
        fix=f"did you mean {near[0]!r}?" if near else "see `allot config view`",
    )


def check_file(content: Any, path: str) -> dict[str, str]:
    """Read the content of a configuration file: settings with scalar values, nothing else.

    Raises:
        InputError: it is no mapping, has an unknown setting, or a value that cannot be.
    """
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise InputError(
            f"{path} is not a configuration file",
            why=f"it holds {_kind_of(content)}, not settings",
            fix="write one `setting: value` a line, for example `platform: /srv/my-platform`",
        )
    values: dict[str, str] = {}
    for key, value in content.items():
        try:
            known = setting(str(key))
        except UsageError as error:
            raise InputError(f"{path}: {error.what}", why=error.why, fix=error.fix) from None
        if value is None:
            continue
        if isinstance(value, Mapping | list):
            raise InputError(
                f"{path}: {known.key} holds {_kind_of(value)}",
                why="a setting has one plain value",
                fix=f"allot config set {known.key} VALUE",
            )
        text = str(value).lower() if isinstance(value, bool) else str(value)
        values[known.key] = _checked(known, text, f"{path}: {known.key}", error=InputError)
    return values


def resolve(
    flags: Mapping[str, str | None], environment: Mapping[str, str], file: Mapping[str, str], file_path: str
) -> tuple[Value, ...]:
    """Every setting's value, in the order of `SETTINGS`. An empty environment variable counts as unset.

    Raises:
        UsageError: a value that its setting does not allow; the message names flag, variable or file.
    """
    return tuple(_resolved(known, flags, environment, file, file_path) for known in SETTINGS)


def _resolved(
    known: Setting,
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    file: Mapping[str, str],
    file_path: str,
) -> Value:
    flag = flags.get(known.key)
    if flag is not None:
        return Value(known.key, _checked(known, flag, f"--{known.key}"), SettingOrigin.FLAG, f"--{known.key}")
    variable = environment.get(known.variable)
    if variable:
        return Value(known.key, _checked(known, variable, known.variable), SettingOrigin.ENVIRONMENT, known.variable)
    if known.key in file:
        return Value(known.key, file[known.key], SettingOrigin.FILE, file_path)
    return Value(known.key, known.default, SettingOrigin.DEFAULT, "")


def with_value(file: Mapping[str, str], key: str, value: str) -> dict[str, str]:
    """The file's settings after `config set`.

    Raises:
        UsageError: no such setting, or a value that it does not allow.
    """
    known = setting(key)
    return {**file, known.key: _checked(known, value, known.key)}


def without_value(file: Mapping[str, str], key: str) -> dict[str, str]:
    """The file's settings after `config unset`.

    Raises:
        UsageError: no such setting.
    """
    known = setting(key)
    return {name: value for name, value in file.items() if name != known.key}


def _checked(known: Setting, value: str, where: str, error: type[UsageError | InputError] = UsageError) -> str:
    folded = value.lower() if known.choices else value
    if known.choices == BOOLEANS:
        folded = {"1": "true", "yes": "true", "on": "true", "0": "false", "no": "false", "off": "false"}.get(
            folded, folded
        )
    if known.choices and folded not in known.choices:
        near = get_close_matches(folded, known.choices, n=1)
        raise error(
            f"{where} is {value!r}",
            why=f"it may be {_one_of(known.choices)}",
            fix=f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known.choices)}",
        )
    return folded


def _one_of(choices: Iterable[str]) -> str:
    *first, last = choices
    return f"{', '.join(first)} or {last}" if first else last


def _kind_of(content: object) -> str:
    return "a list" if isinstance(content, list) else "a mapping" if isinstance(content, Mapping) else "a plain value"
