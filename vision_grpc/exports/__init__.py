"""Results as tables, documents and pictures: one writer a format, for one result or any number of them."""
