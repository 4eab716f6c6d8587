"""Links in the order in which a span passes them, and the rules that say why one is broken."""

from threemaps.doctor.rules import (
    addresses,
    compose_collector,
    compose_network,
    compose_reading,
    compose_services,
    keys,
)
from threemaps.doctor.rules.arriving import end, name, read
from threemaps.doctor.rules.base import Link
from threemaps.doctor.rules.exporting import exporter
from threemaps.doctor.rules.others import logs, metrics, rollbar, watchtower
from threemaps.doctor.rules.reaching import inside
from threemaps.doctor.rules.recording import ended, recorded
from threemaps.doctor.rules.sending import sent
from threemaps.doctor.rules.setup import provider
from threemaps.doctor.rules.spans import span
from threemaps.doctor.rules.starting import answers, runs
from threemaps.doctor.rules.xray import datagram, sampled, segment
from threemaps.doctor.rules.xray import read as read_xray

START = (runs, answers, inside)
OPENTELEMETRY = (provider, exporter, span, recorded, ended, sent, end, name, read)
XRAY = (segment, sampled, datagram, read_xray)
OTHERS = (logs, metrics, rollbar, watchtower)
LINKS: tuple[Link, ...] = (*START, *OPENTELEMETRY, *XRAY, *OTHERS)

# Imported for the rules that they add.
ADDING = (keys, addresses, compose_reading, compose_services, compose_network, compose_collector)
