"""The drill of the runbook: a table is brought back under its own name, with everything that protects it."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tools.ost.restore import count, protect, put_in_place, restore_beside

TABLE, BESIDE = "PointsTable", "PointsTable-restored"


@pytest.fixture
def client(cloud: None) -> Any:
    client = boto3.client("dynamodb")
    client.update_continuous_backups(
        TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    client.update_table(TableName=TABLE, DeletionProtectionEnabled=True)
    for number in range(3):
        client.put_item(TableName=TABLE, Item={"userId": {"S": "fan"}, "sk": {"S": f"ENTRY#{number}"}})
    return client


def settings_of(client: Any) -> tuple[Any, ...]:
    table = client.describe_table(TableName=TABLE)["Table"]
    ttl = client.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
    backups = client.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    return (
        sorted(key["AttributeName"] for key in table["KeySchema"]),
        table["DeletionProtectionEnabled"],
        (ttl["TimeToLiveStatus"], ttl["AttributeName"]),
        backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
    )


def test_table_is_what_it_was_and_as_protected_as_it_was(client: Any) -> None:
    before = settings_of(client)
    backup = client.create_backup(TableName=TABLE, BackupName="before")["BackupDetails"]["BackupArn"]
    client.delete_item(TableName=TABLE, Key={"userId": {"S": "fan"}, "sk": {"S": "ENTRY#1"}})

    restore_beside(client, TABLE, BESIDE, backup=backup)
    assert (count(client, TABLE), count(client, BESIDE)) == (2, 3)
    put_in_place(client, TABLE, BESIDE)

    assert count(client, TABLE) == 3
    assert settings_of(client) == before
    assert BESIDE not in client.list_tables()["TableNames"]


def test_moment_is_restored_beside_the_table_which_stays_as_it_is(client: Any) -> None:
    restore_beside(client, TABLE, BESIDE)

    assert (count(client, TABLE), count(client, BESIDE)) == (3, 3)


@pytest.mark.parametrize("dies_at", ["delete_table", "restore_table_from_backup", "update_time_to_live"])
def test_run_that_died_is_finished_by_the_next(client: Any, monkeypatch: pytest.MonkeyPatch, dies_at: str) -> None:
    before = settings_of(client)
    restore_beside(client, TABLE, BESIDE)
    whole = getattr(client, dies_at)

    def dies(**parameters: Any) -> Any:
        if parameters.get("TableName", parameters.get("TargetTableName")) == TABLE:
            raise ConnectionError
        return whole(**parameters)

    with monkeypatch.context() as dying:
        dying.setattr(client, dies_at, dies)
        with pytest.raises(ConnectionError):
            put_in_place(client, TABLE, BESIDE)
    put_in_place(client, TABLE, BESIDE)

    assert (count(client, TABLE), settings_of(client)) == (3, before)


def test_restore_of_an_hour_is_waited_for(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    describe, asked = client.describe_table, iter(range(3600 // 20))

    def slowly(**parameters: Any) -> Any:
        answer = describe(**parameters)
        if "RestoreSummary" in answer["Table"] and next(asked, None) is not None:
            answer["Table"]["TableStatus"] = "CREATING"
        return answer

    monkeypatch.setattr(client, "describe_table", slowly)
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda _: None)

    restore_beside(client, TABLE, BESIDE)

    assert (count(client, BESIDE), next(asked, None)) == (3, None)


def test_run_after_one_that_did_not_wait_for_the_end_keeps_what_was_written_since(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settings_of(client)
    for _ in range(2):  # again, some day later
        restore_beside(client, TABLE, BESIDE)
        client.put_item(TableName=TABLE, Item={"userId": {"S": "fan"}, "sk": {"S": "LOST"}})
        with monkeypatch.context() as dying:
            dying.setattr("tools.ost.restore.protect", _dies_at(TABLE, protect))
            with pytest.raises(ConnectionError):
                put_in_place(client, TABLE, BESIDE)
        assert "Item" not in client.get_item(TableName=TABLE, Key={"userId": {"S": "fan"}, "sk": {"S": "LOST"}})
        client.put_item(TableName=TABLE, Item={"userId": {"S": "fan"}, "sk": {"S": "SINCE"}})

        put_in_place(client, TABLE, BESIDE)

        assert (count(client, TABLE), settings_of(client)) == (4, before)


def _dies_at(table: str, whole: Callable[..., None]) -> Callable[..., None]:
    def dies(client: Any, name: str, **parameters: Any) -> None:
        if name == table:
            raise ConnectionError
        whole(client, name, **parameters)

    return dies
