"""The commands of `./ost`, one module each, and the one place where their failures become a sentence."""

import os
import sys
from collections.abc import Callable

import typer
from botocore.exceptions import BotoCoreError, ClientError

from tools.ost import build, check, demo, environment, publish, queue, run
from tools.ost.console import Failure, fail

# Nothing that is started from here may find this repository on its import path: a missing package would be hidden.
os.environ.pop("PYTHONPATH", None)

app = typer.Typer(
    add_completion=False,
    help="OST Concert Booking: run it here, publish concerts, operate the queue.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
COMMANDS: dict[str, Callable[..., None]] = {
    "run": run.run,
    "demo": demo.demo,
    "publish": publish.publish,
    "queue": queue.queue,
    "env": environment.env,
}
DEVELOPMENT: dict[str, Callable[..., None]] = {
    "build": build.build,
    "check": check.check,
    "test": check.run_tests,
    "format": check.format_code,
    "openapi": check.openapi,
    "pins": check.pins,
}
for name, command in COMMANDS.items():
    app.command(name)(command)
for name, command in DEVELOPMENT.items():
    app.command(name, rich_help_panel="Development")(command)


def main() -> None:
    """Run the command; exit 1 with one sentence when it fails for a reason that a person can act on."""
    try:
        app(prog_name="ost")
    except Failure as failure:
        fail(str(failure))
    except (BotoCoreError, ClientError) as error:
        fail(f"AWS refused: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
