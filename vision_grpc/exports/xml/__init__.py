"""Results as documents of XML: hOCR, ALTO and PAGE."""
