"""ZeroGPU's own package at work, as far as it goes without its GPU: the page starts, and a visitor's image asks for a lease.

What lends the GPU is a service of Hugging Face's on its own machines. Here a server on this one says that there is none.
"""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from conftest import SmallExport
from PIL import Image
from small_scorer import write_small_scorer

from ppaint.dataset_script import build_dataset

VISIT = """
import json, os, sys, time
import httpx
from ppaint.spaces_demo import Served, launch_demo, model_calls
from ppaint.spaces_demo.space_file import NamedRepo
scorer, dataset, image = sys.argv[1:]
served = Served({"model": NamedRepo(scorer), "dataset": NamedRepo(dataset)})
address = launch_demo(served, block=False)
served.dataset.wait()
while served.placement.state.value == "waited for":
    time.sleep(0.1)
with httpx.Client(base_url=address + "gradio_api/", timeout=100) as client, open(image, "rb") as content:
    path = client.post("upload", files={"files": ("scroll.png", content)}).json()[0]
    call = client.post("call/score", json={"data": [[{"path": path}]]}).json()
    told = client.get("call/score/" + call["event_id"]).text
    print(json.dumps({"wrapped": hasattr(model_calls.run_model, "zerogpu"), "device": str(served.model.look().model.model.device),
                      "placement": str(served.placement.fault), "told": told}))
os._exit(0)  # the package's threads wait for a GPU
"""


class NoGpu(BaseHTTPRequestHandler):
    """Takes the report of a start, and has no GPU for anyone."""

    def do_POST(self):
        asked = urlsplit(self.path)
        self.server.asked.append((asked.path, dict(parse_qsl(asked.query))))
        self.send_response(200 if asked.path == "/startup-report" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_on_zero_gpu_the_page_starts_and_an_image_is_scored_within_a_lease(tmp_path):
    scorer = write_small_scorer(tmp_path / "scorer")
    Image.new("RGB", (120, 300), "gray").save(tmp_path / "scroll.png")
    server = ThreadingHTTPServer(("127.0.0.1", 0), NoGpu)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{server.server_port}",
        "ZEROGPU_OFFLOAD_DIR": str(tmp_path / "tensors"),
        "ZEROGPU_PROC_SELF_CGROUP_PATH": str(tmp_path / "cgroup"),
    }
    (tmp_path / "cgroup").write_text("0::/a-space\n")
    build_dataset(SmallExport(tmp_path / "raw").folder, tmp_path / "ppaint")
    call = [sys.executable, "-c", VISIT, str(scorer), str(tmp_path / "ppaint"), str(tmp_path / "scroll.png")]
    try:
        done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=200)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrapped"] and found["device"].startswith("cuda")
    assert "the release's paintings are not scored" in found["placement"]
    reports = [query for path, query in server.asked if path == "/startup-report"]
    leases = [query for path, query in server.asked if path == "/schedule"]
    assert len(reports) == 1 and len(leases) == 1
    assert 0 < int(leases[0]["durationSeconds"]) <= 60
    assert "No GPU was available" in found["told"]
