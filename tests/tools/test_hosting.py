"""The page's files go to the bucket with their types, and the configuration names the stack."""

import json
from pathlib import Path

import boto3

from tools.ost.hosting import upload


def test_files_are_uploaded_with_types_and_the_page_is_asked_for_again(cloud: None, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "pages" / "seats.js").write_text("export {};")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="web")

    for _ in range(2):
        upload(s3, "web", tmp_path, {"apiUrl": "https://page"})

    kept = {
        each["Key"]: s3.get_object(Bucket="web", Key=each["Key"])
        for each in s3.list_objects_v2(Bucket="web")["Contents"]
    }
    assert {name: (each["ContentType"], each["CacheControl"]) for name, each in kept.items()} == {
        "config.json": ("application/json", "no-cache"),
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "pages/seats.js": ("text/javascript; charset=utf-8", "public, max-age=300"),
    }
    assert json.loads(kept["config.json"]["Body"].read()) == {"apiUrl": "https://page"}
