"""The house's own rules: who may import whom, what names say, what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import msgspec

import footprint
from footprint import model
from tests.each import each

ROOT = Path(footprint.__file__).parent

# Top to bottom; a module imports only from layers below its own (or from its own package).
LAYERS: list[set[str]] = [
    {"cli"},
    {"integrations"},
    {"profiling"},
    {"testing"},
    {"tracking"},
    {"report", "card"},
    {"profile", "watching"},
    {"derive"},
    {"recorder"},
    {"ledger", "meters", "place"},
    {"reference"},
    {"accounting"},
    {"model"},
    {"text"},
    {"units", "errors", "lazy"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# `testing` ships fakes for any layer below the commands, and `__init__` names the public ones lazily.
FREE = {"testing", "__init__", "__main__"}
HEAVY = {
    "numpy",
    "pandas",
    "plotly",
    "duckdb",
    "pynvml",
    "codecarbon",
    "jinja2",
    "yaml",
    "typer",
    "rich",
    "psutil",
    "huggingface_hub",
}
UNIT_SUFFIXES = ("_s", "_years", "_j", "_kwh", "_w", "_g", "_l", "_g_per_kwh", "_g_per_device", "_bytes", "_ratio")
# The units of these are in their type's definition, or are the field's plain name in the design's contracts.
COUNTS = {"work", "reserved_cpus", "flops", "parameters", "tokens", "done", "total"}
UNIT_FREE = COUNTS | {"low", "central", "high", "pue", "hours", "device_hours", "cost"}  # a cost is in `currency`


def sources() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("footprint"):
            pieces = node.module.split(".")
            names = [pieces[1]] if len(pieces) > 1 else [alias.name for alias in node.names]
            found += [(node.lineno, name) for name in names]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, a.name.split(".")[1]) for a in node.names if a.name.startswith("footprint.")]
    return found


@each(sources(), lambda path: path.relative_to(ROOT))
def test_imports_point_downward(path: Path) -> None:
    here = part(path)
    if here in FREE:
        return
    assert here in RANK, f"{here} has no place in the house: give it a layer"
    for line, there in imported_parts(path):
        if there in {here, "__version__"}:
            continue
        assert RANK.get(there, -1) > RANK[here], f"{path.name}:{line}: {here} imports {there}, which is not below it"


@each(sources(), lambda path: path.relative_to(ROOT))
def test_heavy_modules_load_inside_functions(path: Path) -> None:
    allowed = {"cli": {"typer"}, "report": {"jinja2"}}.get(part(path), set())
    if part(path) in {"accounting", "report", "derive"}:
        allowed = allowed | {"numpy"}  # these are never loaded by `track`
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        heavy = {name.split(".")[0] for name in names} & (HEAVY - allowed)
        assert not heavy, f"{path.name}:{node.lineno} loads {heavy} at import"


def test_numbers_say_their_unit() -> None:
    for name in dir(model):
        cls = getattr(model, name)
        if not (isinstance(cls, type) and issubclass(cls, msgspec.Struct)) or name.startswith("_"):
            continue
        for field in msgspec.structs.fields(cls):
            kinds = {getattr(t, "__name__", str(t)) for t in getattr(field.type, "__args__", (field.type,))}
            if not kinds & {"float", "Range"} or field.name in UNIT_FREE:
                continue
            assert field.name.endswith(UNIT_SUFFIXES), f"{name}.{field.name} does not say its unit"


def test_exports_are_sorted_and_there() -> None:
    assert list(footprint.__all__) == sorted(footprint.__all__)
    for name in footprint.__all__:
        assert getattr(footprint, name) is not None


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, footprint; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & HEAVY


def test_running_a_command_loads_nothing_heavy() -> None:
    """Nor what derives: it would be a tenth of a second of each command's CPU time, and count as the command's."""
    code = "import sys\nfrom footprint.cli import main\ntry: main(['run', '--', 'true'])\nexcept SystemExit: print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert not loaded & (HEAVY - {"typer", "rich"} | {"footprint.derive"})


def test_files_stay_readable() -> None:
    for path in sources():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 420, f"{path.name} has more than one reason to exist"


def test_a_tests_name_is_the_same_in_every_process() -> None:
    """Workers that run the tests together must collect the same ones: no parameter is read from the process or a clock."""
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize":
                called = {ast.unparse(c.func) for a in node.args[1:] for c in ast.walk(a) if isinstance(c, ast.Call)}
                odd = {name for name in called if name.split(".")[0] in {"os", "time", "random", "tempfile"}}
                assert not odd, f"{path.name}:{node.lineno}: {odd} is called while collecting: call it in the test"
