"""Programs that burn CPU time to order: what each begins with, and how one is spoken with over its input and output."""

from __future__ import annotations

import json
import select
import subprocess

BURN = """
import json, os, resource, select, signal, subprocess, sys, time
def burn(cpu_s):
    until_s = time.process_time() + cpu_s
    while time.process_time() < until_s:
        pass
def fork(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid
def used_s():
    books = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(book.ru_utime + book.ru_stime for book in books)
def say(value):
    print(json.dumps(value), flush=True)
def wait_for_word():
    sys.stdin.readline()
"""


def tell(process: subprocess.Popen[str]) -> None:
    """Let the program go on that waits for a word."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def has_spoken(process: subprocess.Popen[str], within_s: float = 0.0) -> bool:
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], within_s)[0])


def heard(process: subprocess.Popen[str], limit_s: float = 60) -> object:
    """The next value that the program says."""
    assert has_spoken(process, limit_s), "the process said nothing"
    assert process.stdout is not None
    return json.loads(process.stdout.readline())
