"""Programs that are measured: each is given a folder to write to, the event key and raw objects, and is a process."""
