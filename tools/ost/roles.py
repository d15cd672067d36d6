"""`./ost grant USER ROLE`: who may do more than book."""

from enum import StrEnum
from typing import Annotated

import typer

from tools.ost.console import Failure, out
from tools.ost.paths import STATE
from tools.ost.stack import Stack, StackOption, StateOption


class Role(StrEnum):
    """A group of the stack's user pool, as the signed-in token names it."""

    ORGANISER = "organiser"
    STAFF = "staff"


def grant(
    user: Annotated[str, typer.Argument(help="The name that somebody signs in with.")],
    role: Annotated[Role, typer.Argument(help="What they may do: run sales, or scan tickets at the door.")],
    take_away: Annotated[bool, typer.Option("--take-away", help="Take the role from them instead.")] = False,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Give somebody a role, or take it away; it counts from their next sign-in. Safe to repeat."""
    found = Stack.find(stack, state)
    give_role(found, user, role, take_away=take_away)
    out.print(f"{user}: {'no longer ' if take_away else ''}{role}", highlight=False)


def give_role(stack: Stack, user: str, role: Role, *, take_away: bool = False) -> None:
    """Put a user into the group of a role, or take them out.

    Raises:
        Failure: there is no such user.

    """
    cognito = stack.cognito
    change = cognito.admin_remove_user_from_group if take_away else cognito.admin_add_user_to_group
    try:
        change(UserPoolId=stack.outputs["UserPoolId"], Username=user, GroupName=role.value)
    except cognito.exceptions.UserNotFoundException as error:
        raise Failure(f"nobody signs in as {user!r}.") from error
