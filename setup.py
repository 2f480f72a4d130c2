"""The packages, found rather than listed: ``tui/`` is installed as ``meshdht_tui``.

Everything else about the build is in pyproject.toml, which cannot say this.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["meshdht*"]),
        "meshdht_tui",
        *(f"meshdht_tui.{package}" for package in find_packages("tui")),
    ],
    package_dir={"meshdht_tui": "tui"},
)
