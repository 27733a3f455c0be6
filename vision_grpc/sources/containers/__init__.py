"""Files that hold many images: tar shards, Parquet tables and, when images are fitted, the pages of PDF and TIFF."""
