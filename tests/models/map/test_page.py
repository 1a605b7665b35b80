"""The page holds its data and loads nothing."""

import json
import re
from typing import Any

import numpy as np

from models.map.colouring import colourings
from models.map.page import View, page
from models.map.points import tracks
from models.map.projection import Projection

from .playlists import music
from .test_colouring import HELD, MUSIC, TRACKS


def drawn(title: str = "Tracks", **names: str) -> str:
    points = np.linspace(-1, 1, 12, dtype=np.float32)
    view = View("embedded", Projection(points[:8].reshape(4, 2), points.reshape(4, 3), (0.9, 0.95)))
    found = MUSIC if not names else music(HELD, titles=names)
    return page(title, "note", tracks(found, TRACKS), [view], colourings(found, TRACKS), [2])


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_data_is_in_the_page_in_the_order_of_tracks():
    data = data_of(drawn())
    assert data["ids"] == list(TRACKS)
    assert data["artists"] == ["X", "Y", None, "X"]
    assert data["remarks"] == [f"in {count} playlists" for count in (3, 1, 2, 1)]
    assert data["rings"] == [2]
    assert data["views"][0]["flat"][:2] == [-1.0, -0.8182]
    assert len(data["views"][0]["deep"]) == 12
    assert data["colourings"][0]["legend"][0] == {"label": "X", "colour": "#4e79a7", "count": 2}


def test_nothing_is_loaded_from_anywhere():
    text = drawn()
    assert not re.search(r"(src|href)\s*=|@import|url\(|fetch\(|https?://", text)
    assert "__" not in text.replace(json.dumps(data_of(text)), "")


def test_a_title_cannot_end_the_script_or_become_markup():
    text = drawn("<b>", a="</script><script>alert(1)</script>")
    assert data_of(text)["titles"][0] == "</script><script>alert(1)</script>"
    assert text.count("</script>") == 2
    assert "<title>&lt;b&gt;</title>" in text
