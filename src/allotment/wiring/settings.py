"""The user's settings: the configuration file and the paths a user types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def config_path(environment: Mapping[str, str]) -> Path:
    """The configuration file, whether it exists or not."""
    from allotment.adapters import settings_file

    return settings_file.config_path(environment)


def read_settings(path: Path) -> dict[str, str]:
    """What the configuration file says.

    Raises:
        InputError: it cannot be read, or says something that cannot be.
    """
    from allotment.adapters import settings_file
    from allotment.operations.directory.configuration import check_file

    return check_file(settings_file.read_settings(path), str(path))


def store_setting(path: Path, present: Mapping[str, str], key: str, value: str) -> str:
    """Set a setting in the file; the value as it was stored (paths become absolute).

    Raises:
        UsageError: no such setting, or a value that it does not allow.
    """
    from allotment.adapters import settings_file
    from allotment.operations.directory.configuration import setting, with_value

    text = str(user_path(value).absolute()) if setting(key).is_path else value
    values = with_value(present, key, text)
    settings_file.write_settings(path, values)
    return values[key]


def forget_setting(path: Path, present: Mapping[str, str], key: str) -> None:
    """Remove a setting from the file.

    Raises:
        UsageError: no such setting.
    """
    from allotment.adapters import settings_file
    from allotment.operations.directory.configuration import without_value

    settings_file.write_settings(path, without_value(present, key))


def user_path(text: str) -> Path:
    """A path as settings hold it, ``~`` resolved."""
    from allotment.adapters import folders

    return folders.user_path(text)
