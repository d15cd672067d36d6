"""The one place where a failure of a command becomes a sentence."""

import importlib
import os
import sys

from tools.ost.console import Failure, fail

# Nothing that is started from here may find this repository on its import path: a missing package would be hidden.
os.environ.pop("PYTHONPATH", None)


def main(program: str, commands: str) -> None:
    """Run a module's Typer `app`; exit 1 with one sentence when it fails for a reason that a person can act on."""
    try:
        # Here, because Ctrl-C may come while they load.
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        app = importlib.import_module(commands).app
        try:
            app(prog_name=program)
        except (BotoCoreError, ClientError) as error:
            fail(f"AWS refused: {error}")
    except Failure as failure:
        fail(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main("ost", "tools.ost.commands")
