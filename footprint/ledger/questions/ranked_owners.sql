-- after: ranked
-- The sums of the owners' weights, see `factor_groups`: of all, and of the groups of each dimension.
SELECT
    {names}class, COUNT(*) AS members, MIN(owner) AS member,
    SUM(w1) AS sum_1, SUM(w1 * w1) AS squares_1, SUM(w1 * w1 * w1) AS cubes_1,
    SUM(w2) AS sum_2, SUM(w2 * w2) AS squares_2, SUM(w2 * w2 * w2) AS cubes_2,
    SUM(w3) AS sum_3, SUM(w3 * w3) AS squares_3, SUM(w3 * w3 * w3) AS cubes_3,
    SUM(w4) AS sum_4, SUM(w4 * w4) AS squares_4, SUM(w4 * w4 * w4) AS cubes_4,
    SUM(w5) AS sum_5, SUM(w5 * w5) AS squares_5, SUM(w5 * w5 * w5) AS cubes_5
FROM (
    SELECT
        {names}owner, class, SUM(n.part_1) AS w1, SUM(n.part_2) AS w2, SUM(n.part_3) AS w3, SUM(n.part_4) AS w4, SUM(n.part_5) AS w5
    FROM numbered n
    JOIN ranked r ON r.id = n.id
    GROUP BY GROUPING SETS ({owner_sets})
) each_owner
GROUP BY {names}class
