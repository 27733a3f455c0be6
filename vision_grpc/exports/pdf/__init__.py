"""Searchable PDFs: pictures as they are, or the pages of a PDF, with their text below, where its words are."""
