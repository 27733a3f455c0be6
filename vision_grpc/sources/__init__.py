"""Sources of images: whatever a caller passes becomes bytes with a key."""
