"""Where images come from: anything that a caller hands over becomes bytes with a key."""
