"""`./ost draw verify`: what it reads, and what it says of a draw that is right, wrong, not drawn or not there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools.ost.console import Failure
from tools.ost.draw import mistakes

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "draw.json").read_text("utf-8"))
DRAW = VECTORS["draw"]
EMPTY = {f"{index:03x}": "00000000" for index in range(4096)}
API = "https://api.example"
FILES = f"{API}/concerts/night-sky/draw"


def pieces() -> dict[str, str]:
    """Every piece: those of the vectors, and the empty ones with how many come before them."""
    found, before = {}, 0
    for name in EMPTY:
        found[name] = DRAW["pieces"].get(name, f"{before:08x}")
        before += (len(found[name]) - 8) // 20
    return found


def serving(**changed: Any) -> Callable[[str], bytes]:
    answer = {
        **DRAW["published"],
        "status": "DRAWN",
        "entriesUrl": "draw/entries/the-root",
        "piecesUrl": "draw/pieces/the-seed",
        "publicKeys": [{"keyId": "a", "publicKey": "A" * 43}, {"keyId": "b", "publicKey": VECTORS["publicKey"]}],
    } | changed.pop("answer", {})
    left_out = changed.pop("left_out", None)
    content = {
        f"{API}/concerts/night-sky/draw": json.dumps({k: v for k, v in answer.items() if k != left_out}).encode(),
        **{
            f"{FILES}/pieces/the-seed/{name}": bytes.fromhex(file)
            for name, file in changed.pop("pieces", pieces()).items()
        },
    }
    for entry in changed.pop("entries", DRAW["entries"]):
        part = f"{FILES}/entries/the-root/{entry[:2]}"
        content[part] = content.get(part, b"") + bytes.fromhex(entry)
    return lambda address: content.get(address, b"")


def found_by(read: Callable[[str], bytes], *receipts: Any, concert: str = "night-sky", **options: Any) -> list[str]:
    return mistakes(read, API, concert, list(receipts), options.get("seen_root"))


def test_a_right_draw_has_no_mistakes() -> None:
    root = DRAW["published"]["entriesRoot"]

    assert found_by(serving(), DRAW["receipt"], seen_root=root) == []


def test_whatever_is_wrong_is_said() -> None:
    lost = pieces()
    first = next(iter(DRAW["pieces"]))
    del lost[first]

    assert found_by(serving(pieces=lost)) == [
        f"1 piece(s) do not follow from the seed and the list, the first is {first}."
    ]
    assert found_by(serving(pieces=DRAW["pieces"])) == [], "a piece without keys need not be published"
    assert len(found_by(serving(entries=DRAW["entries"][1:]), DRAW["receipt"])) == 3
    assert found_by(serving(), seen_root="00" * 32) == [
        "The root of the list is not the one that was seen before the beacon's round."
    ]
    assert found_by(serving(answer={"publicKeys": []}), DRAW["receipt"])[0].endswith("is not signed by this service.")


@pytest.mark.parametrize("missing", ["status", "secret", "seed", "entriesUrl", "piecesUrl", "publicKeys"])
def test_an_answer_that_lacks_something_is_told(missing: str) -> None:
    with pytest.raises(Failure, match=missing):
        found_by(serving(left_out=missing))


def test_a_lobby_that_is_still_open_and_a_concert_without_one_are_told() -> None:
    with pytest.raises(Failure, match="its lobby is OPEN"):
        found_by(serving(answer={"status": "OPEN"}))
    with pytest.raises(Failure, match="day-sky"):
        found_by(serving(), concert="day-sky")


def test_a_line_that_breaks_is_told() -> None:
    def breaks(_: str) -> bytes:
        raise httpx.ConnectError("no route")

    with pytest.raises(Failure, match="cannot be read: no route"):
        found_by(breaks)
