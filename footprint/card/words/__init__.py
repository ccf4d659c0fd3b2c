"""How cards say things: labels and languages, amounts with units, sentences that bear on compute."""
