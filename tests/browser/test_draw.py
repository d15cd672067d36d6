"""The page's own check of a draw, with libraries of another house, against the service's: tests/vectors/draw.json."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tools.ost.website import Website

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "draw.json").read_text("utf-8"))
DRAW = VECTORS["draw"]
EVERYTHING = ["commitment", "rootSeen", "beacon", "seed", "list", "receipt", "listed", "piece"]

CHECK = """async ({ draw, entries, pieces, receipt, publicKey, seenRoot }) => {
  const raw = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const { check, pieceName } = await import("/draw.js");
  const readPiece = async (index) => raw(pieces[pieceName(index)]);
  return check({ draw, entries: raw(entries.join("")), readPiece, receipt, publicKey, seenRoot });
}"""

PIECE = """async ([seed, entry]) => {
  const { keyOf, pieceName, pieceOf } = await import("/draw.js");
  return pieceName(pieceOf(keyOf(seed, entry)));
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page of the client's own origin, under its policy, without an API."""
    config = {"apiUrl": "", "cognitoUrl": ""}
    with Website(ROOT / "web", "127.0.0.1", 0, config) as website:
        page = browser.new_page()
        page.goto(f"{website.url}/draw.js")
        yield page
        page.close()


def published(**changed: Any) -> dict[str, Any]:
    """What a browser would have in hand, with something changed."""
    hand = {
        "draw": DRAW["published"] | changed.pop("draw", {}),
        "entries": DRAW["entries"],
        "pieces": DRAW["pieces"],
        "receipt": DRAW["receipt"],
        "publicKey": VECTORS["publicKey"],
        "seenRoot": DRAW["published"]["entriesRoot"],
    }
    return hand | changed


def test_recorded_rounds_are_genuine_and_others_are_not(page: Page) -> None:
    randomness = "async ([round, signature]) => (await import('/draw.js')).randomnessOf(round, signature)"

    for recorded in VECTORS["rounds"]:
        number, signature = recorded["round"], recorded["signature"]
        assert page.evaluate(randomness, [number, signature]) == recorded["randomness"]
        assert page.evaluate(randomness, [number + 1, signature]) is None
        assert page.evaluate(randomness, [number, f"{int(signature, 16) ^ 1:096x}"]) is None
    for nothing in ("", "c0" + "00" * 47, "8" + "0" * 94 + "4"):
        assert page.evaluate(randomness, [1000, nothing]) is None


def test_a_right_draw_passes_and_tells_the_number(page: Page) -> None:
    for entry, number in DRAW["numbers"].items():
        found = page.evaluate(CHECK, published(receipt=DRAW["receipt"] | {"entryId": entry}))
        mine = entry == DRAW["receipt"]["entryId"]
        assert found["number"] == number
        assert found["failed"] == ([] if mine else ["receipt"]), "only one receipt is signed"
        assert sorted(found["passed"] + found["failed"]) == sorted(EVERYTHING)


def test_whatever_was_tampered_with_is_found(page: Page) -> None:
    entry = DRAW["receipt"]["entryId"]
    others = [each for each in DRAW["entries"] if each != entry]
    forged = sorted([*DRAW["entries"], "ab" * 32])
    beacon = DRAW["published"]["beacon"]
    mine = page.evaluate(PIECE, [DRAW["published"]["seed"], entry])
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"draw": {"secret": "00" * 32}}, ["commitment", "seed"]),
        ({"draw": {"commitment": "00" * 32}}, ["commitment"]),
        ({"draw": {"seed": "00" * 32}, "pieces": pieces_of_nothing()}, ["seed", "piece"]),
        ({"draw": {"beacon": beacon | {"round": beacon["round"] + 1}}}, ["beacon", "seed"]),
        ({"draw": {"beacon": beacon | {"randomness": "00" * 32}}}, ["beacon"]),
        ({"draw": {"beacon": None}}, ["seed"]),
        ({"draw": {"lobbyId": "another"}}, ["seed", "receipt"]),
        ({"draw": {"concertId": "another"}}, ["receipt"]),
        ({"seenRoot": "00" * 32}, ["rootSeen"]),
        ({"entries": forged}, ["list"]),
        ({"entries": DRAW["entries"][::-1]}, ["list"]),
        ({"entries": others}, ["list", "listed", "piece"]),
        ({"publicKey": "A" * 43}, ["receipt"]),
        ({"receipt": DRAW["receipt"] | {"joinedAt": "2026-11-28T10:59:59Z"}}, ["receipt"]),
        ({"pieces": DRAW["pieces"] | {mine: "00000000" + DRAW["pieces"][mine][8:]}}, ["piece"]),
        ({"pieces": DRAW["pieces"] | {mine: DRAW["pieces"][mine][:-20]}}, ["piece"]),
    ]

    for changed, expected in cases:
        found = page.evaluate(CHECK, published(**changed))
        assert [name for name in found["failed"] if name != "piece" or "piece" in expected] == expected, changed


def pieces_of_nothing() -> dict[str, str]:
    return {f"{index:03x}": "00000000" for index in range(4096)}
