"""A release of the page: every file under a name that its content gives it, and what names it after it."""

import json
import re
from pathlib import Path

import boto3
import pytest

from tools.ost.hosting import WEB, release, upload

CONFIG = {"apiUrl": "/api", "cognitoUrl": "https://cognito-idp.eu-west-1.amazonaws.com"}
PAGE = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; connect-src 'self'">
<link href="config.json"><a href="#/"><script src="main.js"></script>"""


@pytest.fixture
def web(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "main.js").write_text('import "./pages/seats.js";')
    (tmp_path / "pages" / "seats.js").write_text("export {};")
    return tmp_path


def test_files_are_kept_for_good_under_their_contents_name_and_the_page_is_asked_for_again(
    cloud: None, web: Path
) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="web")

    for _ in range(2):
        upload(s3, "web", web, CONFIG)

    kept = {
        re.sub("release/[0-9a-f]{20}", "release", each["Key"]): s3.get_object(Bucket="web", Key=each["Key"])
        for each in s3.list_objects_v2(Bucket="web")["Contents"]
    }
    for_good = "public, max-age=31536000, immutable"
    assert {name: (each["ContentType"], each["CacheControl"]) for name, each in kept.items()} == {
        "config.json": ("application/json", "no-cache"),
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "release/main.js": ("text/javascript; charset=utf-8", for_good),
        "release/pages/seats.js": ("text/javascript; charset=utf-8", for_good),
    }
    assert json.loads(kept["config.json"]["Body"].read()) == CONFIG


def test_another_content_has_another_name(web: Path) -> None:
    before = release(web, CONFIG)
    (web / "pages" / "seats.js").write_text("export const seats = 50;")
    after = release(web, CONFIG)

    assert not {name for name in before if "/" in name} & set(after)


def test_what_is_named_is_uploaded_before_what_names_it() -> None:
    uploaded = list(files := release(WEB, CONFIG))
    page = files["index.html"].decode()
    named = [name for name in re.findall(r'(?:href|src)="([^"#]+)"', page) if name != "icon.svg"]

    assert uploaded[-2:] == ["config.json", "index.html"]
    assert set(named) <= set(uploaded)
    assert all(name.startswith("release/") for name in named if name != "config.json")


def test_worker_lies_beside_the_page_so_that_it_may_serve_it_and_is_asked_for_again() -> None:
    uploaded = list(release(WEB, CONFIG))

    assert [name for name in uploaded if name.endswith("offline-worker.js")] == ["offline-worker.js"]
    assert uploaded.index("offline-worker.js") < uploaded.index("index.html")


def test_page_states_this_stacks_own_origins_and_no_other() -> None:
    page = release(WEB, CONFIG)["index.html"].decode()
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)

    assert re.findall(r"connect-src ([^;]+)", policy) == ["'self' https://cognito-idp.eu-west-1.amazonaws.com"]
    assert "*" not in policy
