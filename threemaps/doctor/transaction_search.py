"""What X-Ray's OTLP endpoint and map need of the account: Transaction Search, with all traces indexed."""

from threemaps.doctor.check import Check, broken, good, noted
from threemaps.doctor.walk import Walk
from threemaps.errors import UserError
from threemaps.readers.transaction_search import SEARCHED, destination, indexed_percentage
from threemaps.settings import Settings

LINK = "backend"
NAME = "Transaction Search"


def check_transaction_search(walk: Walk) -> Check:
    settings = walk.settings
    if settings.xray_ingest != "otlp":
        return good(LINK, NAME, "not needed: spans go to X-Ray as segments")
    try:
        traces, status = destination(settings)
        share = indexed_percentage(settings)
    except UserError as error:
        return broken(LINK, NAME, error.message, error.hint)
    if traces != SEARCHED:
        detail = f"X-Ray's OTLP endpoint takes nothing: Transaction Search is off, traces go to {traces}"
        return broken(LINK, NAME, detail, turn_on(settings))
    if status != "ACTIVE":
        detail = f"Transaction Search is {status}: X-Ray's OTLP endpoint may refuse spans for some minutes"
        return noted(LINK, NAME, detail, "threemaps doctor")
    if share is not None and share < 100:
        detail = f"X-Ray indexes {share:g} % of the traces: its map is drawn of these"
        return broken(LINK, NAME, detail, "threemaps provision --index-all")
    return good(LINK, NAME, "Transaction Search is on, and X-Ray indexes all traces")


def turn_on(settings: Settings) -> str:
    where = f" --endpoint-url {settings.aws_endpoint}" if settings.aws_endpoint else ""
    return f"aws{where} xray update-trace-segment-destination --destination {SEARCHED}"
