"""The draw: an order of those who came to the lobby that nobody chose and anybody can check. Pure.

The ids of all entries are sorted and bound by a Merkle root (RFC 6962) before the beacon's round exists. Then

    seed = SHA-256(lobbyId ‖ root ‖ secret ‖ randomness of the round)
    key of an entry = SHA-256(seed ‖ entryId)

and the order of the keys is the order of the line, from number 1. Keys are hashes of 256 bits: no range is folded, so
nothing favours anybody. The secret keeps those who know the round from knowing the seed before it is revealed, its
commitment keeps the operator to it, and the round keeps the operator from choosing among secrets.

Ids, roots, seeds and secrets are 32 bytes, written as hex. The result is published in 4,096 pieces, cut by the first
twelve bits of the key. A piece is the number of entries before it, in four bytes, and the first ten bytes of each key
of it, in order. So one small file tells an entry its number. A piece without keys need not be published.
"""

import hashlib
import hmac
import json
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NotRequired, TypedDict

ID_BYTES = 32
BEFORE_BYTES = 4
KEY_BYTES = 10
"""How much of a key a piece shows. That two of a million agree in ten bytes has a chance of one in 10^12."""
PIECES = 4096
PARTITIONS = 256
"""Over how many partitions the entries of a lobby are spread."""
NO_ENTRIES = hashlib.sha256(b"").hexdigest()


class Wrong(ValueError):
    """A list, a piece or a receipt is not what it should be; says what is wrong in a sentence."""


class Round(TypedDict):
    """A round of the beacon. Its randomness is the hash of its signature."""

    round: int
    signature: str
    randomness: str


class Receipt(TypedDict):
    """What somebody who came to the lobby can prove. `joinedAt` is a time in RFC 3339."""

    entryId: str
    lobbyId: str
    concertId: str
    joinedAt: str
    signature: NotRequired[str]


class Published(TypedDict):
    """What a draw has to publish so that it can be checked. Without a beacon `beacon` is None."""

    lobbyId: str
    concertId: str
    commitment: str
    entries: int
    entriesRoot: str
    secret: str
    beacon: Round | None
    seed: str


def entry_id(key: bytes, concert_id: str, user_id: str) -> str:
    """Name a user's entry. Nobody without the key can tell whose it is; with it, the same user always has the same."""
    return hmac.new(key, b"\0".join([b"entry", concert_id.encode(), user_id.encode()]), hashlib.sha256).hexdigest()


def partition_of(entry: str) -> int:
    """Return which partition an entry is kept in."""
    return int(entry[:2], 16)


def commitment(secret: str) -> str:
    """Return what is published of a secret when the lobby opens."""
    return hashlib.sha256(_bytes(secret)).hexdigest()


def entries_file(entries: Iterable[str | bytes]) -> bytes:
    """Write the list of entries: sorted, each once, 32 bytes each."""
    raw = {_bytes(each) if isinstance(each, str) else each for each in entries}
    return b"".join(sorted(raw))


def read_entries(file: bytes) -> list[bytes]:
    """Read a list of entries.

    Raises:
        Wrong: it is cut, not in order, or has an entry twice.

    """
    if len(file) % ID_BYTES:
        raise Wrong("The list of entries is cut in the middle of an entry.")
    entries = [file[start : start + ID_BYTES] for start in range(0, len(file), ID_BYTES)]
    if any(not left < right for left, right in pairwise(entries)):
        raise Wrong("The list of entries is not in order, or has an entry twice.")
    return entries


def entries_root(entries: Sequence[bytes]) -> str:
    """Return the Merkle root of a sorted list."""
    if not entries:
        return NO_ENTRIES
    for level in _levels(entries):
        root = level
    return root[0].hex()


def inclusion_proof(entries: Sequence[bytes], index: int) -> list[str]:
    """Return what proves that an entry is in the list: the other side of each node on its way to the root."""
    proof = []
    for level in _levels(entries):
        beside = index ^ 1
        if beside < len(level):
            proof.append(level[beside].hex())
        index >>= 1
    return proof


def is_included(root: str, entry: str, index: int, entries: int, proof: Sequence[str]) -> bool:
    """Tell whether a proof shows that an entry is in the list of this root, at this place of so many."""
    if not 0 <= index < entries:
        return False
    node, last, path = _leaf(_bytes(entry)), entries - 1, iter(proof)
    while last:
        if index & 1 or index < last:
            beside = next(path, None)
            if beside is None:
                return False
            node = _node(_bytes(beside), node) if index & 1 else _node(node, _bytes(beside))
        index, last = index >> 1, last >> 1
    return next(path, None) is None and node.hex() == root


def _levels(entries: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Go from the leaves to the root; a node without another beside it goes up as it is."""
    level = [_leaf(each) for each in entries]
    yield level
    while len(level) > 1:
        left, right = level[::2], level[1::2]
        odd = left[len(right) :]
        level = [_node(*pair) for pair in zip(left, right, strict=False)] + odd
        yield level


def _leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def seed_of(lobby_id: str, root: str, secret: str, randomness: str | None) -> str:
    """Return the seed; `randomness` is None only where there is no beacon."""
    parts = [lobby_id.encode(), _bytes(root), _bytes(secret), _bytes(randomness) if randomness else b""]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def key_of(seed: str, entry: str) -> bytes:
    """Return the key that an entry is ordered by."""
    return hashlib.sha256(_bytes(seed) + _bytes(entry)).digest()


def piece_of(key: bytes) -> int:
    """Return which piece a key is in."""
    return key[0] << 4 | key[1] >> 4


def draw(seed: str, entries: Iterable[bytes]) -> list[bytes]:
    """Put entries in order and return all pieces, as they are published."""
    start = hashlib.sha256(_bytes(seed))
    keys: list[list[bytes]] = [[] for _ in range(PIECES)]
    for each in entries:
        digest = start.copy()
        digest.update(each)
        key = digest.digest()
        keys[key[0] << 4 | key[1] >> 4].append(key)
    pieces, before = [], 0
    for drawn in keys:
        drawn.sort()
        pieces.append(struct.pack(">I", before) + b"".join(key[:KEY_BYTES] for key in drawn))
        before += len(drawn)
    return pieces


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece that was read: how many entries come before it, and the shown keys of its own."""

    before: int
    keys: list[bytes]

    def number_of(self, key: bytes) -> int | None:
        """Return the number that was drawn for a key, or None if it is not in the piece."""
        shown = key[:KEY_BYTES]
        index = bisect_left(self.keys, shown)
        return self.before + index + 1 if self.keys[index : index + 1] == [shown] else None


def read_piece(file: bytes) -> Piece:
    """Read a piece.

    Raises:
        Wrong: it is cut, or its keys are not in order.

    """
    if len(file) < BEFORE_BYTES or (len(file) - BEFORE_BYTES) % KEY_BYTES:
        raise Wrong("A piece of the result is cut.")
    keys = [file[start : start + KEY_BYTES] for start in range(BEFORE_BYTES, len(file), KEY_BYTES)]
    if keys != sorted(keys):
        raise Wrong("The keys of a piece are not in order.")
    return Piece(struct.unpack(">I", file[:BEFORE_BYTES])[0], keys)


def first_call(number: int, front: int, per_second: float) -> float:
    """Return how many seconds after the draw whoever has this number calls first."""
    return max(0, number - front) / per_second


def receipt_text(receipt: Receipt) -> str:
    """Return what is signed of a receipt."""
    signed = {name: receipt[name] for name in ("concertId", "entryId", "joinedAt", "lobbyId")}
    return json.dumps(signed, ensure_ascii=False, separators=(",", ":"))


def mistakes(
    published: Published,
    entries: bytes,
    read: Callable[[int], bytes],
    *,
    randomness_of: Callable[[int, str], str],
    receipts: Sequence[Receipt] = (),
    is_signed: Callable[[str, str], bool] = lambda _text, _signature: False,
    seen_root: str | None = None,
) -> list[str]:
    """Check everything about a draw that can be, and say what is wrong; nothing if all is right.

    `read` gives a piece's file by its index. `randomness_of` checks the signature of a round of the beacon and raises
    ValueError if it is wrong. `is_signed` checks a receipt's. `seen_root` is the root that was seen before the round.
    """
    found: list[str] = []
    if commitment(published["secret"]) != published["commitment"]:
        found.append("The secret is not the one that was committed to when the lobby opened.")
    if seen_root is not None and seen_root != published["entriesRoot"]:
        found.append("The root of the list is not the one that was seen before the beacon's round.")
    randomness = None
    if published["beacon"] is not None:
        try:
            randomness = randomness_of(published["beacon"]["round"], published["beacon"]["signature"])
        except ValueError as error:
            found.append(f"The beacon's round is not genuine: {error}")
        else:
            if randomness != published["beacon"]["randomness"]:
                found.append("The randomness is not the one of the beacon's round.")
    seed = seed_of(published["lobbyId"], published["entriesRoot"], published["secret"], randomness)
    if seed != published["seed"]:
        found.append("The seed does not follow from the lobby, the root, the secret and the round.")
    try:
        ids = read_entries(entries)
    except Wrong as error:
        return [*found, str(error)]
    if entries_root(ids) != published["entriesRoot"] or len(ids) != published["entries"]:
        found.append("The list of entries is not the one that the root was published for.")
    expected = draw(published["seed"], ids)
    wrong = [index for index, piece in enumerate(expected) if not _is(read(index), piece)]
    if wrong:
        found.append(f"{len(wrong)} piece(s) do not follow from the seed and the list, the first is {wrong[0]:03x}.")
    known = set(ids)
    return found + [wrong for receipt in receipts for wrong in _wrong_with(receipt, published, known, is_signed)]


def _is(piece: bytes, expected: bytes) -> bool:
    return piece == expected or (not piece and len(expected) == BEFORE_BYTES)


def _wrong_with(
    receipt: Receipt, published: Published, known: set[bytes], is_signed: Callable[[str, str], bool]
) -> Iterator[str]:
    name = f"The receipt of {receipt['entryId'][:12]}…"
    if (receipt["lobbyId"], receipt["concertId"]) != (published["lobbyId"], published["concertId"]):
        yield f"{name} is for another lobby or concert."
    elif not is_signed(receipt_text(receipt), receipt.get("signature", "")):
        yield f"{name} is not signed by this service."
    elif _bytes(receipt["entryId"]) not in known:
        yield f"{name} is genuine, but its entry is missing in the list."


def _bytes(text: str) -> bytes:
    """Read 32 bytes of hex.

    Raises:
        Wrong: it is not that.

    """
    try:
        raw = bytes.fromhex(text)
    except ValueError as error:
        raise Wrong(f"{text[:80]!r} is not hex.") from error
    if len(raw) != ID_BYTES:
        raise Wrong(f"{text[:80]!r} is not {ID_BYTES} bytes of hex.")
    return raw
