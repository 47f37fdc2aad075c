"""A stand-in for the Hugging Face Hub on this machine: it speaks its API far enough for huggingface_hub to be the client.

It makes repositories, takes files (small ones with the commit, large ones by Git LFS) and checks the token; and it hands
out files at a revision, whole or from where a download broke off.
"""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import DistilBertConfig, DistilBertForMaskedLM, PreTrainedTokenizerFast

from lab import hub
from lab.home import ASSETS

TOKEN = "hf_a_token_that_may_write"
MODEL = "distilbert/distilbert-base-uncased"
_LARGE = 10_000  # bytes from which a file goes by LFS


class StandIn:
    """Use as a context manager. `repos`: name → {path: content}; `made`: what was asked for when each was made.

    `holds`: "models/NAME" or "datasets/NAME" → {path: content}, to be downloaded; `sent`: the paths that were.
    """

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, bytes]] = {}
        self.made: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.holds: dict[str, dict[str, bytes]] = {}
        self.sent: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_HEAD(self) -> None:
                if not self.download():
                    self.answer(200, {})

            def do_GET(self) -> None:
                if not self.download():
                    self.answer(404, {"error": "not here"})

            def download(self) -> bool:
                found = re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path.partition("?")[0])
                content = found and hub.holds.get(f"{(found[1] or 'models/')}{found[2]}", {}).get(found[4])
                if not found or content is None:
                    return False
                begin = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
                self.send_response(206 if begin else 200)
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", found[3])
                self.send_header("Content-Length", str(len(content) - begin))
                if begin:
                    self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
                self.end_headers()
                if self.command == "GET":
                    hub.sent.append(found[4])
                    self.wfile.write(content[begin:])
                return True

            def do_PUT(self) -> None:
                content = self.body()
                hub.blobs[hashlib.sha256(content).hexdigest()] = content
                self.answer(200, {})

            def do_POST(self) -> None:
                body = self.body()
                if self.path == "/api/validate-yaml":
                    self.answer(200, {"errors": [], "warnings": []})
                elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    self.answer(401, {"error": "Invalid username or password."})
                elif self.path == "/api/repos/create":
                    self.answer(*hub.create(json.loads(body), self.headers["Host"]))
                elif found := re.fullmatch(r"/api/(?:models|spaces)/(.+?)/preupload/[^/]+", self.path.partition("?")[0]):
                    self.answer(200, hub.preupload(json.loads(body)))
                elif self.path.endswith(".git/info/lfs/objects/batch"):
                    self.answer(200, hub.batch(json.loads(body), self.headers["Host"]))
                elif found := re.fullmatch(r"/api/(?:models|spaces)/(.+?)/commit/[^/]+", self.path.partition("?")[0]):
                    self.answer(200, hub.commit(found[1], body, self.headers["Host"]))
                else:
                    self.answer(404, {"error": f"nothing is at {self.path}"})

            def body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") == "chunked":
                    parts = []
                    while size := int(self.rfile.readline(), 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(parts)
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def answer(self, status: int, content: Any) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def create(self, asked: dict[str, Any], host: str) -> tuple[int, Any]:
        name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
        if asked.get("organization") == "somebody-else":
            return 403, {"error": "You don't have the rights to create a repository there."}
        prefix = "spaces/" if asked.get("type") == "space" else ""
        status = 409 if name in self.repos else 200
        self.repos.setdefault(name, {})
        self.made.setdefault(name, asked)
        return status, {"url": f"http://{host}/{prefix}{name}", "name": name}

    def preupload(self, asked: dict[str, Any]) -> Any:
        mode = {True: "lfs", False: "regular"}
        files = [{"path": f["path"], "uploadMode": mode[f["size"] > _LARGE], "shouldIgnore": False} for f in asked["files"]]
        return {"files": files}

    def batch(self, asked: dict[str, Any], host: str) -> Any:
        upload = [
            {**each, "actions": {"upload": {"href": f"http://{host}/blob/{each['oid']}"}}} for each in asked["objects"]
        ]
        return {"transfer": "basic", "objects": upload}

    def commit(self, name: str, body: bytes, host: str) -> Any:
        files = self.repos[name]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                self.commits.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.blobs[value["oid"]]
        oid = hashlib.sha1(body).hexdigest()
        return {"commitUrl": f"http://{host}/{name}/commit/{oid}", "commitOid": oid, "pullRequestUrl": None}

    def __enter__(self) -> "StandIn":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()


def models_and_reviews(
    folder: Path, tokenizer: PreTrainedTokenizerFast, config: DistilBertConfig
) -> dict[str, dict[str, bytes]]:
    """What a stand-in holds: a DistilBERT with random weights, and reviews laid out as IMDB's are."""
    torch.manual_seed(0)
    DistilBertForMaskedLM(config).to(torch.bfloat16).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    reviews = pq.read_table(ASSETS / "reviews" / "test.parquet").select(["text", "label"])
    for i, path in enumerate(hub.IMDB_FILES.values()):
        (folder / "imdb" / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(reviews.slice(40 * i, 40)), folder / "imdb" / path)
    files = {kind: [path for path in (folder / kind).rglob("*") if path.is_file()] for kind in ("model", "imdb")}
    contents = {
        kind: {str(path.relative_to(folder / kind)): path.read_bytes() for path in found} for kind, found in files.items()
    }
    return {f"models/{MODEL}": contents["model"], f"datasets/{hub.IMDB}": contents["imdb"]}
