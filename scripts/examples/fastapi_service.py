"""A web service that reads uploaded pages: `uvicorn fastapi_service:app`, with the key in YC_API_KEY.

One client for the whole process, made on its event loop. A page that cannot be read is an answer of 422, a service that
is busy or away one of 503.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request, UploadFile

from vision_grpc import AsyncVisionClient, VisionError


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """Keep the client as long as the application runs."""
    async with AsyncVisionClient() as app.state.vision:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/pages")
async def read_page(request: Request, page: UploadFile) -> dict[str, Any]:
    """Return the text of a page, and its lines and words with their boxes."""
    vision: AsyncVisionClient = request.app.state.vision
    try:
        result = await vision.analyze(await page.read(), languages=["ru", "en"], timeout=20)
    except VisionError as error:
        raise HTTPException(503, str(error)) from error
    if result.error is not None:
        raise HTTPException(503 if result.error.retryable else 422, result.error.message)
    return result.to_dict()
