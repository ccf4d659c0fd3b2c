from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import msgspec

from footprint.ledger.processes import identify, is_alive, start_ticks


def test_a_process_is_known_while_it_lives_and_not_after() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = identify(child.pid)
        assert is_alive(identity) is True
        assert is_alive(msgspec.structs.replace(identity, start_ticks=1)) is False
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert start_ticks(child.pid) is None  # a zombie runs no more
    assert is_alive(identity) is False


def test_what_cannot_be_told_is_not_guessed() -> None:
    here = identify(os.getpid())
    assert is_alive(msgspec.structs.replace(here, host="another")) is None
    assert is_alive(msgspec.structs.replace(here, pid_namespace="pid:[1]")) is None
    assert is_alive(msgspec.structs.replace(here, start_ticks=None)) is None
    assert is_alive(msgspec.structs.replace(here, boot_id="another")) is False


def test_who_is_short_of_descriptors_calls_nobody_dead() -> None:
    code = """
        import os, resource
        from footprint.ledger.processes import identify, is_alive
        here = identify(os.getpid())
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        print(is_alive(here))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.stdout == "None\n", done.stderr
