"""Drawing the order of a lobby, in steps that can each be done again.

1. Read the list, when nobody can be coming in any more, and publish it under the name of its root.
2. In one conditional write bind root, secret and the beacon's round together, the first that is far enough away. From
   here on nothing can be changed, and the seed cannot be known before the round.
3. Wait for the round and check its signature. A late one is waited for, never replaced.
4. Publish the pieces of the result under the name of the seed.
5. In one transaction create the counter of the line at the number of entries, note that number on the queue, and call
   the lobby drawn.

A death at any point leaves what the next run goes on with. Two runs at once publish the same.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError

from booking import aws, clock
from booking.catalog import Concert
from booking.dynamodb import ConditionFailed, TransactionRefused, put, query_all, transact, update, write
from booking.observability import logger
from booking.queue import beacon, draw, lobby
from booking.queue.items import counter_key, queue_key
from booking.queue.lobby import FileItem, LobbyItem, Status
from booking.settings import settings

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

THREADS = 10
"""As many as botocore keeps connections for."""
FETCH_SECONDS = 5
"""How long one server of the beacon is waited for."""
LONGEST_ROUND_BYTES = 2000
"""A round is some 200 bytes, and is not read further than this."""
LATE_SECONDS = 60
"""How long one run waits for a round that is late; the next run goes on waiting."""


class Late(RuntimeError):
    """The beacon's round is not out yet, or no server of it answers; the next run looks again."""


def fetch(number: int) -> str:
    """Ask the beacon's servers, one after the other, for the signature of a round.

    Raises:
        Late: none of them has it.

    """
    for address in beacon.paths(number):
        try:
            signature = str(json.loads(_read(address))["signature"])
            beacon.randomness_of(number, signature)
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            logger.warning("a server of the beacon has no such round", exc_info=True)
        else:
            return signature
    raise Late(f"round {number} of the beacon is not to be had")


def _read(address: str) -> bytes:
    """Read what a server answers, as far as it is of use. One that dawdles, byte by byte, is left to its thread."""

    def read() -> bytes:
        with urllib.request.urlopen(address, timeout=FETCH_SECONDS) as answer:  # noqa: S310 - fixed https addresses
            return bytes(answer.read(LONGEST_ROUND_BYTES))

    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(read).result(FETCH_SECONDS)
    finally:
        pool.shutdown(wait=False)


def draw_lobby(
    concert_id: str,
    *,
    now: Callable[[], int] = clock.now,
    sleep: Callable[[float], None] = time.sleep,
    fetch: Callable[[int], str] = fetch,
) -> Status | None:
    """Draw when it is time to, if that is near; return how far the lobby is then. Safe to repeat, and to do twice.

    Raises:
        Late: the beacon's round is not out.

    """
    concert = lobby.concert_now(concert_id)
    if concert is not None and lobby.is_near(concert, now()):
        sleep(max(0, concert["salesOpenAt"] + lobby.READ_AFTER_SECONDS - now()))
        concert = lobby.concert_now(concert_id)  # it may have been postponed meanwhile
    found = lobby.read(concert_id)
    if concert is None or not lobby.is_due(concert, found, now()):
        return lobby.status(concert, found, now()) if concert else None
    found = found or lobby.ensure_open(concert, now())
    if "entriesRoot" not in found:
        found = _bind(found, now)
    randomness = signature = None
    if "round" in found:
        signature = _wait_for(found["round"], now, sleep, fetch)
        randomness = beacon.randomness_of(found["round"], signature)
    seed = draw.seed_of(found["lobbyId"], found["entriesRoot"], found["secret"], randomness)
    entries = _stored_list(found)
    if draw.entries_root(entries) != found["entriesRoot"]:
        raise draw.Wrong("The stored list is not the one that the root was bound for.")
    pieces = ((f"{i:03x}", each) for i, each in enumerate(draw.draw(seed, entries)) if len(each) > draw.BEFORE_BYTES)
    _store_all(found["lobbyId"], "PIECES", seed, pieces)
    _finish(found, concert, seed, signature, randomness, now())
    logger.info("drawn", entries=len(entries), seed=seed)
    return "DRAWN"


def _bind(found: LobbyItem, now: Callable[[], int]) -> LobbyItem:
    """Read the list, publish it, and bind it with the secret and a round; or return what another run has bound."""
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(partial(_read_partition, found["lobbyId"]), range(draw.PARTITIONS)))
    file = draw.entries_file(entry for part in parts for entry in part)
    root = draw.entries_root(draw.read_entries(file))
    listed = ((f"{i:02x}", draw.entries_file(part)) for i, part in enumerate(parts) if part)
    _store_all(found["lobbyId"], "LIST", root, listed)
    values: dict[str, object] = {"root": root, "entries": len(file) // draw.ID_BYTES}
    expression = "SET #entriesRoot = :root, #entries = :entries"
    if settings().beacon == "on":
        expression += ", #round = :round"
        values["round"] = beacon.first_round_from(now() + lobby.ROUND_AFTER_SECONDS)
    try:
        bound = write(
            update(
                settings().queue_table,
                lobby.lobby_key(found["pk"]),
                expression,
                "attribute_exists(#pk) AND attribute_not_exists(#entriesRoot)",
                **values,
            )
        )
    except ConditionFailed as refused:
        return cast(LobbyItem, refused.item)
    return cast(LobbyItem, bound)


def _read_partition(lobby_id: str, partition: int) -> list[str]:
    key = lobby.entry_key(lobby_id, f"{partition:02x}")
    return [str(item["sk"]) for item in query_all(settings().queue_table, "#pk = :pk", only="#sk", pk=key["pk"])]


def _stored_list(found: LobbyItem) -> list[bytes]:
    """Read the list that was bound, which is what counts, from its parts."""
    read = partial(lobby.read_file, found["lobbyId"], "LIST", found["entriesRoot"], consistent=True)
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(read, [f"{part:02x}" for part in range(draw.PARTITIONS)]))
    return draw.read_entries(b"".join(part or b"" for part in parts))


def _store_all(lobby_id: str, kind: str, name: str, files: Iterable[tuple[str, bytes]]) -> None:
    """Store files; the same name always has the same content, so it does not matter who was first."""

    def store(file: tuple[str, bytes]) -> None:
        part, content = file
        item: FileItem = {**lobby.file_key(lobby_id, kind, name, part), "content": content}  # type: ignore[arg-type]
        write(put(settings().queue_table, item))

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(store, files):
            pass


def _wait_for(number: int, now: Callable[[], int], sleep: Callable[[float], None], fetch: Callable[[int], str]) -> str:
    """Wait until a round is out, and while it is late."""
    sleep(max(0, beacon.time_of(number) + 1 - now()))
    until = now() + LATE_SECONDS
    while True:
        try:
            return fetch(number)
        except Late:
            if now() >= until:
                raise
            sleep(beacon.PERIOD_SECONDS)


def _finish(
    found: LobbyItem, concert: Concert, seed: str, signature: str | None, randomness: str | None, at: int
) -> None:
    """Create the counter and call the lobby drawn, together, once."""
    concert_id, entries = found["pk"], found["entries"]
    drawn = {"seed": seed, "at": at} | ({"signature": signature, "randomness": randomness} if signature else {})
    genuine = ", #signature = :signature, #randomness = :randomness" if signature else ""
    keep_until = concert["salesCloseAt"] + clock.DAY
    counter = {**counter_key(concert_id), "issued": entries, "issuedAt": at, "keepUntil": keep_until}
    try:
        transact(
            update(
                settings().queue_table,
                lobby.lobby_key(concert_id),
                f"SET #seed = :seed, #drawnAt = :at{genuine}",
                "#entriesRoot = :root AND attribute_not_exists(#drawnAt)",
                root=found["entriesRoot"],
                **drawn,
            ),
            put(settings().queue_table, counter, "attribute_not_exists(#issued)"),
            update(
                settings().queue_table,
                queue_key(concert_id),
                "SET #drawn = :entries, #drawnAt = :at",
                "attribute_not_exists(#drawn)",
                entries=entries,
                at=at,
            ),
        )
    except TransactionRefused as refused:
        other = refused.refusals.get(0)
        if other is None or "drawnAt" not in other:
            raise


def kick(concert_id: str) -> None:
    """Have a lobby drawn, asynchronously. Its failing changes nothing: the next minute's run kicks again."""
    try:
        functions: LambdaClient = aws.client("lambda")
        functions.invoke(
            FunctionName=settings().draw_lobby_function,
            InvocationType="Event",
            Payload=json.dumps({"concertId": concert_id}).encode(),
        )
    except (BotoCoreError, ClientError):
        logger.warning("the draw could not be kicked; the next minute's run does it", exc_info=True)
