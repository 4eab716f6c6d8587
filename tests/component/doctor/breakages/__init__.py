"""The table of breakages and of healthy services: each is a small service that is really run."""

from tests.component.doctor.breakages import (
    addresses,
    by_hand,
    environment,
    healthy,
    journals,
    migrations,
    misuse,
    names,
    servers,
    two_sdks,
    wrappers,
    xray_sdk,
)
from tests.component.doctor.breakages.case import Case

ALL: list[Case] = [
    *by_hand.CASES,
    *two_sdks.CASES,
    *xray_sdk.CASES,
    *names.CASES,
    *servers.CASES,
    *wrappers.CASES,
    *addresses.CASES,
    *environment.CASES,
    *journals.CASES,
    *misuse.CASES,
    *migrations.CASES,
    *healthy.CASES,
]
