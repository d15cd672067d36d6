"""An opening as it is: from the lobby through the draw to a ticket, in both languages, on a stack of its own."""

import json
import re
import secrets
import subprocess
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import COLD, Visit, Visits, assert_accessible
from tests.stack.local_stack import ROOT, LocalStack

LOBBY_OPENS_IN, SALES_OPEN_IN = 3, 26
DRAWN_WITHIN = 90
"""Seconds: the list is read 20 s after the closing, pages ask 40 s after it, over ten seconds."""

KEEP_WHAT_WAS_SAID = """
  new MutationObserver(() => {
    const said = document.querySelector(".drawn [role=status]")?.textContent;
    if (said) sessionStorage.said = said;
  }).observe(document, { subtree: true, childList: true, characterData: true });
"""


def have_it_drawn(stack: LocalStack) -> None:
    """Do what the schedule does each minute: it starts a draw that is near, which waits for its time."""
    advance = stack.cloud.outputs["AdvanceQueueFunctionName"]
    stack.cloud.client("lambda").invoke(FunctionName=advance, InvocationType="Event", Payload=b"{}")


def warm(stack: LocalStack, visit: Visit) -> None:
    """Have every function called once that the lobby's seconds do not suffice to start."""
    other = stack.publish_concert()
    stack.join(stack.fan(), other.concert_id)
    stack.call(None, "GET", f"/concerts/{other.concert_id}/draw")
    visit.go(f"/concerts/{other.concert_id}")
    visit.page.locator(".date").first.wait_for(timeout=COLD)


def book(visit: Visit, seat: int) -> None:
    """From the seats to the ticket."""
    visit.page.locator(".right .countdown").wait_for(timeout=COLD)
    visit.hold(seat)
    visit.charge_what_is_missing()
    visit.page.locator(".pay").click()
    visit.page.locator(".outcome .note.good").wait_for(timeout=COLD)


@pytest.mark.waits
def test_two_fans_wait_in_the_lobby_are_drawn_come_in_pay_and_check_the_draw(
    visits: Visits, stack: LocalStack, tmp_path: Path
) -> None:
    fans = [
        # What has nothing in it is not published: 404.
        visits(stack, language="ko-KR", phone=True, expected={404}, script=KEEP_WHAT_WAS_SAID),
        visits(stack, language="en-US", light=True, expected={404}, script=KEEP_WHAT_WAS_SAID),
    ]
    for fan in fans:
        fan.sign_up(f"fan{secrets.token_hex(3)}")
    warm(stack, fans[0])
    concert = stack.publish_concert(lobby_opens_in=LOBBY_OPENS_IN, opens_in=SALES_OPEN_IN)
    for fan in fans:
        fan.go(f"/concerts/{concert.concert_id}")
        fan.page.locator(".door-act button").click(timeout=COLD, no_wait_after=True)
    for fan, mark in zip(fans, ("ko-phone", "en-desktop"), strict=True):
        fan.page.locator(".lobby .until").wait_for(timeout=COLD)
        fan.shot(f"opening-1-lobby-{mark}", settle=0)
    have_it_drawn(stack)

    waiting = dict(zip(("ko-phone", "en-desktop"), fans, strict=True))
    deadline = time.monotonic() + DRAWN_WITHIN
    while waiting:
        assert time.monotonic() < deadline
        for mark, fan in list(waiting.items()):
            if fan.page.locator(".ahead .settled, .right .countdown").count():
                fan.shot(f"opening-2-drawn-{mark}", settle=0)
                del waiting[mark]
            fan.page.wait_for_timeout(100)
    for seat, fan in enumerate(fans, start=7):
        book(fan, seat)
        receipt = tmp_path / f"{seat}.json"
        receipt.write_text(json.dumps(fan.kept("lobby.")["receipt"]))
    numbers = [fan.kept("lobby.")["number"] for fan in fans]
    assert sorted(numbers) == [1, 2]
    for fan, number in zip(fans, numbers, strict=True):
        assert re.search(f"\\b{number}\\D*$|\\b{number} of 2", fan.page.evaluate("sessionStorage.said"))

    for fan, mark in zip(fans, ("ko-phone", "en-desktop"), strict=True):
        fan.go(f"/concerts/{concert.concert_id}/draw")
        fan.page.locator(".published .actions button").click(timeout=COLD)
        expect(fan.page.locator(".checked .passed")).to_have_count(6, timeout=COLD)
        expect(fan.page.locator(".checked .failed")).to_have_count(0)
        assert_accessible(fan.page)
        fan.shot(f"opening-3-checked-{mark}", settle=0)
    command = [str(ROOT / "ost"), "draw", "verify", concert.concert_id, "--state", str(stack.state)]
    receipts = [word for path in sorted(tmp_path.iterdir()) for word in ("--receipt", str(path))]
    verified = subprocess.run([*command, *receipts], capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
