"""POST /payments: pay for held seats."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, payments, requests
from booking.errors import (
    AlreadyPaid,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    InsufficientPoints,
    PaymentInProgress,
    PerformanceCancelled,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotHeld,
    ValidationFailed,
)
from booking.observability import bind, count

app = http.api()


@app.post(
    "/payments",
    **http.operation(
        "Pay for a reservation",
        tag="payments",
        success=(201, "Payment"),
        again=202,
        body="PayReservation",
        user=True,
        key=True,
        errors=[
            ValidationFailed,
            IdempotencyKeyRequired,
            InsufficientPoints,
            ReservationNotFound,
            AlreadyPaid,
            PaymentInProgress,
            ReservationNotHeld,
            PerformanceCancelled,
            ReservationExpired,
            IdempotencyKeyReused,
        ],
    ),
)
def start_payment() -> Response[Any]:
    now = clock.now()
    user_id = http.user(app)
    key = http.idempotency_key(app)
    request = requests.read(requests.PayReservation, http.body(app))
    bind(reservationId=request["reservationId"])
    started = payments.start(user_id, request["reservationId"], key, now)
    payment = payments.watch(started.payment)
    bind(paymentId=payment["paymentId"])
    if payments.is_open(payment):
        count("PaymentAnsweredOpen")
    headers = http.replayed(started.replayed) | {"location": f"/payments/{payment['paymentId']}"}
    now = clock.now()
    if payment["status"] == "FAILED":
        if started.replayed:
            count("PaymentFailureReplayed")
        return http.problem(payments.refusal(payment, now), **headers)
    if payments.is_open(payment):
        return http.answer(payments.view(payment, now), 202, retry_after="1", **headers)
    return http.answer(payments.view(payment, now), 201, **headers)


handler = http.entry(app)
