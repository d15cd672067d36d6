"""POST /reservations: hold seats for the fan whose turn it is, picked ones or the best that are free."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import catalog, clock, http, requests, reservations
from booking.errors import (
    HeldTooLong,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    LeavesSingleSeat,
    NotEnoughSeats,
    PerformanceCancelled,
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
from booking.halls import Wish
from booking.observability import bind, count
from booking.queue import token
from booking.reservations import Reservation

app = http.api()


@app.post(
    "/reservations",
    **http.operation(
        "Hold seats, picked ones or the best that are free",
        tag="reservations",
        success=(201, "Reservation"),
        body="ReserveSeats",
        user=True,
        queue_token=True,
        key="Needed with `quantity`: the same on each retry of one request, which then holds one block of seats.",
        errors=[
            ValidationFailed,
            IdempotencyKeyRequired,
            QueueTokenRequired,
            QueueTokenInvalid,
            QueueTokenExpired,
            QueueTokenNotActive,
            PerformanceNotFound,
            SalesNotOpen,
            SalesClosed,
            PerformanceCancelled,
            SeatTaken,
            SeatLimitExceeded,
            HeldTooLong,
            NotEnoughSeats,
            LeavesSingleSeat,
            IdempotencyKeyReused,
        ],
    ),
)
def reserve_seats() -> Response[Any]:
    now = clock.now()
    user_id = http.user(app)
    request = requests.read(requests.ReserveSeats, http.body(app))
    bind(performanceId=request["performanceId"])
    performance = catalog.find_performance(request["performanceId"], now)
    key, wish = None, None
    if request["quantity"] is not None:
        key = http.idempotency_key(app)
        wish = Wish(request["quantity"], request["gradeId"], request["sectionId"], request["accessible"])
        if (held := reservations.find_by_key(user_id, key, request["performanceId"], wish, now)) is not None:
            return _answer(held, now, replayed=True)
    sent = http.header(app, "x-queue-token")
    turn = token.verify(sent, user_id=user_id, at=now, concert_id=performance["pk"])
    concert, name = catalog.find_concert(performance["pk"], now), http.user_name(app)
    catalog.ensure_on_sale(concert, now, performance)
    if key is not None and wish is not None:
        held, replayed = reservations.reserve_best(performance, concert, wish, key, turn, now, booked_by=name)
        return _answer(held, now, replayed=replayed)
    picked, accessible = request["seatNumbers"] or [], request["accessible"]
    held = reservations.reserve(performance, picked, turn, now, accessible=accessible, booked_by=name)
    return _answer(held, now)


def _answer(held: Reservation, at: int, *, replayed: bool = False) -> Response[Any]:
    bind(reservationId=held["reservationId"])
    count("SeatsHeld", 0 if replayed else len(held["seatNumbers"]))
    location = f"/reservations/{held['reservationId']}"
    return http.answer(reservations.view(held, at), 201, location=location, **http.replayed(replayed))


handler = http.entry(app)
