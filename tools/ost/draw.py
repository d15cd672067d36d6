"""`./ost draw verify CONCERT`: check a draw from what it published, as anybody can."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urljoin

import httpx
import typer

from booking import signatures
from booking.queue import beacon, draw
from tools.ost.console import Failure, out, step
from tools.ost.paths import STATE
from tools.ost.stack import Stack, StackOption, StateOption

AT_ONCE = 16
CHECKED = (
    "the secret is the one that was committed to when the lobby opened",
    "the beacon's round is genuine, and the seed follows from lobby, root, secret and round",
    "the list has the root that was published, in order, with every entry once",
    "every number follows from the seed and the list",
)

app = typer.Typer(help="The draw of a concert with a lobby.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `verify` a word of its own."""


@app.command()
def verify(
    concert: Annotated[str, typer.Argument(help="Id of the concert.")],
    receipt: Annotated[list[Path] | None, typer.Option(help="A fan's receipt, a JSON file; may be repeated.")] = None,
    seen_root: Annotated[str | None, typer.Option(help="The root that was seen before the beacon's round.")] = None,
    api: Annotated[str | None, typer.Option(help="Address of the API, where no stack is at hand.")] = None,
    stack: StackOption = None,
    state: StateOption = STATE,
) -> None:
    """Check that a draw is what it says: list, root, secret, beacon, seed, order and numbers; and receipts, if given.

    Nothing of it needs an account: whoever can read the page can run this. Exit code 1 if anything is wrong.
    """
    url = (api or Stack.find(stack, state).api_url).rstrip("/")
    with httpx.Client(timeout=60) as client, step("Reading what was published", "Checked what was published"):
        found = mistakes(partial(_content, client), url, concert, [_read(file) for file in receipt or []], seen_root)
    if found:
        raise Failure("\n".join([f"the draw of {concert!r} is wrong:", *(f"  {each}" for each in found)]))
    for each in (*CHECKED, *(["the receipts are genuine, and their entries are in the list"] if receipt else [])):
        out.print(f"[green]✓[/] {each}", highlight=False)
    if seen_root is None:
        out.print("  Without --seen-root nothing shows that the list was fixed before the round.", highlight=False)


def mistakes(
    read: Callable[[str], bytes], url: str, concert: str, receipts: list[draw.Receipt], seen_root: str | None
) -> list[str]:
    """Read a draw with all its files and say what is wrong with it; raise Failure when it cannot be read.

    `read` gives what is at an address, nothing where nothing is.
    """
    address = f"{url}/concerts/{concert}/draw"
    try:
        answer = json.loads(read(address) or b"{}")
        if answer["status"] != "DRAWN":
            raise Failure(f"{concert!r} has not been drawn: its lobby is {answer['status']}.")
        published, keys = _published(concert, answer), [each["publicKey"] for each in answer["publicKeys"]]
        lists, results = (urljoin(address, answer[name]) for name in ("entriesUrl", "piecesUrl"))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            entries = b"".join(pool.map(read, [f"{lists}/{part:02x}" for part in range(draw.PARTITIONS)]))
            pieces = list(pool.map(read, [f"{results}/{index:03x}" for index in range(draw.PIECES)]))
        return draw.mistakes(
            published,
            entries,
            pieces.__getitem__,
            randomness_of=beacon.randomness_of,
            receipts=receipts,
            is_signed=lambda text, signature: any(signatures.is_signed(text, signature, key) for key in keys),
            seen_root=seen_root,
        )
    except httpx.HTTPError as error:
        raise Failure(f"the draw of {concert!r} cannot be read: {error}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(f"the answer about the draw of {concert!r} is not one: {error!r}.") from error


def _content(client: httpx.Client, address: str) -> bytes:
    answer = client.get(address)
    return b"" if answer.status_code == httpx.codes.NOT_FOUND else answer.raise_for_status().content


def _published(concert: str, answer: dict[str, Any]) -> draw.Published:
    return {
        "lobbyId": answer["lobbyId"],
        "concertId": concert,
        "commitment": answer["commitment"],
        "entries": answer["entries"],
        "entriesRoot": answer["entriesRoot"],
        "secret": answer["secret"],
        "beacon": answer["beacon"],
        "seed": answer["seed"],
    }


def _read(file: Path) -> draw.Receipt:
    try:
        receipt: draw.Receipt = json.loads(file.read_text("utf-8"))
        draw.receipt_text(receipt)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{file} is not a receipt: {error!r}.") from error
    return receipt
