"""The lanes of scripts/matrix: the packages that we publish, tried in environments of every kind."""
