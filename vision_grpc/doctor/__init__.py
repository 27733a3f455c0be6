"""What a client would use here, and what is wrong with it: one finding after the other, each with its fix.

Nothing is printed and no secret is told. The service is connected to; it is called only when asked for.
"""

from vision_grpc.doctor.examination import examine
from vision_grpc.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
