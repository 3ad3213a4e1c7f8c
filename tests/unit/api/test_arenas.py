"""Threads share what was freed, unless whoever starts the server says otherwise."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

_THREADS = 12
_CODE = f"""
import ctypes, os, sys, threading
from allotment.api.arenas import few_arenas

few_arenas(os.environ)
libc, gate = ctypes.CDLL(None), threading.Barrier({_THREADS})
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.fopen.restype, libc.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]

def hold():
    libc.malloc(5000)
    gate.wait()

threads = [threading.Thread(target=hold) for _ in range({_THREADS})]
for each in threads: each.start()
for each in threads: each.join()
told = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, told)
libc.fclose(told)
"""


def arenas(folder: Path, **environ: str) -> int:
    told = folder / "told.xml"
    kept = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    subprocess.run([sys.executable, "-c", _CODE, str(told)], check=True, env={**kept, **environ})
    return told.read_text(encoding="ascii").count("<heap ")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="another C library than glibc")
def test_threads_share_two_arenas_unless_another_number_is_said(tmp_path: Path) -> None:
    assert arenas(tmp_path) == 2
    assert arenas(tmp_path, MALLOC_ARENA_MAX="1") == 1
