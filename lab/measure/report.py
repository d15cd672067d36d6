"""What was measured, in one table, one file and one chart."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.measure import baseline, imports, operations, warm
from lab.measure.operations import JOURNEY_FLOOR_USD, JOURNEY_USD, OPERATIONS
from lab.measure.prices import Bill
from lab.tables import Figures, write_into
from tools.ost.build import ensure_built, host_architecture
from tools.ost.console import err, figures, step
from tools.ost.paths import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "images" / "measures.png"
MILLION = 1_000_000


def measure(*, cpu: bool, state: Path) -> None:
    """Measure, show and write everything; without `cpu`, only what is counted."""
    with step("Counting every operation, warm and cold", "Counted every operation, warm and cold"):
        bills = {operation.name: operations.measure(operation) for operation in OPERATIONS}
        cold = {each.name: operations.measure(each, cold=True) for each in OPERATIONS if each.can_be_cold}
    with step("Counting the naive baseline's", "Counted the naive baseline's"):
        baselines = baseline.measure()
    journeys = operations.journey(bills), operations.journey(baselines)
    rows = counted(bills, cold, journeys[0])
    table, sentence = counts(rows, bills, baselines, journeys), against_the_baseline(journeys)
    table.show()
    figures.print(sentence, highlight=False)
    write_into(DOCUMENT, "make measure", f"{table.markdown()}\n{sentence}")

    imported: dict[str, imports.Import] = {}
    warmed: dict[str, warm.Warm] = {}
    if cpu:
        ensure_built(host_architecture())
        with step("Importing the built functions", "Imported the built functions"):
            imported, bare = imports.measure(), imports.measure(bytecode=False)
        with step("Calling warm handlers", "Called warm handlers"):
            warmed = warm.measure_apart()
        _show_cpu(imported, bare, warmed)

    found = {
        "operations": rows,
        "cpu": {name: {"ratio": round(each.ratio, 2)} for name, each in warmed.items()},
        "imports": {
            name: {"ratio": round(each.ratio, 2), "modules_compiled": each.compiled} for name, each in imported.items()
        },
    }
    written = state / "measures.json"
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(json.dumps(found, indent=2) + "\n")
    draw(bills, baselines, journeys, CHART)
    err.print(f"Written: {written}, {DOCUMENT.name} and its chart", highlight=False)


def counted(bills: Mapping[str, Bill], cold: Mapping[str, Bill], journey: Bill) -> dict[str, dict[str, Any]]:
    """Return each operation's figures by its name; a cold call's is `<name>_cold`. Dollars leave transitions out."""
    rows: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        name, floor = operation.name, operation.floor.usd
        rows[name] = _row(bills[name], floor, ok=operations.within_budget(operation, bills[name]))
        if name in cold:
            ok = operations.within_budget(operation, cold[name], cold=True)
            rows[f"{name}_cold"] = _row(cold[name], floor, ok=ok)
    rows["journey"] = _row(journey, JOURNEY_FLOOR_USD, ok=journey.usd <= JOURNEY_USD)
    return rows


def _row(bill: Bill, floor: float, *, ok: bool) -> dict[str, Any]:
    return {
        "read_units": round(bill.read_units, 2),
        "write_units": round(bill.write_units, 2),
        "lambda_calls": round(bill.lambda_calls, 2),
        "transitions": round(bill.transitions, 2),
        "usd_per_million": round(bill.usd * MILLION, 2),
        "floor_usd": round(floor * MILLION, 2),
        "budget_ok": ok,
    }


def counts(
    rows: Mapping[str, Mapping[str, Any]],
    bills: Mapping[str, Bill],
    baselines: Mapping[str, Bill],
    journeys: tuple[Bill, Bill],
) -> Figures:
    """Lay out what was counted: a row for each operation, warm and cold, and one for the journey."""
    ours, its = journeys
    about = {operation.name: operation.about for operation in OPERATIONS}
    columns = ("operation", "read", "write", "Lambda", "kicks", "states", "$", "floor", "ratio", "budget", "baseline $")
    shown = []
    for name, row in rows.items():
        is_cold = name.endswith("_cold")
        bill = ours if name == "journey" else None if is_cold else bills[name]
        baseline_bill = its if name == "journey" else baselines.get(name)
        shown.append(
            [
                "cold" if is_cold else about.get(name, "one fan's journey"),
                *(f"{row[each]:g}" for each in ("read_units", "write_units", "lambda_calls")),
                f"{bill.kicks:g}" if bill else "",
                f"{row['transitions']:g}",
                f"{row['usd_per_million']:.2f}",
                f"{row['floor_usd']:.2f}",
                f"{row['usd_per_million'] / row['floor_usd']:.2f}" if row["floor_usd"] else "",
                "kept" if row["budget_ok"] else "PASSED",
                f"{baseline_bill.usd * MILLION:.2f}" if baseline_bill else "",
            ]
        )
    return Figures("What is asked of AWS; dollars a million, without transitions", columns, shown)


def against_the_baseline(journeys: tuple[Bill, Bill]) -> str:
    """Say how our journey compares with the baseline's."""
    ours, its = journeys
    return (
        f"The journey against the naive baseline's: {ours.usd / its.usd:.2f} without transitions, "
        f"{ours.usd_with_transitions / its.usd_with_transitions:.2f} with them "
        f"(${ours.usd_with_transitions * MILLION:.0f} and ${its.usd_with_transitions * MILLION:.0f} a million)."
    )


def _show_cpu(
    imported: Mapping[str, imports.Import], bare: Mapping[str, imports.Import], warmed: Mapping[str, warm.Warm]
) -> None:
    columns = ("function", "ratio", "budget", "modules compiled", "with its client", "without bytecode")
    shown = []
    for name, each in imported.items():
        stripped = bare.get(name)
        budget = f"{imports.BUDGET}" if name in imports.HOT else ""
        without = f"{stripped.compiled} compiled, {stripped.ratio:.2f}" if stripped else ""
        shown.append([name, f"{each.ratio:.2f}", budget, str(each.compiled), f"{each.ratio_with_client:.2f}", without])
    Figures('Import CPU of the built functions against boto3.client("dynamodb") alone', columns, shown).show()
    shown = [
        [name, str(call.sdk_calls), f"{call.ratio:.2f}", f"{warm.BUDGETS[name]:g}"] for name, call in warmed.items()
    ]
    Figures("Warm CPU of a call against its bare SDK calls", ("call", "SDK calls", "ratio", "budget"), shown).show()
    layers = {name: size for name, size in imports.sizes().items() if name.endswith("Layer")}
    largest = max(size for name, size in imports.sizes().items() if name.endswith("Function"))
    named = ", ".join(f"{name} {size / MILLION:.1f} MB" for name, size in layers.items())
    figures.print(f"Built, with bytecode: {named}; a function is {largest / 1000:.0f} kB at most.", highlight=False)


def draw(bills: Mapping[str, Bill], baselines: Mapping[str, Bill], journeys: tuple[Bill, Bill], file: Path) -> None:
    """Draw floor, ours and the baseline's, an operation a row. The same counts make the same file."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second, for one command

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    floors = {operation.name: operation.floor.usd for operation in OPERATIONS} | {"journey": JOURNEY_FLOOR_USD}
    about = {operation.name: operation.about for operation in OPERATIONS} | {"journey": "one fan's journey"}
    ours, its = dict(bills) | {"journey": journeys[0]}, dict(baselines) | {"journey": journeys[1]}
    names = [name for name in [*floors] if name != "advance_tick"]
    figure, axes = plt.subplots(figsize=(9, 6.5), layout="constrained")
    bars = (
        ("floor, without guarantees", {name: floors[name] for name in names}, "#b8c4ce"),
        ("this service", {name: ours[name].usd for name in names}, "#1f77b4"),
        ("naive baseline", {name: its[name].usd for name in names if name in its}, "#d98032"),
    )
    for place, (label, values, colour) in enumerate(bars):
        rows = [names.index(name) + (place - 1) * 0.27 for name in values]
        drawn = axes.barh(rows, [value * MILLION for value in values.values()], 0.25, label=label, color=colour)
        axes.bar_label(drawn, fmt="%.2f", padding=2, fontsize=7)
    axes.set_yticks(range(len(names)), [about[name] for name in names])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("dollars a million, without the transitions of Standard workflows (log scale)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)
