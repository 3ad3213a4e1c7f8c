"""Debian's packages, installed by tests that need them where that may be done."""

from __future__ import annotations

import os
import shutil
import subprocess


def install(*packages: str) -> None:
    """Install packages, if we are root and Debian is here; whether it went well shows in what is there afterwards."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    # Another process of these tests may install something else just now.
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run([*apt, *words], check=False, capture_output=True, timeout=600, env=environment)
