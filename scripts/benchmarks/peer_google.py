"""google-cloud-vision over gRPC, as its examples use it, against an equal page."""

# Its packages are installed elsewhere, so its types are unknown here.
# mypy: ignore-errors
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

import argparse
import random
from pathlib import Path

import grpc
from google.cloud import vision
from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorGrpcTransport

from .images import fake_jpegs
from .meter import answer_orders

_BATCH = 8
_WORDS = 300
_UNLIMITED = -1


def main() -> None:
    """Write an answer for the server to give, or do what standard input orders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write-answer", type=Path)
    parser.add_argument("--target")
    parser.add_argument("--roots", type=Path)
    parser.add_argument("--size", type=int)
    options = parser.parse_args()
    if options.write_answer:
        options.write_answer.write_bytes(vision.AnnotateImageResponse.serialize(_page()))
        return
    contents = fake_jpegs(_BATCH, options.size)
    limits = [(f"grpc.max_{way}_message_length", _UNLIMITED) for way in ("send", "receive")]
    credentials = grpc.ssl_channel_credentials(options.roots.read_bytes())
    channel = grpc.secure_channel(options.target, credentials, options=limits)
    client = vision.ImageAnnotatorClient(transport=ImageAnnotatorGrpcTransport(channel=channel))

    def run(images: int) -> None:
        feature = vision.Feature(type_=vision.Feature.Type.DOCUMENT_TEXT_DETECTION)
        for _ in range(images // _BATCH):
            requests = [
                vision.AnnotateImageRequest(image=vision.Image(content=content), features=[feature])
                for content in contents
            ]
            metadata = [("authorization", "Bearer benchmark")]
            response = client.batch_annotate_images(requests=requests, metadata=metadata)
            if len(response.responses) != _BATCH:
                raise AssertionError(response)

    answer_orders(run)


def _page() -> vision.AnnotateImageResponse:
    """Return as many words as our page has; of each, Google gives every letter with its box."""
    rng = random.Random(_WORDS)  # noqa: S311 - the same page each time
    words = [
        vision.Word(
            bounding_box=_box(rng),
            confidence=0.9,
            symbols=[
                vision.Symbol(bounding_box=_box(rng), text=letter, confidence=0.9)
                for letter in rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 12))
            ],
        )
        for _ in range(_WORDS)
    ]
    paragraphs = [
        vision.Paragraph(bounding_box=_box(rng), words=words[start : start + 50]) for start in range(0, 300, 50)
    ]
    blocks = [vision.Block(bounding_box=_box(rng), paragraphs=[paragraph]) for paragraph in paragraphs]
    page = vision.Page(width=1240, height=1754, blocks=blocks)
    return vision.AnnotateImageResponse(full_text_annotation=vision.TextAnnotation(pages=[page]))


def _box(rng: random.Random) -> vision.BoundingPoly:
    left, top = rng.randrange(1000), rng.randrange(1500)
    corners = ((left, top), (left + 90, top), (left + 90, top + 30), (left, top + 30))
    return vision.BoundingPoly(vertices=[vision.Vertex(x=x, y=y) for x, y in corners])


if __name__ == "__main__":
    main()
