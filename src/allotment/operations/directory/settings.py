"""Use case: settings are read from the user's file, kept there and forgotten."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.operations.directory.configuration import check_file, setting, with_value, without_value
from allotment.ports.files import FilesPort
from allotment.ports.settings import SettingsPort


def kept(file: SettingsPort) -> dict[str, str]:
    """What the file says.

    Raises:
        InputError: it cannot be read, or says something that cannot be.
    """
    return check_file(file.read(), str(file.path))


def keep(file: SettingsPort, files: FilesPort, present: Mapping[str, str], key: str, value: str) -> str:
    """Set a setting in the file; the value as it was stored (paths become absolute).

    Args:
        file: the user's.
        files: resolves paths.
        present: what the file says now.
        key: the setting.
        value: its value from now on.

    Raises:
        UsageError: no such setting, or a value that it does not allow.
        AllotmentError: the file cannot be written.
    """
    # Where jobs are kept may be an address, too.
    is_path = setting(key).is_path and "://" not in value
    text = str(files.user_path(value).absolute()) if is_path else value
    values = with_value(present, key, text)
    file.write(values)
    return values[key]


def forget(file: SettingsPort, present: Mapping[str, str], key: str) -> None:
    """Remove a setting from the file.

    Raises:
        UsageError: no such setting.
        AllotmentError: the file cannot be written.
    """
    file.write(without_value(present, key))
