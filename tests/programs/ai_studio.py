"""Read a file by ocr/v1 with the vendor's AI Studio SDK, at once and in an operation; print both texts as JSON.

Arguments: the address, an API key, the file.
"""

import json
import sys
from pathlib import Path

from yandex_ai_studio_sdk import AIStudio

_, address, key, file = sys.argv
content = Path(file).read_bytes()
# It finds each service by the endpoint service. Without verification it speaks plaintext.
ocr = AIStudio(folder_id="b1gvmob95yysaplct532", auth=key, endpoint=address, verify=False).vision.ocr(
    language_codes=["en"], model="page"
)
at_once = ocr.run(content)
operation = ocr.run_deferred(content)
later = operation.wait(poll_interval=0.1)
told = {
    "at_once": [page.full_text for page in at_once.pages],
    "later": [page.full_text for page in later.pages],
    "words": [word.text for block in at_once[0].blocks for line in block.lines for word in line.words],
    "status": operation.get_status().status_name,
}
sys.stdout.write(json.dumps(told))
