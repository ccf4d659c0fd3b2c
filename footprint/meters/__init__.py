"""Sources of joules and watts, one file each."""
