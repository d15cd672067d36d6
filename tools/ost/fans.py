"""Fans who can sign in: made through the user pool's own API, on any stack that one may administer."""

import secrets
from contextlib import suppress
from dataclasses import dataclass

from tools.ost.console import Failure
from tools.ost.stack import Stack


@dataclass(frozen=True)
class Fan:
    """A signed-in fan; `token` is good for an hour."""

    name: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """The header that says who asks."""
        return {"Authorization": f"Bearer {self.token}"}


def create_user(stack: Stack, username: str, password: str) -> None:
    """Create a fan who can sign in at once, or give the password to the one who is there."""
    cognito, pool = stack.cognito, stack.outputs["UserPoolId"]
    with suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(UserPoolId=pool, Username=username, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=username, Password=password, Permanent=True)


def sign_in(stack: Stack, username: str, password: str) -> Fan:
    """Sign a fan in as the web page does; raise Failure when the user pool asks for more than a password."""
    answer = stack.cognito.initiate_auth(
        ClientId=stack.outputs["UserPoolClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )
    if "AuthenticationResult" not in answer:
        raise Failure(f"{username} could not sign in: the user pool asks for {answer.get('ChallengeName')}.")
    return Fan(username, answer["AuthenticationResult"]["AccessToken"])


def new_fan(stack: Stack, name: str) -> Fan:
    """Create a fan whom nobody has met, and sign in."""
    username, password = f"{name}-{secrets.token_hex(4)}", f"Aa1-{secrets.token_urlsafe(18)}"
    create_user(stack, username, password)
    return sign_in(stack, username, password)
