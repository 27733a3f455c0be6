"""What both clients are made of, whichever way they are driven."""
