"""`./ost ready`: is a deployed stack ready for its sale? Looks at account and stack, changes nothing."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Annotated

import httpx
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from booking.dynamodb import decode
from tools.ost.build import Architecture
from tools.ost.console import Failure, out
from tools.ost.deploy import MACHINES
from tools.ost.hosting import configuration
from tools.ost.quotas import needs
from tools.ost.stack import Stack, StackOption

WARM = ("issue-queue-token", "poll-queue-token", "reserve-seats", "start-payment")
RESERVED = ("payment-steps", "settle-payment", "advance-queue")
TABLES = ("Catalog", "Seats", "Reservations", "Points", "Queue", "Payments", "CheckIns", "Log")
CLOCK_SECONDS = 2


@dataclass(frozen=True)
class Line:
    """One line of the answer."""

    ready: bool
    what: str


type Check = Callable[[Stack, int], Iterator[Line]]


def ready(
    fans: Annotated[int, typer.Option(help="Fans who are expected for the opening.", min=1)],
    stack: StackOption = None,
) -> None:
    """Say line by line what is ready for a sale of so many fans and what is not; exit 1 if anything is not."""
    if stack is None:
        raise Failure("name the deployed stack with --stack; a local one has no account to look at.")
    found, lines = Stack.find(stack), []
    for line in look(found, fans):
        out.print(f"{'[green]✓[/]' if line.ready else '[bold red]✗[/]'} {escape(line.what)}", highlight=False)
        lines.append(line)
    missing = sum(not line.ready for line in lines)
    out.print(f"[bold]{len(lines) - missing} of {len(lines)} ready[/] for {fans:,} fans", highlight=False)
    if missing:
        raise typer.Exit(1)


def look(stack: Stack, fans: int, checks: tuple[Check, ...] | None = None) -> Iterator[Line]:
    """Run every check; one that cannot look is not ready, and says why."""
    for check in checks or CHECKS:
        try:
            yield from check(stack, fans)
        except (ClientError, BotoCoreError, httpx.HTTPError, Failure, KeyError) as error:
            yield Line(False, f"{check.__name__.strip('_').replace('_', ' ')}: cannot be read: {error}")


def _quotas(stack: Stack, fans: int) -> Iterator[Line]:
    client = stack.client("service-quotas")
    for need in needs(fans):
        pages = client.get_paginator("list_service_quotas").paginate(ServiceCode=need.service)
        named = [q for page in pages for q in page["Quotas"] if need.quota.lower() in q["QuotaName"].lower()]
        if not named:
            yield Line(False, f"{need.what}: no quota is named “{need.quota}”; needed: {need.needed:,}")
            continue
        has = min(q["Value"] for q in named)
        yield Line(has >= need.needed, f"{need.what}: {has:,.0f}, needed: {need.needed:,} = {need.how}")


def _warm_throughput(stack: Stack, fans: int) -> Iterator[Line]:
    [needed] = [need.needed for need in needs(fans) if need.service == "dynamodb"]
    described = stack.dynamodb.describe_table(TableName=stack.table("queue"))["Table"]
    has = described.get("WarmThroughput", {}).get("WriteUnitsPerSecond", 0)
    yield Line(has >= needed, f"warm throughput of the queue's table: {has:,} write units a second, needed: {needed:,}")


def _executions(stack: Stack, _: int) -> Iterator[Line]:
    functions = stack.functions
    for function in RESERVED:
        reserved = functions.get_function_concurrency(FunctionName=f"{stack.name}-{function}")
        kept = reserved.get("ReservedConcurrentExecutions", 0)
        yield Line(kept > 0, f"{function}: {kept} executions kept free")
    for function in WARM:
        try:
            warm = functions.get_provisioned_concurrency_config(
                FunctionName=f"{stack.name}-{function}", Qualifier="live"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ProvisionedConcurrencyConfigNotFoundException":
                raise
            yield Line(False, f"{function}: no executions kept warm (ProvisionedConcurrency)")
            continue
        yield Line(warm["Status"] == "READY", f"{function}: {warm['AvailableProvisionedConcurrentExecutions']} warm")


def _layers(stack: Stack, _: int) -> Iterator[Line]:
    functions = stack.functions
    configuration = functions.get_function_configuration(FunctionName=f"{stack.name}-poll-queue-token")
    architecture = Architecture(configuration["Architectures"][0])
    for layer in configuration.get("Layers", []):
        content = functions.get_layer_version_by_arn(Arn=layer["Arn"])["Content"]["Location"]
        wrong = _modules_for_another(httpx.get(content, timeout=60).content, architecture)
        name = layer["Arn"].split(":")[6]
        yield Line(
            not wrong, f"layer {name}: " + (f"{wrong[0]} is not for {architecture}" if wrong else str(architecture))
        )


def _modules_for_another(layer: bytes, architecture: Architecture) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(layer)) as files:
        heads = {name: files.open(name).read(20) for name in files.namelist() if ".so" in name}
    machine = MACHINES[architecture].to_bytes(2, "little")
    return [name for name, head in heads.items() if head[:4] == b"\x7fELF" and head[18:20] != machine]


def _data(stack: Stack, _: int) -> Iterator[Line]:
    for table in TABLES:
        name = stack.outputs[f"{table}TableName"]
        guarded = stack.dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled", False)
        backups = stack.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recoverable = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED"
        yield Line(guarded and recoverable, f"table {table}: guarded: {guarded}, recoverable: {recoverable}")


def _alarms(stack: Stack, _: int) -> Iterator[Line]:
    alarms = [
        alarm
        for page in stack.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"{stack.name}-")
        for alarm in page["MetricAlarms"]
    ]
    ringing = [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]
    topics = {action for alarm in alarms for action in alarm["AlarmActions"]}
    mute = sum(not alarm["AlarmActions"] for alarm in alarms)
    yield Line(bool(alarms) and not mute, f"{len(alarms)} alarms, {mute} of them tell nobody")
    yield Line(not ringing, "no alarm rings" if not ringing else f"ringing: {', '.join(ringing)}")
    for topic in sorted(topics):
        subscriptions = stack.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        confirmed = [each for each in subscriptions if each["SubscriptionArn"].startswith("arn:")]
        yield Line(bool(confirmed), f"topic {topic.split(':')[-1]}: {len(confirmed)} confirmed subscriptions")


def _schedules(stack: Stack, _: int) -> Iterator[Line]:
    for name in (f"{stack.name}-advance-queue", f"{stack.name}-settle-payment"):
        state = stack.client("scheduler").get_schedule(Name=name)["State"]
        yield Line(state == "ENABLED", f"schedule {name}: {state.lower()}")
    for output in ("AdvanceQueueFailuresUrl", "SettlePaymentFailuresUrl"):
        attributes = ["ApproximateNumberOfMessages"]
        answer = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[output], AttributeNames=attributes)
        lost = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        yield Line(lost == 0, f"{output.removesuffix('Url')}: {lost} messages")


def _keys(stack: Stack, _: int) -> Iterator[Line]:
    for output in ("QueueKeySecretArn", "OriginSecretArn"):
        described = stack.client("secretsmanager").describe_secret(SecretId=stack.outputs[output])
        stages = {stage for version in described.get("VersionIdsToStages", {}).values() for stage in version}
        yield Line(
            "AWSCURRENT" in stages and "DeletedDate" not in described, f"{output.removesuffix('Arn')} has a value"
        )


def _codes(stack: Stack, _: int) -> Iterator[Line]:
    pool = stack.cognito.describe_user_pool(UserPoolId=stack.outputs["UserPoolId"])["UserPool"]
    sender = pool.get("EmailConfiguration", {}).get("EmailSendingAccount", "COGNITO_DEFAULT")
    if stack.outputs["SignUp"] == "email":
        yield Line(
            sender == "DEVELOPER", f"codes are sent by {sender}; Cognito itself sends fifty a day (EmailSourceArn)"
        )


def _page(stack: Stack, _: int) -> Iterator[Line]:
    edge = stack.edge()
    status = edge.client("cloudfront").get_distribution(Id=edge.outputs["DistributionId"])["Distribution"]["Status"]
    yield Line(status == "Deployed", f"distribution: {status}")
    served = httpx.get(f"{edge.outputs['WebUrl']}/config.json", timeout=10)
    told = served.json() if served.status_code == 200 else {}
    yield Line(told == configuration(stack), "the page is told this stack's own configuration")
    index = httpx.get(edge.outputs["WebUrl"], timeout=10).text
    yield Line('src="release/' in index, "the page names its files by their content")
    around = httpx.get(f"{stack.api_url}/concerts", timeout=10)
    yield Line(
        around.status_code == 403, f"the API answers {around.status_code} to who walks around the edge, wanted: 403"
    )
    through = httpx.get(f"{edge.outputs['WebUrl']}/api/concerts", timeout=10)
    yield Line(through.status_code == 200, f"the API answers {through.status_code} through the edge")


def _catalog(stack: Stack, _: int) -> Iterator[Line]:
    now = int(time.time())
    answer = stack.dynamodb.query(
        TableName=stack.table("catalog"),
        KeyConditionExpression="pk = :concerts",
        ExpressionAttributeValues={":concerts": {"S": "CONCERT"}},
    )
    concerts = [decode(item) or {} for item in answer["Items"]]
    yield Line(bool(concerts), f"{len(concerts)} concerts are published")
    for concert in concerts:
        opens, closes = int(concert["salesOpenAt"]), int(concert["salesCloseAt"])
        when = f"opens in {opens - now:,} s" if opens > now else f"open for {closes - now:,} s more"
        yield Line(closes > now, f"{concert['sk']}: {when if closes > now else 'closed'}")


def _clock(stack: Stack, _: int) -> Iterator[Line]:
    answer = httpx.get(f"{stack.api_url}/concerts", timeout=10)
    off = abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time())
    yield Line(
        off <= CLOCK_SECONDS, f"this machine's clock is {off:.0f} s off AWS's: what it says of the opening is right"
    )


CHECKS: tuple[Check, ...] = (
    _quotas,
    _warm_throughput,
    _executions,
    _layers,
    _data,
    _alarms,
    _schedules,
    _keys,
    _codes,
    _page,
    _catalog,
    _clock,
)
