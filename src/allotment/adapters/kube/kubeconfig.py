"""Which server, and who we are there: kubeconfig files merged as kubectl merges them, or the pod's own account.

lightkube reads one file; kubectl users often have several in ``KUBECONFIG``. So the files are merged here (first
file wins for every name) and lightkube gets the result.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
import yaml
from lightkube.config.kubeconfig import SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.config.models import Cluster, Context, User, UserExec
from lightkube.core.exceptions import ConfigError

from allotment.errors import InputError, NotFoundError
from allotment.model import hosts
from allotment.model.decoding import converted, learn
from allotment.model.yaml_text import read_yaml

DEFAULT_KUBECONFIG: Final = Path("~/.kube/config")

_SECTIONS: Final = (("clusters", "cluster"), ("users", "user"), ("contexts", "context"))
_FILE_KEYS: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_MARKS_IN_NAMES: Final = "!#$&'*+^`|"
"""Marks that the name of a header may have, but for %, which begins an escape (RFC 9110; quote keeps -._~ itself)."""


class _Exec(UserExec, kw_only=True):
    """lightkube's model with the fields of ``client.authentication.k8s.io/v1`` that it leaves out."""

    provideClusterInfo: bool = False  # noqa: N815 (the key in the file)


class _User(User, kw_only=True):
    """lightkube's model with the person to act as, which it leaves out."""

    as_user: str | None = msgspec.field(name="as", default=None)
    as_uid: str | None = msgspec.field(name="as-uid", default=None)
    as_groups: list[str] | None = msgspec.field(name="as-groups", default=None)
    as_extra: dict[str, list[str]] | None = msgspec.field(name="as-user-extra", default=None)


class _Cluster(Cluster, kw_only=True):
    """lightkube's model with the ways to a server that it leaves out."""

    tls_server_name: str | None = msgspec.field(name="tls-server-name", default=None)
    proxy_url: str | None = msgspec.field(name="proxy-url", default=None)


def load(kubeconfig: Path | None, context: str | None) -> SingleConfig:
    """The connection that a kubeconfig and a context name choose.

    Order, as kubectl has it: the given file; the files of ``KUBECONFIG``, merged; ``~/.kube/config``; the service
    account of the pod we run in.

    Raises:
        NotFoundError: no kubeconfig, or no such context in it.
        InputError: a file is no kubeconfig.
    """
    files = [kubeconfig.expanduser()] if kubeconfig is not None else _default_files()
    present = [path for path in files if path.is_file()]
    if kubeconfig is not None and not present:
        raise NotFoundError(f"the kubeconfig {kubeconfig} does not exist", fix="give another file with --kubeconfig")
    if not present:
        return _in_cluster(files)
    source = ", ".join(map(str, present))
    try:
        merged = _merge(present)
        return _chosen(_read_by_lightkube(merged, present[0]), context, source, merged)
    except (msgspec.ValidationError, TypeError) as error:
        # These messages name types and places, never values.
        raise InputError(f"{source} is not a kubeconfig", why=str(error), fix="repair the kubeconfig") from None


def of_document(document: Mapping[str, Any]) -> SingleConfig:
    """The connection of a kubeconfig's current context, all of which stands in it.

    Raises:
        NotFoundError: it names none.
        InputError: the context names what is not there.
    """
    merged = dict(document)
    return _chosen(_read_by_lightkube(merged), None, "the kubeconfig that is kept", merged)


def _read_by_lightkube(merged: dict[str, Any], file: Path | None = None) -> KubeConfig:
    learn(Cluster, Context, User)  # lightkube reads into them, here in several threads: one of each cluster
    return KubeConfig.from_dict(merged, fname=file)


def aliases(kubeconfig: Path | None, chosen: SingleConfig) -> tuple[str, ...]:
    """The other contexts of the same kubeconfig that lead to the server of a chosen one, sorted."""
    files = [kubeconfig.expanduser()] if kubeconfig is not None else _default_files()
    merged = _merge([path for path in files if path.is_file()])
    servers = {entry["name"]: entry["cluster"].get("server") for entry in merged["clusters"]}
    there = (
        entry["name"]
        for entry in merged["contexts"]
        if servers.get(entry["context"].get("cluster")) == chosen.cluster.server
    )
    return tuple(sorted(name for name in there if name != chosen.context_name))


def _default_files() -> list[Path]:
    listed = [Path(name).expanduser() for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    return listed or [DEFAULT_KUBECONFIG.expanduser()]


def _in_cluster(files: list[Path]) -> SingleConfig:
    if "KUBERNETES_SERVICE_HOST" not in os.environ or not Path(SERVICE_ACCOUNT).is_dir():
        names = ", ".join(map(str, files))
        raise NotFoundError(
            f"no kubeconfig: {names} does not exist", fix="set KUBECONFIG, or give a file with --kubeconfig"
        )
    chosen = KubeConfig.from_service_account().get()
    if chosen is None:  # pragma: no cover: from_service_account always sets a context
        raise NotFoundError("the pod's service account names no cluster", fix="give a file with --kubeconfig")
    return chosen


def _merge(files: list[Path]) -> dict[str, Any]:
    merged: dict[str, Any] = {section: {} for section, _ in _SECTIONS}
    for path in files:
        document = _read(path)
        if document.get("current-context"):
            merged.setdefault("current-context", document["current-context"])
        for section, key in _SECTIONS:
            for entry in document.get(section) or ():
                merged[section].setdefault(entry["name"], {"name": entry["name"], key: _absolute(entry[key], path)})
    return merged | {section: list(merged[section].values()) for section, _ in _SECTIONS}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = read_yaml(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The parser's message quotes the text, which may be a token: only the place is told.
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise InputError(f"{place} is not YAML", fix="repair the kubeconfig") from None
    if not isinstance(document, dict) or not all(
        isinstance(entry, dict) and "name" in entry and isinstance(entry.get(key), dict)
        for section, key in _SECTIONS
        for entry in document.get(section) or ()
    ):
        raise InputError(
            f"{path} is not a kubeconfig", why="clusters, users and contexts must be lists of named entries"
        )
    return document


def _absolute(entry: dict[str, Any], path: Path) -> dict[str, Any]:
    """Paths inside a kubeconfig count from the folder of the file they stand in."""
    made: dict[str, Any] = {key: str(path.parent / entry[key]) for key in _FILE_KEYS if entry.get(key)}
    plugin = entry.get("exec")
    if isinstance(plugin, dict) and "/" in str(plugin.get("command", "")):
        made["exec"] = plugin | {"command": str(path.parent / plugin["command"])}
    return entry | made


def _chosen(config: KubeConfig, context: str | None, source: str, merged: dict[str, Any]) -> SingleConfig:
    if context is None and config.current_context is None:
        raise NotFoundError(f"{source} names no current context", fix="give one with --context")
    name = context or config.current_context
    known = ", ".join(sorted(config.contexts)) or "none"
    try:
        chosen = config.get(name)
    except ConfigError:
        chosen = None
    except KeyError as missing:
        raise InputError(f"the context {name} of {source} names {missing}, which is not there") from None
    if chosen is None:
        raise NotFoundError(f"no context {name} in {source}", why=f"it has {known}", fix="choose one with --context")
    return chosen._replace(cluster=_cluster(chosen, merged), user=_user(chosen, merged))


def _cluster(chosen: SingleConfig, merged: dict[str, Any]) -> Cluster:
    raw = next(entry["cluster"] for entry in merged["clusters"] if entry["name"] == chosen.context.cluster)
    return converted(raw, _Cluster)


def _user(chosen: SingleConfig, merged: dict[str, Any]) -> User:
    """The user with what lightkube's own model leaves out: the whole exec section, and whom to act as."""
    raw: dict[str, Any] = next((entry["user"] for entry in merged["users"] if entry["name"] == chosen.context.user), {})
    user = converted(raw, _User)
    if isinstance(raw.get("exec"), dict):
        user.exec = converted(raw["exec"], _Exec)
    return user


def acting_as(user: User | None) -> tuple[tuple[bytes, bytes], ...]:
    """The headers by which a request acts as the person that the kubeconfig's user names, as kubectl sends them.

    Raises:
        InputError: groups, a uid or extra without a name, or a value that no header can carry.
    """
    if not isinstance(user, _User):
        return ()
    pairs = (
        ("Impersonate-Uid", [user.as_uid or ""]),
        *(("Impersonate-Group", [group]) for group in user.as_groups or ()),
        *((f"Impersonate-Extra-{_escaped(key)}", values) for key, values in (user.as_extra or {}).items()),
    )
    more = [(name, value) for name, values in pairs for value in values if value]
    if not user.as_user:
        if more:
            raise InputError(
                "the kubeconfig's user acts in a group, with a uid or with extra of nobody",
                why="as-groups, as-uid and as-user-extra stand without as",
                fix="name the person with as, or take them out",
            )
        return ()
    headers = [("Impersonate-User", user.as_user), *more]
    if any(not text.isprintable() for pair in headers for text in pair):
        raise InputError(
            "the kubeconfig's user acts as somebody whose name cannot be sent",
            why="it has a control character",
            fix="mend as, as-groups, as-uid and as-user-extra in the kubeconfig",
        )
    return tuple((name.encode("ascii"), value.encode()) for name, value in headers)


def _escaped(key: str) -> str:
    """A key of as-user-extra as a part of a header's name: in lower case, what no such name may have as %XX."""
    return quote(key.lower(), safe=_MARKS_IN_NAMES)


def tls_server_name(cluster: Cluster) -> str | None:
    """The name that the server's certificate is checked for, where it is not the address."""
    return cluster.tls_server_name if isinstance(cluster, _Cluster) else None


def proxy_url(cluster: Cluster) -> str | None:
    """The proxy on the way to the server, where the kubeconfig names one."""
    return cluster.proxy_url if isinstance(cluster, _Cluster) else None


def is_on_this_machine(cluster: Cluster) -> bool:
    """Whether the server's address is this machine's own."""
    return hosts.is_on_this_machine(urlsplit(cluster.server).hostname or "")


def wants_cluster_info(plugin: UserExec) -> bool:
    """Whether an exec plugin asks to be told the server's address and certificate authority."""
    return isinstance(plugin, _Exec) and plugin.provideClusterInfo
