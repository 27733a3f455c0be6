"""Record batches of images in, record batches of results out."""
