"""The lobby: whoever comes between its opening and the opening of the sale is put in an order that is drawn.

For each concert with `lobbyOpensAt`, in the queue table:

- the lobby: its id, what it was opened with (the key of the entries, the secret, its commitment), and step by step what
  was drawn. Whatever is there never changes again;
- the entries, spread over 256 partitions: coming in is one conditional write and no shared item. Leaving marks the
  entry, which stays in the list;
- what was published: the list in parts by the first byte of the entries, and the pieces of the result.

Clocks differ and functions take time, so the list is read `READ_AFTER_SECONDS` after the closing, and a receipt is
given only while that is `RECEIPT_MARGIN_SECONDS` away: who has a receipt is in the list.
"""

import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict, cast

from booking import clock, signatures
from booking.catalog import SLUG, Concert
from booking.dynamodb import ConditionFailed, get, put, update, write
from booking.errors import ConcertNotFound, SalesNotOpen
from booking.memory import cached
from booking.queue import beacon, draw
from booking.queue.draw import Receipt
from booking.queue.items import Key
from booking.settings import settings

if TYPE_CHECKING:
    from booking import views

type Status = Literal["UPCOMING", "OPEN", "CLOSED", "DRAWN"]

READ_AFTER_SECONDS = 20
"""How long after the closing nothing that began before it can still run: a function's ten seconds, and clocks."""
RECEIPT_MARGIN_SECONDS = 5
ROUND_AFTER_SECONDS = 10
"""How far away the beacon's round is at least when it is named."""
DRAWN_AFTER_SECONDS = READ_AFTER_SECONDS + ROUND_AFTER_SECONDS + 10
NEAR_SECONDS = 70
"""How long before its time a run that draws begins: a little more than the schedule's minute."""
KEPT_SECONDS = 366 * clock.DAY
CACHE_SECONDS = 1


class LobbyItem(TypedDict):
    """`pk = concertId, sk = LOBBY`. The secret is nobody's to see before `entriesRoot` is there.

    `round` is named together with the root, where there is a beacon; `signature`, `randomness`, `seed` and `drawnAt`
    are there once it has been drawn.
    """

    pk: str
    sk: str
    lobbyId: str
    entryKey: str
    secret: str
    commitment: str
    entriesRoot: NotRequired[str]
    entries: NotRequired[int]
    round: NotRequired[int]
    signature: NotRequired[str]
    randomness: NotRequired[str]
    seed: NotRequired[str]
    drawnAt: NotRequired[int]


class EntryItem(TypedDict):
    """`pk = lobbyId#ENTRIES#partition, sk = entryId`. `leftAt` marks one whose fan has left."""

    pk: str
    sk: str
    userId: str
    joinedAt: int
    leftAt: NotRequired[int]
    purgeAt: int


class FileItem(TypedDict):
    """`pk = lobbyId#LIST#root#part` or `lobbyId#PIECES#seed#piece`, `sk = FILE`: what is published, never changed."""

    pk: str
    sk: str
    content: bytes


def lobby_key(concert_id: str) -> Key:
    """Return the key of a concert's lobby."""
    return {"pk": concert_id, "sk": "LOBBY"}


def entry_key(lobby_id: str, entry: str) -> Key:
    """Return the key of an entry."""
    return {"pk": f"{lobby_id}#ENTRIES#{draw.partition_of(entry):02x}", "sk": entry}


def file_key(lobby_id: str, kind: Literal["LIST", "PIECES"], name: str, part: str) -> Key:
    """Return the key of a published file: a part of the list of this root, or a piece of the result of this seed."""
    return {"pk": f"{lobby_id}#{kind}#{name}#{part}", "sk": "FILE"}


def status(concert: Concert, lobby: LobbyItem | None, at: int) -> Status | None:
    """Tell how far a concert's lobby is, or None if it has none."""
    if "lobbyOpensAt" not in concert:
        return None
    if lobby is not None and "drawnAt" in lobby:
        return "DRAWN"
    if at < concert["lobbyOpensAt"]:
        return "UPCOMING"
    return "OPEN" if at < concert["salesOpenAt"] else "CLOSED"


def state(concert: Concert, at: int) -> Status | None:
    """Tell how far a concert's lobby is, as of at most a second ago, or None if it has none; then nothing is read."""
    return status(concert, recent(concert["sk"], at), at) if "lobbyOpensAt" in concert else None


def draws_at(concert: Concert) -> int:
    """Return when the order is drawn, as far as that is known before."""
    return concert["salesOpenAt"] + DRAWN_AFTER_SECONDS


def read(concert_id: str) -> LobbyItem | None:
    """Read a lobby as it is now."""
    return cast(LobbyItem | None, get(settings().queue_table, lobby_key(concert_id)))


def recent(concert_id: str, at: int) -> LobbyItem | None:
    """Return a lobby, at most a second old."""
    return cached("lobby", concert_id, lambda: read(concert_id), at, CACHE_SECONDS)


def ensure_open(concert: Concert, at: int) -> LobbyItem:
    """Return the lobby, opening it if nobody has yet; of several at the same moment one opens it."""
    concert_id = concert["sk"]
    lobby = recent(concert_id, at)
    if lobby is not None:
        return lobby
    key, secret = lobby_key(concert_id), secrets.token_hex(draw.ID_BYTES)
    opened: LobbyItem = {
        "pk": key["pk"],
        "sk": key["sk"],
        "lobbyId": f"{concert_id}.{concert['lobbyOpensAt']}",
        "entryKey": secrets.token_hex(draw.ID_BYTES),
        "secret": secret,
        "commitment": draw.commitment(secret),
    }
    try:
        write(put(settings().queue_table, opened, "attribute_not_exists(#pk)"))
    except ConditionFailed as refused:
        return cast(LobbyItem, refused.item)
    return opened


def entry_of(lobby: LobbyItem, user_id: str) -> str:
    """Name a user's entry; whether there is one is another question."""
    return draw.entry_id(bytes.fromhex(lobby["entryKey"]), lobby["pk"], user_id)


def enter(concert: Concert, user_id: str, at: int, now: Callable[[], int] = clock.now) -> tuple[Receipt, bool]:
    """Let a user into the lobby; return the receipt and whether the entry is new. Safe to repeat, from any device.

    Raises:
        SalesNotOpen: the lobby is not open, or it took so long that nobody can promise a place in the list.

    """
    if status(concert, None, at) != "OPEN":
        raise not_now(concert, at)
    lobby = ensure_open(concert, at)
    entry = entry_of(lobby, user_id)
    key = entry_key(lobby["lobbyId"], entry)
    item: EntryItem = {
        "pk": key["pk"],
        "sk": key["sk"],
        "userId": user_id,
        "joinedAt": at,
        "purgeAt": at + KEPT_SECONDS,
    }
    is_new = True
    try:
        write(put(settings().queue_table, item, "attribute_not_exists(#pk)"))
    except ConditionFailed as refused:
        is_new = False
        item = cast(EntryItem, refused.item)
        if "leftAt" in item:
            write(update(settings().queue_table, key, "REMOVE #leftAt"))
    if now() > concert["salesOpenAt"] + READ_AFTER_SECONDS - RECEIPT_MARGIN_SECONDS:
        raise not_now(concert, now())
    return _receipt(lobby, item), is_new


def not_now(concert: Concert, at: int) -> SalesNotOpen:
    """Refuse whoever comes before the lobby opens, or between its closing and the draw."""
    comes = concert["lobbyOpensAt"] if at < concert["lobbyOpensAt"] else max(draws_at(concert), at + 2)
    times = {"opensAt": clock.rfc3339(concert["salesOpenAt"]), "serverTime": clock.rfc3339(at)}
    return SalesNotOpen(retry_after=comes - at, **times)


def _receipt(lobby: LobbyItem, item: EntryItem) -> Receipt:
    receipt: Receipt = {
        "concertId": lobby["pk"],
        "entryId": item["sk"],
        "joinedAt": clock.rfc3339(item["joinedAt"]),
        "lobbyId": lobby["lobbyId"],
    }
    receipt["signature"] = signatures.sign(draw.receipt_text(receipt))
    return receipt


def find(concert_id: str, user_id: str, at: int) -> EntryItem | None:
    """Read a user's entry, or None if there is none."""
    lobby = recent(concert_id, at)
    if lobby is None:
        return None
    key = entry_key(lobby["lobbyId"], entry_of(lobby, user_id))
    return cast(EntryItem | None, get(settings().queue_table, key))


def leave(concert_id: str, user_id: str, at: int) -> bool:
    """Mark a user's entry as left; it stays in the list. Tells whether this call did it. Safe to repeat."""
    lobby = recent(concert_id, at)
    if lobby is None:
        return False
    key = entry_key(lobby["lobbyId"], entry_of(lobby, user_id))
    condition = "attribute_exists(#pk) AND attribute_not_exists(#leftAt)"
    try:
        write(update(settings().queue_table, key, "SET #leftAt = :at", condition, at=at))
    except ConditionFailed:
        return False
    return True


def number_of(concert_id: str, user_id: str, at: int) -> int | None:
    """Return the number that was drawn for a user, or None if the user has no entry or nothing has been drawn.

    One read, of one piece, beside the lobby's own.
    """
    lobby = recent(concert_id, at)
    if lobby is None or "seed" not in lobby:
        return None
    key = draw.key_of(lobby["seed"], entry_of(lobby, user_id))
    name = f"{draw.piece_of(key):03x}"
    piece = read_file(lobby["lobbyId"], "PIECES", lobby["seed"], name, consistent=True)
    return None if piece is None else draw.read_piece(piece).number_of(key)


def read_file(
    lobby_id: str, kind: Literal["LIST", "PIECES"], name: str, part: str, *, consistent: bool = False
) -> bytes | None:
    """Read a published file, or None if there is none."""
    item = get(settings().queue_table, file_key(lobby_id, kind, name, part), consistent=consistent)
    return None if item is None else cast(FileItem, item)["content"]


def published_file(concert_id: str, kind: str, name: str, part: str, at: int) -> bytes:
    """Return a part of the list of this root (`entries`), or a piece of the result of this seed (`pieces`).

    Raises:
        ConcertNotFound: there is no such lobby, or no such file; what has nothing in it is not there.

    """
    kinds: dict[str, Literal["LIST", "PIECES"]] = {"entries": "LIST", "pieces": "PIECES"}
    lobby = recent(concert_id, at) if re.fullmatch(SLUG, concert_id) else None
    if lobby is None or kind not in kinds or not re.fullmatch(r"[0-9a-f]{64}/[0-9a-f]{2,3}", f"{name}/{part}"):
        raise ConcertNotFound("There is no such file of a draw.")
    content = read_file(lobby["lobbyId"], kinds[kind], name, part)
    if content is None:
        raise ConcertNotFound("There is no such file of a draw.")
    return content


def published(concert: Concert, at: int) -> "views.DrawFacts":
    """Show a lobby and its draw to everybody: before the list is bound neither the secret nor who is in it.

    Addresses are relative to that of this answer.

    Raises:
        ConcertNotFound: the concert has no lobby.

    """
    if "lobbyOpensAt" not in concert:
        raise ConcertNotFound("This concert has no lobby.")
    lobby = recent(concert["sk"], at)
    root = lobby.get("entriesRoot") if lobby else None
    seed = lobby.get("seed") if lobby else None
    entries = lobby.get("entries") if lobby else None
    front, each_second = settings().queue_capacity, max(1, settings().polls_per_second // 2)
    return {
        "concertId": concert["sk"],
        "status": status(concert, lobby, at) or "UPCOMING",
        "lobbyId": lobby["lobbyId"] if lobby else f"{concert['sk']}.{concert['lobbyOpensAt']}",
        "lobbyOpensAt": clock.rfc3339(concert["lobbyOpensAt"]),
        "closesAt": clock.rfc3339(concert["salesOpenAt"]),
        "drawsAt": clock.rfc3339(draws_at(concert)),
        "drawnAt": clock.rfc3339(lobby["drawnAt"]) if lobby and "drawnAt" in lobby else None,
        "pollAfterSeconds": max(2, draws_at(concert) - at),
        "commitment": lobby["commitment"] if lobby else None,
        "beacon": _beacon(lobby) if settings().beacon == "on" else None,
        "entries": entries,
        "entriesRoot": root,
        "secret": lobby["secret"] if lobby and root else None,
        "seed": seed,
        "entriesUrl": f"draw/entries/{root}" if root else None,
        "piecesUrl": f"draw/pieces/{seed}" if seed else None,
        "firstCalls": {
            "front": front,
            "perSecond": each_second,
            "windowSeconds": max(0, -(-((entries or 0) - front) // each_second)),
        },
        "publicKeys": [{"keyId": key_id, "publicKey": key} for key_id, key in sorted(signatures.public_keys().items())],
    }


def _beacon(lobby: LobbyItem | None) -> "views.DrawBeacon":
    number = lobby.get("round") if lobby else None
    return {
        "chain": beacon.CHAIN,
        "round": number,
        "roundAt": None if number is None else clock.rfc3339(beacon.time_of(number)),
        "signature": lobby.get("signature") if lobby else None,
        "randomness": lobby.get("randomness") if lobby else None,
    }


def is_due(concert: Concert, lobby: LobbyItem | None, at: int) -> bool:
    """Tell whether it is time to draw, and it has not been done."""
    return status(concert, lobby, at) == "CLOSED" and at >= concert["salesOpenAt"] + READ_AFTER_SECONDS


def is_near(concert: Concert, at: int) -> bool:
    """Tell whether it will be time to draw within `NEAR_SECONDS`, or is already, and it has not been done."""
    if "lobbyOpensAt" not in concert or at < concert["salesOpenAt"] + READ_AFTER_SECONDS - NEAR_SECONDS:
        return False
    return state(concert, at) != "DRAWN"


def concert_now(concert_id: str) -> Concert | None:
    """Read a concert as it is now, not as this process remembers it: its times may just have been postponed."""
    return cast(Concert | None, get(settings().catalog_table, {"pk": "CONCERT", "sk": concert_id}))
