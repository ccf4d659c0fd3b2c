"""What is recorded right now, while it is: the rows of `footprint top`, and the lines of `run` and `attach`."""
