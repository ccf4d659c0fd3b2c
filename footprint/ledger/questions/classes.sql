-- after: pieces
-- The classes of pieces that there are.
SELECT DISTINCT factor_key, component, name, meter, grade, held, known, edges FROM pieces
