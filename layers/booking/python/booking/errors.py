"""Everything that a request can be refused for: one class for each code of the HTTP contract.

    BookingError
    ├── ValidationFailed            400
    ├── IdempotencyKeyRequired      400
    ├── QueueTokenRequired          401
    ├── QueueTokenInvalid           401   bad signature, other concert, other user
    ├── QueueTokenExpired           401   lapsed, or ended by paying or leaving
    ├── InsufficientPoints          402
    ├── QueueTokenNotActive         403
    ├── Forbidden                   403   for organisers, for staff, or for a machine only
    ├── ConcertNotFound             404
    ├── PerformanceNotFound         404
    ├── NoPerformances              404
    ├── ReservationNotFound         404   another user's looks the same
    ├── PaymentNotFound             404   another user's looks the same
    ├── SalesNotOpen                409
    ├── SalesClosed                 409
    ├── SoldOut                     409
    ├── SeatTaken                   409
    ├── SeatLimitExceeded           409
    ├── HeldTooLong                 409
    ├── NotEnoughSeats              409
    ├── LeavesSingleSeat            409
    ├── AlreadyPaid                 409
    ├── PaymentInProgress           409
    ├── ReservationNotHeld          409
    ├── BalanceLimitExceeded        409
    ├── QuoteChanged                409
    ├── NotCancellable              409
    ├── PerformanceCancelled        409
    ├── SurveyChanged               409
    ├── CatalogRefused              409
    ├── ReservationExpired          410
    ├── IdempotencyKeyReused        422
    ├── RateLimited                 429
    ├── InternalError               500   a fault of ours, never a lost race
    └── TemporarilyUnavailable      503   contention, throttling or a lost answer, after retries

A class carries what never changes (code, status, title, whether the same request can succeed later); an
instance carries the sentence for the person at the screen and the members that go beside it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class BookingError(Exception):
    """A refusal. `detail` is shown to the user, so it names no table, no trace and no other user's id."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    sentence: ClassVar[str]
    retryable: ClassVar[bool] = False
    """Whether the very same request can succeed later without anything being changed in it."""

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None, **members: Any) -> None:
        self.detail = detail or self.sentence
        self.retry_after = retry_after
        self.members: Mapping[str, Any] = members
        super().__init__(self.detail)

    def problem(self) -> dict[str, Any]:
        """Return the body of the answer, as RFC 9457 has it."""
        return {
            **self.members,
            "type": f"urn:ost:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "retryable": self.members.get("retryable", self.retryable),
        }


class ValidationFailed(BookingError):
    """The request is malformed. Members: `errors`, a list of `{field, message}`."""

    code, status, title = "VALIDATION_FAILED", 400, "The request is not valid"
    sentence = "Something in the request is not valid; `errors` says what."


class IdempotencyKeyRequired(BookingError):
    """The header `Idempotency-Key` is missing."""

    code, status, title = "IDEMPOTENCY_KEY_REQUIRED", 400, "An idempotency key is required"
    sentence = "Send an Idempotency-Key header of 1 to 255 printable ASCII characters, the same on each retry."


class QueueTokenRequired(BookingError):
    """The header `X-Queue-Token` is missing."""

    code, status, title = "QUEUE_TOKEN_REQUIRED", 401, "A queue token is required"
    sentence = "Join the queue of this concert first, then send its token."


class QueueTokenInvalid(BookingError):
    """The queue token is not one of ours, or is for another concert or user."""

    code, status, title = "QUEUE_TOKEN_INVALID", 401, "The queue token is not valid"
    sentence = "This queue token is not valid here. Join the queue of this concert."


class QueueTokenExpired(BookingError):
    """The place in the queue is gone: lapsed, or ended by paying or leaving."""

    code, status, title = "QUEUE_TOKEN_EXPIRED", 401, "The place in the queue has ended"
    sentence = "Your place in the queue has ended. Join the queue again."


class InsufficientPoints(BookingError):
    """Fewer points than needed. Members: `required`, `balance`."""

    code, status, title = "INSUFFICIENT_POINTS", 402, "Not enough points"
    sentence = "You do not have enough points. Charge points and try again."


class QueueTokenNotActive(BookingError):
    """Not this fan's turn yet. Members: the queue view's numbers, with its status as `queueStatus`, `serverTime`."""

    code, status, title, retryable = "QUEUE_TOKEN_NOT_ACTIVE", 403, "It is not your turn yet", True
    sentence = "It is not your turn yet. Keep your place by polling the queue."


class Forbidden(BookingError):
    """Not for this user: organisers', staff's or a machine's."""

    code, status, title = "FORBIDDEN", 403, "This is not for you"
    sentence = "You are not allowed to do this. Ask the organiser, or sign in as somebody who is."


class ConcertNotFound(BookingError):
    """No such concert."""

    code, status, title = "CONCERT_NOT_FOUND", 404, "No such concert"
    sentence = "There is no such concert."


class PerformanceNotFound(BookingError):
    """No such performance."""

    code, status, title = "PERFORMANCE_NOT_FOUND", 404, "No such performance"
    sentence = "There is no such performance."


class NoPerformances(BookingError):
    """The concert has no dates yet."""

    code, status, title = "NO_PERFORMANCES", 404, "No dates yet"
    sentence = "No dates have been announced for this concert yet."


class ReservationNotFound(BookingError):
    """No such reservation of this user."""

    code, status, title = "RESERVATION_NOT_FOUND", 404, "No such reservation"
    sentence = "You have no such reservation."


class PaymentNotFound(BookingError):
    """No such payment of this user."""

    code, status, title = "PAYMENT_NOT_FOUND", 404, "No such payment"
    sentence = "You have no such payment."


class SalesNotOpen(BookingError):
    """Sales open later. Members: `opensAt`, `serverTime`."""

    code, status, title, retryable = "SALES_NOT_OPEN", 409, "Sales are not open yet", True
    sentence = "Sales for this concert are not open yet."


class SalesClosed(BookingError):
    """Sales are over, or the performance has begun."""

    code, status, title = "SALES_CLOSED", 409, "Sales are closed"
    sentence = "Sales are closed."


class SoldOut(BookingError):
    """Every seat of the concert is sold."""

    code, status, title = "SOLD_OUT", 409, "Sold out"
    sentence = (
        "Every seat of this concert is sold, so its queue has ended. Should a seat come back, you can join again."
    )


class SeatTaken(BookingError):
    """At least one of the seats is somebody's. Members: `seats`, a list of `{seatNumber, status, heldUntil?}`, and
    `serverTime`."""

    code, status, title = "SEAT_TAKEN", 409, "The seat is taken"
    sentence = "Somebody was faster. Please pick another seat."


class SeatLimitExceeded(BookingError):
    """Too many seats of one performance for one user. Members: `limit`."""

    code, status, title = "SEAT_LIMIT_EXCEEDED", 409, "Too many seats"
    sentence = "You cannot have more seats of this performance."


class NotEnoughSeats(BookingError):
    """Fewer seats are free than were asked for. Members: `available`, and how many of them side by side, `together`."""

    code, status, title = "NOT_ENOUGH_SEATS", 409, "Not enough seats"
    sentence = "There are not as many free seats of this kind. Try fewer, another grade or another section."


class LeavesSingleSeat(BookingError):
    """The choice leaves a seat alone. Members: `seatNumbers` left alone, and seats that would leave none, `instead`."""

    code, status, title = "LEAVES_SINGLE_SEAT", 409, "A seat would be left alone"
    sentence = "Your choice would leave a single seat between others. Please move one seat along."


class HeldTooLong(BookingError):
    """Seats were held again and again without paying, up to the absolute end. Members: `holdAgainAt`, `serverTime`."""

    code, status, title, retryable = "HELD_TOO_LONG", 409, "A pause before holding seats again", True
    sentence = "You have held seats of this performance for as long as one may without paying. Try again after a pause."


class AlreadyPaid(BookingError):
    """The reservation is paid for. Members: `paymentId`."""

    code, status, title = "ALREADY_PAID", 409, "Already paid"
    sentence = "This reservation is paid for already."


class PaymentInProgress(BookingError):
    """Another payment of this reservation is running. Members: `paymentId`."""

    code, status, title, retryable = "PAYMENT_IN_PROGRESS", 409, "A payment is in progress", True
    sentence = "A payment of this reservation is in progress. Wait for its result."


class ReservationNotHeld(BookingError):
    """The reservation is no hold any more. Members: `paymentId` where it was paid."""

    code, status, title = "RESERVATION_NOT_HELD", 409, "The seats are not held"
    sentence = "This reservation is not held any more."


class BalanceLimitExceeded(BookingError):
    """The balance would pass its limit. Members: `limit`."""

    code, status, title = "BALANCE_LIMIT_EXCEEDED", 409, "The balance would be too high"
    sentence = "Your balance cannot be that high. Charge fewer points."


class QuoteChanged(BookingError):
    """Cancelling gives another sum than the one agreed to. Members: the quote as it is now."""

    code, status, title = "QUOTE_CHANGED", 409, "The sum has changed"
    sentence = "Cancelling gives another sum now. Look at it and agree again."


class NotCancellable(BookingError):
    """The seats cannot be cancelled. Members: `reason`: NOT_PAID, STARTED, CANCELLED, CHECKED_IN or POLICY."""

    code, status, title = "NOT_CANCELLABLE", 409, "The seats cannot be cancelled"
    sentence = "These seats cannot be cancelled."


class PerformanceCancelled(BookingError):
    """The organiser has called the date off; what was paid comes back by itself."""

    code, status, title = "PERFORMANCE_CANCELLED", 409, "The date was called off"
    sentence = "This date was called off. Whoever has paid gets all points back."


class SurveyChanged(BookingError):
    """The bookings of a date are others than the organiser has seen. Members: the survey as it is now, its code as
    `surveyCode`."""

    code, status, title = "SURVEY_CHANGED", 409, "The bookings have changed"
    sentence = "There are other bookings now than the code stands for. Look again, best with the date off sale."


class CatalogRefused(BookingError):
    """A catalog has mistakes, or would break what fans hold, own or were told. Members: `changes`, and `mistakes`, a
    list of `{line, path, message}`."""

    code, status, title = "CATALOG_REFUSED", 409, "The catalog cannot be published"
    sentence = "This would break what fans hold, own or have been told; nothing was published."


class ReservationExpired(BookingError):
    """The hold's time is over."""

    code, status, title = "RESERVATION_EXPIRED", 410, "The hold has ended"
    sentence = "The time to pay for these seats is over. Reserve again if they are still free."


class IdempotencyKeyReused(BookingError):
    """The key was used with another request."""

    code, status, title = "IDEMPOTENCY_KEY_REUSED", 422, "The idempotency key was used before"
    sentence = "This Idempotency-Key was used with another request. Use a new key for a new request."


class RateLimited(BookingError):
    """More requests than can be taken in order right now."""

    code, status, title, retryable = "RATE_LIMITED", 429, "Too many requests", True
    sentence = "Very many fans are joining at this moment. Try again in a few seconds."


class InternalError(BookingError):
    """A fault of ours."""

    code, status, title, retryable = "INTERNAL_ERROR", 500, "Something went wrong", True
    sentence = "Something went wrong on our side. Try again; a retry with the same key has no second effect."


class TemporarilyUnavailable(BookingError):
    """Contention, throttling or a lost answer that retries did not overcome. Safe to repeat."""

    code, status, title, retryable = "TEMPORARILY_UNAVAILABLE", 503, "Busy at the moment", True
    sentence = "The service is busy at this moment. Try again in a few seconds."

    def __init__(self, detail: str | None = None, *, retry_after: int | None = 1, **members: Any) -> None:
        super().__init__(detail, retry_after=retry_after, **members)


CATALOGUE: Mapping[str, type[BookingError]] = {error.code: error for error in BookingError.__subclasses__()}
"""Every refusal by its code."""
