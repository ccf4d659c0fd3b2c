"""Dated, cited factors and the look-ups that find them: one match, a range over all that fit, or a refusal."""
