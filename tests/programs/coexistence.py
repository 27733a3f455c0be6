"""Use our messages and the official SDK's in one process; the first argument says which is imported first."""

import pickle
import sys
from importlib import import_module

OURS = "vision_grpc.messages"
THEIRS = "yandex.cloud.ai.vision.v1.vision_service_pb2"

for name in {"ours": (OURS, THEIRS), "theirs": (THEIRS, OURS)}[sys.argv[1]]:
    import_module(name)
ours, theirs = sys.modules[OURS], sys.modules[THEIRS]

feature = {"type": "TEXT_DETECTION", "text_detection_config": {"language_codes": ["ru", "en"]}}
specs = [{"content": b"\x89PNG", "features": [feature]}]
from_ours = ours.BatchAnalyzeRequest(analyze_specs=specs, folder_id="folder")
from_theirs = theirs.BatchAnalyzeRequest(analyze_specs=specs, folder_id="folder")

assert type(from_ours) is not type(from_theirs)
assert ours.BatchAnalyzeRequest.FromString(from_theirs.SerializeToString()) == from_ours
assert theirs.BatchAnalyzeRequest.FromString(from_ours.SerializeToString()) == from_theirs

adopted = ours.adopt(from_theirs)
assert type(adopted) is ours.BatchAnalyzeRequest
assert adopted == from_ours
assert ours.adopt(from_ours) is from_ours
assert pickle.loads(pickle.dumps(from_ours)) == from_ours  # noqa: S301 - our own bytes
