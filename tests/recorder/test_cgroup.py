"""CPU time from a cgroup: files as the kernel writes them, a simulated kernel, and the real one where it lets us."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.ledger.processes import in_first_namespace
from footprint.recorder.cgroup import Cgroup, cgroups_of
from footprint.recorder.procfs import Stat, resolution_s
from footprint.recorder.tree import THROWN_AWAY, ProcessTree
from tests.recorder.burning import BURN, heard, tell

# -- Where a process's cgroups are -------------------------------------------------------------------------------------

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
OTHERS = "22 27 0:21 / /proc rw - proc proc rw\n31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\nodd"
INITIAL, OTHER = "pid:[4026531836]", "pid:[4026532201]"


def machine(root: Path, paths: str, mounts: list[str], folders: list[str], namespace: str = INITIAL) -> list[str]:
    (root / "proc/7").mkdir(parents=True)
    (root / "proc/7/cgroup").write_text(paths)
    (root / "proc/self/ns").mkdir(parents=True)
    (root / "proc/self/ns/pid").symlink_to(namespace)
    (root / "proc/self/mountinfo").write_text("\n".join([OTHERS, *mounts]) + "\n")
    for folder in folders:
        (root / folder).mkdir(parents=True)
    return [os.path.relpath(cgroup.folder, root) for cgroup in cgroups_of(7, str(root))]


def test_version_2(tmp_path: Path) -> None:
    assert machine(tmp_path, "0::/a/b.scope\n", [V2], ["sys/fs/cgroup/a/b.scope"]) == ["sys/fs/cgroup/a/b.scope"]


def test_both_versions_the_newer_first(tmp_path: Path) -> None:
    unified = V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    folders = ["sys/fs/cgroup/cpu,cpuacct/x", "sys/fs/cgroup/unified/y"]
    assert machine(tmp_path, "4:cpu,cpuacct:/x\n3:cpuset:/z\n0::/y\n", [V1, unified], folders) == folders[::-1]


def test_a_container_in_whose_view_its_cgroup_is_the_top(tmp_path: Path) -> None:
    assert machine(tmp_path, "0::/\n", [V2], ["sys/fs/cgroup"]) == ["sys/fs/cgroup"]


def test_a_container_in_which_only_its_part_is_mounted(tmp_path: Path) -> None:
    mounted = V1.replace("0:30 / ", "0:30 /docker/x ")
    paths = "4:cpu,cpuacct:/docker/x/job\n"
    assert machine(tmp_path, paths, [mounted], ["sys/fs/cgroup/cpu,cpuacct/job"]) == ["sys/fs/cgroup/cpu,cpuacct/job"]


@pytest.mark.parametrize(
    ("paths", "mounts"),
    [
        ("0::/../other\n", [V2]),
        ("0::/docker/y\n", [V2.replace("0:26 / ", "0:26 /docker/x ")]),
        ("0::/docker/xy\n", [V2.replace("0:26 / ", "0:26 /docker/x ")]),
        ("0::/gone\n", [V2]),
        ("4:cpu,cpuacct:/x\n", []),
        ("4:cpu:/x\n", [V1]),
        ("", [V1, V2]),
    ],
)
def test_what_cannot_be_seen_from_here_is_passed_over(tmp_path: Path, paths: str, mounts: list[str]) -> None:
    assert machine(tmp_path, paths, mounts, ["sys/fs/cgroup/cpu,cpuacct/x"]) == []


def test_the_old_lists_leave_out_who_is_in_another_pid_namespace(tmp_path: Path) -> None:
    assert machine(tmp_path, "4:cpu,cpuacct:/x\n", [V1], ["sys/fs/cgroup/cpu,cpuacct/x"], OTHER) == []


def test_a_mount_point_with_a_space(tmp_path: Path) -> None:
    found = machine(tmp_path, "0::/a\n", [V2.replace("/sys/fs/cgroup", r"/mnt/c\040g")], ["mnt/c g/a"])
    assert found == ["mnt/c g/a"]


def cgroup_of_files(folder: Path, **files: str) -> Cgroup:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Cgroup(str(folder), 1 if "cpuacct_usage" in files else 2, "/x")


def test_what_was_used(tmp_path: Path) -> None:
    assert cgroup_of_files(tmp_path / "1", cpuacct_usage="1500000000\n").usage_s() == 1.5
    assert cgroup_of_files(tmp_path / "2", cpu_stat="usage_usec 2500000\nuser_usec 7\n").usage_s() == 2.5
    assert cgroup_of_files(tmp_path / "3", cpu_stat="user_usec 7\n").usage_s() is None
    assert Cgroup(str(tmp_path / "none"), 1, "/").usage_s() is None


def test_who_is_in_it_and_below_it(tmp_path: Path) -> None:
    some = cgroup_of_files(tmp_path / "a", cgroup_procs="1\n2\n", b__cgroup_procs="3\n", b__c__cgroup_procs="0\n4\n")
    assert some.pids() == {0, 1, 2, 3, 4}
    assert some.pids(limit=4) is None
    (tmp_path / "a/d").mkdir()  # as one that is being removed: without its files
    assert some.pids() == {0, 1, 2, 3, 4}
    (tmp_path / "a/e/cgroup.procs").mkdir(parents=True)  # as one of threads only, whose list cannot be read
    assert some.pids() is None
    assert Cgroup(str(tmp_path / "none"), 2, "/").pids() is None


# -- Whose a cgroup is, by a simulated kernel --------------------------------------------------------------------------

ROOT, STRANGER = 2**22 + 1000, 2**22 + 5000  # above any real pid: a tree leaves the process that looks at it out
INIT = 1
OLD = Stat((STRANGER, 0), INIT, 1, 0.0, 0.0, session=7)


class Kernel:
    """A tree that is in a cgroup, whose children may be thrown away, and strangers; it knows whose time is whose.

    `unseen_s` is what strangers used in the cgroup.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[int, Stat] = {ROOT: Stat((ROOT, 0), 1, 1, 0.0, 0.0, session=ROOT)}
        self.members = {ROOT}
        self.used_s = 0.0
        self.true_s = 0.0
        self.next_pid = ROOT + 1
        (folder / "proc").mkdir(parents=True)
        self.write()

    def stat(self, pid: int) -> Stat | None:
        return self.processes.get(pid)

    def pulse(self, pid: int) -> int | None:
        return None

    def children(self, stat: Stat) -> Iterator[int]:
        yield from [pid for pid, process in self.processes.items() if process.parent == stat.key[0]]

    def write(self) -> None:
        # A process of the test's own machine may have any of these pids; none that is told of here lacks a state.
        (self.folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in sorted(self.members)))
        (self.folder / "cpu.stat").write_text(f"usage_usec {round(self.used_s * 1e6)}\n")

    def now_ticks(self) -> int:
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) / resolution_s())

    def fork(self, pid: int) -> int:
        child = self.next_pid
        self.next_pid += 1
        self.processes[child] = Stat((child, self.now_ticks()), pid, 1, 0.0, 0.0, session=ROOT)
        self.members.add(child)
        return child

    def work(self, pid: int, cpu_s: float) -> None:
        self.processes[pid] = self.processes[pid]._replace(own_s=self.processes[pid].own_s + cpu_s)
        self.true_s += cpu_s if pid < STRANGER else 0.0
        self.used_s += cpu_s if pid in self.members else 0.0

    def end(self, pid: int) -> None:
        """End a process of which nobody wants to know; its children are left to init."""
        del self.processes[pid]
        self.members.discard(pid)
        for child, process in self.processes.items():
            if process.parent == pid:
                self.processes[child] = process._replace(parent=INIT)

    def enter(self, stat: Stat) -> None:
        self.processes[stat.key[0]] = stat
        self.members.add(stat.key[0])

    def tree(self) -> ProcessTree:
        self.write()
        return ProcessTree(ROOT, source=self, cgroups=[Cgroup(str(self.folder), 2, "/", str(self.folder))])

    def look(self, tree: ProcessTree) -> float:
        self.write()
        return tree.cpu_s()

    def ours(self, number: int) -> int:
        pids = sorted(pid for pid in self.processes if pid < STRANGER)
        return pids[number % len(pids)]


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path / "cgroup")


EVENTS = st.lists(st.tuples(st.sampled_from(["fork", "work", "work", "end", "look"]), st.integers(0, 50)), max_size=40)


def play(kernel: Kernel, what: str, number: int) -> None:
    pid = kernel.ours(number)
    if what == "fork":
        kernel.fork(pid)
    elif what == "work":
        kernel.work(pid, 0.5 + number)
    elif what == "end" and pid != ROOT:
        kernel.end(pid)


@given(EVENTS)
def test_every_second_is_there_once_whoever_waits_for_whom(events: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(Path(folder) / "cgroup")
        tree = kernel.tree()
        assert tree.cpu_s() == 0
        for what, number in events:
            play(kernel, what, number)
            if what == "look":
                assert kernel.look(tree) == pytest.approx(kernel.true_s, abs=1e-4)
        assert kernel.look(tree) == pytest.approx(kernel.true_s, abs=1e-4)
        assert tree.cgroup is not None
        assert tree.pids() == {pid for pid in kernel.processes if pid < STRANGER}


@given(EVENTS, EVENTS, st.integers(1, 1000))
def test_a_stranger_is_never_counted_once_it_was_there_to_be_seen(
    before: list[tuple[str, int]], after: list[tuple[str, int]], stranger_s: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(Path(folder) / "cgroup")
        tree = kernel.tree()
        last_s = tree.cpu_s()
        for what, number in before:
            play(kernel, what, number)
        kernel.look(tree)
        kernel.enter(OLD)
        for what, number in after:
            play(kernel, what, number)
            kernel.work(STRANGER, stranger_s)
            if what == "look":
                now_s = kernel.look(tree)
                assert last_s <= now_s <= kernel.true_s + 1e-4
                last_s = now_s
        kernel.look(tree)
        assert tree.cgroup is None
        kernel.end(STRANGER)
        kernel.work(ROOT, 1.0)
        before_s = kernel.look(tree)
        kernel.work(ROOT, 1.0)
        assert kernel.look(tree) - before_s == pytest.approx(1.0)
        assert tree.cgroup is None


def test_who_was_there_before_us_makes_the_cgroup_not_ours(kernel: Kernel) -> None:
    kernel.enter(OLD)
    tree = kernel.tree()
    tree.cpu_s()
    kernel.work(STRANGER, 5.0)
    assert kernel.look(tree) == 0
    assert tree.cgroup is None


# Called in the test: a test whose name held a pid would be another test in each worker.
NEWCOMERS: dict[str, Callable[[], tuple[int, int]]] = {
    "of a shell of somebody's": lambda: (os.getppid(), os.getsid(0)),
    "sent in from outside the container": lambda: (0, 0),
    "a daemon of a living stranger's session": lambda: (INIT, os.getsid(0) or os.getpid()),
}


@pytest.mark.parametrize("what", NEWCOMERS)
def test_a_newcomer_that_is_not_the_trees(kernel: Kernel, what: str) -> None:
    parent, session = NEWCOMERS[what]()
    tree = kernel.tree()
    tree.cpu_s()
    kernel.enter(Stat((STRANGER, kernel.now_ticks()), parent, 1, 0.0, 0.0, session=session))
    kernel.work(STRANGER, 5.0)
    assert kernel.look(tree) == 0, what
    assert tree.cgroup is None


def test_who_is_there_and_not_shown_is_a_stranger(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.cpu_s()
    kernel.members.add(os.getppid() or 1)
    kernel.used_s = 5.0
    assert kernel.look(tree) == 0
    assert tree.cgroup is None


def test_an_orphan_that_nobody_saw_is_counted_and_followed(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.cpu_s()
    middle = kernel.fork(ROOT)
    orphan = kernel.fork(middle)
    kernel.end(middle)
    kernel.work(orphan, 5.0)
    assert kernel.look(tree) == pytest.approx(5.0)
    assert tree.pids() == {ROOT, orphan}
    kernel.enter(OLD)  # from here on by the processes: the orphan is among them
    kernel.look(tree)
    assert tree.cgroup is None
    before_s = tree.cpu_s()
    kernel.work(orphan, 2.0)
    assert kernel.look(tree) - before_s == pytest.approx(2.0)


def test_one_of_the_tree_in_another_cgroup(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.cpu_s()
    child = kernel.fork(ROOT)
    kernel.members.discard(child)
    (kernel.folder / f"proc/{child}").mkdir()
    (kernel.folder / f"proc/{child}/cgroup").write_text("0::/elsewhere\n".replace("/elsewhere", "/../elsewhere"))
    kernel.work(child, 5.0)
    assert kernel.look(tree) == pytest.approx(5.0)
    assert tree.cgroup is None


def test_a_cgroup_that_knows_less_than_its_processes(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.cpu_s()
    kernel.work(ROOT, 1.0)
    kernel.look(tree)
    kernel.work(ROOT, 1000.0)
    kernel.used_s -= 1000.0
    assert kernel.look(tree) == pytest.approx(kernel.true_s)
    assert tree.cgroup is None


def test_a_cgroup_that_is_removed(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.cpu_s()
    kernel.work(ROOT, 1.0)
    (kernel.folder / "cgroup.procs").unlink()
    assert tree.cpu_s() == pytest.approx(1.0)
    assert tree.cgroup is None


# -- The real kernel ---------------------------------------------------------------------------------------------------


def mounted(version: int) -> Path | None:
    """Where the hierarchy that counts CPU time is mounted, if we may make cgroups there."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if (version == 2 and kind == "cgroup2") or (version == 1 and kind == "cgroup" and "cpuacct" in options.split(",")):
            folder = Path(fields.split()[4])
            return folder if os.geteuid() == 0 and os.access(folder, os.W_OK) else None
    return None


@contextmanager
def fresh_cgroup(version: int) -> Iterator[Path]:
    parent = mounted(version)
    if parent is None or (version == 1 and not in_first_namespace()):
        pytest.skip(f"needs root and a mounted cgroup hierarchy of version {version} that counts CPU time")
    folder = parent / f"footprint-test-{uuid.uuid4().hex}"
    folder.mkdir()
    try:
        yield folder
    finally:
        deadline_s = time.monotonic() + 20
        while (left := (folder / "cgroup.procs").read_text().split()) and time.monotonic() < deadline_s:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            time.sleep(0.02)
        for below in folder.iterdir():
            if below.is_dir():
                below.rmdir()
        folder.rmdir()


def started_in(folder: Path, code: str, **options: str) -> subprocess.Popen[str]:
    """Start Python inside a cgroup, from its first instruction on."""
    command = ["sh", "-c", 'echo $$ > "$1/cgroup.procs" && exec "$2" -c "$3"', "sh", str(folder), sys.executable, BURN + code]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **options}, start_new_session=True
    )


THROWN = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
say(0)
wait_for_word()
for _ in range(20):
    pid = fork(lambda: burn(0.05))
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass
done, ready = os.pipe()
fork(lambda: fork(lambda: (burn(0.5), os.write(ready, b"x"))))  # an orphan, of a child that ends at once
os.read(done, 1)
say(time.process_time())
wait_for_word()
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
def test_children_that_nobody_waited_for_and_orphans_are_counted(version: int) -> None:
    with fresh_cgroup(version) as folder, started_in(folder, THROWN) as process:
        heard(process)
        tree = ProcessTree(process.pid)
        begin_s = tree.cpu_s()
        assert tree.cgroup == str(folder)
        tell(process)
        heard(process)
        used_s = tree.cpu_s() - begin_s
        assert tree.cgroup == str(folder)
        assert tree.warnings == ()
        process.kill()
    assert 1.5 <= used_s <= 1.5 * 1.2  # what a fork costs is above what the children know of themselves


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
def test_a_real_stranger_is_noticed_and_its_time_is_not_counted(version: int) -> None:
    code = "say(0); wait_for_word(); burn(0.4); say(time.process_time()); wait_for_word()"
    with fresh_cgroup(version) as folder, started_in(folder, code) as process:
        heard(process)
        tree = ProcessTree(process.pid)
        begin_s = tree.cpu_s()
        assert tree.cgroup == str(folder)
        (folder / "below").mkdir()
        with started_in(folder / "below", "burn(0.5); say(0); wait_for_word()") as stranger:
            heard(stranger)
            tell(process)
            heard(process)
            assert tree.cpu_s() - begin_s == pytest.approx(0.4, abs=0.1)
            assert tree.cgroup is None
            stranger.kill()
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
def test_a_recorder_in_the_cgroup_is_not_counted(version: int, tmp_path: Path) -> None:
    code = """
import footprint
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with footprint.track("thrown", interval_s=0.1) as run:
    begin_s = time.process_time()
    for _ in range(20):
        pid = fork(lambda: burn(0.05))
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass
    end_s = time.process_time()
say([run.facts.cpu.tree_s - (end_s - begin_s), run.facts.warnings])
"""
    with fresh_cgroup(version) as folder, started_in(folder, code, FOOTPRINT_HOME=str(tmp_path)) as process:
        said = heard(process)
    assert isinstance(said, list)
    children_s, warnings = said
    assert 1.0 <= children_s <= 1.0 * 1.2
    assert not any("SIGCHLD" in warning for warning in warnings)


@pytest.mark.slow
def test_without_a_cgroup_of_its_own_it_is_said_what_is_lost() -> None:
    code = "say(0); wait_for_word(); signal.signal(signal.SIGCHLD, signal.SIG_IGN); say(0); wait_for_word()"
    with subprocess.Popen(
        [sys.executable, "-c", BURN + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        heard(process)
        tree = ProcessTree(process.pid)
        tree.cpu_s()
        assert tree.cgroup is None
        assert list(tree.warnings) == []
        tell(process)
        heard(process)
        for _ in range(2):
            tree.read(time.monotonic(), whole=True)
            assert list(tree.warnings) == [THROWN_AWAY]
        process.kill()
