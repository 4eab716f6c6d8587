"""The chain of threemaps itself: service → collector → pipeline → backend → read back."""

from collections.abc import Callable

from threemaps.doctor.check import Check, until_broken
from threemaps.doctor.datagrams import check_datagrams, check_losses, check_machine
from threemaps.doctor.honeycomb_account import (
    check_honeycomb_datasets,
    check_honeycomb_ingest_key,
    check_honeycomb_reading_key,
)
from threemaps.doctor.pipelines import check_pipelines
from threemaps.doctor.readback import check_cloudwatch_map, check_honeycomb_map, check_logs, check_xray_trace
from threemaps.doctor.running import (
    check_collector_accepts,
    check_collector_receivers,
    check_collector_room,
    check_collector_up,
    check_request,
    check_services,
    check_services_up,
)
from threemaps.doctor.senders import check_other_senders
from threemaps.doctor.standing import check_standing
from threemaps.doctor.transaction_search import check_transaction_search
from threemaps.doctor.vendors import check_aws_keys, check_clock, check_log_groups, check_region
from threemaps.doctor.walk import Walk
from threemaps.settings import Settings

CHAIN: tuple[Callable[[Walk], Check], ...] = (
    check_machine,
    check_standing,
    check_services_up,
    check_services,
    check_collector_up,
    check_collector_receivers,
    check_collector_room,
    check_request,
    check_collector_accepts,
    check_other_senders,
    check_datagrams,
    check_losses,
    check_pipelines,
    check_honeycomb_ingest_key,
    check_honeycomb_reading_key,
    check_honeycomb_datasets,
    check_clock,
    check_region,
    check_aws_keys,
    check_transaction_search,
    check_log_groups,
    check_honeycomb_map,
    check_xray_trace,
    check_logs,
    check_cloudwatch_map,
)


def check_chain(settings: Settings, *, send: bool = False) -> list[Check]:
    """The links in their order, up to the first broken one. With `send` a request of ours is followed."""
    return until_broken(CHAIN, Walk(settings, send))
