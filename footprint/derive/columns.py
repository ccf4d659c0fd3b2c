"""A frame of declared facts, read column by column: what is stated, in numbers and codes, and what is odd.

Tables hold nothing in many ways (NaN, None, NaT, pandas' NA) and whole numbers as floats wherever one is missing. A cell that is
of no use to arithmetic (a text where a number belongs) makes its row odd: such rows are asked about one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from footprint.errors import ConfigError
from footprint.model import Declaration

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

WHOLE: Final = ("count", "year")
_FIELDS: Final = {field.name: field.type for field in msgspec.structs.fields(Declaration)}
NUMBERS: Final = tuple(name for name, kind in _FIELDS.items() if {int, float} & {kind, *get_args(kind)})
"""The facts that are numbers; `training` is true or false, `source` says who says so and changes no number."""
KNOWN: Final = tuple(_FIELDS)


class Columns:
    """The facts of a frame.

    Attributes:
        numbers: of each stated column of numbers its values, NaN where nothing is stated.
        codes: of each other column a number for each distinct value, -1 where nothing is stated; the values are in `distinct`.
        odd: the rows that hold something that is no number, text or truth value where one belongs.

    Args:
        frame: a row for each estimate, its columns named like the fields of `Declaration`.

    Raises:
        ConfigError: for a column that is no fact, or is there twice.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        _check_names(frame)
        self._frame = frame
        self.n = len(frame)
        self.odd: Mask = np.zeros(self.n, dtype=bool)
        self.numbers: dict[str, Numbers] = {}
        self.codes: dict[str, Codes] = {}
        self.distinct: dict[str, list[Any]] = {}
        for name in frame.columns:
            if name in NUMBERS:
                self.numbers[name] = self._read_numbers(frame[name], name)
            elif name != "source":
                self.codes[name], self.distinct[name] = self._read_codes(frame[name], bool if name == "training" else str)

    def stated(self, name: str) -> Mask:
        """Where a number is stated; of a column that is not there, nowhere."""
        return ~np.isnan(self.numbers[name]) if name in self.numbers else np.zeros(self.n, dtype=bool)

    def number(self, name: str) -> Numbers:
        """A column of numbers; NaN where nothing is stated."""
        return self.numbers[name] if name in self.numbers else np.full(self.n, np.nan)

    def facts(self, row: int) -> dict[str, Any]:
        """What a row states, as `estimate` takes it."""
        if self.odd[row]:
            cells = {name: plain(self._frame[name].iloc[row]) for name in self._frame.columns if name != "source"}
            return {name: value for name, value in cells.items() if value is not None}
        found: dict[str, Any] = {name: self.distinct[name][of[row]] for name, of in self.codes.items() if of[row] >= 0}
        for name, numbers in self.numbers.items():
            value = float(numbers[row])
            if value == value:  # noqa: PLR0124 - NaN is not itself
                found[name] = int(value) if name in WHOLE and math.isfinite(value) else value
        return found

    def keys(self, rows: NDArray[np.intp], names: Sequence[str]) -> tuple[Codes, list[int]]:
        """Rows by what they state of some facts: a number for each distinct combination, and a row that has it."""
        keys: Codes = np.zeros(len(rows), dtype=np.int64)
        for name in names:
            if name in self.codes:
                keys = _joined(keys, self.codes[name][rows] + 1)
            elif name in self.numbers:
                keys = _joined(keys, np.unique(self.numbers[name][rows], return_inverse=True, equal_nan=True)[1])
        _, first, keys = np.unique(keys, return_index=True, return_inverse=True)
        return keys.astype(np.int64), [int(rows[at]) for at in first]

    def _read_numbers(self, column: pd.Series[Any], name: str) -> Numbers:
        import pandas as pd

        types = pd.api.types
        is_real = types.is_numeric_dtype(column.dtype) and not types.is_complex_dtype(column.dtype)
        if is_real and not types.is_bool_dtype(column.dtype):
            found = column.to_numpy(dtype=np.float64, na_value=np.nan)
            return self._whole(found) if name in WHOLE else found
        found = np.full(self.n, np.nan)
        for row, cell in enumerate(column):
            value = plain(cell)
            if value is None:
                continue
            if isinstance(value, Real) and not isinstance(value, bool):
                found[row] = _float(value)
            else:
                self.odd[row] = True
        return self._whole(found) if name in WHOLE else found

    def _whole(self, found: Numbers) -> Numbers:
        with np.errstate(invalid="ignore"):
            self.odd |= ~np.isnan(found) & (found != np.rint(found))
        return found

    def _read_codes(self, column: pd.Series[Any], kind: type) -> tuple[Codes, list[Any]]:
        import pandas as pd

        try:
            # Of a column of objects 1 and True are the same to pandas: none of the two is a text, and only one of them a truth.
            codes, uniques = pd.factorize(column if kind is str else column.map(_truth, na_action=None))
        except TypeError:  # lists and the like
            seen: dict[Any, int] = {}
            cells = [plain(value) for value in column]
            codes = np.array([seen.setdefault(v, len(seen)) if isinstance(v, kind) else -1 for v in cells], dtype=np.int64)
            self.odd |= np.array([v is not None and not isinstance(v, kind) for v in cells], dtype=bool)
            return codes, list(seen)
        values = [plain(value) for value in uniques]
        strange = [at for at, value in enumerate(values) if not isinstance(value, kind)]
        if strange:
            self.odd |= np.isin(codes, strange)
        return codes.astype(np.int64), values


def _check_names(frame: pd.DataFrame) -> None:
    for name in frame.columns:
        if name not in _FIELDS:
            near = get_close_matches(str(name), _FIELDS, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"estimate_many() knows no fact {name!r}{hint} (a column is one of {', '.join(_FIELDS)})")
    if not frame.columns.is_unique:
        twice = sorted(frame.columns[frame.columns.duplicated()])
        raise ConfigError(f"the column {twice[0]!r} is there more than once")


def _joined(keys: Codes, more: NDArray[Any]) -> Codes:
    """One number for each pair; kept small, so that any number of columns can be joined."""
    return np.unique(keys * (int(more.max(initial=0)) + 1) + more, return_inverse=True)[1].astype(np.int64)


def plain(value: Any) -> Any:
    """A cell as plain Python has it; None for all that stands for nothing."""
    import pandas as pd

    if isinstance(value, np.generic):
        value = value.item()
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def _truth(value: object) -> Any:
    """A truth value as it is; what is none as a text, so that 1 is not taken for it."""
    found = plain(value)
    return found if found is None or isinstance(found, bool) else str(found)


def _float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return float("inf")
