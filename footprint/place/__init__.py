"""Where a run runs: clouds, regions and grid zones."""
