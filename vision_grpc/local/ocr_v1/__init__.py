"""What the service makes of ocr/v1: files of one page in, the same readings in its own messages out."""
