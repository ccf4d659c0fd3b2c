"""The ledger as metrics: counters that only grow, gauges of what is stated now, and how much of it is not known."""
