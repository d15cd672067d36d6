"""Every number of the layer that has a name: constants, and what fields and parameters are where they are not given.

A limit, an age or a pause is decided once, and many a test only sees that there is one. Whoever means to change one
reads here that it has changed, and what `docs/` say of it; `WRITE_OUTCOMES=1` writes the list down anew.
"""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic

import booking
from tests.kept import assert_kept

NUMBERS = Path(__file__).with_name("numbers.txt")


def is_of_numbers(value: Any) -> bool:
    """Tell whether a value is a number, or made of numbers and nothing else."""
    match value:
        case bool():
            return False
        case int() | float():
            return True
        case dict():
            return bool(value) and all(map(is_of_numbers, value.values()))
        case list() | tuple():
            return bool(value) and all(map(is_of_numbers, value))
    return False


def defaults(name: str, thing: Any) -> Iterator[str]:
    """Name the numbers that a class's fields or a function's parameters are where they are not given."""
    found: dict[str, Any] = {}
    if dataclasses.is_dataclass(thing):
        found = {field.name: field.default for field in dataclasses.fields(thing)}
    elif inspect.isclass(thing) and issubclass(thing, pydantic.BaseModel):
        found = {field: info.default for field, info in thing.model_fields.items()}
    elif inspect.isfunction(thing):
        found = {each.name: each.default for each in inspect.signature(thing).parameters.values()}
    yield from (f"{name}({each} = {value})" for each, value in found.items() if is_of_numbers(value))
    for member, inner in vars(thing).items() if inspect.isclass(thing) else ():
        if inspect.isfunction(inner) and member != "__init__":
            yield from defaults(f"{name}.{member}", inner)


def test_no_number_that_has_a_name_is_changed_unnoticed() -> None:
    told: list[str] = []
    for found in pkgutil.walk_packages(booking.__path__, "booking."):
        module = importlib.import_module(found.name)
        text = inspect.getsource(module)
        for name, value in vars(module).items():
            if re.search(rf"^[\w, ]*\b{name}\b[\w, ]*(: .+)? = ", text, re.MULTILINE) and is_of_numbers(value):
                told.append(f"{found.name}.{name} = {value}")
            elif getattr(value, "__module__", None) == found.name:
                told += defaults(f"{found.name}.{name}", value)
    assert_kept(NUMBERS, sorted(told))
