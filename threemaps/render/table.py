"""A comparison as text: within the width of the terminal, colourful there and plain in a pipe."""

from collections.abc import Callable, Iterator

from rich.cells import cell_len

from threemaps.model.difference import Comparison, Difference
from threemaps.render import numbers, words
from threemaps.render.grouping import EdgeKey
from threemaps.render.names import fitted, title, wrapped
from threemaps.render.scene import Scene

BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"
COLUMNS = ("req", "err", "ms")  # requests, errors, mean latency
SHORTEST_NAME = 22
NARROWEST = 60
MISSING = "missing"
MOST_SHOWN = 5  # of one reason
Paint = Callable[[str, str], str]


def render_table(comparison: Comparison, *, width: int, colour: bool) -> str:
    paint: Paint = (lambda text, code: f"\x1b[{code}m{text}\x1b[0m") if colour else (lambda text, code: text)
    width = max(width, NARROWEST)
    return "\n".join(_lines(comparison, width, paint)) + "\n"


def _lines(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    verdict = words.verdict(comparison)
    code = GREEN if comparison.agree else RED
    window = numbers.window_text(comparison.window)
    apart = "  " if cell_len(verdict + window) + 2 <= width else "\n"
    yield paint(verdict, f"{BOLD};{code}") + apart + paint(fitted(window, width), DIM)
    yield from _head(comparison, width, paint)
    yield ""
    scene = Scene(comparison)
    if scene.edges:
        yield from _table(scene, width, paint)
    elif comparison.readable and not comparison.notes:
        yield from wrapped(". ".join(words.nothing(comparison)), width)
    yield from _nodes_without_edges(scene, width)
    yield from _contract(comparison, width, paint)
    yield from _differences(comparison, width, paint)


def _head(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    """The second verdict with what is not well, and what has to be known of the numbers."""
    health = words.health(comparison)
    if health:
        yield paint(health, GREEN if comparison.healthy else YELLOW)
    for trouble in comparison.troubles:
        for number, line in enumerate(wrapped(trouble.what, width - 4)):
            yield paint(f"{'  ' if number else '! '}{line}", YELLOW)
        yield from _field("next", trouble.advice, width)
    for note in comparison.notes:
        yield from (paint(line, DIM) for line in wrapped(note, width))


def _contract(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    """A line for each node, edge and bound of the contract, with what every source has."""
    if comparison.contract is None:
        return
    yield ""
    for held in comparison.contract:
        sign, code = ("✗", RED) if held.broken_by else ("–", YELLOW) if held.unreported else ("✓", GREEN)
        values = ", ".join(f"{title(name)} {value}" for name, value in held.values.items())
        for number, line in enumerate(wrapped(f"{held.what}: {values}", width - 2)):
            yield paint(f"{' ' if number else sign} {line}", code)


def _table(scene: Scene, width: int, paint: Paint) -> Iterator[str]:
    sources = [name for name, found in scene.comparison.maps.items() if found is not None]
    rows = [[_cells(scene, source, key) for source in sources] for key in scene.edges_in_order]
    sizes = [
        [
            max(len(cells[c]) for cells in (COLUMNS, *(row[s] for row in rows)) if len(cells) > 1)
            for c in range(3)
        ]
        for s in range(len(sources))
    ]
    blocks = [sum(size) + len(COLUMNS) - 1 for size in sizes]
    room = width - sum(blocks) - 2 * len(blocks)
    lines = [[_block(row[s], sizes[s]) for s in range(len(sources))] for row in rows]
    heads = [fitted(title(name), block).rjust(block) for name, block in zip(sources, blocks, strict=True)]
    under = [_block(COLUMNS, size) for size in sizes]
    if room >= SHORTEST_NAME:
        yield from _beside(scene, room, heads, under, lines, paint)
    else:
        yield from _below(scene, width, sources, rows, paint)


def _beside(
    scene: Scene, room: int, heads: list[str], under: list[str], lines: list[list[str]], paint: Paint
) -> Iterator[str]:
    """Name and numbers on one line."""
    twice = words.ambiguous(scene.comparison)
    names = [_edge_name(key, room, twice) for key in scene.edges_in_order]
    longest = max(cell_len(name) for name in names)
    indent = " " * longest
    yield paint("  ".join([indent, *heads]).rstrip(), BOLD)
    yield paint("  ".join([indent, *under]).rstrip(), DIM)
    for key, name, blocks in zip(scene.edges_in_order, names, lines, strict=True):
        padded = name + " " * (longest - cell_len(name))
        yield "  ".join([padded, *_painted(scene, key, blocks, paint)]).rstrip()


def _below(
    scene: Scene, width: int, sources: list[str], rows: list[list[tuple[str, ...]]], paint: Paint
) -> Iterator[str]:
    """Too much for one line: a line for the name, then one for each map."""
    longest = min(max(cell_len(title(name)) for name in sources), width // 3)
    twice = words.ambiguous(scene.comparison)
    for key, cells in zip(scene.edges_in_order, rows, strict=True):
        yield paint(_edge_name(key, width, twice), BOLD)
        texts = [MISSING if len(row) == 1 else "{} requests  {} errors  {} ms".format(*row) for row in cells]
        for name, text in zip(sources, _painted(scene, key, texts, paint), strict=True):
            label = fitted(title(name), longest)
            yield f"  {label}{' ' * (longest - cell_len(label))}  {text}"


def _edge_name(key: EdgeKey, room: int, twice: frozenset[str]) -> str:
    """Both ends keep half of the room, or what the other does not need."""
    half = (room - 3) // 2
    texts = [words.label(node, twice) for node in key]
    sizes = [cell_len(text) for text in texts]
    first = max(half, room - 3 - sizes[1])
    second = room - 3 - min(sizes[0], first)
    return f"{fitted(texts[0], first)} → {fitted(texts[1], second)}"


def _cells(scene: Scene, source: str, key: EdgeKey) -> tuple[str, ...]:
    figures = scene.of_edges(source, (key,))
    if figures.state == "missing":
        return (MISSING,)
    if figures.state == "undrawn":
        return (numbers.NOT_REPORTED,) * len(COLUMNS)
    mark = "≠" if figures.diverging else ""
    return (
        mark + numbers.count(figures.requests),
        numbers.count(figures.errors),
        numbers.milliseconds(figures.mean_ms),
    )


def _block(cells: tuple[str, ...], sizes: list[int]) -> str:
    if len(cells) == 1:
        return cells[0].rjust(sum(sizes) + len(sizes) - 1)
    return " ".join(cell.rjust(size) for cell, size in zip(cells, sizes, strict=True))


def _painted(scene: Scene, key: EdgeKey, blocks: list[str], paint: Paint) -> Iterator[str]:
    sources = [name for name, found in scene.comparison.maps.items() if found is not None]
    for source, block in zip(sources, blocks, strict=True):
        figures = scene.of_edges(source, (key,))
        if figures.diverging:
            yield paint(block, RED)
        elif figures.state == "undrawn":
            yield paint(block, DIM)
        else:
            yield paint(block, YELLOW) if figures.errors else block


def _nodes_without_edges(scene: Scene, width: int) -> Iterator[str]:
    ends = {node for key in scene.edges for node in key}
    lonely = [fitted(node.name, 30) for node in scene.nodes if node not in ends]
    if lonely:
        yield ""
        yield from wrapped(f"without calls: {', '.join(lonely)}", width)


def _differences(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    unexpected = [one for one in comparison.differences if not one.expected]
    expected = [one for one in comparison.differences if one.expected]
    twice = words.ambiguous(comparison)
    for (cause, advice), group in words.by_reason(unexpected).items():
        yield ""
        for one in group:
            text = f"{words.subject(one, twice)}: {words.what(one)}"
            for number, line in enumerate(wrapped(text, width - 4)):
                yield paint(f"{'  ' if number else '✗ '}{line}", RED)
        evidence = dict.fromkeys(text for one in group for text in one.evidence)
        yield from _field("cause", cause, width)
        for text in evidence:
            yield from _field("proof", text, width)
        yield from _field("next", advice, width)
    if expected:
        yield ""
        yield paint("expected:", DIM)
        yield from _expected(expected, twice, width, paint)


def _expected(found: list[Difference], twice: frozenset[str], width: int, paint: Paint) -> Iterator[str]:
    """The reason, then what it is the reason of: those of which the same is to be said together."""
    for (cause, _), group in words.by_reason(found).items():
        by_what: dict[str, list[str]] = {}
        for one in group:
            by_what.setdefault(words.what(one), []).append(words.subject(one, twice))
        texts = [f"{_some(subjects)}: {what}" for what, subjects in by_what.items()]
        for number, line in enumerate(wrapped(f"{cause}.", width - 2)):
            yield paint(f"{'  ' if number else '· '}{line}", DIM)
        for text in texts[:MOST_SHOWN]:
            yield from (paint(f"    {line}", DIM) for line in wrapped(text, width - 4))
        if len(texts) > MOST_SHOWN:
            yield paint(f"    and {len(texts) - MOST_SHOWN} more of this kind", DIM)


def _some(subjects: list[str]) -> str:
    more = len(subjects) - MOST_SHOWN
    return ", ".join(subjects[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _field(name: str, text: str, width: int) -> Iterator[str]:
    if text:
        lines = wrapped(text, width - 11)
        yield f"    {name:<6} {lines[0]}"
        yield from (f"{'':<11}{line}" for line in lines[1:])
