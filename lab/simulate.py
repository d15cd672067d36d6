"""`./ost simulate`: crowds of up to a million fans in the waiting room, by its own policy, and in two other designs.

Prints tables, draws docs/images/*.png and writes its part of docs/scaling.md, between the two marks there.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lab.measure.prices import Bill
from lab.simulation import Crowd, Outcome, counter_of_unreleased, crowds, fixed_rate, run
from lab.tables import Figures, write_into
from tools.ost.console import err
from tools.ost.paths import ROOT

DOCUMENT = ROOT / "docs" / "scaling.md"
IMAGES = ROOT / "docs" / "images"
SIZES = ((1_000, 50, 20_000), (10_000, 500, 20_000), (200_000, 2_000, 3_600), (1_000_000, 2_000, 1_800))
"""Fans, places, and for how many seconds at most. The largest are watched for their first hour, or half of it."""
ABANDONMENTS = (0.0, 0.3, 0.6)
MUST_HOLD = (20_000, 500, 20_000)

type Row = list[str]


def simulate(
    largest: Annotated[int, typer.Option(help="Leave crowds out that are larger than this.")] = 1_000_000,
    write: Annotated[bool, typer.Option(help="Write docs/scaling.md and its pictures.")] = True,
) -> None:
    """Simulate on-sales with the deployed policy: places in use, waits, polls, units and dollars."""
    sizes = [size for size in SIZES if size[0] <= largest]
    plan = crowds([MUST_HOLD], ABANDONMENTS) + crowds(sizes, ABANDONMENTS)
    changing = Crowd(20_000, 500, 0.3, capacities=((600, 250), (1_500, 0), (1_800, 750)))
    outcomes, others = [], []
    with _progress() as progress:
        everything = progress.add_task("all", total=len(plan) + 1)
        for crowd in [*plan, changing]:
            name = f"{crowd.fans:,} fans, {crowd.abandonment:.0%} go away"
            task = progress.add_task(name, total=1.0)
            outcomes.append(run(crowd, lambda part, task=task: progress.update(task, completed=part)))  # type: ignore[misc]
            progress.remove_task(task)
            progress.advance(everything)
        others = [_others(crowd) for crowd in plan[: len(ABANDONMENTS)]]
    *main, changed = outcomes
    tables = [
        _places("Places, order, waits", main),
        _bills("Polls, units and dollars", main),
        _compared("The same crowd in other designs (20,000 fans, 500 places)", main[: len(ABANDONMENTS)], others),
        _places("An operator changes the capacity: 500, at 600 s 250, at 1,500 s 0, at 1,800 s 750", [changed]),
    ]
    for table in tables:
        table.show()
    if write:
        _draw(main, changed)
        pictures = [f"![{caption}](images/{picture})\n" for picture, caption in PICTURES.items()]
        write_into(DOCUMENT, "make simulate", "\n".join([table.markdown() for table in tables] + pictures))
        err.print(f"[green]✓[/] {DOCUMENT.relative_to(ROOT)} and its pictures", highlight=False)


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err)


def _others(crowd: Crowd) -> list[tuple[int, float]]:
    return [counter_of_unreleased(crowd, leaking=True), counter_of_unreleased(crowd), fixed_rate(crowd)]


def _name(outcome: Outcome) -> Row:
    crowd = outcome.crowd
    return [f"{crowd.fans:,}", f"{crowd.capacity:,}", f"{crowd.abandonment:.0%}"]


def _places(title: str, outcomes: list[Outcome]) -> Figures:
    columns = ["fans", "places", "go away", "most active", "above N", "in use", "entered", "lost", "seconds"]
    columns += ["estimate: median error", "90th percentile"]
    rows = []
    for outcome in outcomes:
        median, high = outcome.error_of_estimate()
        row = [str(outcome.active.max()), str(outcome.most_over), f"{outcome.utilisation:.1%}"]
        row += [f"{outcome.entered:,}", str(outcome.lost), f"{outcome.seconds:,}", f"{median:.0%}", f"{high:.0%}"]
        rows.append(_name(outcome) + row)
    return Figures(title, columns, rows)


def _bills(title: str, outcomes: list[Outcome]) -> Figures:
    columns = [
        "fans",
        "places",
        "go away",
        "polls",
        "most polls/s",
        "refused",
        "polls/s per 1,000 present",
        "writes",
        "reads",
    ]
    columns += ["writes a poll", "tick reads/s", "DynamoDB", "with API and functions", "a fan"]
    rows = []
    for outcome in outcomes:
        bills, polls = outcome.bills, int(outcome.polls.sum())
        bill, ticks = sum(bills.values(), Bill()), bills["ticks"]
        row = [f"{polls:,}", f"{outcome.polls.max():,}", f"{outcome.refused:,}"]
        row += [f"{1000 * polls / max(1, outcome.present.sum()):.0f}"]
        row += [f"{bill.write_units:,.0f}", f"{bill.read_units:,.0f}"]
        row += [
            f"{bills['polls'].write_units / max(1, polls):.2f}",
            f"{ticks.read_units / outcome.seconds:.0f}",
        ]
        row += [f"${bill.dynamodb_usd:,.2f}", f"${bill.usd:,.2f}", f"${bill.usd / outcome.crowd.fans:.6f}"]
        rows.append(_name(outcome) + row)
    return Figures(title, columns, rows)


def _compared(title: str, outcomes: list[Outcome], others: list[list[tuple[int, float]]]) -> Figures:
    columns = ["go away", "this design", "max-size counter as published", "max-size counter, leak mended"]
    columns += ["fixed number a minute"]
    rows = []
    for outcome, results in zip(outcomes, others, strict=True):
        both = [(int(outcome.active.max()), outcome.utilisation), *results]
        cells = [f"{most} active at most, {used:.1%} in use" for most, used in both]
        rows.append([f"{outcome.crowd.abandonment:.0%}", *cells])
    return Figures(title, columns, rows)


PICTURES = {
    "waiting-room-places.png": "Places in use over time, 20,000 fans, 500 places",
    "waiting-room-estimates.png": "The wait that fans were told against the wait that came",
    "waiting-room-polls.png": "Polls a second against the fans who wait",
    "waiting-room-capacity.png": "Active fans while an operator changes the capacity",
}


def _draw(outcomes: list[Outcome], changed: Outcome) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - a second of import that no other command needs

    mpl.use("agg")
    from matplotlib import pyplot  # noqa: PLC0415

    IMAGES.mkdir(parents=True, exist_ok=True)
    held = outcomes[: len(ABANDONMENTS)]
    axes = _axes("seconds", "active")
    for outcome in held:
        axes.plot(outcome.active, linewidth=0.8, label=f"{outcome.crowd.abandonment:.0%} go away")
    _save(pyplot, axes, 0)

    axes = _axes("seconds that came", "seconds told")
    for outcome in held:
        later = outcome.told_at >= 120
        label = f"{outcome.crowd.abandonment:.0%} go away"
        axes.scatter(outcome.waited[later][::7], outcome.estimated[later][::7], s=2, label=label)
    axes.axline((0, 0), slope=1, color="black", linewidth=0.6)
    _save(pyplot, axes, 1)

    axes = _axes("fans who wait", "polls a second")
    for outcome in outcomes:
        if not outcome.crowd.abandonment:
            axes.loglog(outcome.present[10::30], _smoothed(outcome)[10::30], ".", markersize=3, label=_name(outcome)[0])
    fans = [10, 1_000_000]
    axes.loglog(fans, [each / 3 for each in fans], color="black", linewidth=0.6, label="every 3 s")
    _save(pyplot, axes, 2)

    axes = _axes("seconds", "fans")
    axes.plot(changed.active, linewidth=0.8, label="active")
    axes.plot(changed.capacity, linewidth=0.8, label="capacity")
    _save(pyplot, axes, 3)


def _smoothed(outcome: Outcome) -> list[float]:
    import numpy as np  # noqa: PLC0415

    smooth: list[float] = np.convolve(outcome.polls, np.ones(30) / 30, mode="same").tolist()
    return smooth


def _axes(across: str, up: str):  # type: ignore[no-untyped-def]
    from matplotlib import pyplot  # noqa: PLC0415

    _, axes = pyplot.subplots(figsize=(6, 3.2), dpi=90)
    axes.set(xlabel=across, ylabel=up)
    return axes


def _save(pyplot, axes, which: int) -> None:  # type: ignore[no-untyped-def]
    axes.legend(fontsize=7)
    axes.figure.tight_layout()
    axes.figure.savefig(Path(IMAGES) / list(PICTURES)[which], metadata={"Software": None})
    pyplot.close(axes.figure)
