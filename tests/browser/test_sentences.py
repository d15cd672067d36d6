"""The client's two tables of sentences: the same sentences, for every refusal, and no sentence that is missing."""

import re
from pathlib import Path
from typing import Any

import pytest

from booking.errors import CATALOGUE
from tests.browser.conftest import Visits
from tests.browser.fake import FakeApi

WEB = Path(__file__).parents[2] / "web"
USED = re.compile(r'\bt\(\s*"([^"]+)"')

type Table = dict[str, Any]


@pytest.fixture
def tables(visits: Visits, api: FakeApi) -> dict[str, Table]:
    """The tables as the browser reads them, flat: `seats.pick` → sentence or its forms."""
    visit = visits(api)
    visit.go()
    return {
        tag: flat(visit.page.evaluate(f"async () => (await import('{visit.url}i18n/{tag}.js')).default"))
        for tag in ("ko", "en")
    }


def flat(table: Table, before: str = "") -> Table:
    found: Table = {}
    for name, value in table.items():
        if isinstance(value, dict) and "other" not in value:
            found |= flat(value, f"{before}{name}.")
        else:
            found[before + name] = value
    return found


def gaps(sentence: Any) -> set[str]:
    forms = sentence.values() if isinstance(sentence, dict) else [sentence]
    return {gap for form in forms for gap in re.findall(r"\{(\w+)\}", form)}


def test_both_languages_say_the_same_things_with_the_same_values(tables: dict[str, Table]) -> None:
    korean, english = tables["ko"], tables["en"]

    assert korean.keys() == english.keys()
    # "people" is a word of its own in English, but follows the number in both.
    assert {name for name in korean if gaps(korean[name]) != gaps(english[name])} == set()


def test_every_code_of_the_catalogue_has_a_sentence(tables: dict[str, Table]) -> None:
    for table in tables.values():
        assert {code for code in CATALOGUE if f"errors.{code}" not in table} == set()


def test_korean_sentences_are_korean(tables: dict[str, Table]) -> None:
    plain = {name for name, text in tables["ko"].items() if not re.search("[가-힣]", str(text))}

    assert plain == {"countdown.spoken"}


def test_every_sentence_that_the_pages_ask_for_exists(tables: dict[str, Table]) -> None:
    asked = {
        name
        for script in WEB.rglob("*.js")
        if "vendor" not in script.parts
        for name in USED.findall(script.read_text("utf-8"))
    }

    assert len(asked) > 100
    assert asked - tables["ko"].keys() == set()
