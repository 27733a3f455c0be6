"""What must not be shown: files that hold secrets, and texts that may quote one."""
