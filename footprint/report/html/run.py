"""The page of one run: one self-contained file, on which each number is one click from its proof."""

from __future__ import annotations

import itertools
import re
import shlex
from typing import Any, Final

import msgspec

from footprint import text
from footprint.derive.case import GAP_RATIO
from footprint.ledger.words import hardware, region
from footprint.model import GRADES
from footprint.report import words
from footprint.report.ahead import lines as ahead
from footprint.report.evidence import shares
from footprint.report.figures.run import figures
from footprint.report.html import run_proof
from footprint.report.html.building import LIMIT_BYTES, page, safe_json, shell
from footprint.report.html.plotly_js import Assets
from footprint.report.one_run.data import RunPage

_DIGITS: Final = 9
_STRING: Final = 1_000
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\+00:00")
TABLE_ROWS: Final = 24
"""So many rows stand for a figure in the table beside it."""
_PROVEN: Final = (
    "emissions_g",
    "emissions_direct_g",
    "emissions_market_g",
    "energy_kwh",
    "it_energy_kwh",
    "embodied_g",
    "water_l",
)
RELATIONS: Final = {
    "parent": "contains this run",
    "child": "within this run",
    "restart": "began this run anew",
    "restarted": "was begun anew by this run",
    "account": "of the same account",
}
SOURCES: Final = {
    "recorded": "as they were recorded",
    "thinned": "as an archive keeps them, put together",
    "course": "the course that the run's facts keep, of some dozens of points a device",
    "none": "none",
}


def render_run(run_page: RunPage, assets: Assets = "inline", limit_bytes: int = LIMIT_BYTES) -> str:
    """The page of a run.

    Args:
        run_page: what it shows.
        assets: where its plotly.js is, see `dashboard.render`.
        limit_bytes: how long the page may be; of a longer one the embedded data lose their series, and the page says so.
    """
    written = _page(run_page, run_page, assets)
    if len(written.encode()) > limit_bytes:
        without = msgspec.structs.replace(
            run_page, power=(), cpu=(), timing=msgspec.structs.replace(run_page.timing, course=None)
        )
        written = _page(run_page, without, assets)
    return written


def _page(run_page: RunPage, data: RunPage, assets: Assets) -> str:
    run, footprint = run_page.run, run_page.footprint
    drawn = figures(run_page)
    known_how = shares([run], {run.id: footprint})
    units = words.run_units(footprint)
    readings = run_proof.readings(run_page)
    return page(
        "run_page.html.j2",
        shell({one.id: one.drawing for one in drawn}, styles=("run_page.css",), scripts=("run_page.js",), assets=assets),
        page=run_page,
        run=run,
        footprint=footprint,
        whose=_whose(run_page),
        hardware=hardware(run),
        region=region(run),
        units=units,
        figures={one.id: one for one in drawn},
        known_how=known_how,
        grades=[grade for grade in GRADES if any(share.grade == grade for share in known_how)],
        unknown=[(words.unknown(one.what), text.clean(one.why, limit=400, empty=""), one.advice) for one in _open(run_page)],
        beyond=[words.unknown(what) for what in footprint.unknown if what in words.NOT_COUNTED],
        ahead=[_in_short(line).split(maxsplit=1) for line in ahead(run, footprint, run_page.forecast)],
        unread=_unread(run_page) if footprint.energy_kwh is not None else [],
        readings=readings,
        sections=run_proof.sections(run_page),
        proof={of: run_proof.proof_of(run_page, of) for of in _PROVEN},
        power_rows=_power_rows(run_page),
        so_far_rows=_so_far_rows(run_page),
        commands=_commands(run_page),
        relations=RELATIONS,
        source=SOURCES[run_page.source],
        warnings=[text.clean(one, limit=400) for one in dict.fromkeys((*run_page.notes, *run.warnings, *footprint.warnings))],
        place_of_device={one.device_id: at for at, one in enumerate(run_page.samples)},
        has_series=bool(data.power or data.cpu or data.timing.course) or not drawn,
        data=safe_json(_embedded(msgspec.to_builtins(data))),
    )


def _open(run_page: RunPage) -> list[Any]:
    return [one for one in run_page.explanation.unknown if one.what not in words.NOT_COUNTED]


def _unread(run_page: RunPage) -> list[str]:
    """The components that were not read all the time, and whose energy in the rest of it is in no number."""
    known = {one.component for one in run_page.footprint.breakdown if one.energy_kwh is not None and one.energy_kwh.high}
    return [
        f"{words.COMPONENT_WORDS[one.component]} read for {text.percent(one.read_ratio)} of the time, and what was drawn in the "
        "rest of it is not in this number"
        for one in run_page.footprint.coverage
        if one.component in known and one.grade is not None and one.read_ratio < 1 - GAP_RATIO
    ]


def _whose(run_page: RunPage) -> str:
    """What the machine drew, and what of it is the run's; empty where one of them is not known."""
    mine, all_of_it = (run_page.footprints[name].it_energy_kwh for name in ("share", "machine"))
    if mine is None or all_of_it is None or run_page.run.declared is not None:
        return ""
    unit = text.shared_unit([mine.central, all_of_it.central], text.ENERGY)
    share, whole = text.in_unit(mine.central, unit), text.in_unit(all_of_it.central, unit)
    counted = f"; all of it is counted here, of which {share} are the run's" if run_page.attribution == "machine" else ""
    if share == whole:
        return f"All that the machine drew meanwhile is the run's: {whole} before PUE"
    told = counted or f", of which {share} are the run's and counted here"
    return f"The machine drew {whole} meanwhile, before PUE{told}"


def _in_short(line: str) -> str:
    """A line with its times as a person reads them, in UTC."""
    return _TIME.sub(r"\1 \2 UTC", line)


def _embedded(value: Any) -> Any:
    """The data with nine significant digits, which is more than any meter has, and names cut."""
    if isinstance(value, str):
        return value if len(value) <= _STRING else value[: _STRING - 1] + "…"
    if isinstance(value, float):
        return text.significant(value, _DIGITS)
    if isinstance(value, dict):
        return {_embedded(key): _embedded(one) for key, one in value.items()}
    return [_embedded(one) for one in value] if isinstance(value, list | tuple) else value


def _power_rows(run_page: RunPage) -> list[tuple[str, list[str]]]:
    """The attributed power in some dozens of rows: from when to when, and each component's mean in it."""
    course = run_page.timing.course
    if course is None:
        return []
    many = len(course.edges_s) - 1
    cuts = sorted({round(many * at / TABLE_ROWS) for at in range(TABLE_ROWS + 1)})
    unit = text.shared_unit((watts for one in course.parts for watts in one.mean_w), text.POWER)
    found = []
    for begin, end in itertools.pairwise(cuts):
        cells = []
        for one in course.parts:
            known = [
                (watts, course.edges_s[at + 1] - course.edges_s[at])
                for at in range(begin, end)
                if (watts := one.mean_w[at]) is not None
            ]
            length_s = sum(seconds for _, seconds in known)
            mean_w = sum(watts * seconds for watts, seconds in known) / length_s if length_s else None
            cells.append("not read" if mean_w is None else text.in_unit(mean_w, unit))
        found.append((f"{text.duration(course.edges_s[begin])} to {text.duration(course.edges_s[end])}", cells))
    return found


def _so_far_rows(run_page: RunPage) -> list[tuple[str, str, str]]:
    """The energy so far, and the emissions, in a dozen rows."""
    course, units = run_page.timing.course, words.run_units(run_page.footprint)
    if course is None or course.so_far_kwh is None:
        return []
    many = len(course.edges_s) - 1
    found = []
    for at in sorted({round(many * part / (TABLE_ROWS // 2)) for part in range(1, TABLE_ROWS // 2 + 1)}):
        mass = text.in_unit(course.so_far_g[at], units.mass) if course.so_far_g is not None else words.UNKNOWN
        found.append((text.duration(course.edges_s[at]), text.in_unit(course.so_far_kwh[at], units.energy), mass))
    return found


def _commands(run_page: RunPage) -> list[tuple[str, str]]:
    """What to type for more: what each gives, and the command."""
    run = run_page.run
    where = (
        f" --ledger {shlex.quote(run_page.ledger)}" if run_page.ledger and text.clean(run_page.ledger) == run_page.ledger else ""
    )
    run_id = shlex.quote(run.id)
    found = [(f"footprint runs show {run_id} --explain{where}", "the same in the terminal")]
    if run_page.source in {"recorded", "thinned"} and not where:
        found.append((f"footprint runs export --run {run_id} --format csv", "every sample that there is, without loss"))
    if text.clean(run.account) == run.account and run.account != run.id:
        found.append((f"footprint report --where account={shlex.quote(run.account)}{where}", "the report of its account"))
    if run.parent is not None and text.clean(run.parent) == run.parent:
        found.append((f"footprint report --run {shlex.quote(run.parent)}{where}", "the page of the run that contains it"))
    return found if text.clean(run.id) == run.id else []
