"""POST /reservations: hold seats for the fan whose turn it is."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http, requests, reservations
from booking.errors import (
    HeldTooLong,
    PerformanceNotFound,
    QueueTokenExpired,
    QueueTokenInvalid,
    QueueTokenNotActive,
    QueueTokenRequired,
    SalesClosed,
    SalesNotOpen,
    SeatLimitExceeded,
    SeatTaken,
    ValidationFailed,
)
from booking.observability import bind, count
from booking.queue import token

app = http.api()


@app.post(
    "/reservations",
    **http.operation(
        "Hold seats",
        tag="reservations",
        success=(201, "Reservation"),
        body="ReserveSeats",
        user=True,
        queue_token=True,
        errors=[
            ValidationFailed,
            QueueTokenRequired,
            QueueTokenInvalid,
            QueueTokenExpired,
            QueueTokenNotActive,
            PerformanceNotFound,
            SalesNotOpen,
            SalesClosed,
            SeatTaken,
            SeatLimitExceeded,
            HeldTooLong,
        ],
    ),
)
def reserve_seats() -> Response[Any]:
    now = clock.now()
    user_id = http.user(app)
    request = requests.read(requests.ReserveSeats, http.body(app))
    bind(performanceId=request["performanceId"])
    performance = catalog.find_performance(request["performanceId"], now)
    sent = http.header(app, "x-queue-token")
    turn = token.verify(sent, user_id=user_id, at=now, concert_id=performance["pk"])
    catalog.ensure_on_sale(catalog.find_concert(performance["pk"], now), now, performance)
    held = reservations.reserve(performance, request["seatNumbers"], turn, now)
    bind(reservationId=held["reservationId"])
    count("SeatsHeld", len(held["seatNumbers"]))
    return http.answer(reservations.view(held, now), 201, location=f"/reservations/{held['reservationId']}")


handler = http.entry(app)
