"""How DynamoDB counts: the sizes of items, and the units of reads and writes. Pure.

Sources, in DynamoDB's developer guide: "DynamoDB item sizes and formats", "DynamoDB read and write operations"
(capacity), "Amazon DynamoDB Transactions: How it works" and "Using Global Secondary Indexes". Values are in DynamoDB's
own notation, such as `{"S": "text"}`, since that is what is billed.
"""

import base64
from collections.abc import Collection, Mapping
from typing import Any

READ_UNIT = 4096
WRITE_UNIT = 1024

type Stored = Mapping[str, Any]
"""An item in DynamoDB's notation: attribute name → `{type: value}`."""


def item_size(item: Stored) -> int:
    """Return an item's size in bytes: the names and values of its attributes, in UTF-8."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Mapping[str, Any]) -> int:  # noqa: PLR0911 - one return for each type
    """Return the size of one value in bytes.

    A list or map takes 3 bytes and 1 more for each element beside what is in it.
    """
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return number_size(content)
        case "B":
            return len(content if isinstance(content, bytes | bytearray) else base64.b64decode(content))
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + value_size(element) for element in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + value_size(element) for name, element in content.items())
        case "SS" | "NS" | "BS":
            return sum(value_size({kind[0]: element}) for element in content)
    raise ValueError(f"DynamoDB has no type {kind}")


def number_size(text: str) -> int:
    """Return the size of a number: a byte for each two significant digits, and one more.

    Zeros at either end are no significant digits. The guide says "approximately": a sign takes a byte, which we count.
    """
    digits = text.lstrip("+-").lower().split("e")[0].replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def read_units(size: int, *, consistent: bool) -> float:
    """Return the units of reading so many bytes at once: 4 KB each, half for eventual consistency, never nothing."""
    return max(1, -(-size // READ_UNIT)) * (1.0 if consistent else 0.5)


def write_units(before: Stored | None, after: Stored | None, *, transaction: bool = False) -> int:
    """Return the units of a write on a table: of the larger item, before or after, a KB each, twice in a transaction.

    A write that finds or leaves nothing, and one whose condition failed, takes at least one as well.
    """
    size = max(item_size(item) if item else 0 for item in (before, after))
    return max(1, -(-size // WRITE_UNIT)) * (2 if transaction else 1)


def index_units(
    before: Stored | None, after: Stored | None, key: Collection[str], projected: Collection[str] | None
) -> int:
    """Return the units that a write on a table costs in one of its indexes.

    An item is in an index only if it has all of the index's key. An entry that comes, goes or changes costs a write of
    its size, one whose key changes two, one that stays as it is none. `projected` names the attributes of an entry, or
    is None for all. Indexes follow a transaction afterwards, so there is nothing to double.
    """
    old, new = _entry(before, key, projected), _entry(after, key, projected)
    if old == new:
        return 0
    if old and new and any(old[name] != new[name] for name in key):
        return write_units(old, None) + write_units(None, new)
    return write_units(old, new)


def _entry(item: Stored | None, key: Collection[str], projected: Collection[str] | None) -> Stored | None:
    if item is None or any(name not in item for name in key):
        return None
    return {name: value for name, value in item.items() if projected is None or name in projected}
