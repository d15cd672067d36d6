"""HTTP: from an API Gateway event to a handler's arguments, and from what it returns or raises to an answer.

Knows errors and nothing else of the domain. A handler is a function on a Powertools resolver:

    app = http.api()

    @app.get("/points", **http.operation("Read the balance", success=(200, "Balance"), user=True))
    def get_points() -> Response[Any]: ...

    handler = http.entry(app)

`operation` only carries the contract along for the specification, which `./ost openapi` merges from all handlers; it
costs nothing at run time, and the models that it names are imported by that command only.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from booking.cursors import cursor_of, not_a_cursor
from booking.errors import (
    BookingError,
    Forbidden,
    IdempotencyKeyRequired,
    InternalError,
    ValidationFailed,
)
from booking.observability import bind, count, logger, reported
from booking.settings import settings

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
BYPASSED = "The API answers at the address of its page only."
DEFAULT_LIMIT = 20
MAX_LIMIT = 100

type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def api(missing: type[BookingError] | None = None) -> APIGatewayHttpResolver:
    """Make a function's resolver, which answers every refusal with a problem document.

    `missing` is told where an id in the path is made of what no id is made of: API Gateway passes it on, and Powertools
    has no route for it.
    """
    app = APIGatewayHttpResolver()
    app.exception_handler(BookingError)(problem)
    if missing is not None:
        app.not_found(lambda _: problem(missing()))
    return app


def entry(app: APIGatewayHttpResolver) -> Handler:
    """Make a function's entry point: logs and metrics around the resolver, and no exception out of it."""

    @reported
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        bind(apiRequestId=event.get("requestContext", {}).get("requestId", ""))
        try:
            return app.resolve(event, context) if _came_through_the_edge(event) else _raw(problem(Forbidden(BYPASSED)))
        except Exception:  # noqa: BLE001 - the one entry point: whatever it is, the caller gets a problem document
            logger.exception("unexpected")
            return _raw(problem(InternalError()))

    return handler


def _came_through_the_edge(event: dict[str, Any]) -> bool:
    """Tell whether CloudFront sent the request: it alone knows the secret. While it is rotated, two are accepted."""
    accepted = settings().origin_secret_digests
    secret = event.get("headers", {}).get("x-origin-secret", "")
    return not accepted or hashlib.sha256(secret.encode()).hexdigest() in accepted.split(",")


def _raw(response: Response[str]) -> dict[str, Any]:
    headers = {**response.headers, "Content-Type": response.content_type}
    return {"statusCode": response.status_code, "headers": headers, "body": response.body}


def problem(error: BookingError, **headers: str) -> Response[str]:
    """Answer a refusal, as RFC 9457 has it. Header names as in `answer`."""
    count(f"Refused{error.status}")
    if error.status != InternalError.status:
        logger.info("refused", code=error.code)
    if error.retry_after is not None:
        headers["retry_after"] = str(error.retry_after)
    return answer(error.problem(), error.status, PROBLEM_JSON, **headers)


def answer(body: Any, status: int = 200, content_type: str = JSON, **headers: str) -> Response[str]:
    """Answer with JSON. Header names are written with underscores: `retry_after="2"`."""
    named: dict[str, str | list[str]] = {"Cache-Control": "no-store"}
    named |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Response(status, content_type, _json(body), named)


def done(body: Any, *, pending: bool, **headers: str) -> Response[str]:
    """Answer 201 to what was made, or 202 while the rest of it follows by itself. Header names as in `answer`."""
    return answer(body, 202, retry_after="2", **headers) if pending else answer(body, 201, **headers)


def public(app: APIGatewayHttpResolver, body: dict[str, Any], cache_control: str, **moment: str) -> Response[str]:
    """Answer a read that is the same for everybody, so that a CDN or browser can keep it, or ask whether it changed.

    The validator is a hash of the body, so it costs no read of its own. It is weak: what is in `moment`, such as
    `serverTime`, is shown but changes nothing. Answers 304 where the caller has this body already.
    """
    text = _json(body)
    tag = f'W/"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'
    headers: dict[str, str | list[str]] = {"Cache-Control": cache_control, "ETag": tag}
    known = header(app, "if-none-match") or ""
    if known.strip() == "*" or tag.removeprefix("W/") in {each.strip().removeprefix("W/") for each in known.split(",")}:
        return Response(304, None, "", headers)
    return Response(200, JSON, _json(body | moment) if moment else text, headers)


def _json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def no_content() -> Response[str]:
    """Answer 204."""
    return Response(204, None, "", {"Cache-Control": "no-store"})


def replayed(is_replay: bool) -> dict[str, str]:
    """Return the header that says that an earlier request's answer is returned again."""
    return {"idempotency_replayed": "true"} if is_replay else {}


def page(items: Iterable[Any], next_cursor: str | None) -> dict[str, Any]:
    """Show one page of a list."""
    return {"items": list(items), "nextCursor": next_cursor}


def page_of(items: list[dict[str, Any]], limit: int, after: str | None, name: str) -> dict[str, Any]:
    """Show one page of a list that is at hand as a whole; `name` is the member that identifies an item.

    Raises:
        ValidationFailed: the list has no item `after`.

    """
    first = 0
    if after is not None:
        names = [item[name] for item in items]
        if after not in names:
            raise not_a_cursor()
        first = names.index(after) + 1
    shown = items[first : first + limit]
    more = first + limit < len(items)
    return page(shown, cursor_of(shown[-1], name) if more else None)


def user(app: APIGatewayHttpResolver) -> str:
    """Return the signed-in user: the `sub` of the token that API Gateway's authorizer has checked."""
    claims = app.current_event.raw_event["requestContext"]["authorizer"]["jwt"]["claims"]
    user_id = str(claims["sub"])
    bind(userId=user_id)
    return user_id


def has_scope(app: APIGatewayHttpResolver, scope: str) -> bool:
    """Tell whether the token that API Gateway's authorizer has checked carries a scope, as a machine's does."""
    claims = app.current_event.raw_event["requestContext"]["authorizer"]["jwt"]["claims"]
    return scope in str(claims.get("scope", "")).split()


def require_role(app: APIGatewayHttpResolver, role: str) -> str:
    """Return the signed-in user, who must have a role: be in that group of the user pool, as the signed token says.

    API Gateway hands on a claim that is a list as text, `[organiser staff]`; a group's name has no spaces or brackets.

    Raises:
        Forbidden: they have not.

    """
    groups = app.current_event.raw_event["requestContext"]["authorizer"]["jwt"]["claims"].get("cognito:groups", "")
    names = groups if isinstance(groups, list) else re.split(r"[\[\] ,]+", str(groups))
    user_id = user(app)
    if role not in names:
        raise Forbidden
    return user_id


def user_name(app: APIGatewayHttpResolver) -> str | None:
    """Return the name that the user signs in with, as the signed token says: the user pool's identity tokens and its
    access tokens each have a claim of their own for it; those of other issuers may have none."""
    claims = app.current_event.raw_event["requestContext"]["authorizer"]["jwt"]["claims"]
    name = claims.get("cognito:username") or claims.get("username")
    return str(name)[:128] if name else None


def header(app: APIGatewayHttpResolver, name: str) -> str | None:
    """Return a header's value, or None; `name` in lower case."""
    value = app.current_event.headers.get(name)
    return str(value) if value else None


def idempotency_key(app: APIGatewayHttpResolver) -> str:
    """Return the request's idempotency key.

    Raises:
        IdempotencyKeyRequired: there is none.
        ValidationFailed: it is not 1 to 255 printable ASCII characters.

    """
    key = header(app, "idempotency-key")
    if key is None:
        raise IdempotencyKeyRequired
    if not re.fullmatch(r"[ -~]{1,255}", key):
        raise ValidationFailed(errors=[{"field": "Idempotency-Key", "message": "must be 1 to 255 printable ASCII"}])
    return key


def body(app: APIGatewayHttpResolver) -> str | None:
    """Return the request's body as text, or None where there is none.

    Raises:
        ValidationFailed: it is not UTF-8.

    """
    try:
        return app.current_event.decoded_body
    except ValueError as error:
        raise ValidationFailed(errors=[{"field": "body", "message": "must be text in UTF-8"}]) from error


def paging(app: APIGatewayHttpResolver) -> tuple[int, str | None]:
    """Return `limit` and `cursor` from the query string.

    Raises:
        ValidationFailed: `limit` is not a whole number from 1 to 100.

    """
    query = app.current_event.query_string_parameters
    text = query.get("limit")
    limit = DEFAULT_LIMIT
    if text is not None:
        limit = int(text) if re.fullmatch(r"[0-9]{1,3}", text) else 0
        if not 1 <= limit <= MAX_LIMIT:
            raise ValidationFailed(errors=[{"field": "limit", "message": f"must be from 1 to {MAX_LIMIT}"}])
    return limit, query.get("cursor")


def flag(app: APIGatewayHttpResolver, name: str) -> bool | None:
    """Return a `true` or `false` of the query string, or None.

    Raises:
        ValidationFailed: it is something else.

    """
    text = app.current_event.query_string_parameters.get(name)
    if text not in {None, "true", "false"}:
        raise ValidationFailed(errors=[{"field": name, "message": "must be true or false"}])
    return None if text is None else text == "true"


def numbers(app: APIGatewayHttpResolver, name: str) -> list[int] | None:
    """Return whole numbers of the query string, `1,2`, each once, or None.

    Raises:
        ValidationFailed: it is something else.

    """
    text = app.current_event.query_string_parameters.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}(,[1-9][0-9]{0,8}){0,99}", text):
        raise ValidationFailed(errors=[{"field": name, "message": "must be whole numbers such as 1,2"}])
    return [int(each) for each in dict.fromkeys(text.split(","))]


def parameter(app: APIGatewayHttpResolver, name: str) -> str | None:
    """Return a text of the query string, or None."""
    value = app.current_event.query_string_parameters.get(name)
    return None if value is None else str(value)


def operation(
    summary: str,
    *,
    success: tuple[int, str | None],
    tag: str,
    again: int | tuple[int, str] | None = None,
    errors: Iterable[type[BookingError]] = (),
    body: str | None = None,
    upload: str | None = None,
    user: bool = False,
    queue_token: bool = False,
    key: bool | str = False,
    paged: bool = False,
    cached: bool = False,
    query: Iterable[str] = (),
    media: str | None = None,
) -> dict[str, Any]:
    """Describe an endpoint for the specification: what it needs, what it answers and how it can refuse.

    `success` is the status and the name of the view, `again` another status with the same view or its own, `body`
    the name of the request's model (both in `tools.ost.specification`'s reach); `key` is an Idempotency-Key (or
    says when one is needed), `paged` a list with `limit` and `cursor`, `cached` an answer with a validator
    (`public`), `media` the type of an answer that is no view.
    """
    contract = {
        "success": success,
        "again": again,
        "errors": [error.code for error in errors],
        "body": body,
        "upload": upload,
        "user": user,
        "queueToken": queue_token,
        "key": key,
        "paged": paged,
        "cached": cached,
        "query": list(query),
        "media": media,
    }
    return {"summary": summary, "tags": [tag], "openapi_extensions": {"x-contract": contract}}
