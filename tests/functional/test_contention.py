"""Contention is repeated, with pauses and within a budget; it is never taken for a refusal, nor a refusal for it."""

from collections.abc import Callable
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from booking import dynamodb
from booking.dynamodb import Contended, TransactionRefused, put, transact

WRITES = [put("T", {"sk": "a"}, "attribute_not_exists(#sk)"), put("T", {"sk": "b"}, "attribute_not_exists(#sk)")]


class Cloud:
    """Cancels transactions with the reasons that it is told, then lets one through; its clock moves by sleeping."""

    def __init__(self, *cancellations: list[str]) -> None:
        self.left, self.asked, self.now = list(cancellations), 0, 0.0
        self.pauses: list[float] = []

    def transact_write_items(self, **_: Any) -> None:
        self.asked += 1
        if self.left:
            reasons = [{"Code": code} for code in self.left.pop(0)]
            error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def cloud_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cloud]:
    def make(*cancellations: list[str]) -> Cloud:
        cloud = Cloud(*cancellations)
        monkeypatch.setattr(dynamodb, "client", lambda: cloud)
        monkeypatch.setattr(dynamodb, "time", cloud)
        monkeypatch.setattr(dynamodb, "random", SimpleNamespace(uniform=lambda low, high: high))
        return cloud

    return make


@pytest.mark.parametrize(
    "reasons",
    [
        ["TransactionConflict", "None"],
        ["None", "TransactionConflict"],
        ["TransactionConflict", "TransactionConflict"],
        ["ThrottlingError", "None"],
        ["ProvisionedThroughputExceeded", "TransactionConflict"],
    ],
)
def test_pure_contention_is_repeated(cloud_of: Callable[..., Cloud], reasons: list[str]) -> None:
    cloud = cloud_of(reasons, reasons)

    transact(*WRITES)

    assert cloud.asked == 3
    assert len(cloud.pauses) == 2


@pytest.mark.parametrize(
    "reasons", [["ValidationError", "None"], ["TransactionConflict", "ItemCollectionSizeLimitExceeded"]]
)
def test_what_can_never_succeed_is_not_repeated(cloud_of: Callable[..., Cloud], reasons: list[str]) -> None:
    cloud = cloud_of(reasons)

    with pytest.raises(ClientError):
        transact(*WRITES)
    assert cloud.asked == 1


@pytest.mark.parametrize("other", ["None", "TransactionConflict"])
def test_a_refusal_is_not_repeated_and_tells_whether_others_were_in_the_way(
    cloud_of: Callable[..., Cloud], other: str
) -> None:
    cloud = cloud_of(["ConditionalCheckFailed", other])

    with pytest.raises(TransactionRefused) as refused:
        transact(*WRITES)
    assert (set(refused.value.refusals), refused.value.contended) == ({0}, other != "None")
    assert cloud.asked == 1


def test_contention_for_good_ends_with_the_budget(cloud_of: Callable[..., Cloud]) -> None:
    cloud = cloud_of(*[["TransactionConflict", "None"]] * 1000)

    with pytest.raises(Contended):
        transact(*WRITES)
    assert dynamodb.CONTENTION_BUDGET_SECONDS - 0.3 <= cloud.now <= dynamodb.CONTENTION_BUDGET_SECONDS


def test_without_a_budget_contention_is_told_at_once(cloud_of: Callable[..., Cloud]) -> None:
    cloud = cloud_of(["TransactionConflict", "None"])

    with pytest.raises(Contended):
        transact(*WRITES, budget=0)
    assert (cloud.asked, cloud.pauses) == (1, [])


def test_pauses_double_up_to_their_longest(cloud_of: Callable[..., Cloud]) -> None:
    cloud = cloud_of()

    list(islice(dynamodb.attempts(), 9))
    assert cloud.pauses == [0.02, 0.04, 0.08, 0.16, 0.3, 0.3, 0.3, 0.3]

    cloud.pauses.clear()
    list(islice(dynamodb.attempts(longest=0.05), 5))
    assert cloud.pauses == [0.02, 0.04, 0.05, 0.05]
