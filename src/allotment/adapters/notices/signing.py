"""How a receiver of a webhook knows that it was us, that nothing was changed, and that it is not of yesterday."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

NOTICE_HEADER: Final = "Allotment-Notice"
TIMESTAMP_HEADER: Final = "Allotment-Timestamp"
SIGNATURE_HEADER: Final = "Allotment-Signature"
_VERSION: Final = "v1"


def signed_headers(notice_id: str, body: bytes, secret: str, seconds: int) -> dict[str, str]:
    """Headers of a body.

    Args:
        notice_id: the same for the same notice, however often it is sent.
        body: as it is sent.
        secret: that the receiver knows as well.
        seconds: now, since the epoch.
    """
    text = f"{seconds}.".encode() + body
    digest = hmac.new(secret.encode("utf-8", "surrogatepass"), text, hashlib.sha256).hexdigest()
    return {
        NOTICE_HEADER: notice_id,
        TIMESTAMP_HEADER: str(seconds),
        SIGNATURE_HEADER: f"{_VERSION}={digest}",
    }
