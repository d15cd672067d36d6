"""POST /organiser/catalog: publish a catalog file, or look what that would change."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from booking import clock, http
from booking.audit_log import Actor
from booking.errors import CatalogRefused, Forbidden, ValidationFailed
from booking.publishing import publish
from booking.publishing.catalog_file import read_catalog
from booking.publishing.document import Mistaken

app = http.api()


@app.post(
    "/organiser/catalog",
    **http.operation(
        "Publish a catalog file, or look what that would change",
        tag="organiser",
        success=(200, "CatalogResult"),
        again=202,
        upload="application/yaml",
        user=True,
        query=["dryRun"],
        errors=[ValidationFailed, Forbidden, CatalogRefused],
    ),
)
def publish_catalog() -> Response[Any]:
    actor = Actor(http.require_role(app, "organiser"), http.user_name(app))
    dry_run = bool(http.flag(app, "dryRun"))
    try:
        concerts = read_catalog("catalog.yaml", http.body(app) or "", publish.published_hall)
    except Mistaken as mistaken:
        raise publish.refusal_of(mistaken.mistakes) from mistaken
    outcome = publish.publish(concerts, actor, clock.now(), dry_run=dry_run)
    shown = publish.result_view(outcome)
    if outcome.repeat_at is not None:
        return http.answer(shown, 202, retry_after=str(max(1, outcome.repeat_at - clock.now())))
    return http.answer(shown)


handler = http.entry(app)
