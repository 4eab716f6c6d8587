"""Numbers as people read them. What a backend does not report is a dash, never 0."""

from threemaps.model.difference import Window

NOT_REPORTED = "–"


def count(value: float | None) -> str:
    """Of calls; or a rate, as between maps of two times, which is no whole number."""
    if value is None:
        return NOT_REPORTED
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"


def short_count(value: float | None) -> str:
    """For the edge of a picture: 950, 12.3k, 4.5M."""
    if value is None:
        return NOT_REPORTED
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            unit = 1e3 if letter == "k" else size
            return f"{value / unit:.3g}{letter}"
    return f"{value:.0f}"


def milliseconds(value: float | None) -> str:
    """The number alone, with as many decimals as help."""
    if value is None:
        return NOT_REPORTED
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def duration(value: float | None) -> str:
    if value is None:
        return NOT_REPORTED
    return f"{value / 1000:,.2f} s" if value >= 1000 else f"{milliseconds(value)} ms"


def short_duration(value: float | None) -> str:
    """For the edge of a picture: 0.4 ms, 12 ms, 1.2 s."""
    if value is None:
        return NOT_REPORTED
    if value >= 995:
        return f"{value / 1000:.3g} s"
    return f"{value:.0f} ms" if value >= 9.5 else f"{value:.2g} ms"


def share(part: float, whole: float) -> str:
    """17 %, and never 0 % or 100 % for what is only nearly so."""
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "<1 %"
    if 99 < percent < 100:
        return ">99 %"
    return f"{percent:.0f} %"


def signed(value: float) -> str:
    return f"{'+' if value > 0 else '−'}{short_count(abs(value))}"


def rate(requests: float, seconds: float) -> str:
    """Calls a second where there are that many, else a minute or an hour."""
    for length, unit in ((1, "s"), (60, "min"), (3600, "h")):
        value = requests * length / (seconds or 1)
        if value >= 1 or unit == "h":
            return f"{value:.0f}/{unit}" if value >= 10 else f"{value:.1f}/{unit}"
    raise AssertionError("unreachable")


def window_text(window: Window) -> str:
    start, end = window.start, window.end
    day = f"{start:%Y-%m-%d} "
    if start.date() == end.date():
        return f"{day}{start:%H:%M:%S} to {end:%H:%M:%S} UTC"
    return f"{day}{start:%H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"
