"""The split beside what a user would split lines with instead: the same lines, one core, whole processes, as ratios.

`python -m benchmarks.splitter --help`; `make bench` and `make bench-quick` run it.
"""
