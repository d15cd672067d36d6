"""The API's page: a call can be tried on it with a sign-in token, and nothing comes from another host."""

from playwright.sync_api import Browser, expect

from tests.browser.conftest import COLD
from tests.stack.local_stack import LocalStack


def test_a_call_can_be_tried_with_a_sign_in_token(browser: Browser, stack: LocalStack) -> None:
    fan = stack.fan()
    stack.call(fan, "POST", "/points/charges", {"amount": 7}, key="seven")
    page = browser.new_page()
    asked: set[str] = set()
    complaints: list[str] = []
    page.on("request", lambda request: asked.add(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{stack.url}/swagger")

    page.get_by_role("button", name="Authorize", exact=True).click(timeout=COLD)
    page.get_by_label("auth-bearer-value").fill(fan.token)
    page.get_by_role("button", name="Apply credentials").first.click()
    page.get_by_role("button", name="Close").first.click()
    operation = page.locator("#operations-points-get_points")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()

    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_have_text("200", timeout=COLD)
    expect(answer.get_by_text('"balance"')).to_be_visible()
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {stack.url.split("/")[2]}
    assert complaints == []
    page.close()
