"""TPUs: kind and chips from what a host says of itself, on hosts made up for it, and a metadata server on the loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.meters import OpenMeters, host, tpu_model
from footprint.meters.metadata import google_attribute
from footprint.reference import find_accelerator

NOWHERE = ("127.0.0.1", 9)


class Host:
    """A made-up `/sys` and `/dev`."""

    def __init__(self, root: Path) -> None:
        self.root, self.sys, self.dev = root, root / "sys", root / "dev"
        self.server = NOWHERE
        self.sys.mkdir()
        self.dev.mkdir()

    def on_google(self) -> Host:
        self._write("class/dmi/id/product_name", "Google Compute Engine")
        return self

    def with_chips(self, number: str, count: int, vendor: str = "0x1ae0") -> Host:
        for chip in range(count):
            self._write(f"bus/pci/devices/0000:00:{chip + 4:02x}.0/vendor", vendor)
            self._write(f"bus/pci/devices/0000:00:{chip + 4:02x}.0/device", number)
            self._write(f"bus/pci/devices/0000:00:{chip + 4:02x}.0/class", "0x120000")
        return self

    def with_nodes(self, *names: str) -> Host:
        for name in names:
            (self.dev / name).parent.mkdir(exist_ok=True)
            (self.dev / name).touch()
        return self

    def _write(self, name: str, text: str) -> None:
        path = self.sys / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")

    def meter(self, **environ: str) -> tpu_model.TpuModel | None:
        return tpu_model.open_meter(environ, self.sys, self.dev, self.server)

    def chips(self, **environ: str) -> tuple[str, list[int]]:
        meter = self.meter(**environ)
        assert meter is not None
        assert meter.unread == ()
        assert meter.read() == ()
        devices = meter.devices()
        assert {(one.component, one.grade, one.meter) for one in devices} == {("accelerators", "model", "tpu-model")}
        (name,) = {one.name for one in devices}
        return name, [int(one.id.removeprefix("tpu:")) for one in devices]


@pytest.fixture
def machine(tmp_path: Path) -> Host:
    return Host(tmp_path)


class Metadata(BaseHTTPRequestHandler):
    """A metadata server that answers as its class is told to."""

    status, flavor, body, drip_s = 200, "Google", b"v3-32", 0.0
    missing: int | None = 0
    """How many bytes of the length that is stated never come; None for no length."""
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        """Answer, a byte at a time if so told."""
        self.seen.append((self.path, self.headers.get("Metadata-Flavor")))
        self.send_response(self.status)
        if self.flavor:
            self.send_header("Metadata-Flavor", self.flavor)
        if self.missing is not None:
            self.send_header("Content-Length", str(len(self.body) + self.missing))
        if 300 <= self.status < 400:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        try:
            if not self.drip_s:
                self.wfile.write(self.body)
                return
            for byte in self.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(self.drip_s)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def metadata() -> Iterator[type[Metadata]]:
    handler = type("Answers", (Metadata,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    handler.address = ("127.0.0.1", server.server_port)  # type: ignore[attr-defined]
    yield handler
    server.shutdown()
    serving.join()
    server.server_close()


def address(server: type[Metadata]) -> tuple[str, int]:
    return server.address  # type: ignore[attr-defined,no-any-return]


# -- Kind and chips ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "name", "count"),
    [
        ("v2-8", "Google TPU v2", 4),
        ("v3-8", "Google TPU v3", 4),
        ("v3-32", "Google TPU v3", 4),  # 16 chips on 4 hosts
        ("v4-8", "Google TPU v4", 4),
        ("v4-4096", "Google TPU v4", 4),
        ("v5p-8", "Google TPU v5p", 4),
        ("v5litepod-1", "Google TPU v5e", 1),
        ("v5litepod-4", "Google TPU v5e", 4),
        ("v5litepod-8", "Google TPU v5e", 8),
        ("v5litepod-256", "Google TPU v5e", 4),
        ("v6e-8", "Google TPU v6e", 8),
        ("tpu7x-16", "Google TPU v7", 4),
        ("V3-8", "Google TPU v3", 4),
    ],
)
def test_a_host_claims_its_own_chips_of_a_slice(machine: Host, said: str, name: str, count: int) -> None:
    assert machine.chips(TPU_ACCELERATOR_TYPE=said) == (name, list(range(count)))
    meter = machine.meter(TPU_ACCELERATOR_TYPE=said)
    assert meter is not None
    assert "TPU_CHIPS_PER_HOST_BOUNDS" in meter.warnings[0]  # nothing here shows the chips


def test_bounds_go_before_nodes_and_nodes_before_the_kind(machine: Host) -> None:
    machine.with_nodes("accel0", "accel1")
    assert machine.chips(TPU_ACCELERATOR_TYPE="v3-8") == ("Google TPU v3", [0, 1])
    assert machine.chips(TPU_ACCELERATOR_TYPE="v3-8", TPU_CHIPS_PER_HOST_BOUNDS="2,2,1") == ("Google TPU v3", [0, 1, 2, 3])
    meter = machine.meter(TPU_ACCELERATOR_TYPE="v3-8", TPU_CHIPS_PER_HOST_BOUNDS="2,2,1")
    assert meter is not None
    assert meter.warnings == ()


def test_a_host_never_claims_more_than_the_slice(machine: Host) -> None:
    assert machine.chips(TPU_ACCELERATOR_TYPE="v5litepod-1", TPU_CHIPS_PER_HOST_BOUNDS="2,4,1") == ("Google TPU v5e", [0])


def test_nodes_of_vfio_are_counted_by_group(machine: Host) -> None:
    machine.with_nodes("vfio/vfio", "vfio/0", "vfio/1", "vfio/2", "vfio/3")
    assert machine.chips(ACCELERATOR_TYPE="v6e-16") == ("Google TPU v6e", [0, 1, 2, 3])


def test_a_pool_of_kubernetes_says_the_kind_and_its_bounds_the_chips(machine: Host) -> None:
    told = {"TPU_ACCELERATOR_TYPE": "tpu-v5-lite-podslice"}
    assert machine.chips(**told, TPU_CHIPS_PER_HOST_BOUNDS="2,2,1") == ("Google TPU v5e", [0, 1, 2, 3])
    meter = machine.meter(**told)
    assert meter is not None
    assert meter.devices() == ()
    assert meter.unread == ("Google TPU tpu-v5-lite-podslice",)
    assert "TPU_CHIPS_PER_HOST_BOUNDS" in meter.warnings[0]


def test_the_name_is_one_that_the_reference_has_a_power_for(machine: Host) -> None:
    name, _ = machine.chips(TPU_ACCELERATOR_TYPE="v4-8")
    (chip,) = find_accelerator(name).candidates
    assert chip.tdp_w is not None


@pytest.mark.parametrize("said", ["v9-8", "v3-7", "v4-0", "v5x-16"])
def test_a_kind_that_nobody_knows_is_unread_and_not_zero(machine: Host, said: str) -> None:
    meter = machine.meter(TPU_ACCELERATOR_TYPE=said)
    assert meter is not None
    assert meter.devices() == ()
    assert meter.unread == (f"Google TPU {said}",)
    assert meter.warnings


@pytest.mark.parametrize("said", ["", "nvidia-tesla-t4", "cpu", "v3", "3-8", "v3-8; rm", "v3-99999999"])
def test_what_is_no_tpu_is_none(machine: Host, said: str) -> None:
    assert machine.meter(ACCELERATOR_TYPE=said) is None


# -- What the program may use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES"])
def test_visible_chips_are_claimed_by_their_number(machine: Host, name: str) -> None:
    machine.with_nodes("accel0", "accel1", "accel2", "accel3")
    assert machine.chips(TPU_ACCELERATOR_TYPE="v4-8", **{name: "2, 0,2"}) == ("Google TPU v4", [2, 0])


@pytest.mark.parametrize("visible", ["7", "0,x", "-1", "0,,1"])
def test_visible_chips_that_are_none_leave_all_with_a_warning(machine: Host, visible: str) -> None:
    machine.with_nodes("accel0", "accel1")
    meter = machine.meter(TPU_ACCELERATOR_TYPE="v4-8", TPU_VISIBLE_CHIPS=visible)
    assert meter is not None
    assert len(meter.devices()) == 2
    assert "TPU_VISIBLE_CHIPS" in meter.warnings[0]


def test_bounds_of_a_process_say_how_many_but_not_which(machine: Host) -> None:
    machine.with_nodes("accel0", "accel1", "accel2", "accel3")
    meter = machine.meter(TPU_ACCELERATOR_TYPE="v4-8", TPU_CHIPS_PER_PROCESS_BOUNDS="1,2,1")
    assert meter is not None
    assert len(meter.devices()) == 2
    assert "TPU_VISIBLE_CHIPS" in meter.warnings[0]
    assert machine.chips(TPU_ACCELERATOR_TYPE="v4-8", TPU_CHIPS_PER_PROCESS_BOUNDS="1,1,1", TPU_VISIBLE_CHIPS="3") == (
        "Google TPU v4",
        [3],
    )


# -- The bus and the metadata server -----------------------------------------------------------------------------------


def test_on_google_the_bus_tells_the_kind_and_the_chips(machine: Host, metadata: type[Metadata]) -> None:
    machine.server = address(metadata)
    machine.on_google().with_chips("0x0063", 4)
    assert machine.chips() == ("Google TPU v5e", [0, 1, 2, 3])
    assert metadata.seen == []


def test_where_the_bus_means_two_kinds_the_attribute_decides(machine: Host, metadata: type[Metadata]) -> None:
    machine.server = address(metadata)
    machine.on_google().with_chips("0x0027", 4)
    assert machine.chips() == ("Google TPU v3", [0, 1, 2, 3])
    assert metadata.seen == [("/computeMetadata/v1/instance/attributes/accelerator-type", "Google")]


def test_the_environment_goes_before_the_attribute(machine: Host, metadata: type[Metadata]) -> None:
    machine.server = address(metadata)
    machine.on_google().with_chips("0x0027", 4)
    assert machine.chips(TPU_ACCELERATOR_TYPE="v2-8") == ("Google TPU v2", [0, 1, 2, 3])
    assert metadata.seen == []


def test_elsewhere_nobody_is_asked(machine: Host, metadata: type[Metadata]) -> None:
    machine.server = address(metadata)
    machine.with_chips("0x0027", 4)  # what the bus says counts on Google's machines only
    assert machine.meter() is None
    assert metadata.seen == []


def test_on_google_without_a_chip_nobody_is_asked(machine: Host, metadata: type[Metadata]) -> None:
    machine.server = address(metadata)
    machine.on_google().with_chips("0x1eb8", 1, vendor="0x10de")
    assert machine.meter() is None
    assert metadata.seen == []


def test_chips_of_which_nobody_tells_the_kind_are_unread(machine: Host) -> None:
    machine.on_google().with_chips("0x0027", 4)
    meter = machine.meter()
    assert meter is not None
    assert meter.devices() == ()
    assert meter.unread == ("Google TPU",)
    assert "TPU_ACCELERATOR_TYPE" in meter.warnings[0]


@pytest.mark.parametrize("missing", [0, None])
def test_what_an_interrupted_answer_said_so_far_is_no_answer(metadata: type[Metadata], missing: int | None) -> None:
    metadata.drip_s, metadata.missing = 0.1, missing
    assert google_attribute("accelerator-type", address(metadata), deadline_s=0.25) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404},
        {"status": 302},
        {"flavor": ""},
        {"flavor": "Other"},
        {"body": b"v" * (64 * 1024 + 1)},
        {"body": b"v3-3", "missing": 1},
        {"missing": None},
    ],
)
def test_what_is_no_answer_of_the_metadata_server_counts_as_none(metadata: type[Metadata], answer: dict[str, object]) -> None:
    for name, value in answer.items():
        setattr(metadata, name, value)
    assert google_attribute("accelerator-type", address(metadata), deadline_s=5.0) is None
    assert len(metadata.seen) == 1  # a redirect is not followed


def test_no_proxy_is_used(metadata: type[Metadata], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert google_attribute("accelerator-type", address(metadata), deadline_s=5.0) == "v3-32"


def test_an_answer_that_drips_is_waited_for_no_longer_than_the_deadline(metadata: type[Metadata]) -> None:
    metadata.drip_s, metadata.body = 0.02, b"v3-32" * 1000
    threads = threading.active_count()
    assert google_attribute("accelerator-type", address(metadata), deadline_s=0.2) is None
    until_s = time.monotonic() + 10  # the drip would last 100 s
    while threading.active_count() > threads and time.monotonic() < until_s:
        time.sleep(0.02)
    assert threading.active_count() <= threads


def test_a_server_that_says_nothing_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert google_attribute("accelerator-type", silent.getsockname(), deadline_s=0.1) is None


# -- With the rest -----------------------------------------------------------------------------------------------------


def test_a_tpu_that_is_claimed_is_not_called_unmetered(machine: Host) -> None:
    machine.on_google().with_chips("0x005e", 4).with_nodes("accel0", "accel1", "accel2", "accel3")
    environ = {"TPU_ACCELERATOR_TYPE": "v4-8"}
    assert host.unmetered((), machine.root, environ) != ()
    meter = machine.meter(**environ)
    assert meter is not None
    assert host.unmetered((meter,), machine.root, environ) == ()
    unknown = machine.meter(TPU_ACCELERATOR_TYPE="v9-8")
    assert unknown is not None
    assert host.unmetered((unknown,), machine.root, environ) == ("Google TPU v9-8",)
    assert [device.id for device in OpenMeters((meter,)).devices] == ["tpu:0", "tpu:1", "tpu:2", "tpu:3"]


@given(
    kind=st.sampled_from(["v2", "v3", "v4", "v5p", "v5litepod", "v6e", "tpu7x", "v8", ""]),
    suffix=st.integers(0, 9999),
    bounds=st.sampled_from(["", "1,1,1", "2,2,1", "2,4,1", "0,1,1", "x", "9999,1,1"]),
    visible=st.sampled_from(["", "0", "1,0", "99", "a,b"]),
)
def test_a_host_claims_chips_or_says_what_it_cannot(kind: str, suffix: int, bounds: str, visible: str) -> None:
    environ = {"TPU_ACCELERATOR_TYPE": f"{kind}-{suffix}", "TPU_CHIPS_PER_HOST_BOUNDS": bounds, "TPU_VISIBLE_CHIPS": visible}
    meter = tpu_model.open_meter(environ, Path("/nonexistent"), Path("/nonexistent"), NOWHERE)
    if meter is None:
        return
    ids = [device.id for device in meter.devices()]
    assert len(ids) == len(set(ids))
    assert bool(ids) != bool(meter.unread)
    assert len(ids) <= find_accelerator(f"{kind}-{suffix}").devices_per_unit if ids else meter.warnings
