"""Pictures per CPU second and peak memory of a crawl, beside img2dataset, plain Scrapy and plain aiohttp.

    python measurements/speed/crawl.py --img2dataset-python /path/to/venv/bin/python --num-pictures 2000

All download the same addresses from the same loopback server, which is a process of its own and is not counted, with 16
requests under way, in turns; the median of the passes is reported. vsd2m also finds the addresses on results pages, obeys
robots.txt, writes its ledger and merges identical bytes; img2dataset gets the list, and keeps original bytes (no resizing,
no re-encoding) with their sha256; plain Scrapy and aiohttp get the list, and write the bytes to files.
CPU seconds are those of all processes of a peer, memory is that of its largest one.
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

PER_PAGE = 100
AT_ONCE = 16

IMG2DATASET = """
import sys
from img2dataset import download
download(
    url_list=sys.argv[1], output_folder=sys.argv[2], input_format="txt", output_format="webdataset", resize_mode="no",
    skip_reencode=True, compute_hash="sha256", processes_count=1, thread_count=int(sys.argv[3]), enable_wandb=False,
)
"""

SCRAPY = """
import sys
from pathlib import Path
import scrapy
from scrapy.crawler import CrawlerProcess

class Pictures(scrapy.Spider):
    name = "pictures"
    async def start(self):
        for url in Path(sys.argv[1]).read_text().split():
            yield scrapy.Request(url)
    def parse(self, response):
        (Path(sys.argv[2]) / response.url.rpartition("/")[2]).write_bytes(response.body)

at_once = int(sys.argv[3])
process = CrawlerProcess({
    "CONCURRENT_REQUESTS": at_once, "CONCURRENT_REQUESTS_PER_DOMAIN": at_once, "DOWNLOAD_DELAY": 0,
    "LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False,
})
process.crawl(Pictures)
process.start()
"""

AIOHTTP = """
import asyncio, sys
from pathlib import Path
import aiohttp

async def main():
    limit = asyncio.Semaphore(int(sys.argv[3]))
    async with aiohttp.ClientSession() as session:
        async def get(url):
            async with limit, session.get(url) as response:
                (Path(sys.argv[2]) / url.rpartition("/")[2]).write_bytes(await response.read())
        await asyncio.gather(*map(get, Path(sys.argv[1]).read_text().split()))

asyncio.run(main())
"""

MEASURED = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"rc": done.returncode, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--img2dataset-python", help="Python of an environment with img2dataset; without: not compared")
    parser.add_argument("--num-pictures", type=int, default=2000)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--words-per-partition", type=int, default=100)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.num_pictures)
        return
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", "--num-pictures", str(arguments.num_pictures)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    site = server.stdout.readline().strip()
    try:
        with tempfile.TemporaryDirectory() as folder:
            _compare(site, Path(folder), arguments)
    finally:
        server.kill()
        server.communicate()


def _compare(site: str, folder: Path, arguments: argparse.Namespace) -> None:
    urls = folder / "urls.txt"
    urls.write_text("".join(f"{site}/pictures/{number}.png\n" for number in range(arguments.num_pictures)))
    peers = {"Scrapy": [sys.executable, "-c", SCRAPY], "aiohttp": [sys.executable, "-c", AIOHTTP]}
    if arguments.img2dataset_python:
        peers["img2dataset"] = [arguments.img2dataset_python, "-c", IMG2DATASET]
    used: dict[str, list[dict[str, float]]] = {name: [] for name in ("vsd2m", *peers)}
    for _ in range(arguments.passes):
        used["vsd2m"].append(_measure(_our_command(site, folder, arguments)))
        for name, command in peers.items():
            out = folder / "out"
            out.mkdir()
            used[name].append(_measure([*command, str(urls), str(out), str(AT_ONCE)]))
            assert any(out.iterdir()), f"{name} downloaded nothing"
            shutil.rmtree(out)
    medians = {
        name: {
            "pictures_per_cpu_s": round(arguments.num_pictures / statistics.median(run["cpu_s"] for run in runs), 1),
            "cpu_s": round(statistics.median(run["cpu_s"] for run in runs), 2),
            "peak_mb": round(statistics.median(run["peak_mb"] for run in runs)),
        }
        for name, runs in used.items()
    }
    report: dict[str, Any] = {"num_pictures": arguments.num_pictures, "passes": arguments.passes, "medians": medians}
    ours = medians["vsd2m"]["pictures_per_cpu_s"]
    report["ratios"] = {name: round(ours / medians[name]["pictures_per_cpu_s"], 2) for name in peers}
    print(json.dumps(report, indent=2))


def _our_command(site: str, folder: Path, arguments: argparse.Namespace) -> list[str]:
    num_words = -(-arguments.num_pictures // PER_PAGE)
    source = {
        "source": "json_api",
        "site": site,
        "search": "/search?q={word}",
        "stickers": "stickers",
        "picture": "url",
        "title": "title",
    }
    crawl = {
        "source": source,
        "words": [str(number) for number in range(num_words)],
        "words_per_partition": arguments.words_per_partition,
        "concurrency": AT_ONCE,
    }
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    config = folder / "run.yaml"
    config.write_text(yaml.safe_dump({"run": str(run), "stages": {"crawl": crawl, "catalog": None}}, sort_keys=False))
    return [sys.executable, "-m", "vsd2m.cli.main", "run", str(config)]


def _measure(command: list[str]) -> dict[str, float]:
    """CPU seconds and peak memory of the command and its children."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)} if command[0] == sys.executable else None
    output = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], check=True, capture_output=True, env=environment
    )
    measured: dict[str, float] = json.loads(output.stdout)
    assert measured["rc"] == 0, f"{command[:2]} failed"
    return measured


def serve(num_pictures: int) -> None:
    """Results pages of 100 pictures each, and the pictures; prints the address, and ends with stdin."""
    pictures = [_picture(number) for number in range(100)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            kind, _, rest = self.path.strip("/").partition("/")
            if kind == "pictures":
                number = int(rest.removesuffix(".png"))
                body = pictures[number % 100] + number.to_bytes(8)  # after the end of the picture: other bytes each
                self._send(body, "image/png")
            elif kind.startswith("search?q="):
                first = int(kind.partition("=")[2]) * PER_PAGE
                numbers = range(first, min(first + PER_PAGE, num_pictures))
                stickers = [{"url": f"/pictures/{number}.png", "title": f"picture {number}"} for number in numbers]
                self._send(json.dumps({"stickers": stickers}).encode(), "application/json")
            else:
                self._send(b"", "text/plain", status=404)

        def _send(self, body: bytes, media_type: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


def _picture(number: int) -> bytes:
    """A PNG of about 30 KB."""
    pixels = np.random.default_rng(number).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
