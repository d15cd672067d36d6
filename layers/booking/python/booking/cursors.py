"""Cursors: where the next page of a list begins, as the opaque text that a client sends back.

A cursor names a place within the caller's own list; the partition is never the client's to name.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from booking.errors import ValidationFailed


def cursor_of(key: Mapping[str, Any] | None, attribute: str) -> str | None:
    """Turn the sort key to go on from into a cursor; None after the last page."""
    return base64.urlsafe_b64encode(str(key[attribute]).encode()).decode().rstrip("=") if key else None


def not_a_cursor() -> ValidationFailed:
    """Refuse a cursor that the list did not give."""
    return ValidationFailed(errors=[{"field": "cursor", "message": "is not a cursor of this list"}])


def key_of(cursor: str | None) -> str | None:
    """Read a cursor back.

    Raises:
        ValidationFailed: it is not one of ours.

    """
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise not_a_cursor() from error
    if not 0 < len(text) <= 200:
        raise not_a_cursor()
    return text
