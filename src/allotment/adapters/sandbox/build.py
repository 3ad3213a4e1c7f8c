"""Build the missing binaries from the pinned Go modules into the user's cache: once per version, resumable.

Each binary lands by an atomic rename, so what lies in the cache is whole; a build that was killed goes on where Go's
own build cache stands. Two builders at once are kept apart by a lock file.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from allotment.adapters.sandbox.binaries import AskVersion, FoundPrograms, cached_path, find
from allotment.adapters.sandbox.golang import go_environment, obtain_go
from allotment.adapters.sandbox.locking import exclusive
from allotment.adapters.sandbox.manifests import (
    KUEUE_MANIFESTS,
    KWOK_STAGES,
    SOURCES,
    STANDARD_SETS,
    ManifestSource,
    cached_manifests,
    source_files,
)
from allotment.adapters.sandbox.versions import Tool, tool
from allotment.errors import AllotmentError, UnreachableError
from allotment.ports.sandboxes import Progress, Step

GO_MODULES: Final = Path(__file__).parent / "gomodules"
_BUILD_WAIT_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Kit:
    """All that a sandbox is started from.

    Attributes:
        binaries: path by tool.
        built_here: tools that carry our own link stamps (they come from our cache).
        manifests: objects by the name of their set, see `manifests.SOURCES`.
        skipped: see `FoundPrograms.skipped`.
    """

    binaries: Mapping[str, Path]
    built_here: frozenset[str]
    manifests: Mapping[str, tuple[Mapping[str, object], ...]]
    skipped: tuple[str, ...]

    @property
    def kueue_manifests(self) -> tuple[Mapping[str, object], ...]:
        """`kustomize build` of Kueue's config/default."""
        return self.manifests[KUEUE_MANIFESTS]

    @property
    def kwok_stages(self) -> tuple[Mapping[str, object], ...]:
        """KWOK's own stages."""
        return self.manifests[KWOK_STAGES]


def plan_build(missing: Iterable[str], manifests: Iterable[str]) -> tuple[str, ...]:
    """What to do, in order: kustomize before the manifests that need it, small tools before big ones.

    Args:
        missing: tools that were not found.
        manifests: sets that are not in the cache.
    """
    files, tools = set(manifests), set(missing)
    order = (
        "etcd",
        "kustomize",
        "kubectl",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kwok",
        "kueue",
        "jobset",
        "lws",
        "prometheus",
        "promtool",
        "karpenter",
    )
    return (*(name for name in SOURCES if name in files), *(name for name in order if name in tools))


def ensure(
    names: Iterable[str],
    *,
    cache: Path,
    env: Mapping[str, str],
    progress: Progress,
    folder: Path | None = None,
    manifests: Iterable[str] = STANDARD_SETS,
    ask_version: AskVersion | None = None,
) -> Kit:
    """Find the tools and manifests, and build what is missing.

    Args:
        names: tools wanted; a subset builds only that subset.
        cache: folder for builds, shared by all sandboxes of the user.
        env: environment for the search and the build (PATH, module mirror settings, certificates).
        progress: told about every step; silent when nothing has to be built.
        folder: explicit folder with binaries.
        manifests: sets of objects wanted.
        ask_version: see `binaries.find`.

    Raises:
        UnreachableError: modules or Go could not be fetched.
        AllotmentError: a build failed; the message carries the compiler's last lines.
    """
    wanted, sets = tuple(names), tuple(manifests)
    found = find(wanted, cache=cache, env=env, folder=folder, ask_version=ask_version)
    if found.missing or _missing(cache, sets):
        with exclusive(
            cache / ".build.lock",
            wait_seconds=_BUILD_WAIT_SECONDS,
            what="the sandbox's binaries",
            waiting=lambda waited: progress(Step(1, 1, "another process builds the binaries", waited)),
        ):
            found = find(wanted, cache=cache, env=env, folder=folder, ask_version=ask_version)
            _StepRunner(cache, env, progress).build(plan_build(found.missing, _missing(cache, sets)))
            found = find(wanted, cache=cache, env=env, folder=folder, ask_version=ask_version)
    return _kit(found, cache, sets)


def _kit(found: FoundPrograms, cache: Path, sets: Iterable[str]) -> Kit:
    return Kit(
        binaries={name: binary.path for name, binary in found.binaries.items()},
        built_here=frozenset(name for name, binary in found.binaries.items() if binary.source == "cache"),
        manifests={name: tuple(json.loads(cached_manifests(cache, name).read_text(encoding="utf-8"))) for name in sets},
        skipped=found.skipped,
    )


def _missing(cache: Path, sets: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in sets if not cached_manifests(cache, name).is_file())


class _StepRunner:
    """Runs the steps of a plan, one at a time, under the lock."""

    def __init__(self, cache: Path, env: Mapping[str, str], progress: Progress) -> None:
        self._cache = cache
        self._env = env
        self._progress = progress
        self._step = (0, 0)
        self._go = Path()

    def build(self, plan: tuple[str, ...]) -> None:
        if not plan:
            return
        total = len(plan) + 1
        self._step = (1, total)
        self._tell("a Go tool chain", 0.0)
        self._go = obtain_go(self._cache, self._env)
        for number, name in enumerate(plan, start=2):
            self._step = (number, total)
            started = time.monotonic()
            what = f"extract {name}" if name in SOURCES else f"build {name} {tool(name).version}"
            self._tell(what, 0.0)
            if name in SOURCES:
                self._manifests(name, what)
            else:
                self._binary(tool(name), what)
            self._progress(Step(number, total, what, time.monotonic() - started, done=True))

    def _tell(self, what: str, elapsed: float) -> None:
        self._progress(Step(*self._step, what, elapsed))

    def _binary(self, wanted: Tool, what: str) -> Path:
        target = cached_path(self._cache, wanted)
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f".{wanted.name}.*.partial"):
            leftover.unlink()
        partial = target.with_name(f".{wanted.name}.{os.getpid()}.partial")
        log = target.with_name(f".{wanted.name}.log")
        options = ["-tags", wanted.tags, "-ldflags", wanted.ldflags, "-o", str(partial)]
        command = [str(self._go), "build", *options, wanted.package]
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command, cwd=GO_MODULES / wanted.module, env=go_environment(self._env, self._go),
                stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                self._wait(process, what)
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                process.wait()
        if process.returncode != 0:
            partial.unlink(missing_ok=True)
            raise _build_error(what, log.read_text(encoding="utf-8", errors="replace"))
        partial.replace(target)
        log.unlink()
        return target

    def _wait(self, process: subprocess.Popen[bytes], what: str) -> None:
        started = time.monotonic()
        while True:
            try:
                process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                self._tell(what, time.monotonic() - started)
            else:
                return

    def _manifests(self, name: str, what: str) -> None:
        source = SOURCES[name]
        folder = self._module_folder(source)
        if source.overlay:
            kustomize = cached_path(self._cache, tool("kustomize"))
            if not kustomize.is_file():
                self._binary(tool("kustomize"), what)
            overlay = folder / source.overlay
            text = self._run([str(kustomize), "build", str(overlay)], f"kustomize build of {source.module}")
        else:
            text = "\n---\n".join(file.read_text(encoding="utf-8") for file in source_files(name, folder))
        self._write(name, text)

    def _module_folder(self, source: ManifestSource) -> Path:
        told = self._run(
            [str(self._go), "mod", "download", "-json", f"{source.module}@{source.version}"],
            f"download of {source.module} {source.version}",
            cwd=GO_MODULES / source.pins,
        )
        return Path(json.loads(told)["Dir"])

    def _run(self, command: list[str], what: str, cwd: Path | None = None) -> str:
        result = subprocess.run(
            command, cwd=cwd, env=go_environment(self._env, self._go), capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise _build_error(what, result.stdout + result.stderr)
        return result.stdout

    def _write(self, name: str, text: str) -> None:
        """Parse once here: reading JSON later takes milliseconds where YAML takes seconds."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = [document for document in yaml.load_all(text, Loader=loader) if document]
        target = cached_manifests(self._cache, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        partial.write_text(json.dumps(documents), encoding="utf-8")
        partial.replace(target)


def _build_error(what: str, output: str) -> AllotmentError:
    last = "\n".join(output.strip().splitlines()[-8:])
    if any(sign in output for sign in ("dial tcp", "no such host", "TLS handshake", "i/o timeout", "503 ")):
        return UnreachableError(
            f"{what} failed: Go modules could not be fetched",
            why=last,
            fix="check the network and GOPROXY, then run the command again; it goes on where it stopped",
        )
    fix = "run the command again; it goes on where it stopped"
    if "no space left" in output:
        fix = "free some 10 GB (Go's build cache needs them once), then run the command again"
    return AllotmentError(f"{what} failed", why=last, fix=fix)
