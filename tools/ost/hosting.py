"""`./ost website`: puts the browser client where a deployed stack serves it from."""

import json
import mimetypes
import time
from pathlib import Path
from typing import Any

from tools.ost.console import Failure, out, step
from tools.ost.paths import ROOT
from tools.ost.stack import Stack, StackOption

WEB = ROOT / "web"
SHORT, NEVER = "public, max-age=300", "no-cache"
"""How long browsers keep a file. What names the others is asked for again each time."""
ASKED_AGAIN = {"index.html", "config.json"}


def website(stack: StackOption = None) -> None:
    """Upload web/ and the configuration of a stack deployed with WebHosting=on. Safe to repeat."""
    if stack is None:
        raise Failure("name the deployed stack with --stack; `make run` serves the page of the local one by itself.")
    found = Stack.find(stack)
    if "WebBucketName" not in found.outputs:
        raise Failure(f"the stack {stack!r} serves no page: deploy it with WebHosting=on.")
    with step("Uploading web/", "uploaded web/"):
        upload(found.client("s3"), found.outputs["WebBucketName"], WEB, configuration(found))
    with step("Telling CloudFront to forget old files", "old files forgotten"):
        found.client("cloudfront").create_invalidation(
            DistributionId=found.outputs["WebDistributionId"],
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": ["/*"]},
                "CallerReference": str(time.time_ns()),
            },
        )
    out.print(found.outputs["WebUrl"], highlight=False)


def configuration(stack: Stack) -> dict[str, str]:
    """Give what the page must know: the API is under its own origin, the user pool is AWS's."""
    region = str(stack.session.region_name)
    return {
        "apiUrl": stack.outputs["WebUrl"],
        "cognitoUrl": f"https://cognito-idp.{region}.amazonaws.com",
        "region": region,
        "userPoolClientId": stack.outputs["UserPoolClientId"],
    }


def upload(s3: Any, bucket: str, directory: Path, config: dict[str, str]) -> None:
    """Put every file of a directory, and config.json, into a bucket, with their types."""
    files = {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    for name, body in sorted((files | {"config.json": json.dumps(config).encode()}).items()):
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        s3.put_object(
            Bucket=bucket,
            Key=name,
            Body=body,
            ContentType=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
            CacheControl=NEVER if name in ASKED_AGAIN else SHORT,
        )
