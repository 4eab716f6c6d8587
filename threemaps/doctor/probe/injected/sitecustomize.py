"""Python imports this at its start where the doctor put its folder first on PYTHONPATH.

It starts the probe, then hands over to the sitecustomize that would have been imported: the launcher's.
"""

import importlib.util
import os
import sys
from importlib.machinery import PathFinder

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "_threemaps_probe"


def start_probe() -> None:
    """The probe is a package of its own name: threemaps need not be installed for this interpreter."""
    folder = os.path.dirname(HERE)
    spec = importlib.util.spec_from_file_location(
        NAME, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    module.start(HERE)


def hand_over() -> None:
    """The next sitecustomize on the path, as if this one were not there."""
    sys.path[:] = [one for one in sys.path if os.path.abspath(one or os.curdir) != HERE]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


try:
    start_probe()
except Exception as failure:  # noqa: BLE001 - the service has to start whatever is wrong with the probe
    sys.stderr.write(f"threemaps doctor: the probe did not start: {failure!r}\n")
try:
    hand_over()
finally:
    if NAME in sys.modules:
        sys.modules[NAME].settle()
