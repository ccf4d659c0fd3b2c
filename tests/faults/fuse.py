"""Mounts of one folder whose caches know nothing of each other, as those of a network file system's clients.

A file system in user space (FUSE, the kernel's protocol of version 7) that hands everything on to a folder, with the kernel's
write-back cache and attributes that are believed for an hour: what one mount has not written back yet, the other does not see,
and where a file ends each decides by what it remembers. `python fuse.py FOLDER MOUNTPOINT` serves one mount until it is gone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct("<IIQQIIIHH")
_OUT: Final = struct.Struct("<IiQ")
_ATTR: Final = struct.Struct("<6Q10I")
_INIT: Final = struct.Struct("<4I2H2I2HI28x")
_BELIEVED_S: Final = 3600
_WRITE_BACK: Final = 1 << 16
_BIG_WRITES: Final = 1 << 5
_BYTES: Final = 1 << 17
_SILENT: Final = {2, 36, 42}  # forget, interrupt, batch-forget: nobody waits for an answer
_MODE, _SIZE, _FH = 1, 8, 64


class Passing:
    """One mount: nodes are the paths that were looked up."""

    def __init__(self, folder: str) -> None:
        self._paths = {1: folder}
        self._nodes = {folder: 1}

    def serve(self, channel: int) -> None:
        """Answer the kernel until the mount is gone."""
        while True:
            try:
                request = os.read(channel, _BYTES + 4096)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in {errno.EINTR, errno.ENOENT, errno.EAGAIN}:
                    continue
                raise
            _, code, unique, node, *_ = _HEADER.unpack_from(request)
            answer, failed = b"", 0
            handler = _HANDLERS.get(code)
            try:
                if handler is None:
                    failed = errno.ENOSYS
                else:
                    answer = handler(self, node, request[_HEADER.size :])
            except OSError as error:
                failed = error.errno or errno.EIO
            if code not in _SILENT:
                body = b"" if failed else answer
                os.write(channel, _OUT.pack(_OUT.size + len(body), -failed, unique) + body)

    def _init(self, _: int, body: bytes) -> bytes:
        _, minor, ahead, flags = struct.unpack_from("<4I", body)
        wanted = flags & (_WRITE_BACK | _BIG_WRITES)
        assert wanted & _WRITE_BACK, "the kernel offers its write-back cache"
        return _INIT.pack(7, min(minor, 31), ahead, wanted, 16, 12, _BYTES, 1, 0, 0, 0)

    def _path(self, node: int, name: bytes) -> str:
        return os.path.join(self._paths[node], os.fsdecode(name.rstrip(b"\0")))  # noqa: PTH118 - quick, and of strings

    def _entry(self, path: str) -> bytes:
        found = os.lstat(path)
        node = self._nodes.setdefault(path, len(self._nodes) + 1)
        self._paths[node] = path
        return struct.pack("<4Q2I", node, 0, _BELIEVED_S, _BELIEVED_S, 0, 0) + _attributes(found, node)

    def _lookup(self, node: int, body: bytes) -> bytes:
        return self._entry(self._path(node, body))

    def _getattr(self, node: int, _: bytes) -> bytes:
        return struct.pack("<QII", _BELIEVED_S, 0, 0) + _attributes(os.lstat(self._paths[node]), node)

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size = struct.unpack_from("<IIQQ", body)
        (mode,) = struct.unpack_from("<I", body, 68)
        if valid & _SIZE:
            os.truncate(self._paths[node], size)
        if valid & _MODE:
            os.chmod(self._paths[node], stat.S_IMODE(mode))  # noqa: PTH101 - of strings
        return self._getattr(node, b"")

    def _mkdir(self, node: int, body: bytes) -> bytes:
        mode, _ = struct.unpack_from("<II", body)
        path = self._path(node, body[8:])
        os.mkdir(path, mode)  # noqa: PTH102 - of strings
        return self._entry(path)

    def _unlink(self, node: int, body: bytes) -> bytes:
        os.unlink(self._path(node, body))  # noqa: PTH108 - of strings
        return b""

    def _rename(self, node: int, body: bytes) -> bytes:
        (other,) = struct.unpack_from("<Q", body)
        old, new, _ = body[8:].split(b"\0", 2)
        os.replace(self._path(node, old), self._path(other, new))  # noqa: PTH105 - of strings
        return b""

    def _open(self, node: int, _: bytes) -> bytes:
        descriptor = os.open(self._paths[node], os.O_RDWR)  # the kernel reads what it writes parts of, and knows the end itself
        return struct.pack("<QII", descriptor, 0, 0)

    def _create(self, node: int, body: bytes) -> bytes:
        flags, mode, _, _ = struct.unpack_from("<4I", body)
        path = self._path(node, body[16:])
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | (flags & os.O_EXCL), mode)
        return self._entry(path) + struct.pack("<QII", descriptor, 0, 0)

    def _read(self, _: int, body: bytes) -> bytes:
        descriptor, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(descriptor, size, offset)

    def _write(self, _: int, body: bytes) -> bytes:
        descriptor, offset, size = struct.unpack_from("<QQI", body)
        return struct.pack("<II", os.pwrite(descriptor, body[40 : 40 + size], offset), 0)

    def _release(self, _: int, body: bytes) -> bytes:
        os.close(struct.unpack_from("<Q", body)[0])
        return b""

    def _list(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        listed = b""
        for place, name in enumerate(sorted(os.listdir(self._paths[node]))[offset:], start=offset + 1):  # noqa: PTH208 - names
            raw = os.fsencode(name)
            one = struct.pack("<QQII", place, place, len(raw), 0) + raw
            one += bytes(-len(one) % 8)
            if len(listed) + len(one) > size:
                break
            listed += one
        return listed

    def _done(self, _: int, __: bytes) -> bytes:
        return b""

    def _directory(self, _: int, __: bytes) -> bytes:
        return bytes(16)


_HANDLERS: Final[dict[int, Callable[[Passing, int, bytes], bytes]]] = {
    1: Passing._lookup,
    2: Passing._done,
    3: Passing._getattr,
    4: Passing._setattr,
    9: Passing._mkdir,
    10: Passing._unlink,
    12: Passing._rename,
    14: Passing._open,
    15: Passing._read,
    16: Passing._write,
    18: Passing._release,
    20: Passing._done,
    25: Passing._done,
    26: Passing._init,
    27: Passing._directory,
    28: Passing._list,
    29: Passing._done,
    30: Passing._done,
    35: Passing._create,
    36: Passing._done,
    38: Passing._done,
    42: Passing._done,
}


def _attributes(found: os.stat_result, node: int) -> bytes:
    times = [int(found.st_atime), int(found.st_mtime), int(found.st_ctime)]
    rest = [found.st_mode, found.st_nlink, found.st_uid, found.st_gid, 0, 4096, 0]
    return _ATTR.pack(node, found.st_size, found.st_blocks, *times, 0, 0, 0, *rest)


def mount(point: str) -> int | None:
    """Mount a channel to the kernel; None where that is not allowed."""
    try:
        channel = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        return None
    options = f"fd={channel},rootmode=40755,user_id={os.getuid()},group_id={os.getgid()}".encode()
    library = ctypes.CDLL(None, use_errno=True)
    if library.mount(b"incoherent", os.fsencode(point), b"fuse", 0, options):
        os.close(channel)
        return None
    return channel


@contextmanager
def mounted(folder: Path, point: Path) -> Iterator[bool]:
    """Show a folder at another place, in a process of its own; whether that could be done."""
    point.mkdir()
    with subprocess.Popen([sys.executable, __file__, folder, point], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline() == "mounted\n"
        finally:
            subprocess.run(["umount", str(point)], capture_output=True, check=False)
            server.terminate() if server.poll() is None and not os.path.ismount(point) else None
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


if __name__ == "__main__":
    served = mount(sys.argv[2])
    if served is not None:
        print("mounted", flush=True)
        Passing(sys.argv[1]).serve(served)
