"""The commands of `./ost`, one module each."""

from collections.abc import Callable

import typer

from tools.ost import audit, build, check, demo, environment, fuzz, hosting, load, publish, queue, run, simulate
from tools.ost.measure.command import measure

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
    "audit": audit.audit,
    "env": environment.env,
    "website": hosting.website,
}
DEVELOPMENT: dict[str, Callable[..., None]] = {
    "build": build.build,
    "check": check.check,
    "test": check.run_tests,
    "format": check.format_code,
    "openapi": check.openapi,
    "measure": measure,
    "load": load.load,
    "simulate": simulate.simulate,
    "fuzz": fuzz.fuzz,
    "pins": check.pins,
}
for name, command in COMMANDS.items():
    app.command(name)(command)
for name, command in DEVELOPMENT.items():
    app.command(name, rich_help_panel="Development")(command)
