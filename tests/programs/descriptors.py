"""Print the serialized descriptors of the modules named in the arguments, as JSON of base64."""

import base64
import json
import sys
from importlib import import_module

serialized = {name: import_module(name).DESCRIPTOR.serialized_pb for name in sys.argv[1:]}
json.dump({name: base64.b64encode(descriptor).decode() for name, descriptor in serialized.items()}, sys.stdout)
