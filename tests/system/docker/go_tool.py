"""Programs written in Go, built from their pinned release where the machine has none."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.system.docker.tools import Missing, do, say
from threemaps.demo.collector_build import BuildError, go_from_registry, go_on_path


def build(package: str, version: str, target: Path, environ: Mapping[str, str], variable: str = "") -> None:
    """`variable` is set to the version. The target is there whole or not at all."""
    name = target.name
    say(f"building {name} {version}: a minute or two, once")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as place:
        folder = Path(place)
        try:
            go = str(go_on_path(environ) or go_from_registry(folder, say, environ))
        except BuildError as error:
            raise Missing(f"no {name}, and no Go to build it with: {error}", f"install {name}") from None
        surroundings = {**environ, "GOFLAGS": "", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        flags = f"-s -w -X {variable}={version}" if variable else "-s -w"
        made = folder / name
        for step in (
            ("mod", "init", "tool.local/build"),
            ("get", "-tool", f"{package}@{version}"),
            ("build", "-trimpath", "-ldflags", flags, "-o", str(made), package),
        ):
            do(go, *step, environ=surroundings, what=f"go {step[0]}", folder=folder)
        os.replace(made, target)
