"""A table of figures: on a screen, or in a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from tools.ost.console import Failure, figures


@dataclass(frozen=True, slots=True)
class Figures:
    """A title, the headings, and the rows; what a row is about stands first."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def show(self) -> None:
        """Print it."""
        table = Table(title=self.title, title_justify="left")
        for place, heading in enumerate(self.columns):
            table.add_column(heading, justify="right" if place else "left")
        for row in self.rows:
            table.add_row(*map(escape, row))
        figures.print(table)

    def markdown(self) -> str:
        """Write it as a table of Markdown under its title."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return f"**{self.title}**\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write_into(document: Path, command: str, text: str) -> None:
    """Put what a command has made between its two marks in a document."""
    begin, end = f"<!-- begin: {command} -->", f"<!-- end: {command} -->"
    before, found, rest = document.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise Failure(f"{document.name} has lost its marks {begin} and {end}.")
    document.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", "utf-8")
