"""CodeCarbon as the last resort: where the operating system tells neither energy nor CPU times to us (macOS, Windows).

Its `OfflineEmissionsTracker` runs in a process of its own, started by this meter, so that what importing it costs (seconds, tens
of megabytes), its threads, its logging and its configuration files touch nothing of the program that is measured. There it may
not use the network, writes into a folder that goes with it, and ends when this meter is closed or the process that opened it is
gone. It is read by its own interface: `flush`, and an output that keeps the totals.

Limits:

- CPU: measured on some machines (Apple's powermetrics with root, Windows' Energy Meter, Intel's Power Gadget), elsewhere its
  rated power times its load. CodeCarbon does not say by any interface which it was, so that the grade is `model` for all.
- Memory: a model by the number of modules.
- GPUs: read by the vendors' libraries or by powermetrics, all of them together, as one device; grade `power`.
- Its numbers are of the whole machine. On Linux it is used only where FOOTPRINT_METERS names it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO, Any, Final

from footprint.errors import MeterError
from footprint.meters.common import ALL_GPUS
from footprint.model import ComponentName, Device, Grade, Sample
from footprint.units import j_from_kwh

OPEN_LIMIT_S: Final = 9.0
"""CodeCarbon takes seconds to load, and the program waits ten for its first reading."""
READ_LIMIT_S: Final = 0.5
_CLOSE_LIMIT_S: Final = 2.0
_NEVER_S: Final = 86_400.0 * 365

_PARTS: Final[dict[str, tuple[ComponentName, Grade]]] = {
    "cpu": ("cpu", "model"),
    "memory": ("memory", "model"),
    ALL_GPUS: ("accelerators", "power"),
}
# What is started forks at once and ends, so that the program's `os.wait()` never meets the tracker; the standard library and
# what is installed go before the paths of the program.
_BOOT: Final = """\
import os, sys
if hasattr(os, "fork") and os.fork():
    os._exit(0)
sys.path += [path for path in sys.argv[1:] if path not in sys.path]
from footprint.meters.codecarbon import serve
serve()
"""


class CodeCarbonMeter:
    """Reads the cumulative energy that a tracker in another process counts.

    Raises:
        MeterError: if CodeCarbon does not start, or not in time.
    """

    name = "codecarbon"

    def __init__(self) -> None:
        # CodeCarbon's settings are those of its user, and may ask for files, uploads and factors of their own.
        environ = {name: value for name, value in os.environ.items() if not name.lower().startswith("codecarbon_")}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            start_new_session=True,
        )
        if hasattr(os, "fork"):
            self._process.wait()
        self._told = threading.Condition()
        self._answers: list[dict[str, Any]] = []
        self._asked, self._ended = True, False  # it speaks first
        self._listener = threading.Thread(target=self._listen, name="footprint-codecarbon", daemon=True)
        self._listener.start()
        self._pid: int | None = None
        first = self._answer(OPEN_LIMIT_S)
        if first is None or "failed" in first:
            self.close()
            reason = (first or {}).get("failed") or ("it ended" if self._ended else f"no answer within {OPEN_LIMIT_S:g} s")
            raise MeterError(f"CodeCarbon does not measure here ({reason}); see `python -m codecarbon.cli.main detect`")
        self._pid = first["pid"]
        self.unread: tuple[str, ...] = ()
        self.warnings: tuple[str, ...] = (
            f"CodeCarbon {first['version']} reads or models this machine as a whole: see its limits",
        )
        self._devices = tuple(
            Device(id=device_id, component=component, name=first["names"][device_id], meter=self.name, grade=grade)
            for device_id, (component, grade) in _PARTS.items()
            if device_id in first["names"]
        )

    def devices(self) -> tuple[Device, ...]:
        """CPU and memory, grade `model`; all GPUs as one, grade `power`, where CodeCarbon reads any."""
        return self._devices

    def read(self) -> tuple[Sample, ...]:
        """The energy since the meter was opened; nothing while the tracker does not answer."""
        if not self._asked and not self._ended:
            self._asked = True
            with suppress(OSError, ValueError):
                self._pipe(self._process.stdin).write(b"\n")
                self._pipe(self._process.stdin).flush()
        answer = self._answer(READ_LIMIT_S)
        if answer is None:
            return ()
        return tuple(
            Sample(device_id=device.id, t_s=answer["t_s"], energy_j=answer["energy_j"][device.id]) for device in self._devices
        )

    def close(self) -> None:
        """End the tracker; safe to call twice."""
        with suppress(OSError):
            self._pipe(self._process.stdin).close()
        self._listener.join(_CLOSE_LIMIT_S)
        if self._listener.is_alive() and self._pid is not None:  # it has not closed its end, so the pid is still its own
            with suppress(OSError):
                os.kill(self._pid, signal.SIGTERM)
            self._listener.join(_CLOSE_LIMIT_S)
        if not self._listener.is_alive():
            self._pipe(self._process.stdout).close()
        if not hasattr(os, "fork"):
            self._process.wait()

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None, "both ends were asked for"
        return pipe

    def _listen(self) -> None:
        """Keep what the tracker says until it ends."""
        with suppress(OSError, ValueError):
            for line in self._pipe(self._process.stdout):
                with self._told:
                    self._answers.append(json.loads(line))
                    self._told.notify_all()
        with self._told:
            self._ended = True
            self._told.notify_all()

    def _answer(self, limit_s: float) -> dict[str, Any] | None:
        """What the tracker was asked for, if it comes in time; a late answer is taken by the next one who waits."""
        with self._told:
            self._told.wait_for(lambda: self._answers or self._ended, limit_s)
            if not self._answers:
                return None
            self._asked = False
            return self._answers.pop()


def open_meter() -> CodeCarbonMeter | None:
    """The meter; None where there is no interpreter to start (a frozen program), or no CodeCarbon.

    Raises:
        MeterError: if CodeCarbon is there and does not start.
    """
    from importlib.util import find_spec

    if getattr(sys, "frozen", False) or not sys.executable or find_spec("codecarbon") is None:
        return None
    return CodeCarbonMeter()


# -- In the other process ----------------------------------------------------------------------------------------------


def serve() -> None:
    """Count energy with CodeCarbon, and tell the totals for each line that is read, until there are no more."""
    import shutil
    import tempfile

    out = os.fdopen(os.dup(1), "wb", buffering=0)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - what CodeCarbon and its tools print is no answer
        os.dup2(nowhere.fileno(), 1)
    sys.addaudithook(_no_network)
    # A fork of the program may hold the other end of our input open: then a signal ends us, and the folder still goes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    home = tempfile.mkdtemp(prefix="footprint-codecarbon-")
    os.chdir(home)
    # Where CodeCarbon looks for its user's settings.
    os.environ["HOME"] = os.environ["USERPROFILE"] = home
    try:
        _count(out, home)
    except Exception as error:  # noqa: BLE001 - whatever CodeCarbon raises is told in a word
        _say(out, {"failed": f"{type(error).__name__}: {str(error)[:200]}"})
    finally:
        os.chdir("/")
        shutil.rmtree(home, ignore_errors=True)


def _count(out: IO[bytes], home: str) -> None:
    from importlib.metadata import version

    from codecarbon import OfflineEmissionsTracker
    from codecarbon.output_methods.base_output import BaseOutput

    totals: list[Any] = []

    class Keep(BaseOutput):
        """An output that keeps the newest totals."""

        def out(self, total: Any, _delta: Any) -> None:
            """Take what `flush` has counted."""
            totals[:] = [total]

    tracker = OfflineEmissionsTracker(
        country_iso_code="USA",  # it wants one; of its figures only energies are used
        force_carbon_intensity_g_co2e_kwh=1.0,
        output_methods=[],
        output_handlers=[Keep()],
        output_dir=home,
        log_level="critical",
        tracking_mode="machine",
        measure_power_secs=_NEVER_S,  # it measures when it is asked
        api_call_interval=-1,
        allow_multiple_runs=True,
        pue=1.0,
        wue=0.0,
    )
    tracker.start()
    tracker.flush()
    if not totals:
        raise RuntimeError("the tracker counts nothing")
    hardware = tracker.get_detected_hardware()
    names = {"cpu": hardware.get("cpu_model") or "CPU", "memory": "memory"}
    if hardware.get("gpu_count") or totals[0].gpu_energy > 0:
        names[ALL_GPUS] = hardware.get("gpu_model") or "GPU"
    _say(out, {"version": version("codecarbon"), "pid": os.getpid(), "names": names})
    for _ in sys.stdin.buffer:
        tracker.flush()
        total, t_s = totals[0], time.monotonic()
        energy_kwh = {"cpu": total.cpu_energy, "memory": total.ram_energy, ALL_GPUS: total.gpu_energy}
        _say(out, {"t_s": t_s, "energy_j": {name: j_from_kwh(value) for name, value in energy_kwh.items()}})
    tracker.stop()


def _say(out: IO[bytes], answer: dict[str, Any]) -> None:
    with suppress(OSError):
        out.write(json.dumps(answer).encode() + b"\n")


def _no_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every way out of the machine: an audit hook, which no library can take off again."""
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto"} or (
        event == "socket.connect" and isinstance(arguments[1], tuple)
    ):
        raise OSError(f"{event} is refused: this process measures, and uses no network")
