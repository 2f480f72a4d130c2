"""The picture in the documents comes from a mesh that really runs."""

from __future__ import annotations

import xml.etree.ElementTree
from pathlib import Path

from meshdht.lab.picture import take


def test_the_picture_shows_the_other_devices_of_the_demo(tmp_path: Path) -> None:
    picture = tmp_path / "live-view.svg"
    take(picture)
    drawing = xml.etree.ElementTree.parse(picture).getroot()
    assert drawing.tag.endswith("svg")
    words = "".join(drawing.itertext())
    for name in ("nas", "vps", "phone", "direct"):
        assert name in words
