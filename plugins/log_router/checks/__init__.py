"""What `doctor` looks at, a module each; every check is a generator that says what it found."""
