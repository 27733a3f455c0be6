"""From a picture to a text annotation."""
