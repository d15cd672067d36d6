"""`make events`: every event of events/, with all that it speaks of alive in a running stack, for `sam local invoke`.

An event holds `sample-…` where only a living stack knows the answer: a signed token, a reservation that is held. This
makes it all, as a fan of its own for each event, and writes the events into events/ beside the stack's outputs.json.
"""

import json
import os
import uuid
from pathlib import Path
from typing import Any
from unittest import mock

from booking import payments
from booking.queue import admission
from lab.in_process import forget_process
from tests.functional import world
from tests.handlers import events
from tools.ost.console import out
from tools.ost.environment import function_environments
from tools.ost.paths import STATE
from tools.ost.stack import Stack, StackOption, StateOption

LONG_SECONDS = 900
"""How long the places, turns and holds of samples last, whatever the stack gives its fans: enough to try them."""
LONG = {"ACTIVE_SECONDS": str(LONG_SECONDS), "HOLD_SECONDS": str(LONG_SECONDS)}


def fill(*, stack: StackOption = None, state: StateOption = STATE) -> None:
    """Fill every event in with what is alive in the running stack; again when holds have run out."""
    found = Stack.find(stack, state)
    concert = f"sample-{uuid.uuid4().hex[:8]}"
    with (
        mock.patch.dict(os.environ, function_environments(found)["ReserveSeatsFunction"] | LONG),
        mock.patch.object(admission, "SAFE_SECONDS", LONG_SECONDS),
        mock.patch.object(payments, "run_workflow"),
    ):
        forget_process()
        with mock.patch.object(world, "CONCERT", concert):
            world.publish()
        for number, (function, case) in enumerate(events()):
            path = state / "events" / function / f"{case}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(_filled(function, case, concert, f"n{number}"), indent=2) + "\n")
    example = Path(state) / "events" / "reserve_seats" / "ok.json"
    out.print(f"{len(events())} events: sam local invoke ReserveSeatsFunction -e {example}", highlight=False)


def _filled(function: str, case: str, concert: str, label: str) -> dict[str, Any]:
    """Make an event's facts true for fans and a date of its own, and put those in the place of the ones it names."""
    own: dict[str, Any] = {
        "PERFORMANCE": f"{concert}.{label}",
        "CONCERT": concert,
        "USER": str(uuid.uuid4()),
        "OTHER": str(uuid.uuid4()),
    }
    named = {name: getattr(world, name) for name in own}
    with mock.patch.multiple(world, **own):
        world.publish_date(label)
        text = json.dumps(world.read_event(function, case))
    for name, fixed in named.items():
        text = text.replace(fixed, own[name])
    filled: dict[str, Any] = json.loads(text)
    return filled
