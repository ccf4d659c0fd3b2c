"""Old readings in less room: neighbouring stretches become one a minute, later one an hour; no joule moves to another bucket.

A stretch that reaches over a border of the wall clock's grid is cut there, in proportion to time and to the whole millijoule, and
the pieces of one bucket are summed where each begins as the one before it ends. Over a gap nothing is merged, so what was not
read stays so; stretches longer than a bucket stay as they are. A merged stretch has no reading of its own: `energy_j` and
`power_w` are null. What is merged once is merged: the same again changes nothing.
"""

from __future__ import annotations

MINUTE_S = 60
HOUR_S = 3600


def thinned_samples(samples: str, runs: str, bucket_s: int) -> str:
    """A query for the merged stretches.

    Args:
        samples: the stretches, a table of SQL.
        runs: the runs' table: their starts set the clock of a border that cuts.
        bucket_s: the length of a bucket, s.
    """
    us = bucket_s * 1_000_000
    return f"""
WITH stretches AS (
  SELECT row_number() OVER () AS n, * FROM {samples}
),
bordered AS (
  SELECT *, (begin_us // {us} + 1) * {us} AS border_us,
    end_us - begin_us > {us} AS is_long
  FROM stretches
),
pieces AS (
  SELECT n, 0 AS piece, run_id, device_id, begin_us, end_us, energy_mj, t_s, energy_j, power_w, is_long
  FROM bordered
  WHERE is_long OR end_us <= border_us
  UNION ALL
  SELECT b.n, 0, b.run_id, b.device_id, b.begin_us, b.border_us,
    CAST(CAST(b.energy_mj AS HUGEINT) * (b.border_us - b.begin_us) // (b.end_us - b.begin_us) AS BIGINT),
    (b.border_us - r.started_us) / 1e6, NULL, NULL, false
  FROM bordered AS b JOIN (SELECT id, any_value(started_us) AS started_us FROM {runs} GROUP BY id) AS r ON r.id = b.run_id
  WHERE NOT is_long AND b.end_us > b.border_us
  UNION ALL
  SELECT n, 1, run_id, device_id, border_us, end_us,
    energy_mj - CAST(CAST(energy_mj AS HUGEINT) * (border_us - begin_us) // (end_us - begin_us) AS BIGINT),
    t_s, energy_j, power_w, false
  FROM bordered
  WHERE NOT is_long AND end_us > border_us
),
chained AS (
  SELECT *,
    lag(end_us) OVER w IS NOT DISTINCT FROM begin_us
      AND NOT is_long AND NOT coalesce(lag(is_long) OVER w, true)
      AND lag(begin_us // {us}) OVER w = begin_us // {us} AS goes_on
  FROM pieces
  WHERE end_us > begin_us OR energy_mj <> 0
  WINDOW w AS (PARTITION BY run_id, device_id ORDER BY n, piece)
),
grouped AS (
  SELECT *, sum(CASE WHEN goes_on THEN 0 ELSE 1 END) OVER (PARTITION BY run_id, device_id ORDER BY n, piece) AS part
  FROM chained
)
SELECT run_id, device_id,
  min(begin_us) AS begin_us,
  max(end_us) AS end_us,
  CAST(sum(energy_mj) AS BIGINT) AS energy_mj,
  arg_max(t_s, n * 2 + piece) AS t_s,
  CASE WHEN count(*) = 1 THEN any_value(energy_j) END AS energy_j,
  CASE WHEN count(*) = 1 THEN any_value(power_w) END AS power_w
FROM grouped
GROUP BY run_id, device_id, part
ORDER BY run_id, min(n), min(begin_us), device_id"""


def thinned_ticks(ticks: str, bucket_s: int) -> str:
    """A query for the ticks that are kept: of each bucket of a run's clock the last, the last that told CPU times, and the first.

    Args:
        ticks: the ticks, a table of SQL.
        bucket_s: the length of a bucket, s.
    """
    return f"""
WITH numbered AS (
  SELECT row_number() OVER () AS n, * FROM {ticks}
),
ranked AS (
  SELECT *,
    row_number() OVER (PARTITION BY run_id ORDER BY n) AS first,
    row_number() OVER (PARTITION BY run_id, floor(t_s / {bucket_s}) ORDER BY n DESC) AS last,
    row_number() OVER (PARTITION BY run_id, floor(t_s / {bucket_s}), tree_s IS NULL ORDER BY n DESC) AS last_told
  FROM numbered
)
SELECT run_id, t_s, tree_s, busy_s
FROM ranked
WHERE first = 1 OR last = 1 OR (last_told = 1 AND tree_s IS NOT NULL)
ORDER BY run_id, n"""
