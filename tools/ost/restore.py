"""`./ost restore TABLE`: bring a table back to a moment, under the name that the stack knows it by.

DynamoDB restores into a *new* table, without the old one's TTL, recovery and protection. So the moment is restored
beside the table first, and looked at; only then is the table replaced by it. While that lasts, what needs the table
answers 503: close the sale before (`./ost queue CONCERT --capacity 0`).
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tools.ost.console import Failure, out, step
from tools.ost.paths import STATE
from tools.ost.stack import Stack, StackOption, StateOption

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TimeToLiveSpecificationTypeDef, WaiterConfigTypeDef

PATIENCE: "WaiterConfigTypeDef" = {"Delay": 20, "MaxAttempts": 540}
"""How long a restore is waited for: an hour is usual, three are not."""
TABLES = ("catalog", "seats", "reservations", "points", "queue", "payments", "check_ins", "log")


def restore(
    table: Annotated[str, typer.Argument(help=f"One of {', '.join(TABLES)}.")],
    at: Annotated[datetime | None, typer.Option(help="The moment, in UTC; the latest possible by default.")] = None,
    backup: Annotated[str | None, typer.Option(help="ARN of a backup, instead of a moment.")] = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the table's place; else only beside it.")
    ] = False,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Restore a table beside itself; with --replace, put what was restored in its place. Safe to repeat."""
    if table not in TABLES:
        raise Failure(f"there is no table {table!r}; there are {', '.join(TABLES)}.")
    found = Stack.find(stack, state)
    name, beside = found.table(table), f"{found.table(table)}-restored"
    client = found.dynamodb
    if not _exists(client, beside):
        with step(f"Restoring into {beside}", f"Restored into {beside}"):
            restore_beside(client, name, beside, at, backup)
    for each in (name, beside):
        out.print(f"{each}: {count(client, each) if _exists(client, each) else 'none, no'} items", highlight=False)
    if not replace:
        out.print(f"Look at {beside}; then run this again with --replace, or delete it.", highlight=False)
        return
    with step(f"Putting it in the place of {name}", f"{name} is what was restored"):
        put_in_place(client, name, beside)
    out.print("Look for what does not fit together any more: ./ost audit", highlight=False)


def restore_beside(
    client: "DynamoDBClient", name: str, beside: str, at: datetime | None = None, backup: str | None = None
) -> None:
    """Restore a backup, or a moment, into a table of another name."""
    if backup:
        client.restore_table_from_backup(TargetTableName=beside, BackupArn=backup)
    else:
        moment: dict[str, Any] = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
        client.restore_table_to_point_in_time(SourceTableName=name, TargetTableName=beside, **moment)
    client.get_waiter("table_exists").wait(TableName=beside, WaiterConfig=PATIENCE)


def put_in_place(client: "DynamoDBClient", name: str, beside: str) -> None:
    """Make the table `name` what `beside` is, as protected as `name` was. A run that died is finished by the next.

    Once `name` is there again, a next run keeps what was written into it.
    """
    if not _is_in_place(client, name, beside):
        if _exists(client, name):
            protect(client, beside, like=name)  # so that a next run knows how
        saved = client.create_backup(TableName=beside, BackupName="in-place")["BackupDetails"]["BackupArn"]
        if _exists(client, name):
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
            client.delete_table(TableName=name)
            client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=PATIENCE)
        client.restore_table_from_backup(TargetTableName=name, BackupArn=saved)
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=PATIENCE)
    protect(client, name, like=beside)
    client.update_table(TableName=beside, DeletionProtectionEnabled=False)
    client.delete_table(TableName=beside)


def _is_in_place(client: "DynamoDBClient", name: str, beside: str) -> bool:
    """Tell whether `name` was restored, or is being restored, from this very `beside`: one of that name was there at
    every restore before."""
    if not _exists(client, name):
        return False
    source = client.describe_table(TableName=beside)["Table"]
    restored = client.describe_table(TableName=name)["Table"].get("RestoreSummary")
    return (
        restored is not None
        and restored.get("SourceTableArn") == source["TableArn"]
        and restored["RestoreDateTime"] >= source["CreationDateTime"]
    )


def protect(client: "DynamoDBClient", name: str, *, like: str) -> None:
    """Switch on what another table has: TTL, recovery to a moment, protection against deletion. Takes nothing away."""
    ttl = client.describe_time_to_live(TableName=like)["TimeToLiveDescription"]
    backups = client.describe_continuous_backups(TableName=like)["ContinuousBackupsDescription"]
    protected = client.describe_table(TableName=like)["Table"].get("DeletionProtectionEnabled", False)
    if ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        own = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
        if own == "DISABLED":
            specification: TimeToLiveSpecificationTypeDef = {"AttributeName": ttl["AttributeName"], "Enabled": True}
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED":
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    if protected:
        client.update_table(TableName=name, DeletionProtectionEnabled=True)


def count(client: "DynamoDBClient", name: str) -> int:
    """Count a table's items, page by page; while it is being restored, wait until it is there."""
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=PATIENCE)
    pages = client.get_paginator("scan").paginate(TableName=name, Select="COUNT", ConsistentRead=True)
    return sum(page["Count"] for page in pages)


def _exists(client: "DynamoDBClient", name: str) -> bool:
    """Tell whether a table is there; while it is going, wait until it is gone."""
    try:
        going = client.describe_table(TableName=name)["Table"]["TableStatus"] == "DELETING"
    except client.exceptions.ResourceNotFoundException:
        return False
    if going:
        client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=PATIENCE)
    return not going
