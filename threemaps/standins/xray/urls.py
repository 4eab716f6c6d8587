"""Where X-Ray's operations are called: at the paths that AWS's description of it names."""

from collections.abc import Collection

from threemaps.standins.described import description


def urls(operations: Collection[str]) -> dict[str, str]:
    """Path → operation, of those that are answered here."""
    return {path: name for path, name in description("xray").paths.items() if name in operations}
