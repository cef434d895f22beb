"""What `make` calls: preparing the environment, finding system parts, running every check."""
