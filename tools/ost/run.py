"""`./ost run`: the real template on a local cloud, in the foreground, until Ctrl-C."""

import fcntl
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import yaml
from rich.table import Table

from tools.ost.build import ensure_built, host_architecture
from tools.ost.cloud import HOST, LocalCloud, free_port, port_is_free
from tools.ost.console import Failure, err, step
from tools.ost.fans import create_user
from tools.ost.hosting import configuration
from tools.ost.paths import ROOT, STATE
from tools.ost.publish import publish_file
from tools.ost.roles import Role, give_role
from tools.ost.routes import create_routes
from tools.ost.stack import LOCAL_NAME, LOCAL_REGION, Stack, StateOption
from tools.ost.website import Website

DEMO_CATALOG = ROOT / "catalog" / "demo.yaml"
DEMO_PASSWORD = "Encore-2026-local"  # noqa: S105 - of a cloud on one's own machine
DEMO_USER = {"username": "demo", "password": DEMO_PASSWORD}
DEMO_ROLES = {Role.ORGANISER: "organiser", Role.STAFF: "staff"}
"""Who has which role in the demo, beside the fan; all of them have the same password."""
WEB = ROOT / "web"
LOCAL = {"DataProtection": "off", "LogRetentionDays": "1", "MetricMath": "off"}
"""What a stack in the local cloud cannot have, or need not."""


def run(
    port: Annotated[int, typer.Option(help="Port of the local cloud.", min=1, max=65535)] = 4566,
    web_port: Annotated[
        int | None, typer.Option(help="Port of the browser client; the next one by default.", min=1, max=65535)
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the container bridge's, so that `sam local` can reach it.")
    ] = HOST,
    params: Annotated[str, typer.Option(help='Parameters of the stack: "QueueCapacity=5 HoldSeconds=8".')] = "",
    state: StateOption = STATE,
) -> None:
    """Deploy the stack to a local cloud on this machine and keep it running until Ctrl-C."""
    parameters = parse_parameters(params)
    state = state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    try:
        with _signals_stop_us(), _alone_in(state), ExitStack() as running:
            _start(running, host, port, web_port, parameters, state)
    except _StopRequested:
        err.print("Stopped; nothing is left running.", highlight=False)


def _start(
    running: ExitStack, host: str, port: int, web_port: int | None, parameters: dict[str, str], state: Path
) -> None:
    if not port_is_free(port, host):
        raise Failure(f"port {port} is already in use: stop what listens there, or say PORT=<another>.")
    architecture = host_architecture()
    ensure_built(architecture)
    with step("Starting the local cloud", f"The local cloud listens on port {port}"):
        cloud = running.enter_context(LocalCloud(port, state, host))
    with step("Deploying template.yaml", "Deployed template.yaml"):
        _deploy(cloud, LOCAL | {"Architecture": architecture} | parameters, state)
        stack = Stack.local(cloud.endpoint)
        create_routes(stack)
    with step("Publishing catalog/demo.yaml", "Published catalog/demo.yaml, created the demo users"):
        publish_file(stack, DEMO_CATALOG)
        create_user(stack, **DEMO_USER)
        for role, username in DEMO_ROLES.items():
            create_user(stack, username, DEMO_PASSWORD)
            give_role(stack, username, role)

    outputs: dict[str, Any] = {
        "apiUrl": f"{cloud.endpoint}/_aws/execute-api/{stack.outputs['ApiId']}",
        "webUrl": None,
        "awsEndpointUrl": cloud.endpoint,
        "region": LOCAL_REGION,
        "userPoolId": stack.outputs["UserPoolId"],
        "userPoolClientId": stack.outputs["UserPoolClientId"],
        "demoUser": DEMO_USER,
        **{f"{role}User": {"username": name, "password": DEMO_PASSWORD} for role, name in DEMO_ROLES.items()},
    }
    if WEB.is_dir():
        web_port = _choose_web_port(web_port, port, host)
        website = Website(WEB, host, web_port, configuration(stack, outputs["apiUrl"], cloud.endpoint))
        outputs["webUrl"] = running.enter_context(website).url
    written = state / "outputs.json"
    running.callback(written.unlink, missing_ok=True)
    _write(written, outputs)
    _say_what_next(outputs, state)

    while cloud.exit_code is None:
        time.sleep(0.5)
    raise Failure(f"the local cloud ended by itself (exit code {cloud.exit_code}); its log is {cloud.log}.")


def parse_parameters(text: str) -> dict[str, str]:
    """Read `Name=value Name=value`; raise Failure at a name that template.yaml does not have."""
    known = sorted(_template_parameters())
    parameters: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals:
            raise Failure(
                f'PARAMS is a list of Name=value, and {word!r} is not: PARAMS="QueueCapacity=5 HoldSeconds=8".'
            )
        if name not in known:
            raise Failure(f"the stack has no parameter {name!r}; it has {', '.join(known)}.")
        parameters[name] = value
    return parameters


def _template_parameters() -> set[str]:
    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's short forms as if they were plain values."""

    Loader.add_multi_constructor("!", lambda *_: None)
    template: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506 - a SafeLoader
    return set(template["Parameters"])


def _deploy(cloud: LocalCloud, parameters: dict[str, str], state: Path) -> None:
    log = state / "log" / "deploy.log"
    command = [
        *("sam", "deploy", "--config-env", "local", "--stack-name", LOCAL_NAME, "--region", LOCAL_REGION),
        *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
    ]
    with log.open("w") as output:
        result = subprocess.run(
            command, cwd=ROOT, env=cloud.environment(), stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if result.returncode:
        lines = [line.strip() for line in log.read_text().splitlines() if re.search(r"error|failed|must", line, re.I)]
        raise Failure(f"the template was not deployed: {lines[-1] if lines else 'no reason given'} (all of it: {log}).")


def _choose_web_port(wanted: int | None, port: int, host: str) -> int:
    if wanted is None:
        return port + 1 if port_is_free(port + 1, host) else free_port()
    if not port_is_free(wanted, host):
        raise Failure(f"port {wanted} is already in use: stop what listens there, or say WEB_PORT=<another>.")
    return wanted


def _write(file: Path, outputs: dict[str, Any]) -> None:
    """Write so that a reader sees all of it or none."""
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(outputs, indent=2) + "\n")
    partial.replace(file)


def _say_what_next(outputs: dict[str, Any], state: Path) -> None:
    elsewhere = "" if state == STATE else f" STATE={state}"
    table = Table.grid(padding=(0, 2))
    if outputs["webUrl"]:
        table.add_row("Book in a browser", f"[bold]{outputs['webUrl']}[/]")
    table.add_row("API", f"{outputs['apiUrl']}/concerts")
    table.add_row("Its documentation", f"{outputs['apiUrl']}/swagger")
    table.add_row("Sign in as", f"{DEMO_USER['username']} / {DEMO_USER['password']}")
    table.add_row("", f"[dim]with the same password:[/] {', '.join(DEMO_ROLES.values())}")
    table.add_row("See the whole journey", f"make demo{elsewhere}   [dim](in another terminal)[/]")
    table.add_row("Stop", "Ctrl-C")
    err.print("\n[bold green]Ready.[/]")
    err.print(table, highlight=False)


class _StopRequested(BaseException):
    """Ctrl-C or a polite signal: not an error, and not to be caught by those who catch errors."""


@contextmanager
def _signals_stop_us() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into an orderly end; the cleanup is not interrupted by the next one."""
    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for each in caught:
            signal.signal(each, signal.SIG_IGN)
        raise _StopRequested

    before = {each: signal.signal(each, stop) for each in caught}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _alone_in(state: Path) -> Iterator[None]:
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Failure(
                f"a local stack already runs from {state}: stop it, or say STATE=<another directory>."
            ) from error
        yield
