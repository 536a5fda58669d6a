"""What each command of `pincel` does; `realtime.cli` turns their errors into one line and an exit code."""
