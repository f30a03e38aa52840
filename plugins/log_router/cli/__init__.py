"""The command line: thin commands over modules that know nothing of it."""
