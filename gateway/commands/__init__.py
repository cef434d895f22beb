"""One file for each command of `lamplight`: `arguments(parser)` and `run(args) -> exit code`."""
