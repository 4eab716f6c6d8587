"""A comparison for people and for other programs: table, JSON, Mermaid, Graphviz, SVG, HTML, JUnit. Pure."""

from threemaps.model.difference import Comparison

FORMATS = ("table", "json", "mermaid", "dot", "svg", "html", "junit")


def render(comparison: Comparison, format: str, *, width: int = 80, colour: bool = False) -> str:  # noqa: A002
    """The comparison in this format; `width` and `colour` are the terminal's."""
    if format == "table":
        from threemaps.render.table import render_table

        return render_table(comparison, width=width, colour=colour)
    if format == "json":
        import json

        # Half a surrogate pair may stand in a name; as an escape it passes through every file.
        return json.dumps(comparison.to_json(), indent=2) + "\n"
    if format == "junit":
        from threemaps.render.junit import render_junit

        return render_junit(comparison)
    from threemaps.render.scene import Scene

    scene = Scene(comparison)
    if format == "mermaid":
        from threemaps.render.mermaid import render_mermaid

        return render_mermaid(scene)
    if format == "dot":
        from threemaps.render.dot import render_dot

        return render_dot(scene)
    if format == "svg":
        from threemaps.render.svg import render_svg

        return render_svg(scene)
    if format == "html":
        from threemaps.render.html import render_html

        return render_html(scene)
    raise ValueError(f"{format!r} is none of {', '.join(FORMATS)}")
