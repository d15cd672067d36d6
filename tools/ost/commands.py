"""The commands of `./ost`, one module each."""

import typer

from tools.ost import (
    audit,
    build,
    cancel_performance,
    demo,
    deploy,
    draw,
    environment,
    hosting,
    publish,
    queue,
    ready,
    restore,
    roles,
    run,
)
from tools.ost.console import out

app = typer.Typer(
    add_completion=False,
    help="OST Concert Booking: run it here, publish concerts, operate the queue.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
for command in (
    run.run,
    demo.demo,
    publish.publish,
    queue.queue,
    roles.grant,
    cancel_performance.cancel_performance,
    audit.audit,
    environment.env,
    deploy.deploy,
    ready.ready,
    restore.restore,
    hosting.website,
    build.build,
):
    app.command()(command)
app.add_typer(draw.app, name="draw")


@app.command(rich_help_panel="Development")
def openapi() -> None:
    """Merge the specification from the handlers into functions/get_openapi/openapi.json."""
    from tools.ost import specification  # noqa: PLC0415 - it loads every handler

    out.print("written" if specification.write() else "unchanged")
