"""What a job of the check does: hold memory of a GPU, keep it busy, then idle. Needs libcuda and nothing else.

It says what it did on its output, a JSON object a line, so that others can be held against it.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import time
import uuid
from pathlib import Path

NO_DEVICE = 100
MIB = 1 << 20


def main() -> int:
    """Do it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--mib", type=int, default=1024, help="memory of the device that is held")
    asked.add_argument("--busy", type=float, default=10.0, help="seconds of work")
    asked.add_argument("--idle", type=float, default=0.0, help="seconds without any, the memory still held")
    asked.add_argument("--until", default="", help="go on with the work until this file is there")
    words = asked.parse_args()
    cuda = library()
    seen = devices(cuda)
    tell(sees=seen)
    if not seen:
        return 0
    pointer = take(cuda, words.mib * MIB)
    began = time.time()
    tell(began=began, mib=words.mib)
    while time.time() - began < words.busy or (words.until and not Path(words.until).exists()):
        for _ in range(8):
            must(cuda.cuMemsetD32_v2(pointer, ctypes.c_uint(7), ctypes.c_size_t(words.mib * MIB // 4)))
        must(cuda.cuCtxSynchronize())
    worked = time.time()
    tell(worked=worked, seconds=worked - began)
    time.sleep(words.idle)
    tell(ended=time.time(), seconds=time.time() - worked)
    return 0


def library() -> ctypes.CDLL | None:
    """CUDA's driver library; None where it is not on this machine."""
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        tell(error=str(error))
        return None


def devices(cuda: ctypes.CDLL | None) -> list[str]:
    """UUIDs of the devices that this process sees."""
    if cuda is None or cuda.cuInit(0) != 0:
        return []
    number = ctypes.c_int()
    must(cuda.cuDeviceGetCount(ctypes.byref(number)))
    found = []
    for ordinal in range(number.value):
        device, raw = ctypes.c_int(), (ctypes.c_ubyte * 16)()
        must(cuda.cuDeviceGet(ctypes.byref(device), ordinal))
        must(cuda.cuDeviceGetUuid(raw, device))
        found.append(f"GPU-{uuid.UUID(bytes=bytes(raw))}")
    return found


def take(cuda: ctypes.CDLL | None, size: int) -> ctypes.c_ulonglong:
    """Memory of the first device."""
    if cuda is None:
        raise SystemExit("there is no libcuda.so.1")
    device, context, pointer = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_ulonglong()
    must(cuda.cuDeviceGet(ctypes.byref(device), 0))
    must(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    must(cuda.cuCtxSetCurrent(context))
    must(cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(size)))
    return pointer


def must(code: int) -> None:
    """Refuse to go on after an error of CUDA."""
    if code:
        raise SystemExit(f"CUDA says {code}")


def tell(**what: object) -> None:
    """One line of output."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(main())
