"""Moves a program over from `requests` and base64: what it took from the JSON is there by name.

Before, it was

    body = {"analyzeSpecs": [{"content": base64.b64encode(content).decode(), "features": [...]}]}
    answer = requests.post(URL, json=body, headers={"Authorization": f"Api-Key {key}"}).json()
    for block in answer["results"][0]["results"][0]["textDetection"]["pages"][0]["blocks"]:
        for line in block["lines"]:
            print(" ".join(word["text"] for word in line["words"]))
"""

import json
from typing import Any

from vision_grpc import VisionClient, to_json


def lines(client: VisionClient, path: str) -> list[str]:
    """Return the lines of an image."""
    return [line.text for line in client.analyze(path).raise_for_error().lines()]


def old_answer(client: VisionClient, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON of an image as REST answers it, for code that is yet to move over."""
    message = client.analyze(path).raise_for_error().result
    return None if message is None else json.loads(to_json(message))
