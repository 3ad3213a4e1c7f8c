"""The server process: ``python -m allotment.api``. `allot up` starts it; a service manager may do so as well."""

from __future__ import annotations

import gc
import os
import sys

from allotment.api.arenas import few_arenas


def main() -> int:
    """Serve until a signal, or `allot down`, says otherwise; the exit code."""
    few_arenas(os.environ)
    # Nearly all that loading makes stays: looking through it for garbage is a fifth of what a start takes.
    gc.disable()
    from allotment.api.server import main as serve

    gc.enable()
    return serve(__doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
