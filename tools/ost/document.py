"""The YAML files that organisers write: read as plain values, with messages that name the line and the field."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.ost.console import Failure

type Location = tuple[str | int, ...]
"""Keys and list indexes from the top of the file down to a value."""


Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
"""A language as browsers name it, such as ko or pt-BR."""


STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
"""A mapping has the fields that its shape names and no others, and nothing is converted silently."""


class Mistakes(Failure):
    """What is wrong with a file: one line per mistake, each with file, line and field."""

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__("\n".join([f"{name} was not published; {len(problems)} mistake(s) to correct:", *problems]))
        self.problems = problems


def read_document[Model: BaseModel](file: Path, shape: type[Model]) -> "tuple[Document, Model]":
    """Read a file of this shape; raise Mistakes with every one that was found, Failure when it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}.") from error
    document = Document(file.name)
    value = document.load(text)
    try:
        return document, shape.model_validate(value)
    except ValidationError as error:
        for mistake in error.errors():
            document.report(mistake["loc"], _sentence(mistake["type"], mistake["msg"]))
        raise Mistakes(document.name, document.problems) from error


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
    sentence = message.removeprefix("Value error, ")
    return sentence[:1].lower() + sentence[1:] if sentence.startswith(("Input", "String", "List")) else sentence


@dataclass
class Document:
    """A YAML file as plain values, with the line of each and what was found wrong."""

    name: str
    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def load(self, text: str) -> Any:
        """Read YAML text as plain values; raise Mistakes when it is not YAML."""
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise Mistakes(self.name, [f"{self.name}:{line}: {error.problem or 'not YAML'}"]) from error
        except yaml.YAMLError as error:
            raise Mistakes(self.name, [f"{self.name}:1: {error}"]) from error
        if node is None:
            raise Mistakes(self.name, [f"{self.name}:1: the file is empty"])
        return self._value(node, ())

    def report(self, location: Location, sentence: str) -> None:
        """Note a mistake at the nearest line that is known."""
        nearest = location
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        self.problems.append(f"{self.name}:{self.lines.get(nearest, 1)}: {path} {sentence}")

    def ensure_right(self) -> None:
        """Raise Mistakes if any has been reported."""
        if self.problems:
            raise Mistakes(self.name, self.problems)

    def _value(self, node: yaml.Node, at: Location) -> Any:
        self.lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            mapping: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node.tag)
                if key in mapping:
                    line = key_node.start_mark.line + 1
                    raise Mistakes(self.name, [f"{self.name}:{line}: {key} appears twice in one mapping"])
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
            case "int" if re.fullmatch(r"-?\d+", text):
                return int(text)
            case "float":
                return float(text.replace("_", "")) if re.fullmatch(r"-?[\d.]+", text) else text
            case "bool":
                return text.lower() in ("true", "yes", "on")
            case "null":
                return None
        return text
