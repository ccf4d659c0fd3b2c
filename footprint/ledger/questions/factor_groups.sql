-- after: pieces
-- What is multiplied with factors, summed by factor key and class of pieces, in two rows each: `weighed` by run, and by owner (a
-- machine, or an accelerator). `members` says how many these are, `member` names one; of each part stand the sums of the
-- members' weights (`sum_1`), of their squares and of their cubes.
SELECT
    {key_names}factor_key, component, name, meter, grade, held, known, edges,
    'run' AS weighed, COUNT(*) AS members, MIN(id) AS member,
    SUM(w1) AS sum_1, SUM(w1 * w1) AS squares_1, SUM(w1 * w1 * w1) AS cubes_1,
    SUM(w2) AS sum_2, SUM(w2 * w2) AS squares_2, SUM(w2 * w2 * w2) AS cubes_2,
    SUM(w3) AS sum_3, SUM(w3 * w3) AS squares_3, SUM(w3 * w3 * w3) AS cubes_3,
    SUM(w4) AS sum_4, SUM(w4 * w4) AS squares_4, SUM(w4 * w4 * w4) AS cubes_4,
    SUM(w5) AS sum_5, SUM(w5 * w5) AS squares_5, SUM(w5 * w5 * w5) AS cubes_5
FROM (
    -- A run has one piece of all others.
    SELECT
        {key_names}id, factor_key, component, name, meter, grade, held, known, edges,
        part_1 AS w1, part_2 AS w2, part_3 AS w3, part_4 AS w4, part_5 AS w5
    FROM pieces
    WHERE component <> 'accelerators'
    UNION ALL
    SELECT
        {key_names}id, factor_key, component, name, meter, grade, held, known, edges,
        SUM(part_1) AS w1, SUM(part_2) AS w2, SUM(part_3) AS w3, SUM(part_4) AS w4, SUM(part_5) AS w5
    FROM pieces
    WHERE component = 'accelerators'
    GROUP BY {key_names}id, factor_key, component, name, meter, grade, held, known, edges
) each_run
GROUP BY {key_names}factor_key, component, name, meter, grade, held, known, edges
UNION ALL
SELECT
    {key_names}factor_key, component, name, meter, grade, held, known, edges,
    'owner' AS weighed, COUNT(*) AS members, MIN(owner) AS member,
    SUM(w1) AS sum_1, SUM(w1 * w1) AS squares_1, SUM(w1 * w1 * w1) AS cubes_1,
    SUM(w2) AS sum_2, SUM(w2 * w2) AS squares_2, SUM(w2 * w2 * w2) AS cubes_2,
    SUM(w3) AS sum_3, SUM(w3 * w3) AS squares_3, SUM(w3 * w3 * w3) AS cubes_3,
    SUM(w4) AS sum_4, SUM(w4 * w4) AS squares_4, SUM(w4 * w4 * w4) AS cubes_4,
    SUM(w5) AS sum_5, SUM(w5 * w5) AS squares_5, SUM(w5 * w5 * w5) AS cubes_5
FROM (
    SELECT
        {key_names}owner, factor_key, component, name, meter, grade, held, known, edges,
        SUM(part_1) AS w1, SUM(part_2) AS w2, SUM(part_3) AS w3, SUM(part_4) AS w4, SUM(part_5) AS w5
    FROM pieces
    GROUP BY {key_names}owner, factor_key, component, name, meter, grade, held, known, edges
) each_owner
GROUP BY {key_names}factor_key, component, name, meter, grade, held, known, edges
