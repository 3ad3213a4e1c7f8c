"""Patterns of `include`: ``teams/*.yaml``, ``**/*.yml``."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(path: str, pattern: str) -> bool:
    """Whether a relative path matches; ``**`` stands for any number of folders, none included."""
    folders = path.split("/")
    # Which beginnings of the path the pattern read so far can stand for; linear, whatever the pattern.
    reached = {0}
    for part in pattern.split("/"):
        if part == "**":
            reached = set(range(min(reached), len(folders) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(folders) and fnmatchcase(folders[at], part)}
        if not reached:
            return False
    return len(folders) in reached
