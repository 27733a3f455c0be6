"""Images to text annotations, by Tesseract."""
