"""`./ost deploy` ships what is built for the functions' processor, and an edge's secret can change while fans call."""

import functools
import hashlib
import json
import tomllib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from lab.in_process import template
from tools.ost.build import Architecture
from tools.ost.console import Failure
from tools.ost.deploy import MACHINES, check_architecture, deploy, digests
from tools.ost.paths import ROOT
from tools.ost.run import parse_parameters
from tools.ost.stack import Stack

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))


def compiled(directory: Path, architecture: Architecture) -> None:
    """Put a module there as a compiler for that processor would head it."""
    module = directory / "DependenciesLayer" / "python" / "pydantic_core" / "_pydantic_core.so"
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_bytes(b"\x7fELF" + bytes(14) + MACHINES[architecture].to_bytes(2, "little"))


@pytest.mark.parametrize("wanted", Architecture)
def test_layer_for_another_processor_cannot_be_shipped(tmp_path: Path, wanted: Architecture) -> None:
    compiled(tmp_path, wanted)
    check_architecture(tmp_path, wanted)
    [other] = set(Architecture) - {wanted}
    compiled(tmp_path, other)

    with pytest.raises(Failure, match=rf"not for {wanted}: DependenciesLayer/python/pydantic_core"):
        check_architecture(tmp_path, wanted)


def test_api_knows_the_secret_of_before_and_the_one_of_now_in_the_form_that_the_template_takes() -> None:
    known = digests(["the new one", "the old one"])

    assert known.split(",") == [hashlib.sha256(each).hexdigest() for each in (b"the new one", b"the old one")]
    assert template()["Parameters"]["OriginSecretDigests"]["AllowedPattern"] == "^([0-9a-f]{64}(,[0-9a-f]{64})?)?$"


@pytest.mark.parametrize("environment", ["default", "local", "prod"])
def test_samconfig_names_parameters_that_the_template_has(environment: str) -> None:
    parse_parameters(CONFIG[environment]["deploy"]["parameters"].get("parameter_overrides", ""))


def test_real_sale_has_everything_on() -> None:
    given = parse_parameters(CONFIG["prod"]["deploy"]["parameters"]["parameter_overrides"])

    assert given == {
        "Architecture": "arm64",
        "DataProtection": "on",
        "GradualDeploys": "true",
        "Firewall": "on",
        "SignUp": "email",
        "UserPoolTier": "PLUS",
        "FansCharge": "off",
        "Documentation": "off",
        "Beacon": "on",
        "MonthlyBudget": "500",
        "PaymentStepsConcurrency": "100",
        "SettlePaymentConcurrency": "10",
        "AdvanceQueueConcurrency": "50",
    }
    assert "edge" in CONFIG["prod"]


class Account:
    """What deploying has brought about: which digests the API takes, and which secret the edge sends."""

    def __init__(self) -> None:
        made = boto3.client("secretsmanager").create_secret(Name="origin", SecretString="the first secret of the edge")
        self._make("ost", OriginSecretArn=made["ARN"], ApiHost="api")
        self._make("ost-us-east-1-edge", FilesBucket="files", WebUrl="https://web")
        self.accepted: list[str] = []
        self.sent = ""
        self.done = 0
        self.dies_after: int | None = None

    def _make(self, name: str, **outputs: str) -> None:
        resources = {"Bucket": {"Type": "AWS::S3::Bucket"}}
        body = json.dumps({"Resources": resources, "Outputs": {key: {"Value": outputs[key]} for key in outputs}})
        boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=body)

    def sam(self, *arguments: str) -> None:
        """Stand in for `sam deploy`: the API's stack or the edge's is as it is told to be, until the command dies."""
        if self.done == self.dies_after:
            raise Failure("it died")
        self.done += 1
        told = dict(each.split("=", 1) for each in arguments if "=" in each)
        if "OriginSecret" in told:
            self.sent = told["OriginSecret"]
        else:
            self.accepted = [each for each in told.get("OriginSecretDigests", "").split(",") if each]
        self.assert_open()

    def assert_open(self) -> None:
        """Check that whoever comes through the edge is let in."""
        assert not self.accepted or not self.sent or hashlib.sha256(self.sent.encode()).hexdigest() in self.accepted

    def deploy(self, *, rotate: bool, dies_after: int | None = None) -> None:
        self.done, self.dies_after = 0, dies_after
        deploy("prod", "", rotate=rotate)


@pytest.fixture
def account(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with mock_aws():
        monkeypatch.setattr(boto3, "Session", functools.cache(boto3.Session))
        monkeypatch.setattr(Stack, "find", functools.cache(Stack.find))
        account = Account()
        monkeypatch.setattr("tools.ost.deploy._sam", account.sam)
        monkeypatch.setattr("tools.ost.deploy.artifact", lambda _: nullcontext(Path()))
        monkeypatch.setattr("tools.ost.deploy.upload", lambda *_: None)
        monkeypatch.setattr("tools.ost.deploy.configuration", lambda _: None)
        yield account


@pytest.mark.parametrize("dies_after", range(4))
def test_rotation_that_dies_anywhere_and_is_run_again_shuts_no_fan_out(account: Account, dies_after: int) -> None:
    account.deploy(rotate=False)
    first = account.sent

    for death in (dies_after, 0, dies_after):
        with pytest.raises(Failure, match="it died"):
            account.deploy(rotate=True, dies_after=death)
    account.deploy(rotate=True)

    assert account.sent != first
    assert account.accepted[0] == hashlib.sha256(account.sent.encode()).hexdigest()
