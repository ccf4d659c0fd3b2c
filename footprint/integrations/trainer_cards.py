"""The card that a trainer writes itself, filled each time it is written.

`Trainer.create_model_card` writes the README.md of the output folder anew, and `push_to_hub` uploads the folder right after:
no event lies between. So the trainer's own method gets a follower: an attribute of this one trainer, of the method's name,
that calls the method and then has the file filled. The class is left as it is, and so are other trainers.
sentence-transformers writes its cards by a method of the model (`save_pretrained`, `push_to_hub`): there it is the model's.

A follower keeps nothing alive: it knows its owner weakly, as the memory of a model must be free once the program lets go of
it. What is copied or pickled has the class's own method in its place, and needs no footprint where it is loaded.
"""

from __future__ import annotations

import functools
import inspect
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MethodType
from typing import Any, Final

from footprint.errors import ConfigError
from footprint.tracking import fill_card

FILE: Final = "README.md"
_OF_TRAINER: Final = "create_model_card"
_OF_MODEL: Final = "_create_model_card"

Written = Callable[[Path], None]


def follow(trainer: Any, written: Written) -> None:
    """Have a function called with each card that this trainer writes from now on, in the place of the one before.

    Args:
        trainer: a transformers `Trainer`, or what derives from it.
        written: called with the card's path, in the thread that wrote it; raises nothing.
    """
    model = getattr(trainer, "model", None)
    if callable(getattr(type(model), _OF_MODEL, None)):
        _put(model, _OF_MODEL, _folder_of_model, written)
    elif callable(getattr(type(trainer), _OF_TRAINER, None)):
        _put(trainer, _OF_TRAINER, _folder_of_trainer, written)


def fill_beside_uploads(path: Path, run_ids: Sequence[str]) -> None:
    """Fill a card in a folder that may be on its way to the Hub: nothing else is to be seen in it meanwhile.

    A checkpoint that is being pushed in the background takes what it finds, but for names that begin with an underscore.

    Args:
        path: the card.
        run_ids: the runs.

    Raises:
        ConfigError: if the card is not filled; says why.
        OSError: if a file cannot be read or written.
    """
    target = path.resolve()
    with tempfile.TemporaryDirectory(prefix="footprint-") as folder:
        draft = Path(folder, FILE)
        draft.write_bytes(target.read_bytes())
        try:
            fill_card(draft, run_ids)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(draft), str(path))) from None
        filled = target.with_name(f"_footprint-{os.getpid()}-{FILE}")
        try:
            filled.write_bytes(draft.read_bytes())
            shutil.copymode(target, filled)
            filled.replace(target)
        finally:
            filled.unlink(missing_ok=True)


def _put(owner: Any, name: str, folder: Callable[..., Path | None], written: Written) -> None:
    there = vars(owner).get(name)
    if isinstance(there, Follower) and there.is_of(owner):
        there.written = written
    else:
        setattr(owner, name, Follower(owner, name, folder, written))


def _folder_of_trainer(trainer: Any, *_: Any, **__: Any) -> Path:
    return Path(trainer.args.output_dir)


def _folder_of_model(_: Any, path: Any = None, *__: Any, **___: Any) -> Path | None:
    return None if path is None else Path(path)


class Follower:
    """A method of one object, followed by what is to be done with the card that it has written.

    Args:
        owner: whose method it is; not kept alive.
        name: the method's.
        folder: where a call of it writes the card, from the owner and the call's arguments.
        written: called with the card's path.
    """

    def __init__(self, owner: Any, name: str, folder: Callable[..., Path | None], written: Written) -> None:
        functools.update_wrapper(self, getattr(type(owner), name))
        self.__signature__ = inspect.signature(getattr(owner, name))
        self._owner, self._name, self._folder, self.written = weakref.ref(owner), name, folder, written
        self._inner: Callable[..., Any] | None = vars(owner).get(name)  # somebody else's, put there as ours is

    def is_of(self, owner: Any) -> bool:
        """Whether it is this object's, and not one that a shallow copy has taken over."""
        return self._owner() is owner

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the method, and then, if it has written a card, what follows it."""
        owner = self._owner()
        if owner is None:
            raise ReferenceError(f"{self._name} was called on a shallow copy of what is no longer there")
        before = _stamp(path := self._path(owner, given, named))
        result = self._write(owner)(*given, **named)
        if path is not None and _stamp(path) not in {None, before}:
            self.written(path)
        return result

    def _write(self, owner: Any) -> Callable[..., Any]:
        if self._inner is not None:
            return self._inner
        return MethodType(getattr(type(owner), self._name), owner)

    def _path(self, owner: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Path | None:
        try:
            folder = self._folder(owner, *given, **named)
            return None if folder is None else (folder / FILE).absolute()
        except (AttributeError, TypeError, ValueError, OSError):  # the method itself will say what is wrong with its arguments
            return None

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """As a method bound to the copy of its owner; it is made of what every Python has."""
        if self._inner is not None:
            return functools.partial, (self._inner,)
        owner = self._owner()
        return getattr, (owner, self._name)


def _stamp(path: Path | None) -> tuple[int, ...] | None:
    """By which a file that was written anew is told from the one before."""
    if path is None:
        return None
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
