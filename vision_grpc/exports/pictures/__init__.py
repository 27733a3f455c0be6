"""The pictures of results, and their boxes drawn over them."""
