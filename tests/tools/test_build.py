"""What the build adds to SAM's: bytecode that is valid where it is deployed, and only the AWS services in use."""

import marshal
from pathlib import Path

import pytest

from tools.ost.build import SERVICES, finish, trim
from tools.ost.console import Failure

UNCHECKED_HASH = b"\x01\x00\x00\x00"


def test_bytecode_is_valid_whatever_the_time_stamps_and_names_the_deployed_path(tmp_path: Path) -> None:
    module = tmp_path / "python" / "booking" / "seats.py"
    module.parent.mkdir(parents=True)
    module.write_text("SEATS = 50\n")

    finish(tmp_path, "/opt")

    [compiled] = tmp_path.rglob("*.pyc")
    header, code = compiled.read_bytes()[:16], marshal.loads(compiled.read_bytes()[16:])
    assert header[4:8] == UNCHECKED_HASH
    assert code.co_filename == "/opt/python/booking/seats.py"


def test_a_module_that_does_not_compile_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(:\n")

    with pytest.raises(Failure, match="does not compile"):
        finish(tmp_path, "/var/task")


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    data = tmp_path / "botocore" / "data"
    for service in ("dynamodb", "ec2"):
        (data / service).mkdir(parents=True)
    (data / "endpoints.json").write_text("{}")
    utilities = tmp_path / "aws_lambda_powertools" / "utilities"
    for utility in ("data_classes", "kafka"):
        (utilities / utility).mkdir(parents=True)
    (utilities / "serialization.py").touch()

    trim(tmp_path)

    assert "dynamodb" in SERVICES
    assert sorted(entry.name for entry in data.iterdir()) == ["dynamodb", "endpoints.json"]
    assert sorted(entry.name for entry in utilities.iterdir()) == ["data_classes", "serialization.py"]
