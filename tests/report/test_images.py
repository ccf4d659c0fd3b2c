"""Figures as images: right size, their own heading, nothing asked of a network, and one clear line where something is missing."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from footprint import report
from footprint.errors import ConfigError
from footprint.ledger import home
from footprint.report import images
from footprint.report.figures import figures
from footprint.report.figures.run import figures as figures_of_run
from tests.report.examples import HOSTILE, record, runs, summary

PNG = b"\x89PNG\r\n\x1a\n"
SVG = "{http://www.w3.org/2000/svg}"

drawn_by_a_browser = [pytest.mark.browser, pytest.mark.slow]


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    wide, high = struct.unpack(">II", png[16:24])
    return wide, high


def words(svg: bytes) -> str:
    return " ".join("".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text"))


class TestDrawn:
    pytestmark = drawn_by_a_browser

    def test_a_png_has_the_size_that_was_asked_for(self) -> None:
        assert size(images.render(summary(runs(3)), "energy-by", "png", width_px=400, height_px=300, scale=1.5)) == (600, 450)

    def test_an_svg_stands_by_itself(self) -> None:
        some = summary(runs(12, placed=5))
        svg = images.render(some, "emissions-by", theme="dark")
        assert ET.fromstring(svg).tag == f"{SVG}svg"
        assert "Emissions by account" in words(svg)
        assert "Hatched: of some of the runs only." in words(svg)
        assert b'href="http' not in svg
        assert b"27, 31, 36" in svg  # the dark ground

    def test_hostile_names_are_only_words(self) -> None:
        svg = images.render(summary(runs(len(HOSTILE), names=HOSTILE)), "energy-by")
        tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
        assert not tags & {"script", "img", "a", "foreignObject"}
        assert not any(name.startswith("on") for element in ET.fromstring(svg).iter() for name in element.attrib)
        assert "window.hacked=1" in words(svg)

    def test_it_works_where_an_event_loop_is_running(self) -> None:
        async def notebook() -> bytes:
            return report.image(summary(runs(3)), "by-grade", width_px=300, scale=1)

        assert size(asyncio.run(notebook()))[0] == 300

    def test_the_page_asks_nothing_of_a_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The browser's proxy is ours: it hears of each host that the page or the browser would ask."""
        asked: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as proxy:

            def listen() -> None:
                while True:
                    try:
                        caller, _ = proxy.accept()
                    except OSError:
                        return
                    with caller:
                        asked.append(caller.recv(4096).decode("latin-1").partition("\r\n")[0])

            threading.Thread(target=listen, daemon=True).start()
            monkeypatch.setattr(images, "_NOWHERE", f"http://127.0.0.1:{proxy.getsockname()[1]}")
            images.render(summary(runs(3)), "energy-by")
            proxy.shutdown(socket.SHUT_RDWR)
        # The browser itself looks for its search engine, hence a proxy that does not answer; the page asks nothing.
        assert not [line for line in asked if any(host in line for host in ("plot", "cdn", "mathjax", "jsdelivr", "unpkg"))]


class TestRefused:
    def test_a_figure_that_there_is_not(self) -> None:
        with pytest.raises(ConfigError, match=r"unknown figure 'energy'; did you mean energy-by\? \(there are energy-by, "):
            images.render(summary(runs(3)), "energy")

    def test_nothing_to_draw(self) -> None:
        with pytest.raises(ConfigError, match="nothing to draw: no runs are recorded"):
            images.render(summary([]), "energy-by")

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({"kind": "gif"}, r"unknown kind of image 'gif'.*png, svg"),
            ({"width_px": 0}, "width of 0 is not between 100 and 4000"),
            ({"height_px": 10**9}, "height of"),
            ({"scale": -1}, "scale of -1 is not between"),
            ({"scale": float("nan")}, "scale of nan"),
        ],
    )
    def test_what_cannot_be(self, asked: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            report.image(summary(runs(3)), "energy-by", **asked)

    def test_without_kaleido(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "kaleido", None)
        with pytest.raises(ConfigError, match=r"needs kaleido: pip install 'footprint\[images\]'"):
            images.render(summary(runs(3)), "energy-by")

    def test_without_a_browser(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
        with pytest.raises(ConfigError, match="apt-get install chromium"):
            images.render(summary(runs(3)), "energy-by")

    @pytest.mark.slow
    def test_a_browser_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BROWSER_PATH", "/bin/false")
        with pytest.raises(ConfigError, match=r"^the browser that draws images failed: .+$"):
            images.render(summary(runs(3)), "energy-by")


class TestDoor:
    def test_an_empty_ledger_is_an_empty_report(self) -> None:
        assert report.of(since="7d").total.runs == 0

    def test_a_choice_is_said(self) -> None:
        record(home(), runs(3))
        assert report.of(since="2025-05-02", where={"label:team": ("vision",)}).options.selection == (
            "since 2025-05-02",
            "where label:team=vision",
        )
        assert report.of(until="2025-05-02").total.runs == 1
        with pytest.raises(ConfigError, match=r"no run fits name nothing \(the ledger has 3 runs\)"):
            report.of(name="nothing")

    def test_one_run_or_value_may_stand_alone(self) -> None:
        record(home(), runs(3))
        for where in ({"label:team": "vision"}, {"label:team": ["vision"]}):
            assert report.of(where=where).total == report.of(where={"label:team": ("vision",)}).total
        assert [row.id for row in report.of(runs="run00001").rows] == ["run00001"]

    def test_a_run_has_figures_and_a_page_of_its_own(self) -> None:
        record(home(), runs(2))
        page = report.run("run00001")
        drawn = figures_of_run(page)
        assert {one.id for one in drawn} >= {"power", "cpu"}
        for one in drawn:
            assert report.figure(page, one.id).layout.title.text.startswith(one.title)
        assert "run00001" in report.page(page)
        with pytest.raises(ConfigError, match=r"unknown figure 'energy-by'; .* \(there are power, "):
            report.figure(page, "energy-by")

    def test_a_notebook_shows_a_summary_as_text(self) -> None:
        shown = summary(runs(3))._repr_mimebundle_(include=None, exclude=None)
        assert shown["text/markdown"].startswith(f"**{shown['text/plain']}**")

    def test_every_figure_is_one_of_plotly(self) -> None:
        some = summary(runs(9, placed=3))
        for one in figures(some):
            figure = report.figure(some, one.id, theme="dark")
            assert figure.layout.title.text.startswith(one.title)
            assert len(figure.data) > 0

    def test_names_of_the_package_are_there(self) -> None:
        for name in report.__all__:
            assert getattr(report, name) is not None
        assert report.page(summary(runs(2))).startswith("<!doctype html>")


def test_what_kaleido_says_to_itself_is_not_shown() -> None:
    talker = logging.getLogger("choreographer.channels.pipe")
    with images._quietly():
        assert not talker.isEnabledFor(logging.CRITICAL)
    assert talker.isEnabledFor(logging.ERROR)
