"""Where each binary comes from: a given folder, KUBEBUILDER_ASSETS, PATH, the cache; in that order."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.adapters.sandbox.versions import Tool, minor, tool, version_in
from allotment.errors import NotFoundError

ASSETS_VARIABLE: Final = "KUBEBUILDER_ASSETS"


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary that was found.

    Attributes:
        name: tool.
        path: file.
        source: `folder`, `KUBEBUILDER_ASSETS`, `PATH` or `cache`.
    """

    name: str
    path: Path
    source: str


@dataclass(frozen=True, slots=True)
class FoundPrograms:
    """What a search brought to light.

    Attributes:
        binaries: by tool.
        missing: tools that have to be built, in the order asked for.
        skipped: one sentence for each binary that was passed over, and why.
    """

    binaries: Mapping[str, Binary]
    missing: tuple[str, ...]
    skipped: tuple[str, ...]


AskVersion = Callable[[Path, tuple[str, ...]], str | None]
"""(binary, arguments) → its version such as `v1.36.3`, or None when it tells none."""


def find(
    names: Iterable[str],
    *,
    cache: Path,
    env: Mapping[str, str],
    folder: Path | None = None,
    ask_version: AskVersion | None = None,
) -> FoundPrograms:
    """Look for binaries without building any.

    An explicitly given folder is trusted as it is. KUBEBUILDER_ASSETS and PATH are settings made for other work,
    so a binary there counts only when its version has the pinned major and minor number.

    Args:
        names: tools wanted.
        cache: folder that our own builds go to.
        env: environment to read KUBEBUILDER_ASSETS and PATH from.
        folder: explicit folder; a tool that is not in it is looked for in the other places.
        ask_version: how to ask a binary for its version; runs it by default.
    """
    ask = ask_version or run_for_version
    binaries: dict[str, Binary] = {}
    missing: list[str] = []
    skipped: list[str] = []
    for name in names:
        wanted = tool(name)
        for source, path in _candidates(wanted, cache, env, folder):
            if source in {ASSETS_VARIABLE, "PATH"}:
                version = ask(path, wanted.asks_version) if wanted.asks_version else None
                if version is None or minor(version) != minor(wanted.version):
                    told = f"is {version}" if version else "does not tell its version"
                    skipped.append(f"{path} ({source}) {told}; {name} {minor(wanted.version)} is needed")
                    continue
            binaries[name] = Binary(name, path, source)
            break
        else:
            missing.append(name)
    return FoundPrograms(binaries, tuple(missing), tuple(skipped))


def require_folder(folder: Path) -> Path:
    """An explicitly given folder has to exist.

    Raises:
        NotFoundError: it does not.
    """
    if not folder.is_dir():
        raise NotFoundError(
            f"{folder} is no folder",
            why="binaries of the sandbox were to be taken from it",
            fix="give the folder that holds etcd, kube-apiserver and the others, or leave the option out",
        )
    return folder


def run_for_version(path: Path, arguments: tuple[str, ...]) -> str | None:
    """Ask the binary itself."""
    try:
        told = subprocess.run([str(path), *arguments], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return version_in(told.stdout + told.stderr)


def cached_path(cache: Path, wanted: Tool) -> Path:
    """Where our own build of the tool lies."""
    return cache / wanted.folder / "bin" / wanted.name


def _candidates(wanted: Tool, cache: Path, env: Mapping[str, str], folder: Path | None) -> list[tuple[str, Path]]:
    places: list[tuple[str, Path]] = []
    if folder is not None:
        places.append(("folder", folder / wanted.name))
    if env.get(ASSETS_VARIABLE):
        places.append((ASSETS_VARIABLE, Path(env[ASSETS_VARIABLE]) / wanted.name))
    folders = dict.fromkeys(Path(part).resolve() for part in env.get("PATH", "").split(os.pathsep) if part)
    places.extend(("PATH", part / wanted.name) for part in folders)
    places.append(("cache", cached_path(cache, wanted)))
    return [(source, path) for source, path in places if path.is_file() and os.access(path, os.X_OK)]
