"""Build hook: with ALLOTMENT_COMPILE=1 a wheel whose engine modules are compiled by mypyc; else nothing happens.

The wheel keeps the Python source of every module: tracebacks show it, and where the compiled one does not load
(another Python, another machine) there is no such wheel, only the pure one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "ALLOTMENT_COMPILE"
GROUP = "allotment_engine"
"""Name of the shared library that all compiled modules are in; a module's own file only points into it."""


class CompiledWheelHook(BuildHookInterface[Any]):
    """Compiles the modules that pyproject.toml lists under `tool.hatch.build.targets.wheel.hooks.custom`."""

    def dependencies(self) -> list[str]:
        """What an isolated build needs besides hatchling."""
        return list(self.config["compile-requires"]) if _wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the compiled modules to the wheel; an editable install stays pure."""
        if version == "editable" or not _wanted():
            return
        source = Path(self.root) / "src"
        target = Path(self.root) / "build" / "compiled"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        for library in compile_modules(source, target, expand(source, self.config["modules"])):
            build_data["force_include"][str(library)] = library.relative_to(target / "lib").as_posix()


def _wanted() -> bool:
    return os.environ.get(SWITCH) == "1"


def expand(source: Path, patterns: list[str]) -> list[str]:
    """Module files below `source`, sorted. A pattern that begins with `!` takes files out again.

    Raises:
        ValueError: a pattern matches no file, so the list is out of date.
    """
    found: set[str] = set()
    for pattern in patterns:
        taken_out = pattern.startswith("!")
        files = {each.relative_to(source).as_posix() for each in source.glob(pattern.removeprefix("!"))}
        files = {each for each in files if not each.endswith("/__init__.py")}
        if not files or (taken_out and not files <= found):
            raise ValueError(f"pyproject.toml, modules to compile: {pattern!r} matches nothing")
        found = found - files if taken_out else found | files
    return sorted(found)


def compile_modules(source: Path, target: Path, modules: list[str]) -> list[Path]:
    """Type-check and compile `modules`; returns the libraries, laid out below `target`/lib as in the wheel.

    The same source, compiler and Python give the same bytes: names come from the modules, not from a hash of paths,
    all paths are relative, and no debug information is kept.
    """
    from mypyc.build import mypycify  # noqa: PLC0415 (only where something is compiled)
    from setuptools import Distribution  # noqa: PLC0415

    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    before = Path.cwd()
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    os.chdir(source)
    try:
        relative = os.path.relpath(target, source)
        options = [
            f"--config-file={os.path.relpath(source.parent / 'pyproject.toml', source)}",
            f"--cache-dir={relative}/types",
        ]
        extensions = mypycify(
            [*options, *modules], opt_level="3", debug_level="0", target_dir=f"{relative}/c", group_name=GROUP
        )
        command = Distribution({"name": GROUP, "ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = f"{relative}/lib", f"{relative}/o"
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
    return sorted((target / "lib").rglob("*.so"))
