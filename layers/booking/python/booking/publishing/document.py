"""The YAML files that organisers write: read as plain values, with messages that name the line and the field.

Nothing in a file is run or built: nodes become text, whole numbers, numbers, lists and mappings, and a tag is passed
over. A file has a size, a depth and no aliases, so that none is read for longer than its length says.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_BYTES = 256 * 1024
"""How long a file may be, in UTF-8."""
LONGEST_KEY = 60
"""How much of a key is told, which may be as long as the file."""
DEEPEST = 20
"""How deep values may lie in each other; what organisers write needs nine."""

type Location = tuple[str | int, ...]
"""Keys and list indexes from the top of the file down to a value."""


Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
"""A language as browsers name it, such as ko or pt-BR."""


STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
"""A mapping has the fields that its shape names and no others, and nothing is converted silently."""


class Mistake(NamedTuple):
    """Something that is wrong in a file: in which, in which line, about which field, and what."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        """Write it as compilers do."""
        return (
            f"{self.file}:{self.line}: {self.path} {self.message}"
            if self.path
            else f"{self.file}:{self.line}: {self.message}"
        )


class Mistaken(Exception):
    """A file has mistakes: all that were found."""

    def __init__(self, name: str, mistakes: list[Mistake]) -> None:
        super().__init__(name)
        self.name = name
        self.mistakes = mistakes


def read_document[Model: BaseModel](name: str, text: str, shape: type[Model]) -> "tuple[Document, Model]":
    """Read a file's text, which must have this shape.

    Raises:
        Mistaken: with every mistake that was found.

    """
    document = Document(name)
    value = document.load(text)
    try:
        return document, shape.model_validate(value)
    except ValidationError as error:
        found = [_Wrong(each["loc"], each["type"], _sentence(each["type"], each["msg"])) for each in error.errors()]
        for wrong in sorted(_settled(found, value), key=lambda wrong: document.place(wrong.location)[0]):
            document.report(wrong.location, wrong.sentence)
        raise Mistaken(name, document.mistakes) from error


class _Wrong(NamedTuple):
    location: Location
    kind: str
    sentence: str


_OF_ANOTHER_KIND = {"int_type", "string_type", "list_type", "model_type", "literal_error"}
"""Mistakes that say that something else was expected here, rather than what is wrong with what there is."""


def _settled(found: list[_Wrong], value: Any) -> list[_Wrong]:
    """Tell mistakes by places in the file. Where several shapes may stand, pydantic tells what is wrong by each, below
    the shape's name: what counts is that of the shapes that this may be meant as, or else that it is none of them."""
    by_place: dict[Location, dict[str | int, list[_Wrong]]] = {}
    settled: list[_Wrong] = []
    for wrong in found:
        if (at := _name_of_a_shape(wrong, value)) is None:
            settled.append(wrong)
            continue
        without = wrong._replace(location=wrong.location[:at] + wrong.location[at + 1 :])
        by_place.setdefault(wrong.location[:at], {}).setdefault(wrong.location[at], []).append(without)
    for place, shapes in by_place.items():
        others = [
            [each for each in shape if each.location == place and each.kind in _OF_ANOTHER_KIND]
            for shape in shapes.values()
        ]
        meant = [each for shape, other in zip(shapes.values(), others, strict=True) if not other for each in shape]
        none = _Wrong(place, "", ", or ".join(dict.fromkeys(each.sentence for other in others for each in other)))
        settled += _settled(meant, value) or [none]
    return settled


def _name_of_a_shape(wrong: _Wrong, value: Any) -> int | None:
    """Return where in a mistake's location the name of a shape stands, which is nothing in the file."""
    for at, step in enumerate(wrong.location):
        is_there = step in value if isinstance(value, dict) else isinstance(value, list) and isinstance(step, int)
        if not is_there:
            is_missing = wrong.kind == "missing" and wrong.location[at:] == (step,) and isinstance(value, dict)
            return None if is_missing or step == "[key]" else at
        value = value[step]
    return None


def _sentence(kind: str, message: str) -> str:
    known = {
        "missing": "is missing",
        "extra_forbidden": "is not a field that exists here",
        "string_pattern_mismatch": "must be 1 to 40 of a-z, 0-9 and -, and not begin with -",
        "int_type": "must be a whole number, without quotes",
        "string_type": "must be text",
        "list_type": "must be a list",
        "model_type": "must be a mapping of fields",
    }
    if kind in known:
        return known[kind]
    return re.sub(r"^(Input|String|List) should ", "must ", message.removeprefix("Value error, "))


_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses what would make a small file large."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise self._refused("aliases (*name) are not for these files; write it out")
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._refused(f"lies deeper than {DEEPEST} levels")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refused(self, sentence: str) -> yaml.MarkedYAMLError:
        mark: Any = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return yaml.MarkedYAMLError(problem=sentence, problem_mark=mark)


@dataclass
class Document:
    """A YAML file as plain values, with the line of each and what was found wrong.

    `written_out` counts what its short notations stand for, for who reads them.
    """

    name: str
    lines: dict[Location, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    written_out: int = 0

    def load(self, text: str) -> Any:
        """Read YAML text as plain values.

        Raises:
            Mistaken: it is not YAML, too long, or too deep.

        """
        if len(text.encode()) > MAX_BYTES:
            raise self._mistaken(1, f"the file is longer than {MAX_BYTES // 1024} KiB")
        try:
            node = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self._mistaken(line, error.problem or "not YAML") from error
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise self._mistaken(line, f"a character cannot be read: {error.reason}") from error
        if node is None:
            raise self._mistaken(1, "the file is empty")
        return self._value(node, ())

    def _mistaken(self, line: int, sentence: str) -> Mistaken:
        return Mistaken(self.name, [Mistake(self.name, line, "", sentence)])

    def place(self, location: Location) -> tuple[int, str]:
        """Return the nearest line that is known of a value, and its path."""
        nearest = location
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        parts = (f"[{part}]" if isinstance(part, int) else f".{part[:LONGEST_KEY]}" for part in location)
        path = "".join(parts).lstrip(".")
        return self.lines.get(nearest, 1), path

    def report(self, location: Location, sentence: str) -> None:
        """Note a mistake at the nearest line that is known."""
        self.mistakes.append(Mistake(self.name, *self.place(location), sentence))

    def ensure_right(self) -> None:
        """Raise Mistaken if any mistake has been reported."""
        if self.mistakes:
            raise Mistaken(self.name, self.mistakes)

    def _value(self, node: yaml.Node, at: Location) -> Any:
        self.lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            mapping: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node.tag)
                if key in mapping:
                    raise self._mistaken(key_node.start_mark.line + 1, f"{key} appears twice in one mapping")
                self.lines[(*at, key)] = key_node.start_mark.line + 1
                mapping[key] = self._value(value_node, (*at, key))
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*at, index)) for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> str | int | float | bool | None:
        """Times stay text (YAML reads 19:00 as 1140), and only plain digits are a number."""
        text = str(node.value)
        match node.tag.rpartition(":")[2]:
            case "int" if re.fullmatch(r"-?[0-9]{1,18}", text):
                return int(text)
            case "float" if re.fullmatch(r"-?[0-9]{1,18}\.[0-9]{1,18}", text):
                return float(text)
            case "bool" if text.lower() in _BOOLEANS:
                return _BOOLEANS[text.lower()]
            case "null":
                return None
        return text
