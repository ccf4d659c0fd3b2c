"""`footprint doctor`: what can be measured on this machine, how, and what to do about the rest.

`--json` prints one object (a contract):

- `footprint`: our version; `schema`: 1.
- `host`: the machine, as a run records it.
- `devices`: a list of `{"id", "component", "name", "meter", "grade", "power_w"}`; `power_w` is what a reading says now, null
  for a modelled device and for one that does not answer.
- `cpu`: `{"matched", "grade", "idle_w_per_cpu", "active_w_per_cpu", "reserved_cpus"}` with ranges in watts: the factors that
  the model of this CPU uses.
- `place`: the default place of runs, or null.
- `ledger`: `{"home", "writable"}`; `home` is null where none is known.
- `recorder`: `process` or `thread`.
- `findings`: a list of `{"about", "message", "remedy"}`: what is not known or not as good as it could be, and the way to
  mend it (null where there is none).

`--self-test` does something else instead: see `footprint.cli.selftest`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from footprint import text
from footprint.cli import options
from footprint.cli.diagnosis import Diagnosis, diagnose
from footprint.cli.printing import say, say_lines, table
from footprint.model import Host, Place


def doctor(
    *,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Run the meters against sensors whose truth is known, for half a minute.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Say what can be measured on this machine, how, and what to do about the rest."""
    if self_test:
        from footprint.cli import selftest

        raise typer.Exit(selftest.self_test(json=json))
    diagnosis = diagnose()
    if json:
        say(msgspec.json.format(msgspec.json.encode(diagnosis), indent=2).decode())
    else:
        say_lines(_lines(diagnosis))


def _lines(diagnosis: Diagnosis) -> list[str]:
    lines = [f"footprint {diagnosis.footprint} on {_host(diagnosis.host)}"]
    lines += _device_table(diagnosis) if diagnosis.devices else ["", "no meter has a device here", ""]
    lines += [f"{name:<9} {value}" for name, value in _rows(diagnosis)]
    lines.append("")
    for finding in diagnosis.findings:
        lines.append(f"{text.clean(finding.about)}: {text.clean(finding.message, limit=400)}")
        if finding.remedy:
            lines.append(f"    -> {finding.remedy}")
    return lines


def _host(host: Host) -> str:
    facts = [
        text.clean(host.os),
        text.clean(host.cpu_name or "unnamed CPU"),
        text.plural(host.logical_cpus, "CPU"),
        f"{text.number(host.memory_bytes / 1e9)} GB" if host.memory_bytes else "memory unknown",
        "virtual machine" if host.virtual else "",
        f"in {text.clean(host.container)}" if host.container else "",
    ]
    return f"{text.clean(host.name)} ({', '.join(fact for fact in facts if fact)})"


def _device_table(diagnosis: Diagnosis) -> list[str]:
    """One row a device."""
    rows = []
    for device in diagnosis.devices:
        now = (
            text.power(device.power_w) if device.power_w is not None else "from load" if device.grade == "model" else "no answer"
        )
        name = diagnosis.host.cpu_name or device.name if device.id == "cpu" else device.name
        rows.append((device.component, name, device.grade, device.meter, now))
    return table(("component", "device", "grade", "meter", "now"), rows, right=("now",))


def _rows(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    rows = []
    if cpu := diagnosis.cpu:
        idle, active = (
            f"{text.number(r.central)} W ({text.span(r.low, r.high)})" for r in (cpu.idle_w_per_cpu, cpu.active_w_per_cpu)
        )
        known = f"known as {text.clean(cpu.matched)}" if cpu.matched else "of unknown model"
        rows.append(("CPU", f"{known}, grade {cpu.grade}: each CPU idles at {idle} and adds {active} when busy"))
        rows.append(("reserved", f"{text.number(cpu.reserved_cpus)} of {text.plural(diagnosis.host.logical_cpus, 'CPU')}"))
    place = diagnosis.place
    rows.append(("place", " · ".join(text.clean(part) for part in _place_parts(place)) if place else "unknown"))
    ledger = diagnosis.ledger
    rows.append(
        ("ledger", f"{text.clean(ledger.home or 'unknown', limit=400)} ({'writable' if ledger.writable else 'not writable'})")
    )
    rows.append(("recorder", "a process of its own" if diagnosis.recorder == "process" else "a thread of the program"))
    return rows


def _place_parts(place: Place) -> list[str]:
    region = f"{place.provider}:{place.region}" if place.provider and place.region else place.region or place.provider
    pue = f"PUE {place.pue_ratio:g}" if place.pue_ratio is not None else None
    return [part for part in (region, place.zone, place.name, pue, f"known by {place.known_by}") if part]
