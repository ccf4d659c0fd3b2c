"""The ledger as tables: what journals, archives, databases and exports have in common.

Every engine holds the same four tables, so that one question has one text. Times are whole microseconds since 1970 in UTC
(`_us`) and energies whole millijoules (`_mj`): sums of integers are the same on every engine and in any order, to the last digit.

A run's readings on one device cut its time into **stretches**: `samples.energy_mj` is what the device used since its reading
before, cut at the run's ends, and 0 for a first reading or after a gap. Each is the difference of the run's *rounded* energy so
far, so that the stretches of a run on a device add up to `devices.energy_mj` exactly, and merging two of them changes no sum.

Two runs of one machine are laid side by side on the clock that they share: `t_us - anchor_us`, the host's monotonic time, if both
have an anchor and one `boot_id`; else on the wall clock.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

TABLES_VERSION: Final = 1

Type = Literal["text", "bigint", "double", "boolean"]
DUCKDB_TYPES: Final[dict[Type, str]] = {"text": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
"""What DuckDB calls them."""


class Column(NamedTuple):
    """A column: its name, its type, whether it may be null, and what stands in it."""

    name: str
    type: Type
    null: bool
    meaning: str


RUNS: Final = (
    Column("id", "text", False, "the run's id; one row a run"),
    Column("journal_id", "text", False, "the journal that it was read from; empty where it was imported without one"),
    Column("name", "text", False, "its name"),
    Column("kind", "text", False, "pre-training, fine-tuning, inference, evaluation or other"),
    Column("account", "text", False, "what it belongs to, together with others"),
    Column("project", "text", True, "label `project`"),
    Column("team", "text", True, "label `team`"),
    Column("user", "text", True, "label `user`"),
    Column("model", "text", True, "label `model`"),
    Column("hardware", "text", False, "its accelerators, else its CPU, in words: `8 × NVIDIA A100-SXM4-80GB`"),
    Column("provider", "text", True, "of its place"),
    Column("region", "text", True, "of its place: provider:region where both are known, else the grid zone"),
    Column("zone", "text", True, "of its place"),
    Column("host", "text", False, "the machine's name"),
    Column("boot_id", "text", True, "the machine's boot"),
    Column("month", "text", False, "YYYY-MM of its start, UTC"),
    Column("started_us", "bigint", False, "its start"),
    Column("ended_us", "bigint", False, "its end, or what is known of it so far"),
    Column("anchor_us", "bigint", True, "what the host's monotonic clock lies behind UTC; null where it is not known"),
    Column("duration_s", "double", False, "without suspends"),
    Column("outcome", "text", False, "running, completed, failed, interrupted or unknown"),
    Column("parent", "text", True, "the run that contains it: child of"),
    Column("restart_of", "text", True, "the run or job that it is a restart of: label `restart_of`"),
    Column("tuned_from", "text", True, "the run, account or model that it was fine-tuned from: label `fine_tuned_from`"),
    Column("background", "boolean", False, "a node's own record: counts what no other run does; label `recorder=node`"),
    Column("factor_key", "text", False, "runs of one key are multiplied with the same factors in the same way"),
    Column("tree_s", "double", True, "CPU-seconds of its process tree"),
    Column("busy_s", "double", True, "CPU-seconds of the machine"),
    Column("cpu_read_s", "double", True, "the time over which they were read"),
    Column("logical_cpus", "bigint", False, "of the machine; 0 where not known"),
    Column("reserved_cpus", "double", True, "of these, what was reserved to the run"),
    Column("labels", "text", False, "all labels, a JSON object"),
    Column("facts", "text", False, "the whole run, as JSON: what `runs show` and a report need"),
)
DEVICES: Final = (
    Column("run_id", "text", False, "the run"),
    Column("device_id", "text", False, "the device on its machine: gpu:GPU-5b…, cpu, memory"),
    Column("device_key", "text", False, "the device among all machines: of a GPU its id, else host/id"),
    Column("component", "text", False, "accelerators, cpu, memory or rest (a machine, a GPU of which the run had a part)"),
    Column("name", "text", False, "its name"),
    Column("meter", "text", False, "who read it"),
    Column("grade", "text", False, "how it is known"),
    Column("energy_mj", "bigint", True, "what the run read of it; null where nothing could be read or a model derives it"),
    Column("read_s", "double", False, "the time that readings cover"),
    Column("floor_w", "double", True, "the lowest mean power over a second or more"),
    Column("held_ratio", "double", True, "the share of the looks at which the run held it; null where nobody can tell"),
    Column("others", "boolean", False, "whether others held it, too"),
    Column("begin_us", "bigint", False, "begin of what was read: the run's start where nothing was"),
    Column("end_us", "bigint", False, "its end"),
)
SAMPLES: Final = (
    Column("run_id", "text", False, "the run"),
    Column("device_id", "text", False, "the device"),
    Column("begin_us", "bigint", False, "the reading before, or the run's start; of a first reading or after a gap: end_us"),
    Column("end_us", "bigint", False, "this reading, or the run's end"),
    Column("energy_mj", "bigint", False, "what the device used in between"),
    Column("t_s", "double", False, "this reading on the run's own clock; before 0 for a baseline, past the end for a last one"),
    Column("energy_j", "double", True, "what a counter stood at"),
    Column("power_w", "double", True, "what a meter of power said"),
)
TICKS: Final = (
    Column("run_id", "text", False, "the run"),
    Column("t_s", "double", False, "the tick on the run's own clock"),
    Column("tree_s", "double", True, "CPU-seconds of the process tree since the run's first tick that told them"),
    Column("busy_s", "double", True, "the same of the machine"),
)

TABLES: Final[dict[str, tuple[Column, ...]]] = {"runs": RUNS, "devices": DEVICES, "samples": SAMPLES, "ticks": TICKS}
