"""A peer's program: built once for each version of its Go sources, into the user's cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from allotment.adapters.sandbox.golang import find_go, go_environment

MISSING: Final = "no Go tool chain of at least 1.26 on PATH"


@dataclass(frozen=True, slots=True)
class Program:
    """The program whose Go sources are in this folder."""

    sources: Path

    def available(self) -> bool:
        """Whether it is built for these sources, or can be."""
        return self._binary().exists() or _go() is not None

    def ensure(self) -> Path:
        """The binary; the first call for a version of the sources builds it, which takes minutes without a cache."""
        target = self._binary()
        if target.exists():
            return target
        go = _go()
        if go is None:
            raise SystemExit(MISSING)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}")
        environment = go_environment(os.environ, go)
        environment["GOFLAGS"] += " -p=1"
        subprocess.run([go, "build", "-o", partial, "."], cwd=self.sources, env=environment, check=True)
        partial.replace(target)
        return target

    def _binary(self) -> Path:
        name = self.sources.name
        return _cache() / "peers" / f"{name}-{self._fingerprint()}" / name

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        code = [path for pattern in ("*.go", "*.s", "go.mod", "go.sum") for path in self.sources.glob(pattern)]
        for source in sorted(code):
            digest.update(source.name.encode() + source.read_bytes())
        return digest.hexdigest()[:16]


def _cache() -> Path:
    return platformdirs.user_cache_path("allotment")


def _go() -> Path | None:
    return find_go(_cache() / "sandbox", os.environ)
