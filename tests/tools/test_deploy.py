"""`./ost deploy` ships what is built for the functions' processor, and an edge's secret can change while fans call."""

import hashlib
import tomllib
from pathlib import Path

import pytest

from lab.in_process import template
from tools.ost.build import Architecture
from tools.ost.console import Failure
from tools.ost.deploy import MACHINES, check_architecture, digests
from tools.ost.paths import ROOT
from tools.ost.run import parse_parameters

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
