"""What a client would use here and what is wrong with it, as findings that say how to fix it.

Nothing is printed, and no finding contains a secret. The doctor connects to the service, and calls Vision only on
request.
"""

from vision_grpc.doctor.examination import examine
from vision_grpc.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
