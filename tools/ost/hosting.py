"""`./ost website`: puts the browser client where a deployed stack serves it from."""

import hashlib
import json
import mimetypes
import re
from pathlib import Path
from typing import Any

from tools.ost.console import Failure, out, step
from tools.ost.paths import ROOT
from tools.ost.stack import Stack, StackOption
from tools.ost.website import with_own_origins

WEB = ROOT / "web"
FOR_GOOD, ASKED_AGAIN = "public, max-age=31536000, immutable", "no-cache"
"""How long browsers and CloudFront keep a file: what is named by its content, and what names the others."""
WORKER = "offline-worker.js"
"""It may serve only what is beside or below it, so it lies beside the page, under one name in every release."""


def website(stack: StackOption = None) -> None:
    """Upload web/ and the configuration of a deployed stack to its edge. Safe to repeat."""
    if stack is None:
        raise Failure("name the deployed stack with --stack; `make run` serves the page of the local one by itself.")
    found = Stack.find(stack)
    edge = found.edge()
    with step("Uploading web/", "uploaded web/"):
        upload(edge.client("s3"), edge.outputs["FilesBucket"], WEB, configuration(found))
    out.print(edge.outputs["WebUrl"], highlight=False)


def configuration(stack: Stack, api_url: str = "/api", cognito_url: str | None = None) -> dict[str, str]:
    """Return what the page must know: on AWS the API is under its own origin, and the user pool is AWS's."""
    region = str(stack.session.region_name)
    return {
        "apiUrl": api_url,
        "cognitoUrl": cognito_url or f"https://cognito-idp.{region}.amazonaws.com",
        "region": region,
        "userPoolClientId": stack.outputs["UserPoolClientId"],
        "signUp": stack.outputs["SignUp"],
        "charges": "fans" if stack.outputs["FansCharge"] == "on" else "provider",
    }


def upload(s3: Any, bucket: str, directory: Path, config: dict[str, str]) -> None:
    """Put a release of a directory into a bucket: a file comes after every file that it names, so none is missing."""
    for name, body in release(directory, config).items():
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        s3.put_object(
            Bucket=bucket,
            Key=name,
            Body=body,
            ContentType=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
            CacheControl=FOR_GOOD if "/" in name else ASKED_AGAIN,
        )


def release(directory: Path, config: dict[str, str]) -> dict[str, bytes]:
    """Return what is uploaded, by key, in order: files in a folder named by their content, the worker, config.json,
    index.html.

    The files name each other relatively, so the folder carries the hash of them all. A browser that has an old page
    goes on finding the files of its release.
    """
    files = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "index.html"
    }
    digest = hashlib.sha256(b"".join(b"%s\0%d\0%s" % (n.encode(), len(b), b) for n, b in files.items())).hexdigest()
    folder = f"release/{digest[:20]}"
    page = with_own_origins((directory / "index.html").read_text("utf-8"), config)
    page = re.sub(r'\b(href|src)="([^"]+)"', lambda m: f'{m[1]}="{folder}/{m[2]}"' if m[2] in files else m[0], page)
    named = {f"{folder}/{name}": body for name, body in files.items() if name != WORKER}
    beside = {WORKER: files[WORKER]} if WORKER in files else {}
    return named | beside | {"config.json": json.dumps(config).encode(), "index.html": page.encode()}
