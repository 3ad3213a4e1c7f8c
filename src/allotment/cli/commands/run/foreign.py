"""What is handed in as a job, or as a script, and is neither: each with what can be typed in its place."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Final

from allotment.cli.shell.calling import typed
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, InputError, NotFoundError, UsageError, shown
from allotment.spec.jobs.foreign import SlurmOption, is_batch_script, slurm_options

INTERPRETED: Final = frozenset({".py", ".sh"})
"""Scripts that need no permission to be executed: what runs them is known."""
_NOTEBOOK: Final = ".ipynb"
_JOB_FILES: Final = frozenset({".yaml", ".yml"})
_INTERPRETERS: Final = ("python", "bash", "sh")


def refuse_as_job_file(name: str, text: str) -> None:
    """Refuse a script or a notebook where a job file is wanted.

    Raises:
        InputError: it is one.
    """
    if name.endswith(_NOTEBOOK):
        raise _notebook(name)
    if is_batch_script(text):
        options = slurm_options(text)
        raise InputError(
            f"{shown(name)} is a batch script of Slurm, and no job file",
            fix=f"run it with `{_run_line(name, options)}`, or begin a job file with `allot template new train` in "
            f"which `run.script` names it{_lines(options)}",
        )
    if name.endswith(tuple(INTERPRETED)):
        fix = f"run it with `allot run {shown(typed(name))}`; a job file is YAML"
        raise InputError(f"{shown(name)} is a script, and no job file", fix=fix)


def check_script(session: Session, script: str, args: Sequence[str], path: Path) -> None:
    """Refuse what `allot run` cannot run, and tell of options in it that say nothing here.

    Raises:
        AllotmentError: it is no script, is not there, or cannot be executed.
    """
    if path.is_dir():
        raise UsageError(f"{shown(script)} is a folder", fix="name the script in it that is to be run")
    if not path.is_file():
        raise _absent(script, args)
    if path.suffix == _NOTEBOOK:
        raise _notebook(script)
    if path.suffix in _JOB_FILES:
        raise UsageError(
            f"{shown(script)} is no script", fix=f"a job file is submitted: `allot submit {shown(typed(script))}`"
        )
    text = _text(path)
    options = slurm_options(text) if is_batch_script(text) else ()
    executable = path.suffix in INTERPRETED or os.access(path, os.X_OK)
    if not executable and options:
        raise InputError(
            f"{shown(script)} is a batch script of Slurm, and cannot be executed",
            fix=f"`{_run_line(script, options, session.flags.get('team') or '')}`{_lines(options)}",
        )
    if not executable:
        name = shown(typed(script))
        raise InputError(
            f"{shown(script)} cannot be executed, and only .py and .sh have a program that runs them",
            fix=f"`chmod +x {name} && allot run {name}`; its first line says what runs it, such as #!/bin/bash",
        )
    if options:
        session.note(f"the #SBATCH lines of {shown(script)} say nothing here{_lines(options)}")


def _absent(script: str, args: Sequence[str]) -> AllotmentError:
    what = f"there is no file {shown(script)}"
    if PurePath(script).name.startswith(_INTERPRETERS) and args and Path(args[0]).is_file():
        words = [typed(args[0]), *(["--", *map(shlex.quote, args[1:])] if args[1:] else [])]
        return NotFoundError(what, fix=f"name the script alone: `allot run {shown(' '.join(words))}`")
    return NotFoundError(what, fix="name the script that is to be run")


def _notebook(name: str) -> InputError:
    made, given = shown(typed(str(PurePath(name).with_suffix(".py")))), shown(typed(name))
    return InputError(
        f"{shown(name)} is a notebook, which runs by hand",
        fix=f"make a script of it and run that: `jupyter nbconvert --to script {given} && allot run {made}`;"
        " to work in one, `allot template new notebook`",
    )


def _run_line(name: str, options: Sequence[SlurmOption], team: str = "") -> str:
    script = typed(name)
    words = {each.flags[0]: each.flags for each in options if each.flags}
    flags = [word for each in words.values() for word in each]
    whose = ["--team", team] if team else []
    chmod = "" if name.endswith(tuple(INTERPRETED)) else f"chmod +x {script} && "
    return shown(f"{chmod}allot run {script} {' '.join(map(shlex.quote, [*whose, *flags]))}".rstrip())


def _lines(options: Sequence[SlurmOption]) -> str:
    return ":" + "".join(f"\n  {each.written} → {each.said}" for each in options) if options else ""


def _text(path: Path) -> str:
    """What a script says; nothing where it is no text."""
    from allotment import wiring

    try:
        return wiring.files().read_text(path)
    except AllotmentError:
        return ""
