"""The page and the API share one origin in the cloud: none of the page's files may hide behind a path of the API."""

import json
import re
from pathlib import Path

from lab.in_process import template

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
SPECIFICATION = json.loads((ROOT / "functions" / "get_openapi" / "openapi.json").read_text("utf-8"))


def test_no_file_of_the_page_is_named_like_a_path_of_the_api() -> None:
    taken = {path.split("/")[1] for path in SPECIFICATION["paths"]}

    assert {each.name for each in WEB.iterdir() if each.name.startswith(tuple(taken))} == set()


def test_page_preloads_what_exists_and_states_a_strict_policy() -> None:
    page = (WEB / "index.html").read_text("utf-8")
    named = set(re.findall(r'(?:href|src)="([^"#]+)"', page)) - {"config.json"}

    assert {name for name in named if not (WEB / name).is_file()} == set()
    assert "default-src 'none'; script-src 'self';" in page
    assert "require-trusted-types-for 'script'" in page
    assert "unsafe" not in page
    assert "<style" not in page


def test_first_page_preloads_every_module_that_it_imports() -> None:
    page = (WEB / "index.html").read_text("utf-8")
    found, waiting = set(), ["main.js"]
    while waiting:
        name = waiting.pop()
        found.add(name)
        text = (WEB / name).read_text("utf-8")
        for imported in re.findall(r'^import [^;]*?from "([^"]+)";', text, re.M):
            path = (WEB / name).parent.joinpath(imported).resolve().relative_to(WEB.resolve())
            if str(path) not in found:
                waiting.append(str(path))

    assert set(re.findall(r'modulepreload" href="([^"]+)"', page)) == found


def test_every_header_that_the_page_reads_is_shown_to_pages_of_other_origins() -> None:
    exposed = template()["Resources"]["Api"]["Properties"]["CorsConfiguration"]["ExposeHeaders"]
    scripts = [path for path in WEB.rglob("*.js") if "vendor" not in path.parts]
    read = {name for script in scripts for name in re.findall(r'header\("([^"]+)"\)', script.read_text("utf-8"))}

    assert {"Date", "Retry-After"} <= read
    assert read - set(exposed) == set()
