"""The contract in its five places: the handlers, the specification, the template, the error catalogue, the events."""

import json
from typing import Any

import pytest

from booking.errors import CATALOGUE
from tests.handlers import events, functions
from tests.tables import resources
from tools.ost import specification

ROUTES = {
    ("GET", "/concerts"): "list_concerts",
    ("GET", "/concerts/{concertId}"): "get_concert",
    ("GET", "/concerts/{concertId}/performances"): "list_performances",
    ("GET", "/concerts/{concertId}/draw"): "get_draw",
    ("GET", "/concerts/{concertId}/draw/{kind}/{digest}/{part}"): "get_draw_file",
    ("GET", "/performances/{performanceId}"): "get_performance",
    ("GET", "/performances/{performanceId}/layout"): "get_layout",
    ("GET", "/performances/{performanceId}/seats"): "list_seats",
    ("POST", "/concerts/{concertId}/queue-tokens"): "issue_queue_token",
    ("GET", "/concerts/{concertId}/queue-tokens/current"): "poll_queue_token",
    ("DELETE", "/concerts/{concertId}/queue-tokens/current"): "leave_queue",
    ("POST", "/reservations"): "reserve_seats",
    ("GET", "/reservations"): "list_reservations",
    ("GET", "/reservations/{reservationId}"): "get_reservation",
    ("DELETE", "/reservations/{reservationId}"): "release_reservation",
    ("GET", "/reservations/{reservationId}/cancellation"): "quote_cancellation",
    ("POST", "/reservations/{reservationId}/cancellation"): "cancel_reservation",
    ("GET", "/reservations/{reservationId}/tickets"): "list_tickets",
    ("POST", "/performances/{performanceId}/check-ins"): "record_check_ins",
    ("GET", "/performances/{performanceId}/guest-list"): "get_guest_list",
    ("GET", "/organiser/concerts"): "list_sales",
    ("PUT", "/organiser/concerts/{concertId}/queue"): "set_queue",
    ("GET", "/organiser/log"): "list_log",
    ("GET", "/organiser/performances/{performanceId}/bookings"): "list_bookings",
    ("POST", "/organiser/performances/{performanceId}/cancellation"): "start_calling_off",
    ("GET", "/organiser/performances/{performanceId}/cancellation"): "get_calling_off",
    ("GET", "/organiser/reservations/{reservationId}/cancellation"): "quote_booking",
    ("POST", "/organiser/reservations/{reservationId}/cancellation"): "cancel_booking",
    ("POST", "/organiser/catalog"): "publish_catalog",
    ("GET", "/points"): "get_points",
    ("POST", "/points/charges"): "charge_points",
    ("POST", "/points/uses"): "use_points",
    ("GET", "/points/history"): "list_points_history",
    ("POST", "/payments"): "start_payment",
    ("GET", "/payments/{paymentId}"): "get_payment",
    ("GET", "/openapi.json"): "get_openapi",
    ("GET", "/swagger"): "show_swagger",
}
"""The endpoints that clients outside this repository are written against, and who answers them."""

BACKGROUND = {
    "draw_lobby",
    "payment_steps",
    "advance_queue",
    "confirm_sign_up",
    "settle_payment",
    "call_off_performance",
    "clear_seats",
}

STATUSES = {
    "VALIDATION_FAILED": 400,
    "IDEMPOTENCY_KEY_REQUIRED": 400,
    "QUEUE_TOKEN_REQUIRED": 401,
    "QUEUE_TOKEN_INVALID": 401,
    "QUEUE_TOKEN_EXPIRED": 401,
    "INSUFFICIENT_POINTS": 402,
    "QUEUE_TOKEN_NOT_ACTIVE": 403,
    "FORBIDDEN": 403,
    "CONCERT_NOT_FOUND": 404,
    "PERFORMANCE_NOT_FOUND": 404,
    "NO_PERFORMANCES": 404,
    "RESERVATION_NOT_FOUND": 404,
    "PAYMENT_NOT_FOUND": 404,
    "SALES_NOT_OPEN": 409,
    "SALES_CLOSED": 409,
    "SOLD_OUT": 409,
    "SEAT_TAKEN": 409,
    "SEAT_LIMIT_EXCEEDED": 409,
    "HELD_TOO_LONG": 409,
    "NOT_ENOUGH_SEATS": 409,
    "LEAVES_SINGLE_SEAT": 409,
    "ALREADY_PAID": 409,
    "PAYMENT_IN_PROGRESS": 409,
    "RESERVATION_NOT_HELD": 409,
    "BALANCE_LIMIT_EXCEEDED": 409,
    "RESERVATION_EXPIRED": 410,
    "NOT_CANCELLABLE": 409,
    "PERFORMANCE_CANCELLED": 409,
    "QUOTE_CHANGED": 409,
    "SURVEY_CHANGED": 409,
    "CATALOG_REFUSED": 409,
    "IDEMPOTENCY_KEY_REUSED": 422,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
}
"""The catalogue of errors that clients know."""

SPECIFICATION: dict[str, Any] = json.loads(specification.FILE.read_text("utf-8"))
OPERATIONS = {
    (method.upper(), path): operation
    for path, operations in SPECIFICATION["paths"].items()
    for method, operation in operations.items()
}


def functions_of_the_template() -> dict[str, dict[str, Any]]:
    return {p["CodeUri"].strip("/").rsplit("/", 1)[1]: p for p in resources("AWS::Serverless::Function").values()}


def routes_of_the_template() -> dict[tuple[str, str], tuple[str, bool]]:
    """Give who answers each route, and whether it asks for a sign-in."""
    routes = {}
    for function, properties in functions_of_the_template().items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                route = event["Properties"]
                public = route.get("Auth", {}).get("Authorizer") == "NONE"
                routes[route["Method"].upper(), route["Path"]] = (function, not public)
    return routes


def test_specification_has_the_contracts_endpoints_and_no_others() -> None:
    assert {route: operation["operationId"] for route, operation in OPERATIONS.items()} == ROUTES


def test_specification_is_what_the_handlers_say() -> None:
    assert specification.FILE.read_text("utf-8") == specification.render(specification.build()), "run ./ost openapi"


def test_template_routes_each_endpoint_to_its_function_with_the_sign_in_that_the_specification_names() -> None:
    wanted = {route: (operation["operationId"], "security" in operation) for route, operation in OPERATIONS.items()}

    assert routes_of_the_template() == wanted


def test_every_function_is_in_the_template_and_answers_one_endpoint_or_works_in_the_background() -> None:
    assert set(functions()) == set(functions_of_the_template()) == set(ROUTES.values()) | BACKGROUND


def test_error_catalogue_has_the_contracts_codes_with_their_statuses() -> None:
    assert {code: error.status for code, error in CATALOGUE.items()} == STATUSES


@pytest.mark.parametrize("route", ROUTES, ids=ROUTES.values())
def test_every_outcome_of_an_endpoint_has_an_event_and_an_example(route: tuple[str, str]) -> None:
    operation = OPERATIONS[route]
    examples = {
        code
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        for code in content.get("examples", {})
    }
    outcomes = {code.lower() for code in examples - set(specification.EVERYWHERE)} | {"ok"}

    assert {case for function, case in events() if function == operation["operationId"]} == outcomes
    assert operation["summary"]


def test_every_function_of_the_background_has_an_event() -> None:
    assert {function for function, _ in events()} == set(functions())
