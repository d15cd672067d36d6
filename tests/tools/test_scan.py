"""What a scanner asks for and does not get has its reason beside it, in the one file that excepts it."""

import re

from tools.ost.paths import ROOT

EXCEPTIONS = (ROOT / ".checkov.yaml").read_text("utf-8").split("skip-check:")[1].splitlines()[1:]


def test_every_exception_says_why() -> None:
    assert EXCEPTIONS
    assert [line for line in EXCEPTIONS if not re.fullmatch(r"  - CKV_AWS_\d+ +# \w.{20,}", line)] == []


def test_every_template_is_scanned() -> None:
    scanned = re.findall(r"[\w/]+\.yaml", (ROOT / ".checkov.yaml").read_text("utf-8").split("file:")[1].splitlines()[0])

    assert set(scanned) == {"template.yaml"} | {f"templates/{path.name}" for path in (ROOT / "templates").iterdir()}


def test_scanners_are_pinned_with_hashes_and_from_nowhere_in_particular() -> None:
    pinned = (ROOT / "requirements" / "scan.txt").read_text("utf-8")

    assert len(re.findall(r"^[a-z].*==.* \\$", pinned, re.M)) == len(re.findall(r"^[a-z]", pinned, re.M))
    assert not re.search(r"--(extra-)?index-url|--find-links", pinned)
