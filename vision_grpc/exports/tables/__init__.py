"""Results as tables: CSV, Tesseract's TSV, Parquet."""
