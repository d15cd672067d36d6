"""The draw: one order that follows from what was published, and a check that finds whatever was tampered with."""

import base64
import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from booking import signatures
from booking.queue import beacon, draw
from booking.queue.draw import Published, Receipt

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "draw.json").read_text("utf-8"))
ROUNDS: list[dict[str, Any]] = VECTORS["rounds"]
OUTSIDE_THE_GROUP = "8" + "0" * 94 + "4"
"""A point of the curve that is not in the group; a signature plus such a point could pass for another signature."""


def hashed(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def ids(count: int) -> list[bytes]:
    return draw.read_entries(draw.entries_file(hashed("entry", number) for number in range(count)))


# The beacon


@pytest.mark.parametrize("recorded", ROUNDS, ids=[str(recorded["round"]) for recorded in ROUNDS])
def test_recorded_rounds_are_genuine(recorded: dict[str, Any]) -> None:
    assert beacon.randomness_of(recorded["round"], recorded["signature"]) == recorded["randomness"]


@pytest.mark.parametrize("recorded", ROUNDS, ids=[str(recorded["round"]) for recorded in ROUNDS])
def test_a_signature_of_another_round_or_changed_by_a_bit_is_not_genuine(recorded: dict[str, Any]) -> None:
    number, signature = recorded["round"], recorded["signature"]
    changed = f"{int(signature, 16) ^ 1:096x}"

    for other, text in [(number + 1, signature), (0, signature), (number, changed), (number, signature[:-2])]:
        with pytest.raises(beacon.NotGenuine):
            beacon.randomness_of(other, text)


@pytest.mark.parametrize("signature", ["", "zz", "00" * 48, "c0" + "00" * 47, "ff" * 48, OUTSIDE_THE_GROUP])
def test_what_is_no_signature_is_not_genuine(signature: str) -> None:
    with pytest.raises(beacon.NotGenuine):
        beacon.randomness_of(1000, signature)


def test_another_network_is_not_the_beacon(monkeypatch: pytest.MonkeyPatch) -> None:
    test_network = (
        "b15b65b46fb29104f6a4b5d1e11a8da6344463973d423661bb0804846a0ecd1ef93c25057f1c0baab2ac53e56c662b66"
        "072f6d84ee791a3382bfb055afab1e6a375538d8ffc451104ac971d2dc9b168e2d3246b0be2015969cbaac298f6502da"
    )
    monkeypatch.setattr(beacon, "PUBLIC_KEY", test_network)

    with pytest.raises(beacon.NotGenuine):
        beacon.randomness_of(ROUNDS[0]["round"], ROUNDS[0]["signature"])


@pytest.mark.parametrize("late", range(-4, 5))
def test_the_first_round_from_a_time_is_not_out_before_it(late: int) -> None:
    at = beacon.time_of(1000) + late
    number = beacon.first_round_from(at)

    assert beacon.time_of(number - 1) < at <= beacon.time_of(number)


def test_before_the_first_round_the_first_is_waited_for() -> None:
    assert beacon.first_round_from(0) == 1


# The list of entries


def reference_root(entries: Sequence[bytes]) -> bytes:
    """Compute a Merkle tree hash as RFC 6962 defines it."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    half = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + reference_root(entries[:half]) + reference_root(entries[half:])).digest()


def test_the_root_is_the_merkle_tree_hash_and_every_entry_has_its_proof() -> None:
    for count in [*range(20), 31, 32, 33, 100]:
        entries = ids(count)
        root = draw.entries_root(entries)
        assert root == reference_root(entries).hex()
        for index, entry in enumerate(entries):
            proof = draw.inclusion_proof(entries, index)
            assert draw.is_included(root, entry.hex(), index, count, proof)
            assert not draw.is_included(root, hashed("stranger").hex(), index, count, proof)
            assert not draw.is_included(root, entry.hex(), index + 1, count, proof)
            assert not draw.is_included(root, entry.hex(), index, count, [*proof, root])
            assert not draw.is_included(root, entry.hex(), index, count, proof[:-1]) or not proof
        assert not draw.is_included(root, root, count, count, [])
        assert not draw.is_included(root, root, -1, count, [])


def test_a_list_is_sorted_and_has_everybody_once() -> None:
    entries = ids(50)
    file = draw.entries_file([*reversed(entries), *(entry.hex() for entry in entries)])

    assert draw.read_entries(file) == sorted(entries)
    for wrong in (file[:-1], file[32:64] + file[:32], file[:32] + file):
        with pytest.raises(draw.Wrong):
            draw.read_entries(wrong)


def test_an_entry_does_not_tell_whose_it_is_and_is_always_the_same() -> None:
    key = b"k" * 32
    entry = draw.entry_id(key, "concert", "user")

    assert entry == draw.entry_id(key, "concert", "user")
    others = [(b"l" * 32, "concert", "user"), (key, "concer", "tuser"), (key, "concert", "user2"), (key, "c", "user")]
    assert entry not in {draw.entry_id(*other) for other in others}
    assert draw.partition_of(entry) == int(entry[:2], 16)
    assert len({draw.partition_of(draw.entry_id(key, "concert", str(number))) for number in range(3000)}) == 256


# The order


def test_the_order_is_that_of_the_keys_and_numbers_are_one_to_the_last() -> None:
    seed, entries = hashed("seed").hex(), ids(9_000)
    expected = sorted(entries, key=lambda entry: hashlib.sha256(bytes.fromhex(seed) + entry).digest())

    pieces = [draw.read_piece(file) for file in draw.draw(seed, entries)]

    assert len(pieces) == draw.PIECES
    assert sum(len(piece.keys) for piece in pieces) == 9_000
    for number, entry in enumerate(expected, start=1):
        key = draw.key_of(seed, entry.hex())
        assert pieces[draw.piece_of(key)].number_of(key) == number


def test_who_is_not_in_the_list_has_no_number() -> None:
    seed = hashed("seed").hex()
    pieces = [draw.read_piece(file) for file in draw.draw(seed, ids(5_000))]

    for number in range(500):
        key = draw.key_of(seed, hashed("stranger", number).hex())
        assert pieces[draw.piece_of(key)].number_of(key) is None


def test_a_draw_of_nobody_is_a_draw() -> None:
    assert all(draw.read_piece(file) == draw.Piece(0, []) for file in draw.draw(hashed("seed").hex(), []))
    assert draw.entries_root([]) == draw.NO_ENTRIES


def test_a_piece_that_is_cut_or_out_of_order_is_told() -> None:
    file = next(file for file in draw.draw(hashed("seed").hex(), ids(9_000)) if len(file) > 24)

    for wrong in (file[:-1], file[:3], file[:4] + file[14:24] + file[4:14]):
        with pytest.raises(draw.Wrong):
            draw.read_piece(wrong)


def test_every_order_is_as_likely_as_every_other() -> None:
    # chi-square over the 120 orders of five entries: with 119 degrees of freedom one in a million exceeds 210
    entries, draws = ids(5), 12_000
    seen: Counter[tuple[bytes, ...]] = Counter()
    for number in range(draws):
        seed = hashed("draw", number).hex()
        seen[tuple(sorted(entries, key=lambda entry: draw.key_of(seed, entry.hex())))] += 1

    expected = draws / math.factorial(5)
    chi_square = sum((seen[order] - expected) ** 2 / expected for order in permutations(entries))
    assert chi_square < 210


def test_every_entry_is_as_likely_at_every_place_of_a_longer_line() -> None:
    entries, draws = ids(64), 2_000
    places: Counter[tuple[int, int]] = Counter()
    for number in range(draws):
        seed = hashed("line", number).hex()
        keys = [draw.key_of(seed, entry.hex()) for entry in entries]
        for place, index in enumerate(sorted(range(64), key=keys.__getitem__)):
            places[index, place // 8] += 1

    expected = draws / 8
    chi_square = sum((places[index, place] - expected) ** 2 / expected for index in range(64) for place in range(8))
    assert chi_square < 63 * 7 + 5 * math.sqrt(2 * 63 * 7)


def test_accounts_are_worth_their_number_and_no_more() -> None:
    """Five of fifty entries are one person's: first in a tenth of the draws, within five standard deviations."""
    entries, draws = ids(50), 4_000
    first = [min(entries, key=lambda entry: draw.key_of(hashed("won", n).hex(), entry.hex())) for n in range(draws)]

    assert abs(sum(entry in entries[::10] for entry in first) - draws / 10) < 5 * math.sqrt(draws * 0.1 * 0.9)


def test_first_calls_are_spread_from_the_front_on() -> None:
    assert [draw.first_call(number, 2_000, 500) for number in (1, 2_000, 2_500, 1_000_000)] == [0, 0, 1, 1_996]


# The check

KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)


def is_signed(text: str, signature: str) -> bool:
    return signatures.is_signed(text, signature, VECTORS["publicKey"])


def receipt_of(entry: bytes, lobby_id: str = "lobby-1", concert_id: str = "night-sky") -> Receipt:
    receipt: Receipt = {
        "entryId": entry.hex(),
        "lobbyId": lobby_id,
        "concertId": concert_id,
        "joinedAt": "2026-11-28T11:00:00Z",
    }
    signature = KEY.sign(draw.receipt_text(receipt).encode())
    receipt["signature"] = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    return receipt


class ADraw:
    """A draw as it was published, to be tampered with."""

    def __init__(self, count: int = 300) -> None:
        recorded = ROUNDS[0]
        secret = hashed("secret").hex()
        self.ids = ids(count)
        self.entries = draw.entries_file(self.ids)
        root = draw.entries_root(self.ids)
        self.published: Published = {
            "lobbyId": "lobby-1",
            "concertId": "night-sky",
            "commitment": draw.commitment(secret),
            "entries": count,
            "entriesRoot": root,
            "secret": secret,
            "beacon": {name: recorded[name] for name in ("round", "signature", "randomness")},  # type: ignore[typeddict-item]
            "seed": draw.seed_of("lobby-1", root, secret, recorded["randomness"]),
        }
        self.pieces = draw.draw(self.published["seed"], self.ids)

    def mistakes(self, *receipts: Receipt, seen_root: str | None = None) -> list[str]:
        return draw.mistakes(
            self.published,
            self.entries,
            self.pieces.__getitem__,
            randomness_of=beacon.randomness_of,
            receipts=receipts,
            is_signed=is_signed,
            seen_root=seen_root,
        )


def test_a_right_draw_has_no_mistakes() -> None:
    right = ADraw()

    assert right.mistakes(*map(receipt_of, right.ids), seen_root=right.published["entriesRoot"]) == []


def test_a_draw_without_a_beacon_is_checked_as_well() -> None:
    right = ADraw()
    published = right.published
    published["beacon"] = None
    published["seed"] = draw.seed_of("lobby-1", published["entriesRoot"], published["secret"], None)
    right.pieces = draw.draw(published["seed"], right.ids)

    assert right.mistakes() == []


def test_an_entry_that_was_forged_or_added_after_the_root_is_found() -> None:
    tampered = ADraw()
    tampered.entries = draw.entries_file([*tampered.ids, hashed("forged")])
    assert tampered.mistakes() == [
        "The list of entries is not the one that the root was published for.",
        *tampered.mistakes()[1:],
    ]
    assert len(tampered.mistakes()) == 2, "the pieces do not have it either"

    # whoever also changes root, seed and result is found by who saw the root before the round
    changed = ADraw(count=301)
    assert changed.mistakes() == []
    assert changed.mistakes(seen_root=ADraw().published["entriesRoot"]) == [
        "The root of the list is not the one that was seen before the beacon's round."
    ]


def test_an_entry_that_was_left_out_is_found_by_its_receipt() -> None:
    right = ADraw()
    left_out = hashed("left out")

    assert right.mistakes(receipt_of(left_out)) == [
        f"The receipt of {left_out.hex()[:12]}… is genuine, but its entry is missing in the list."
    ]


def test_a_receipt_of_another_concert_or_lobby_or_of_nobody_proves_nothing() -> None:
    right = ADraw()
    entry = right.ids[0]
    forged = receipt_of(entry) | {"joinedAt": "2026-11-28T11:00:01Z"}

    assert right.mistakes(receipt_of(entry, concert_id="day-sky")) == [
        f"The receipt of {entry.hex()[:12]}… is for another lobby or concert."
    ]
    assert right.mistakes(receipt_of(entry, lobby_id="lobby-2")) == [
        f"The receipt of {entry.hex()[:12]}… is for another lobby or concert."
    ]
    assert right.mistakes(forged) == [f"The receipt of {entry.hex()[:12]}… is not signed by this service."]


def test_a_changed_seed_secret_or_round_is_found() -> None:
    seed, secret, other_round, randomness = ADraw(), ADraw(), ADraw(), ADraw()
    seed.published["seed"] = hashed("better for me").hex()
    seed.pieces = draw.draw(seed.published["seed"], seed.ids)
    secret.published["secret"] = hashed("better for me").hex()
    other_round.published["beacon"] = {"round": 7, "signature": ROUNDS[0]["signature"], "randomness": "00" * 32}
    randomness.published["beacon"] = {**ROUNDS[0], "randomness": "00" * 32}  # type: ignore[typeddict-item]

    assert seed.mistakes() == ["The seed does not follow from the lobby, the root, the secret and the round."]
    assert secret.mistakes()[0] == "The secret is not the one that was committed to when the lobby opened."
    assert other_round.mistakes()[0].startswith("The beacon's round is not genuine")
    assert randomness.mistakes() == ["The randomness is not the one of the beacon's round."]


def test_a_swapped_or_changed_piece_is_found() -> None:
    swapped, better = ADraw(), ADraw()
    first, second = [index for index, file in enumerate(swapped.pieces) if len(file) == 14][:2]
    swapped.pieces[first], swapped.pieces[second] = swapped.pieces[second], swapped.pieces[first]
    better.pieces[9] = b"\0\0\0\0" + better.pieces[9][4:]
    before = draw.read_piece(ADraw().pieces[9]).before

    assert swapped.mistakes() == [f"2 piece(s) do not follow from the seed and the list, the first is {first:03x}."]
    assert before > 0
    assert better.mistakes() == ["1 piece(s) do not follow from the seed and the list, the first is 009."]


# What other programs check


def test_the_vectors_are_what_this_program_computes() -> None:
    vector = VECTORS["draw"]
    published: Published = vector["published"]
    entries = draw.read_entries(draw.entries_file(vector["entries"]))
    pieces = draw.draw(published["seed"], entries)

    assert [each.hex() for each in entries] == vector["entries"]
    assert {f"{index:03x}": file.hex() for index, file in enumerate(pieces) if len(file) > 4} == vector["pieces"]
    assert [draw.inclusion_proof(entries, index) for index in range(len(entries))] == vector["proofs"]
    assert {
        entry: draw.read_piece(pieces[draw.piece_of(key)]).number_of(key)
        for entry in vector["entries"]
        for key in [draw.key_of(published["seed"], entry)]
    } == vector["numbers"]
    assert draw.receipt_text(vector["receipt"]) == vector["receiptText"]
    assert is_signed(vector["receiptText"], vector["receipt"]["signature"])
    assert (
        draw.mistakes(published, draw.entries_file(entries), pieces.__getitem__, randomness_of=beacon.randomness_of)
        == []
    )
