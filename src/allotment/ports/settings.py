"""The file that keeps a user's settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class SettingsPort(Protocol):
    """One configuration file, whether it exists or not."""

    @property
    def path(self) -> Path:
        """Where it is."""
        ...

    def read(self) -> Any:
        """Its content as it stands, None when there is no file.

        Raises:
            InputError: it cannot be read, or is no YAML.
        """
        ...

    def write(self, values: Mapping[str, str]) -> None:
        """Replace it in one step.

        Raises:
            AllotmentError: the folder or the file cannot be written.
        """
        ...
