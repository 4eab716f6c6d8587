"""`threemaps mcp`."""

import click


@click.command()
@click.option("--allow-traffic", is_flag=True, help="Let doctor send one request through the services.")
def command(allow_traffic: bool) -> None:
    """Answer coding assistants: a server of the Model Context Protocol on standard input and output.

    Its tools are compare_maps, read_map, get_trace and doctor. It reads and changes nothing.

    \b
    Examples:
      threemaps mcp
      threemaps mcp --allow-traffic
    """
    from threemaps.mcp.server import create_server

    create_server(allow_traffic=allow_traffic).run("stdio")
