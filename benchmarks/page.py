"""How quick the web page of `feallm serve` is in a browser, and how much of it there is.

    python benchmarks/page.py [--chromium /usr/bin/chromium] [--runs 5] [--threads 2]

A real server and a headless Chromium on this machine. Times are medians of `--runs` fresh pages: until something is
painted, from choosing a photo (scikit-image's astronaut) to its numbers and to its last word, from a what-if switch to
the new distribution. Words appear at once here, as for people who prefer reduced motion.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speed import sample_photo

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SENT = "[...performance.getEntries()].reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0)"


@contextmanager
def served(threads: int) -> Iterator[str]:
    """The address of a server of its own."""
    command = [sys.executable, "-m", "feallm", "serve", "--port", "0"]
    surroundings = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=surroundings)
    assert process.stderr is not None
    try:
        found = next(filter(None, (re.search(r"served at (http://\S+)", line) for line in process.stderr)))
        yield found[1]
    finally:
        process.terminate()
        process.wait()


def visit(browser: Any, url: str, photo: Path) -> dict[str, float]:
    """One fresh page: seconds for each step, and kilobytes of the page as they were sent."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(url, wait_until="networkidle")
    found = {"something is painted": page.evaluate(PAINTED) / 1000, "page, kB sent": page.evaluate(SENT) / 1000}
    start = time.perf_counter()
    page.set_input_files("#file", photo)
    page.wait_for_selector("#emotions li")
    found["photo: numbers"] = time.perf_counter() - start
    page.wait_for_selector("#downloads:not([hidden])")
    found["photo: words and evidence"] = time.perf_counter() - start
    page.click("#whatif")
    start = time.perf_counter()
    page.get_by_role("group", name="AU12, what if it were").get_by_text("off", exact=True).click()
    page.wait_for_selector("#whatif-said:not(:empty)")
    found["what if: new distribution"] = time.perf_counter() - start
    context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, served(options.threads) as url, sync_playwright() as playwright:
        photo = sample_photo(Path(folder))
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        visit(browser, url, photo)  # the first one warms the server
        visits = [visit(browser, url, photo) for _ in range(options.runs)]
        browser.close()
    for name in visits[0]:
        print(f"{name}: {statistics.median(each[name] for each in visits):.2f}")


if __name__ == "__main__":
    main()
