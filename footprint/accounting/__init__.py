"""Pure arithmetic of energy and impact: no clock, no file, no network, no look-up."""
