"""`./ost cancel-performance PERFORMANCE`: call a date off, and give every booking of it back."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from tools.ost import audit
from tools.ost.console import Failure, err, figures, out, step
from tools.ost.paths import STATE
from tools.ost.product import operator
from tools.ost.stack import Stack, StackOption, StateOption

SHOWN = {
    "bookings": "bookings that are paid for",
    "seats": "seats in them",
    "points": "points to give back",
    "holds": "holds, which end without a payment",
    "paymentsInFlight": "payments on their way, which undo themselves",
    "sealed": "seats closed for good",
    "givenBack": "points given back because of it",
    "owed": "points on their way back",
}
LEFT = ("called-off-but-open", "called-off-but-booked", "debt-uncounted", "open-too-long", "refunded-though-paid")
"""Rules of the auditor that tell what is left to do, or was done wrong, when a date was called off."""


def cancel_performance(
    performance: Annotated[str, typer.Argument(help="Id of the performance, such as starfall-symphony.2036-05-10.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is, and the code for it.")] = False,
    off_sale: Annotated[
        bool, typer.Option("--off-sale", help="With --dry-run: take it off sale first, so that the code holds.")
    ] = False,
    confirm: Annotated[str | None, typer.Option(help="Call it off: the code that the dry run showed.")] = None,
    status: Annotated[bool, typer.Option("--status", help="Show how far it is; exit 1 if anything is left.")] = False,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Call a date off: nothing of it is sold any more, and every booking comes back in full. Safe to run again.

    Look first (--dry-run), then --confirm with the code that was shown; it fails when other bookings are there by then.
    """
    if (dry_run + (confirm is not None) + status) != 1:
        raise Failure("say one of --dry-run, --confirm CODE and --status.")
    found = Stack.find(stack, state)
    if confirm is not None:
        survey = ask(found, performance, "begin", code=confirm)
        out.print(f"called off: {survey['bookings']} bookings, {survey['points']:,} points", highlight=False)
        out.print(f"./ost cancel-performance {performance} --status shows how far it is", highlight=False)
        return
    survey = ask(found, performance, "takeOffSale" if off_sale else "survey")
    figures.print(_drawn(performance, survey))
    if status:
        _status(found, performance, survey)
    elif survey["offSale"] or survey["cancelled"]:
        out.print(f"to call it off: ./ost cancel-performance {performance} --confirm {survey['code']}", highlight=False)
    else:
        err.print("the date is on sale, so this code may not hold; --off-sale takes it off sale first", highlight=False)
        out.print(f"to call it off: ./ost cancel-performance {performance} --confirm {survey['code']}", highlight=False)


def ask(stack: Stack, performance: str, action: str, **more: str) -> dict[str, Any]:
    """Have the stack's function do something with a performance; return its survey, raise Failure when refused."""
    who = operator(stack)
    event = {"performanceId": performance, "action": action, "by": {"userId": who.user_id, "name": who.name}, **more}
    with step("Looking at every booking", "Looked at every booking"):
        raw = stack.client("lambda").invoke(
            FunctionName=stack.outputs["CallOffPerformanceFunctionName"], Payload=json.dumps(event).encode()
        )
    answer = json.loads(raw["Payload"].read())
    if "FunctionError" in raw:
        raise Failure(f"it failed: {answer.get('errorMessage', answer)}. It is safe to try again.")
    if problem := answer.get("problem"):
        raise Failure(f"{problem['detail']} ({problem['code']})")
    survey: dict[str, Any] = answer["survey"]
    return survey


def _status(stack: Stack, performance: str, survey: dict[str, Any]) -> None:
    with step("Auditing", "Audited"):
        violations, _ = audit.find(stack)
    left = [f"{each.rule}: {each.detail} ({', '.join(each.ids)})" for each in violations if each.rule in LEFT]
    if survey["bookings"]:
        left.append(f"{survey['bookings']:,} bookings had not been given back when they were looked at; look again")
    if survey["owed"]:
        left.append(f"{survey['owed']:,} points are on their way back; the sweep gives them back within minutes")
    if not survey["cancelled"]:
        left.append("the date was not called off")
    for each in left[:20]:
        out.print(each, highlight=False)
    out.print(f"{performance}: {'nothing left' if not left else f'{len(left)} left'}", highlight=False)
    if left:
        sys.exit(1)


def _drawn(performance: str, survey: dict[str, Any]) -> Table:
    table = Table(title=performance + (", called off" if survey["cancelled"] else ""))
    table.add_column("")
    table.add_column("", justify="right")
    for name, meaning in SHOWN.items():
        table.add_row(meaning, f"{survey[name]:,}")
    table.add_row("seats of the date", f"{survey['seatsTotal']:,}")
    return table
