"""Text recognition: a file in, a text annotation out."""
