"""GET /payments/{paymentId}: one of the user's payments, with the steps that it has taken."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http, payments
from booking.errors import PaymentNotFound

app = http.api(missing=PaymentNotFound)


@app.get(
    "/payments/<paymentId>",
    **http.operation("Read a payment", tag="payments", success=(200, "Payment"), user=True, errors=[PaymentNotFound]),
)
def get_payment(paymentId: str) -> Response[Any]:
    payment = payments.find(http.user(app), paymentId)
    return http.answer(payments.view(payment, clock.now()))


handler = http.entry(app)
