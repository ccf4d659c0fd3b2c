"""The process that records a run: its loop, its channel to the host program, the process tree that it watches."""
