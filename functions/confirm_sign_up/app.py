"""Lets a new fan sign in at once where there is no address to which the user pool could send a code.

Invoked by Cognito before it creates a user who signs up. Who may book is decided by the queue and the wallet, not here.
"""

from typing import Any

from booking.settings import settings


class AddressRequired(ValueError):
    """Cognito shows the sentence to the fan."""


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Confirm the user, or leave it to the code that is sent; the answer is the event itself, as Cognito wants it.

    Raises:
        AddressRequired: the user pool confirms addresses, and there is none.

    """
    if settings().sign_up == "email":
        if not event["request"]["userAttributes"].get("email"):
            raise AddressRequired("Sign up with an e-mail address.")
        return event
    event["response"]["autoConfirmUser"] = True
    return event
