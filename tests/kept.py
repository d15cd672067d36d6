"""What was written down before, and is to stay: with `WRITE_OUTCOMES=1` in the environment it is written down anew."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def plain(what: Any) -> str:
    """Write anything as text that is the same in every run."""
    return json.dumps(what, sort_keys=True, ensure_ascii=False, default=str)


def digest(text: str) -> str:
    """Sum a text up."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def assert_kept(file: Path, lines: Sequence[str]) -> None:
    """Compare with what the file has, line by line."""
    if "WRITE_OUTCOMES" in os.environ:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([*lines, ""]), "utf-8")
    assert [*lines, ""] == file.read_text("utf-8").split("\n")
