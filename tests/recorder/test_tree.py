"""CPU-seconds of a process tree: against the kernel's own books, and against a simulated kernel that is all corner cases."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.recorder.procfs import Portable, Stat, reserved_cpus
from footprint.recorder.tree import SHARE_RATIO, ProcessTree, machine_busy_s, resolution_s, start_time
from tests.recorder.burning import BURN, has_spoken, heard, tell


class Burner:
    """A process that runs code beginning with `BURN`, and whose tree is watched."""

    def __init__(self, code: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", BURN + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.tree = ProcessTree(self.process.pid)
        self.readings_s: list[float] = []

    def watch_until(self, done: Callable[[], bool]) -> None:
        while not done():
            self.readings_s.append(self.tree.cpu_s())
            time.sleep(0.02)
        self.readings_s.append(self.tree.cpu_s())

    def heard(self) -> float:
        value = heard(self.process)
        assert isinstance(value, int | float)
        return float(value)

    def tell(self) -> None:
        tell(self.process)

    def has_spoken(self) -> bool:
        return has_spoken(self.process)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.tree.close()


@pytest.fixture
def burner() -> Iterator[Callable[[str], Burner]]:
    started: list[Burner] = []

    def start(code: str) -> Burner:
        started.append(Burner(code))
        return started[-1]

    yield start
    for one in started:
        one.close()


def near(true_s: float) -> object:
    return pytest.approx(true_s, rel=0.05, abs=2 * resolution_s())


@pytest.mark.slow
def test_workers_grandchildren_and_short_children_are_all_there(burner: Callable[[str], Burner]) -> None:
    one = burner("""
workers = [fork(lambda: (burn(0.3), os.waitpid(fork(lambda: burn(0.3)), 0))) for _ in range(2)]
for _ in range(5):
    subprocess.run([sys.executable, "-S", "-c", "import time\\nwhile time.process_time() < 0.2: pass"], check=True)
for worker in workers:
    os.waitpid(worker, 0)
burn(0.1)
say(used_s())
wait_for_word()
""")
    one.watch_until(one.has_spoken)
    assert one.tree.cpu_s() == near(one.heard())
    assert one.readings_s == sorted(one.readings_s)


@pytest.mark.slow
def test_children_that_nobody_saw_are_in_their_parents_books(burner: Callable[[str], Burner]) -> None:
    one = burner("""
wait_for_word()
for _ in range(40):
    os.waitpid(fork(lambda: burn(0.01)), 0)
say(used_s())
wait_for_word()
""")
    begin_s = one.tree.cpu_s()
    one.tell()
    true_s = one.heard()
    assert true_s > 0.4
    assert one.tree.cpu_s() == near(true_s)
    assert begin_s < 0.4


@pytest.mark.slow
def test_a_child_that_its_parent_throws_away_is_kept_as_last_seen(burner: Callable[[str], Burner]) -> None:
    one = burner("""
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def work():
    burn(0.4)
    say(used_s())
    wait_for_word()
pid = fork(work)
try:
    os.waitpid(pid, 0)
except ChildProcessError:
    pass
say(used_s())
wait_for_word()
""")
    one.watch_until(one.has_spoken)
    child_s = one.heard()
    seen_s = one.tree.cpu_s()
    one.tell()
    root_s = one.heard()
    assert root_s < 0.2  # the kernel's books of the parent do not have it
    assert child_s + root_s == near(seen_s)
    assert one.tree.cpu_s() == near(child_s + root_s)


@pytest.mark.slow
def test_a_daemon_stays_followed(burner: Callable[[str], Burner]) -> None:
    one = burner("""
def middle():
    fork(lambda: (wait_for_word(), burn(0.4), say(0), wait_for_word()))
    say(0)
    time.sleep(0.3)
os.waitpid(fork(middle), 0)
say(used_s())
time.sleep(30)
""")
    one.watch_until(one.has_spoken)
    one.heard()
    one.watch_until(one.has_spoken)
    root_s = one.heard()
    before_s = one.tree.cpu_s()
    assert before_s == near(root_s)
    one.tell()
    one.watch_until(one.has_spoken)
    assert one.tree.cpu_s() - before_s == near(0.4)
    one.tell()


@pytest.mark.slow
def test_the_last_moment_is_read_from_the_unreaped_root(burner: Callable[[str], Burner]) -> None:
    one = burner("os.waitpid(fork(lambda: burn(0.2)), 0); burn(0.2)")
    pid = one.process.pid
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    last_s = one.tree.cpu_s()
    _, _, usage = os.wait4(pid, 0)
    one.process.returncode = 0
    assert last_s == near(usage.ru_utime + usage.ru_stime)
    assert one.tree.cpu_s() == last_s
    assert not one.tree.alive()


@pytest.mark.slow
@pytest.mark.parametrize("size", [1_000, 2_000])
def test_a_large_tree_is_there_whole(burner: Callable[[str], Burner], size: int) -> None:
    # The kernel hands out a list of children a page at a time. They sleep, so most are not read again: those that work are.
    one = burner(f"""
import ctypes
die_with_parent = ctypes.CDLL(None).prctl
rest, woken = os.pipe()
def sleep_until_woken():
    die_with_parent(1, signal.SIGKILL)
    signal.signal(signal.SIGUSR1, lambda *_: (burn(0.02), os.write(woken, b"x")))
    os.write(woken, b"x")
    while True:
        signal.pause()
pids = [fork(sleep_until_woken) for _ in range({size - 1})]
def hear(count):
    heard = 0
    while heard < count:
        heard += len(os.read(rest, count - heard))
hear(len(pids))
say(0)
wait_for_word()
for pid in pids[::20]:
    os.kill(pid, signal.SIGUSR1)
hear(len(pids[::20]))
say(len(pids[::20]) * 0.02)
wait_for_word()
for pid in pids:
    os.kill(pid, signal.SIGKILL)
for pid in pids:
    os.waitpid(pid, 0)
say(0)
wait_for_word()
""")
    one.heard()
    one.tree.cpu_s()
    begin_s = one.tree.cpu_s()
    assert len(one.tree.pids()) == size
    one.tell()
    true_s = one.heard()
    used_s = one.tree.cpu_s() - begin_s
    assert 0.95 * true_s <= used_s <= 1.5 * true_s  # waking up costs something, too
    one.tell()
    one.heard()
    after_s = one.tree.cpu_s() - begin_s
    assert one.tree.pids() == {one.process.pid}
    assert used_s <= after_s


def test_another_process_under_the_same_pid_is_not_followed() -> None:
    born = start_time(os.getpid())
    assert born is not None
    assert ProcessTree(os.getpid(), born).cpu_s() > 0
    assert ProcessTree(os.getpid(), born + 1).cpu_s() == 0


def test_a_pid_that_is_nobody_has_no_time() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    tree = ProcessTree(process.pid)
    assert tree.cpu_s() == 0
    assert not tree.alive()
    assert start_time(process.pid) is None


def test_the_looker_is_not_part_of_a_tree_above_it() -> None:
    source = Kernel()
    child = source.fork(1)
    source.rename(child, os.getpid())
    source.work(os.getpid(), 5.0)
    source.work(1, 1.0)
    assert ProcessTree(1, source=source).cpu_s() == 1.0


def test_what_psutil_tells_agrees(burner: Callable[[str], Burner]) -> None:
    one = burner("burn(0.2); os.waitpid(fork(lambda: burn(0.1)), 0); say(used_s()); wait_for_word()")
    one.watch_until(one.has_spoken)
    # Here own time, too, is cut to whole ticks.
    assert ProcessTree(one.process.pid, source=Portable()).cpu_s() == pytest.approx(one.heard(), abs=4 * resolution_s())


def test_the_machine_is_at_least_as_busy_as_we_are() -> None:
    before_s, own_s = machine_busy_s(), time.process_time()
    assert before_s is not None
    while time.process_time() < own_s + 0.2:
        pass
    after_s = machine_busy_s()
    assert after_s is not None
    assert after_s - before_s >= 0.2 - 4 * resolution_s()


# -- How often it is looked ---------------------------------------------------------------------------------------------


class Costly:
    """A process that it costs some CPU time to read."""

    def __init__(self, cost_s: float) -> None:
        self.cost_s = cost_s
        self.spent_s = 0.0

    def stat(self, pid: int) -> Stat | None:
        begin_s = time.thread_time()
        while time.thread_time() < begin_s + self.cost_s:
            pass
        self.spent_s += time.thread_time() - begin_s
        return Stat((pid, pid), 0, 1, 0.0, 0.0)

    def pulse(self, pid: int) -> int | None:
        return None

    def children(self, stat: Stat) -> Iterator[int]:
        yield from ()


def test_looks_take_a_small_share_of_the_time() -> None:
    source = Costly(0.01)
    tree = ProcessTree(1, source=source)
    source.spent_s = 0.0
    answers = [tree.read(float(now_s), whole=False) for now_s in range(60)]
    assert answers[0] is not None
    assert source.spent_s <= 60 * SHARE_RATIO + 2 * source.cost_s
    assert len([answer for answer in answers if answer is not None]) >= 3


def test_looks_are_never_too_far_apart_and_a_cheap_one_is_always_taken() -> None:
    tree = ProcessTree(1, source=Costly(0.1))
    assert [now_s for now_s in range(0, 70, 5) if tree.read(float(now_s), whole=False) is not None] == [0, 30, 60]
    cheap = ProcessTree(1, source=Costly(0.0))
    assert all(cheap.read(float(now_s), whole=False) is not None for now_s in range(0, 100, 10))


def test_a_run_begins_and_ends_with_a_look() -> None:
    tree = ProcessTree(1, source=Costly(0.02))
    assert tree.read(0.0, whole=True) is not None
    assert tree.read(0.1, whole=False) is not None  # what a run's beginning cost is not taken off the run's looks
    assert tree.read(0.2, whole=False) is None
    assert tree.read(0.3, whole=True) is not None


def test_those_that_have_not_run_are_not_read_again() -> None:
    kernel = Kernel()
    workers = [kernel.fork(1) for _ in range(1_000)]
    tree = ProcessTree(1, source=kernel)
    tree.cpu_s()
    kernel.reads = 0
    kernel.work(workers[50], 1.0)
    assert tree.cpu_s() == 1.0
    assert kernel.reads <= 1_000 / 50
    kernel.end(workers[50], waited=True)
    assert tree.cpu_s() == 1.0
    assert tree.pids() == {1, *workers} - {workers[50]}


@pytest.mark.parametrize(("others", "looks"), [(0, 1), (2_000, 128)])
def test_a_child_that_came_to_a_sleeping_parent_is_found(others: int, looks: int) -> None:
    kernel = Kernel()
    for _ in range(others):
        kernel.fork(1)
    tree = ProcessTree(1, source=kernel)
    tree.cpu_s()
    child = kernel.fork(1)
    kernel.pulses[1] -= 1  # it has not run for that
    kernel.work(child, 1.0)
    for _ in range(looks - 1):
        tree.cpu_s()
    assert tree.cpu_s() == 1.0


# -- Reserved CPUs -----------------------------------------------------------------------------------------------------


def cgroup(root: Path, line: str, **files: str) -> float:
    (root / "proc/7").mkdir(parents=True)
    (root / "proc/7/cgroup").write_text(line)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name.replace("_max", ".max").replace("cpu_cfs", "cpu.cfs")).write_text(text)
    return reserved_cpus(7, str(root))


@pytest.fixture
def many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(64)))


@pytest.mark.usefixtures("many_cpus")
def test_the_smallest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    quotas = {"a__b__cpu_max": "max 100000\n", "a__cpu_max": "250000 100000\n", "cpu_max": "800000 100000\n"}
    assert cgroup(tmp_path, "0::/a/b\n", **quotas) == 2.5


@pytest.mark.usefixtures("many_cpus")
def test_the_old_hierarchy_tells_its_quota_too(tmp_path: Path) -> None:
    files = {"cpu__docker__x__cpu_cfs_quota_us": "150000\n", "cpu__docker__x__cpu_cfs_period_us": "100000\n"}
    assert cgroup(tmp_path, "4:cpu,cpuacct:/docker/x\n0::/\n", **files) == 1.5


@pytest.mark.usefixtures("many_cpus")
def test_a_container_that_sees_only_its_own_cgroup(tmp_path: Path) -> None:
    files = {"cpu__cpu_cfs_quota_us": "300000\n", "cpu__cpu_cfs_period_us": "100000\n"}
    assert cgroup(tmp_path, "4:cpu,cpuacct:/docker/not-visible-here\n", **files) == 3.0


@pytest.mark.usefixtures("many_cpus")
def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    files = {"cpu__cpu_cfs_quota_us": "-1\n", "cpu__cpu_cfs_period_us": "100000\n", "cpu_max": "max 100000\n"}
    assert cgroup(tmp_path, "4:cpu:/\n0::/\n", **files) == 64.0


# -- A simulated kernel ------------------------------------------------------------------------------------------------


class Kernel:
    """Processes that fork, work, end, and are waited for or thrown away; it knows the true total.

    `during` may hold events that happen while somebody reads, one before each reading.
    """

    def __init__(self) -> None:
        self.processes: dict[int, Stat] = {1: Stat((1, 1), 0, 1, 0.0, 0.0)}
        self.zombies: set[int] = set()
        self.next_pid = 2**22 + 1  # above any real pid: a tree leaves the process that looks at it out
        self.true_s = 0.0
        self.during: list[Callable[[], None]] = []
        self.pulses: dict[int, int] = {}
        self.reads = 0

    def stat(self, pid: int) -> Stat | None:
        if self.during:
            self.during.pop()()
        self.reads += 1
        process = self.processes.get(pid)
        return process and process._replace(pulse=self.pulses.get(pid, 0))

    def pulse(self, pid: int) -> int | None:
        if self.during:
            self.during.pop()()
        return self.pulses.get(pid, 0) if pid in self.processes else None

    def run(self, pid: int) -> None:
        self.pulses[pid] = self.pulses.get(pid, 0) + 1

    def children(self, stat: Stat) -> Iterator[int]:
        yield from [pid for pid, process in self.processes.items() if process.parent == stat.key[0]]

    def fork(self, pid: int) -> int:
        self.run(pid)
        child = self.next_pid
        self.next_pid += 1
        self.processes[child] = Stat((child, child), pid, 1, 0.0, 0.0)
        return child

    def work(self, pid: int, cpu_s: float) -> None:
        if pid not in self.zombies:
            self.run(pid)
            self.processes[pid] = self.processes[pid]._replace(own_s=self.processes[pid].own_s + cpu_s)
            self.true_s += cpu_s

    def end(self, pid: int, waited: bool) -> None:
        """End a process; its parent waits for it, or the kernel throws its times away."""
        process = self.processes.pop(pid)
        self.zombies.discard(pid)
        parent = self.processes.get(process.parent)
        if waited and parent is not None:
            self.run(process.parent)
            total_s = parent.waited_s + process.own_s + process.waited_s
            self.processes[process.parent] = parent._replace(waited_s=total_s)
        for child in [other for other, stat in self.processes.items() if stat.parent == pid]:
            self.processes[child] = self.processes[child]._replace(parent=0)

    def rename(self, pid: int, new: int) -> None:
        self.processes[new] = self.processes.pop(pid)._replace(key=(new, new))

    def pick(self, number: int) -> int:
        return sorted(self.processes)[number % len(self.processes)]


Event = tuple[str, int]
EVENTS = st.lists(st.tuples(st.sampled_from(["fork", "work", "work", "end", "look"]), st.integers(0, 50)), max_size=60)


def play(kernel: Kernel, event: Event, waited: bool) -> None:
    what, number = event
    pid = kernel.pick(number)
    if what == "fork":
        kernel.fork(pid)
    elif what == "work":
        kernel.work(pid, 0.5 + number)
    elif what == "end" and pid != 1:
        kernel.end(pid, waited)


def leaf(kernel: Kernel, pid: int) -> bool:
    return all(process.parent != pid for process in kernel.processes.values())


@given(EVENTS)
def test_if_all_wait_every_second_is_there_once(events: list[Event]) -> None:
    kernel = Kernel()
    tree = ProcessTree(1, source=kernel)
    for event in events:
        # Parents end after their children here: nobody is orphaned.
        if event[0] != "end" or leaf(kernel, kernel.pick(event[1])):
            play(kernel, event, waited=True)
        if event[0] == "look":
            assert tree.cpu_s() == pytest.approx(kernel.true_s)
    assert tree.cpu_s() == pytest.approx(kernel.true_s)


@given(EVENTS)
def test_if_nobody_waits_what_was_seen_is_kept(events: list[Event]) -> None:
    kernel = Kernel()
    tree = ProcessTree(1, source=kernel)
    for event in events:
        if event[0] == "end":
            tree.cpu_s()  # all that end were seen in their last state
        play(kernel, event, waited=False)
        if event[0] == "fork":
            tree.cpu_s()
    assert tree.cpu_s() == pytest.approx(kernel.true_s)


@given(EVENTS, st.data())
def test_never_more_than_the_truth_and_never_falling(events: list[Event], data: st.DataObject) -> None:
    kernel = Kernel()
    tree = ProcessTree(1, source=kernel)
    last_s = 0.0
    for event in events:
        play(kernel, event, waited=data.draw(st.booleans()))
        if event[0] == "look":
            now_s = tree.cpu_s()
            assert last_s <= now_s <= kernel.true_s + 1e-9
            last_s = now_s


@settings(max_examples=300)
@given(EVENTS, st.data())
def test_what_moves_while_we_look_is_not_counted_twice_for_good(events: list[Event], data: st.DataObject) -> None:
    kernel = Kernel()
    tree = ProcessTree(1, source=kernel)
    for event in events:
        if event[0] == "look":
            moves = data.draw(EVENTS)
            kernel.during = [lambda move=move: play(kernel, move, waited=True) for move in moves if move[0] != "look"]  # type: ignore[misc]
            tree.cpu_s()
            kernel.during = []
        else:
            play(kernel, event, waited=True)
    kernel.work(1, 1e6)
    assert tree.cpu_s() <= kernel.true_s + 1e-6


def test_a_parent_that_waits_faster_than_we_look() -> None:
    kernel = Kernel()
    children = [kernel.fork(1) for _ in range(60)]
    for child in children:
        kernel.work(child, 10.0)
    tree = ProcessTree(1, source=kernel)
    assert tree.cpu_s() == pytest.approx(kernel.true_s)
    for child in children:  # one ends at every tenth reading, so that each scan finds something moving
        kernel.during += [lambda child=child: kernel.end(child, waited=True), *[lambda: None] * 9]  # type: ignore[misc]
    while kernel.during:
        tree.cpu_s()
    kernel.work(1, 1e6)
    assert tree.cpu_s() == pytest.approx(kernel.true_s)


def test_what_an_orphan_used_is_kept_and_what_comes_after_is_added() -> None:
    kernel = Kernel()
    middle = kernel.fork(1)
    orphan = kernel.fork(middle)
    kernel.work(orphan, 5.0)
    tree = ProcessTree(1, source=kernel)
    assert tree.cpu_s() == pytest.approx(5.0)
    kernel.end(middle, waited=True)
    kernel.work(orphan, 5.0)
    assert tree.cpu_s() == pytest.approx(10.0)
    kernel.end(orphan, waited=True)
    kernel.work(1, 1.0)
    assert tree.cpu_s() == pytest.approx(11.0)
