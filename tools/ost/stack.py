"""One deployed stack, local or on AWS: its outputs and clients for what is in it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from tools.ost.console import Failure
from tools.ost.paths import STATE

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

LOCAL_NAME = "ost-local"
LOCAL_REGION = "us-east-1"
EDGE_REGION = "us-east-1"
"""Where CloudFront keeps its metrics, its certificates and its firewall."""
LOCAL_KEYS = ("test", "test")
"""Access key and secret of the local cloud's root user: words that no real account knows."""
CONFIG = Config(
    connect_timeout=5, read_timeout=90, max_pool_connections=64, retries={"mode": "standard", "total_max_attempts": 3}
)

StackOption = Annotated[
    str | None, typer.Option("--stack", help="A stack deployed on AWS, by name; the local one by default.")
]
StateOption = Annotated[
    Path, typer.Option("--state", envvar="OST_STATE", help="Directory of the local stack.", show_default=".local")
]


@dataclass(frozen=True)
class Stack:
    """The outputs of a stack by their names in the template, and how to reach it.

    `endpoint` is the local cloud's address, or None on AWS. `published` is what `make run` wrote for people and
    programs (docs/operations.md, "Run it here"); empty on AWS.
    """

    name: str
    outputs: dict[str, str]
    session: boto3.Session
    endpoint: str | None = None
    published: dict[str, Any] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def find(cls, name: str | None, state: Path = STATE) -> Self:
        """Find the stack deployed under `name` on AWS, or the local one that `make run` keeps; else raise Failure."""
        if name:
            return cls._describe(name, boto3.Session(), None, {})
        written = state / "outputs.json"
        if not written.is_file():
            raise Failure("no local stack is running: start one with `make run`, or name a deployed one with --stack.")
        published = json.loads(written.read_text())
        return cls.local(published["awsEndpointUrl"], published["region"], published)

    @classmethod
    def local(cls, endpoint: str, region: str = LOCAL_REGION, published: dict[str, Any] | None = None) -> Self:
        """Describe the stack that runs in the local cloud at `endpoint`."""
        session = boto3.Session(*LOCAL_KEYS, region_name=region)
        return cls._describe(LOCAL_NAME, session, endpoint, published or {})

    @classmethod
    def _describe(cls, name: str, session: boto3.Session, endpoint: str | None, published: dict[str, Any]) -> Self:
        stack = cls(name, {}, session, endpoint, published)
        try:
            description = stack.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except EndpointConnectionError as error:
            raise Failure(f"nothing answers at {endpoint}: is `make run` still running?") from error
        except ClientError as error:
            raise Failure(f"there is no stack {name!r} here: {error}.") from error
        stack.outputs.update({o["OutputKey"]: o["OutputValue"] for o in description.get("Outputs", [])})
        return stack

    def edge(self) -> "Stack":
        """Find the stack of templates/edge.yaml that belongs to this one; raise Failure when there is none."""
        return self._describe(self.edge_name, boto3.Session(region_name=EDGE_REGION), self.endpoint, {})

    @property
    def edge_name(self) -> str:
        """Name of this stack's edge: the Region is in it, since the edges of all Regions are in one."""
        return f"{self.name}-{self.session.region_name}-edge"

    @property
    def api_url(self) -> str:
        """Base URL of the HTTP API, without a slash at its end."""
        return str(self.published.get("apiUrl") or self.outputs["ApiUrl"]).rstrip("/")

    def table(self, aggregate: str) -> str:
        """Name the table of an aggregate (`catalog`, `check_ins`, …)."""
        return self.outputs[f"{aggregate.title().replace('_', '')}TableName"]

    def client(self, service: Any) -> Any:
        """Make a client of an AWS service for this stack, with explicit timeouts (seconds); one of each is kept."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, endpoint_url=self.endpoint, config=CONFIG)
        return self._clients[service]

    def close(self) -> None:
        """Close the connections of every client."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    @property
    def cloudformation(self) -> "CloudFormationClient":
        """CloudFormation."""
        client: CloudFormationClient = self.client("cloudformation")
        return client

    @property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""
        client: DynamoDBClient = self.client("dynamodb")
        return client

    @property
    def cognito(self) -> "CognitoIdentityProviderClient":
        """Cognito."""
        client: CognitoIdentityProviderClient = self.client("cognito-idp")
        return client

    @property
    def apigateway(self) -> "ApiGatewayV2Client":
        """API Gateway's HTTP APIs."""
        client: ApiGatewayV2Client = self.client("apigatewayv2")
        return client

    @property
    def functions(self) -> "LambdaClient":
        """Lambda."""
        client: LambdaClient = self.client("lambda")
        return client
