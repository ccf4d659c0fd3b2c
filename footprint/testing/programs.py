"""Programs that use CPU time and say by their own clocks how much, for the self-test: a line when they begin, then seconds."""

from __future__ import annotations

from typing import Final

_HEAD: Final = """\
import os, time
print("begun", flush=True)
read, write = os.pipe()

def burn(seconds):
    until_s = time.process_time() + seconds
    while time.process_time() < until_s:
        pass

def tell():
    os.write(write, b"%.9f\\n" % time.process_time())  # a forked process's clock begins at zero

def end():
    tell()
    os.close(write)
    with os.fdopen(read) as told:
        print(sum(map(float, told)))
"""

CHILDREN: Final = (
    _HEAD
    + """
for _ in range(50):
    if not os.fork():
        burn(0.04)
        tell()
        os._exit(0)
    os.wait()
end()
"""
)
"""Fifty children, one after the other, each shorter than the time between two readings."""

TREE: Final = (
    _HEAD
    + """
def be(levels):
    children = 0
    for _ in range(3 if levels else 0):
        if os.fork():
            children += 1
        else:
            be(levels - 1)
            os._exit(0)
    burn(0.15)
    for _ in range(children):
        os.wait()
    if levels < 2:
        tell()

be(2)
end()
"""
)
"""Thirteen processes at once, in three generations."""
