"""What `./ost` says: progress and sentences on stderr, results on stdout."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

out = Console(soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, soft_wrap=True)
figures = Console(width=None if sys.stdout.isatty() else 160)
"""Tables of figures, which are read in files and logs too."""


class Failure(Exception):
    """A reason to stop that a person can act on: one sentence, exit code 1."""


def fail(sentence: str) -> NoReturn:
    """Say the sentence and exit 1."""
    err.print(f"[bold red]ost:[/] {escape(sentence)}", highlight=False)
    sys.exit(1)


@contextmanager
def step(doing: str, done: str) -> Iterator[None]:
    """Show what is being done, then what was done and how many seconds it took; silent when it raises."""
    started = time.monotonic()
    if err.is_terminal:
        with err.status(f"{doing} …"):
            yield
    else:
        err.print(f"… {doing}", highlight=False)
        yield
    err.print(f"[green]✓[/] {done} [dim]({time.monotonic() - started:.0f} s)[/]", highlight=False)
