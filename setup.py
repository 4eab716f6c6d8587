"""Puts into the wheel what the demo needs and a checkout has beside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("services", "collector", "aws", "docs/glossary.md")


class WithProjectFiles(build_py):
    """threemaps/project in the wheel is the checkout, as far as the installed package needs it."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in SHIPPED:
            target = Path(self.build_lib, "threemaps", "project", name)
            if Path(name).is_dir():
                shutil.copytree(
                    name, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
                )
            elif Path(name).exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(name, target)


setup(cmdclass={"build_py": WithProjectFiles})
