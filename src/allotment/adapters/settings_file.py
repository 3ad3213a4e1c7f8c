"""The user's configuration file: ``$XDG_CONFIG_HOME/allotment/config.yaml``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from allotment.errors import AllotmentError, InputError
from allotment.model.yaml_text import read_yaml

_LARGEST: Final = 1 << 20
"""Bytes; a longer file is no configuration of ours and is not read."""


def config_path(environment: Mapping[str, str]) -> Path:
    """Where the file is, whether it exists or not.

    The XDG rules: a relative ``XDG_CONFIG_HOME`` is ignored, ``~/.config`` is the default.
    """
    base = environment.get("XDG_CONFIG_HOME", "")
    root = (
        Path(base)
        if base and Path(base).is_absolute()
        else Path(environment.get("HOME") or "~").expanduser() / ".config"
    )
    return root / "allotment" / "config.yaml"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """One configuration file, whether it exists or not."""

    path: Path

    def read(self) -> Any:
        """Its content as it stands, None when there is no file.

        Raises:
            InputError: it cannot be read, or is no YAML.
        """
        try:
            with self.path.open("rb") as stream:
                raw = stream.read(_LARGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be read",
                why=error.strerror or str(error),
                fix=f"make it readable, or remove {self.path}",
            ) from error
        if len(raw) > _LARGEST:
            raise InputError(
                f"{self.path} is not a configuration file", why="it is larger than 1 MiB", fix=f"remove {self.path}"
            )
        try:
            return read_yaml(raw)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(
                f"{self.path} is not valid YAML",
                why=" ".join(str(error).split()),
                fix=f"correct it, or remove {self.path}",
            ) from error

    def write(self, values: Mapping[str, str]) -> None:
        """Replace it in one step, so that a reader never sees half of it.

        Raises:
            AllotmentError: the folder or the file cannot be written.
        """
        text = yaml.safe_dump(dict(values), sort_keys=True, allow_unicode=True) if values else ""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.path.parent, delete=False) as stream:
                temporary = Path(stream.name)
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.path)
        except OSError as error:
            raise AllotmentError(
                f"{self.path} cannot be written",
                why=error.strerror or str(error),
                fix="check the folder's owner and mode",
            ) from error
