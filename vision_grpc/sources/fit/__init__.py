"""Images made fit to be sent: of other formats, too large, or with too many pixels.

    from vision_grpc.sources.fit import Fitted, fit

    fitted = fit("scan.tiff")
    if isinstance(fitted, Fitted):
        result = fitted.change.restore(client.analyze(fitted.content, languages=["*"]))

The boxes of the restored result lie in the pixels of `scan.tiff`. It needs the extra `images`.
"""

from vision_grpc.sources.fit.change import Change, Fitted, Origin
from vision_grpc.sources.fit.fitting import fit, fit_picture, prepare

__all__ = ["Change", "Fitted", "Origin", "fit", "fit_picture", "prepare"]
