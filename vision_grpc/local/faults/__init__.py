"""What goes wrong on command: rules that say which calls are struck, by what, and how often."""
