"""Traces that can be searched by the ids of the journey.

Lambda traces each invocation by itself (`Tracing: Active`). What it cannot know are the journey's ids, so one
subsegment with them as annotations goes to the daemon that runs beside every function, as one datagram in X-Ray's
documented format. X-Ray's SDK costs half as much import as the DynamoDB client for the same; this imports what boto3
has imported anyway.
"""

import json
import secrets
import socket
from collections.abc import Mapping

from booking import settings


def annotate(began: float, ended: float, ids: Mapping[str, str | int], *, failed: bool) -> None:
    """Note the ids of an invocation on its trace, if it is being traced. Times are epoch seconds. Never fails."""
    header, address = settings.tracing()
    parts = dict(part.split("=", 1) for part in header.split(";") if "=" in part)
    if parts.get("Sampled") != "1" or "Root" not in parts or "Parent" not in parts or ":" not in address:
        return
    subsegment = {
        "type": "subsegment",
        "name": "journey",
        "id": secrets.token_hex(8),
        "trace_id": parts["Root"],
        "parent_id": parts["Parent"],
        "start_time": began,
        "end_time": ended,
        "annotations": dict(ids),
        "fault": failed,
    }
    host, _, port = address.rpartition(":")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.setblocking(False)
            daemon.sendto(b'{"format":"json","version":1}\n' + json.dumps(subsegment).encode(), (host, int(port)))
    except (OSError, ValueError, OverflowError):
        return  # a trace is worth less than the answer
