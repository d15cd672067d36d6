"""`./ost deploy`: a stack and its edge on AWS, as samconfig.toml describes them, built for the right processor."""

import hashlib
import secrets
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import boto3
import typer

from tools.ost.build import Architecture, built
from tools.ost.console import Failure, out, step
from tools.ost.hosting import WEB, configuration, upload
from tools.ost.paths import BUILT, ROOT, inherited_environment
from tools.ost.run import parse_parameters
from tools.ost.stack import EDGE_REGION, Stack

SHIELDS = {
    *("us-east-1", "us-east-2", "us-west-2", "sa-east-1", "eu-central-1", "eu-west-1", "eu-west-2"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2"),
}
"""Regions in which CloudFront has an Origin Shield."""
EDGE_TEMPLATE = ROOT / "templates" / "edge.yaml"
MACHINES = {Architecture.X86_64: 62, Architecture.ARM64: 183}
"""How an ELF file says which processor it is for."""


def deploy(
    environment: Annotated[str, typer.Option("--config-env", help="A part of samconfig.toml.")] = "default",
    params: Annotated[str, typer.Option(help='Parameters beside those of samconfig.toml: "AlarmEmail=a@b.c".')] = "",
    *,
    rotate: Annotated[bool, typer.Option("--rotate-origin-secret", help="Give the edge a new secret.")] = False,
) -> None:
    """Build, check and deploy a stack, then its edge and its page where samconfig.toml has an edge. Safe to repeat."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    name = config["deploy"]["parameters"]["stack_name"]
    parameters = parse_parameters(config["deploy"]["parameters"].get("parameter_overrides", "")) | parse_parameters(
        params
    )
    architecture = Architecture(parameters.get("Architecture", Architecture.ARM64))
    with artifact(architecture) as directory:

        def main(digests: str) -> Stack:
            own = parameters | ({"OriginSecretDigests": digests} if digests else {})
            overrides = [f"{key}={value}" for key, value in own.items()]
            template = str(directory / "template.yaml")
            _sam("deploy", "--config-env", environment, "-t", template, "--parameter-overrides", *overrides)
            return Stack.find(name)

        before = _digests_of(name) if "edge" in config else ""
        stack = main(before)
        if "edge" not in config:
            return

        def outside() -> Stack:
            return deploy_edge(stack, config["edge"]["parameters"], parameters.get("AlarmEmail", ""))

        edge = outside()
        if not before:  # the first time: there was nothing to know the edge by
            main(_digests_of(name))
        elif rotate:  # only now, when the edge sends the secret of now: the API knows that and one more
            _rotate(stack)
            main(_digests_of(name))
            edge = outside()
    with step("Uploading web/", "Uploaded web/"):
        upload(edge.client("s3"), edge.outputs["FilesBucket"], WEB, configuration(stack))
    out.print(edge.outputs["WebUrl"], highlight=False)


@contextmanager
def artifact(architecture: Architecture) -> Iterator[Path]:
    """Build, and yield a copy that nothing builds over; raise Failure if anything in it is for another processor."""
    with TemporaryDirectory(prefix="ost-deploy-") as directory:
        copy = Path(directory) / "build"
        with built(architecture):
            shutil.copytree(BUILT, copy)
        check_architecture(copy, architecture)
        yield copy


def check_architecture(directory: Path, architecture: Architecture) -> None:
    """Raise Failure if a compiled module in the directory is for another processor than the functions'."""
    wrong = []
    for path in sorted(directory.rglob("*.so*")):
        header = path.read_bytes()[:20]
        if header[:4] == b"\x7fELF" and int.from_bytes(header[18:20], "little") != MACHINES[architecture]:
            wrong.append(str(path.relative_to(directory)))
    if wrong:
        raise Failure(f"the build is not for {architecture}: {wrong[0]} and {len(wrong) - 1} more. ./ost build --force")


def deploy_edge(stack: Stack, config: dict[str, Any], alarm_email: str) -> Stack:
    """Deploy templates/edge.yaml for a stack, in the Region where CloudFront's own things are."""
    overrides = {
        "Service": f"{stack.name}-{stack.session.region_name}",
        "ApiHost": stack.outputs["ApiHost"],
        "OriginSecret": _versions(stack)[0],
        "AlarmEmail": alarm_email,
        "ShieldRegion": stack.session.region_name if stack.session.region_name in SHIELDS else "",
    }
    given = [f"{key}={value}" for key, value in overrides.items() if value]
    given += config.get("parameter_overrides", "").split()
    _sam(
        *("deploy", "--config-env", "edge", "-t", str(EDGE_TEMPLATE), "--stack-name", stack.edge_name),
        *("--region", EDGE_REGION, "--parameter-overrides", *given),
    )
    return stack.edge()


def digests(versions: list[str]) -> str:
    """Return what the API knows the edge's secrets by: the current one's SHA-256, and the one's before it."""
    return ",".join(hashlib.sha256(version.encode()).hexdigest() for version in versions)


def _digests_of(name: str) -> str:
    cloudformation = boto3.Session().client("cloudformation")
    try:
        described = cloudformation.describe_stacks(StackName=name)
    except cloudformation.exceptions.ClientError:
        return ""
    there = described["Stacks"][0].get("Outputs", [])
    return digests(_versions(Stack.find(name))) if any(each["OutputKey"] == "OriginSecretArn" for each in there) else ""


def _versions(stack: Stack) -> list[str]:
    """Return the origin secret, and the one before it where there is one."""
    client, found = stack.client("secretsmanager"), []
    for version in ("AWSCURRENT", "AWSPREVIOUS"):
        try:
            answer = client.get_secret_value(SecretId=stack.outputs["OriginSecretArn"], VersionStage=version)
        except client.exceptions.ResourceNotFoundException:
            continue
        found.append(str(answer["SecretString"]))
    return found


def _rotate(stack: Stack) -> None:
    client = stack.client("secretsmanager")
    client.put_secret_value(SecretId=stack.outputs["OriginSecretArn"], SecretString=secrets.token_urlsafe(48))


def _sam(*arguments: str) -> None:
    result = subprocess.run(["sam", *arguments], cwd=ROOT, env=inherited_environment(), check=False)
    if result.returncode:
        raise Failure(f"sam {arguments[0]} did not succeed; it says why above.")
