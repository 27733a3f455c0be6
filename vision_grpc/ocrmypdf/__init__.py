"""The plugin for OCRmyPDF: `ocrmypdf --plugin vision_grpc.ocrmypdf in.pdf out.pdf`. It needs the extra `ocrmypdf`."""
