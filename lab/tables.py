"""A table of figures: on a screen, or in a document."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from tools.ost.console import figures


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
