"""`%%footprint` in IPython's own shell, and in a kernel as Jupyter starts it."""

from __future__ import annotations

import json

import pytest

from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age
from tests.world.programs import Program

pytestmark = pytest.mark.world

BEFORE = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("colors", "NoColor") if hasattr(shell, "run_line_magic") else None
def cell(text):
    done = shell.run_cell(text)
    error = done.error_before_exec or done.error_in_exec
    return type(error).__name__ if error else done.result
told = cell('''"""

AFTER = """''')
import sys
assert told == sum(number**2 for number in range(3_000_000)), told
def last():
    return shell.user_ns["_footprint"].facts
assert last() is shell.user_ns["run"].facts and last().name == "warm-up"
for bad in ("--kind tuning", "--pue x", "--nonsense", "--help", "--reg aws:eu-west-1", "'open", "--as 3", "--on-budget stop-it",
            "--label x", "--card none.md", "--region aws:nowhere", "--budget-g 5"):
    assert cell(f"%%footprint {bad}\\nraise SystemExit('it was run')") == "UsageError", bad
before = last().id
assert cell("%%footprint unread\\n1 +") == "SyntaxError" and last().id == before
assert cell("%%footprint raises -q\\n1 / 0") == "ZeroDivisionError" and last().outcome == "failed"
assert cell("%%footprint stops -q\\nraise KeyboardInterrupt") == "KeyboardInterrupt" and last().outcome == "interrupted"
assert cell("%%footprint awaits -q\\nimport asyncio\\nawait asyncio.sleep(0)\\n7") == 7 and last().outcome == "completed"
assert cell("%%footprint 'with others' -q\\n\\n%%time\\nz = 4") is None and shell.user_ns["z"] == 4
assert cell("name = 'by-variable'\\n%footprint $name -q --label team=nlp\\nfrom __future__ import annotations\\n8") == 8
assert (last().name, last().labels["team"]) == ("by-variable", "nlp")
cell("%%footprint outer -q --as outer\\n%footprint inner -q --as inner\\n"
     "get_ipython().run_cell('%%footprint within -q --as within\\\\n5')\\n"
     "are_over = outer.is_over, inner.is_over, within.is_over")
names = shell.user_ns
assert names["are_over"] == (False, False, True)
assert names["within"].facts.parent == names["inner"].id and names["inner"].facts.parent == names["outer"].id
assert names["outer"].is_over and names["inner"].is_over
assert shell.run_cell_magic("footprint", "'by its name' -q", "6") is None
cell("%unload_ext footprint")
assert cell("%%footprint gone\\n1") == "UsageError"
"""


@pytest.mark.parametrize("age", AGES)
def test_the_lines_of_the_page_in_a_shell(age: Age, paste: Paste) -> None:
    done = paste("notebooks.md", "ipython", age, before=BEFORE, after=AFTER)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = list(reversed(settled_runs()))
    assert [run.name for run in runs] == [
        *("warm-up", "raises", "stops", "awaits", "with others", "by-variable", "outer", "inner", "within", "by its name")
    ]
    assert runs[0].work == {"samples": 3_000_000.0}
    assert all(run.outcome != "running" and run.warnings == () for run in runs)
    assert done.stdout.count("footprint runs show") == 1
    refused = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("UsageError: ")]
    assert len(refused) == 13
    assert sum("`%footprint?` tells the options" in line for line in refused) == 4
    assert sum("did you mean fine-tuning?" in line for line in refused) == 1


KERNEL = r"""
import json
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
cells = [
    "%load_ext footprint",
    "%%footprint finetune --kind fine-tuning --as run\nprint('out')\n6 * 7",
    "%%footprint\nimport asyncio\nawait asyncio.sleep(0.01)\n'awaited'",
    "%%footprint --pue x\nprint('not run')",
    "%%footprint\n1 / 0",
    "%%footprint spent --zone FRA --budget-g 1e-9 --on-budget stop\nawait asyncio.sleep(600)",
    "%%footprint spent --zone FRA --budget-g 1e-9 --on-budget stop\nimport time; time.sleep(600)",
    "_footprint.facts.outcome, run.facts.outcome",
]
notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
NotebookClient(notebook, allow_errors=True, timeout=60).execute()
def said(output):
    return output.get("text") or output.get("ename") or output["data"]["text/plain"]
print(json.dumps([[(output.output_type, said(output)) for output in cell.outputs] for cell in notebook.cells]))
"""


def test_a_notebook_in_its_kernel(program: Program) -> None:
    done = program(KERNEL, JPY_SESSION_NAME="/home/someone/a notebook.ipynb")
    assert done.returncode == 0, done.stderr
    loaded, plain, awaits, refused, raises, spent, asleep, last = json.loads(done.stdout.splitlines()[-1])
    assert loaded == []
    assert plain[:2] == [["stream", "out\n"], ["execute_result", "42"]]
    assert plain[2][0] == "display_data"
    assert plain[2][1].startswith("footprint: ")
    assert awaits[0] == ["execute_result", "'awaited'"]
    assert refused == [
        ["stream", "UsageError: %%footprint: argument --pue: invalid float value: 'x'; `%footprint?` tells the options\n"]
    ]
    assert [kind for kind, _ in raises] == ["error", "display_data"]
    assert ", failed; footprint runs show " in raises[1][1]
    assert ["error", "KeyboardInterrupt"] in asleep
    assert [kind for kind, _ in spent] == ["stream", "error", "display_data"]
    assert last == [["execute_result", "('interrupted', 'completed')"]]
    runs = list(reversed(settled_runs()))
    assert [(run.name, run.outcome) for run in runs] == [
        ("finetune", "completed"),
        ("a notebook", "completed"),
        ("a notebook", "failed"),
        ("spent", "interrupted"),
        ("spent", "interrupted"),
    ]
    assert all(run.duration_s < 60 for run in runs)
