"""The bodies of requests. Integers are strict: `true`, `"7"`, `7.0` and `7.5` are not integers."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints, field_validator

MAX_AMOUNT = 1_000_000
MAX_SEATS = 4


class ReserveSeats(BaseModel):
    """Which seats of which performance to hold."""

    performanceId: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100)]
    seatNumbers: Annotated[list[Annotated[int, Field(strict=True, ge=1)]], Field(min_length=1, max_length=MAX_SEATS)]

    @field_validator("seatNumbers")
    @classmethod
    def distinct(cls, numbers: list[int]) -> list[int]:
        """Refuse the same seat twice."""
        if len(set(numbers)) != len(numbers):
            raise ValueError("must be distinct")
        return numbers


class ChargePoints(BaseModel):
    """How many points to add."""

    amount: Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT)]


class UsePoints(ChargePoints):
    """How many points to take, and what for."""

    reason: Annotated[str, StringConstraints(strict=True, max_length=200)] | None = None


class PayReservation(BaseModel):
    """Which reservation to pay for. The price is the server's."""

    reservationId: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64)]
