"""Somebody else's service, from its command to the spans it sends."""

from collections.abc import Callable
from functools import partial

from threemaps.doctor.check import Check, until_broken
from threemaps.doctor.compose import (
    check_compose_command,
    check_compose_image,
    check_compose_network,
    check_compose_settings,
    check_compose_variables,
)
from threemaps.doctor.compose_file import is_compose, services
from threemaps.doctor.destination import (
    check_endpoint,
    check_exporter,
    check_protocol,
)
from threemaps.doctor.environment import (
    check_quotes,
    check_sampler,
    check_service_name,
    check_spelling,
    check_switched_on,
)
from threemaps.doctor.headers import check_header_form
from threemaps.doctor.honeycomb import honeycomb_address, key_accepted, team_header
from threemaps.doctor.launching import (
    check_command,
    check_distro,
    check_instrumentations,
    check_launched,
    check_requirements,
    check_second_provider,
    check_versions,
    sends_by_xray_sdk,
)
from threemaps.doctor.limits import check_batches, check_delay, check_timeout
from threemaps.doctor.observe import check_spans_arrive
from threemaps.doctor.reaching import check_reachable
from threemaps.doctor.restarting import check_preload, check_reloader
from threemaps.doctor.silent import (
    check_certificate,
    check_components,
    check_env_file,
    check_excluded,
    check_proxy,
)
from threemaps.doctor.subject import Subject

SubjectCheck = Callable[[Subject], Check]


START: tuple[SubjectCheck, ...] = (
    check_requirements,
    check_distro,
    check_versions,
    check_launched,
    check_instrumentations,
    check_second_provider,
    check_reloader,
    check_preload,
)
SETTINGS: tuple[SubjectCheck, ...] = (
    check_env_file,
    check_spelling,
    check_quotes,
    check_switched_on,
    check_sampler,
    check_components,
    check_excluded,
    check_delay,
    check_batches,
)
EXPORT: tuple[SubjectCheck, ...] = (
    check_exporter,
    check_header_form,
    honeycomb_address,
    check_endpoint,
    check_protocol,
    check_timeout,
    check_proxy,
    check_certificate,
)


def compose_checks(honeycomb_api: str) -> list[SubjectCheck]:
    settings = partial(check_compose_settings, api=honeycomb_api)
    first = (check_compose_command, check_compose_variables, check_compose_network)
    return [*first, settings, check_compose_image]


def check_service(subject: Subject, honeycomb_api: str) -> list[Check]:
    """Every link of one service, up to the first broken one. Only a command is run, never a process again."""
    checks = standing_checks(subject, honeycomb_api)
    if subject.pid is None and not is_compose(subject) and not sends_by_xray_sdk(subject):
        checks.append(check_spans_arrive)
    return until_broken(checks, subject)


def standing_checks(subject: Subject, honeycomb_api: str) -> list[SubjectCheck]:
    """What can be said without running it."""
    compose = compose_checks(honeycomb_api) if is_compose(subject) or services(subject) else []
    if is_compose(subject):
        return compose
    checks: list[SubjectCheck] = [check_command, *compose, *START, *SETTINGS, check_service_name]
    if not sends_by_xray_sdk(subject):
        checks += [*EXPORT, partial(team_header, api=honeycomb_api), check_reachable]
        checks += [partial(key_accepted, api=honeycomb_api)]
    return checks
