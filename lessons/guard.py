"""The guard: keeps what strangers send from filling the disk."""

from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse

from lab.disk import folder_size

MOST_WAITING = 500 * 2**20  # bytes of uploads that nobody has made a corpus of yet


class UploadGuard:
    """Refuses an upload while too much lies in the folder that uploads come to; old ones there are deleted by Gradio."""

    def __init__(self, app: Any, folder: Path) -> None:
        self.app, self.folder = app, folder

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        upload = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].rstrip("/").endswith("/upload")
        if upload and folder_size(self.folder) > MOST_WAITING:
            full = {"detail": "Too much has been uploaded lately. Try again in an hour."}
            await JSONResponse(full, status_code=507)(scope, receive, send)
            return
        await self.app(scope, receive, send)
