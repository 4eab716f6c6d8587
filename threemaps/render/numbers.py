"""Numbers as people read them. What a backend does not tell is a dash, never 0."""

from threemaps.model.difference import Window

UNTOLD = "–"


def count(value: float | None) -> str:
    return UNTOLD if value is None else f"{value:,.0f}"


def short_count(value: float | None) -> str:
    """For the edge of a picture: 950, 12.3k, 4.5M."""
    if value is None:
        return UNTOLD
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            unit = 1e3 if letter == "k" else size
            return f"{value / unit:.3g}{letter}"
    return f"{value:.0f}"


def milliseconds(value: float | None) -> str:
    """The number alone, with as many decimals as help."""
    if value is None:
        return UNTOLD
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def duration(value: float | None) -> str:
    if value is None:
        return UNTOLD
    return f"{value / 1000:,.2f} s" if value >= 1000 else f"{milliseconds(value)} ms"


def window_text(window: Window) -> str:
    start, end = window.start, window.end
    day = f"{start:%Y-%m-%d} "
    if start.date() == end.date():
        return f"{day}{start:%H:%M:%S} to {end:%H:%M:%S} UTC"
    return f"{day}{start:%H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"
