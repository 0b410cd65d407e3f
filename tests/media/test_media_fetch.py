"""URLs, against a real server on this machine."""

import io
import ipaddress
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from feallm.media import Limits, count, pictures
from feallm.media.fetch import is_public


def png(value=5):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (value,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = self.path.split("?")[0].strip("/").split("/")[0]
        getattr(self, page, self.missing)()

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def missing(self):
        self.answer(b"no", 404)

    def picture(self):
        self.server.hosts.append(self.headers["Host"])
        self.answer(png(), Content_Type="text/html")

    def page(self):
        self.answer(b"<html>a page</html>", Content_Type="image/png")

    def text(self):
        self.answer(b"just words", Content_Type="image/png")

    def nothing(self):
        self.answer(b"")

    def packed(self):
        self.answer(b"\x1f\x8b", Content_Encoding="gzip")

    def moved(self):
        self.answer(b"", 302, Location="/picture")

    def loop(self):
        self.answer(b"", 301, Location="/loop")

    def inside(self):
        self.answer(b"", 302, Location=f"http://localhost:{self.server.server_port}/picture")

    def scheme(self):
        self.answer(b"", 302, Location="file:///etc/passwd")

    def claims(self):
        self.send_response(200)
        self.send_header("Content-Length", str(10**12))
        self.end_headers()

    def endless(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while not self.server.stop.is_set():
                self.wfile.write(bytes(65536))
                self.server.sent += 65536
        except OSError:
            pass

    def silent(self):
        self.server.stop.wait(5)

    def drip(self):
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.stop.wait(0.05):
                self.wfile.write(b"X-Drip: 1\r\n")
        except OSError:
            pass

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Clients that hang up are what these tests are about."""


@pytest.fixture(scope="module")
def server():
    made = Server(("127.0.0.1", 0), Handler)
    made.stop, made.sent, made.hosts = threading.Event(), 0, []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.stop.set()
    made.shutdown()
    made.server_close()


@pytest.fixture
def get(server):
    def read(page, host="127.0.0.1", **limits):
        url = f"http://{host}:{server.server_port}/{page}"
        options = {"allow_private_urls": True, "timeout": 5, **limits}
        (picture,) = pictures(url, limits=Limits(**options))
        assert picture.input == url
        return picture

    return read


def test_a_picture_whatever_its_content_type(get, server):
    assert get("picture").pixels[0, 0].tolist() == [5, 5, 5]
    assert get("picture/a%20b.jpg?size=1").error is None
    assert get("picture", host="localhost").error is None
    assert server.hosts[-1] == f"localhost:{server.server_port}"
    assert count("http://example.invalid/never-asked.png") == 1


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("missing", "404 Not Found"),
        ("page", "web page"),
        ("text", "text, not a picture"),
        ("nothing", "0 bytes"),
        ("packed", "gzip"),
        ("loop", "5 redirects"),
        ("scheme", "only http and https"),
        ("clip.mp4", "a video"),
    ],
)
def test_answers_without_a_picture(get, page, words):
    assert words in get(page).error


def test_redirects(get):
    assert get("moved").error is None
    assert get("inside").error is None
    assert "max_redirects" in get("moved", max_redirects=0).error


def test_huge_bodies_are_not_read_to_their_end(get, server):
    assert "max_bytes" in get("claims").error
    assert "max_bytes" in get("endless", max_bytes=200_000).error
    assert server.sent < 50_000_000


@pytest.mark.parametrize("page", ["silent", "drip", "endless"])
def test_the_timeout_is_for_the_whole_of_it(get, page):
    start = time.monotonic()
    assert "Limits.timeout" in get(page, timeout=0.4, max_bytes=10**12).error
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_refused_by_any_name(get, server, host):
    before = len(server.hosts)
    error = get("picture", host=host, allow_private_urls=False).error
    assert "private" in error or "not found" in error
    assert len(server.hosts) == before


@pytest.fixture
def resolver(monkeypatch):
    """Names answer from a table, one answer after the other; every other name as ever."""
    table = {}
    real = socket.getaddrinfo

    def resolve(host, port, *args, **options):
        if host not in table:
            return real(host, port, *args, **options)
        answers = table[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return table


@pytest.fixture
def loopback_is_public(monkeypatch):
    """The test server's address counts as public; 'localhost' is made to resolve to one that does not."""
    from feallm.media import fetch

    open_one = ipaddress.ip_address("127.0.0.1")
    monkeypatch.setattr(fetch, "is_public", lambda address: address == open_one or is_public(address))


def test_a_redirect_to_a_private_address_is_refused(get, server, resolver, loopback_is_public):
    resolver["localhost"] = [["127.0.0.2"]]
    assert get("picture", allow_private_urls=False).error is None
    before = len(server.hosts)
    assert "'localhost' leads to a private" in get("inside", allow_private_urls=False).error
    assert len(server.hosts) == before


def test_a_name_that_changes_its_mind_gains_nothing(get, server, resolver, loopback_is_public):
    resolver["rebind.test"] = [["127.0.0.1"], ["127.0.0.2"], ["10.0.0.1"]]
    assert get("picture", host="rebind.test", allow_private_urls=False).error is None
    assert server.hosts[-1] == f"rebind.test:{server.server_port}"
    assert resolver["rebind.test"] == [["127.0.0.2"], ["10.0.0.1"]]  # asked once
    resolver["both.test"] = [["127.0.0.1", "10.0.0.1"]]
    assert "private" in get("picture", host="both.test", allow_private_urls=False).error


def test_the_next_address_is_tried(get, resolver):
    resolver["two.test"] = [["127.0.0.2", "127.0.0.1"]]  # nobody listens on the first
    assert get("picture", host="two.test").error is None


def test_hosts_and_servers_that_are_not_there(get):
    assert "not found" in get("picture", host="nobody.invalid").error
    assert "not found" in get("picture", host="a" * 70 + ".test").error
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        (picture,) = pictures(url, limits=Limits(allow_private_urls=True))
    assert "cannot be read" in picture.error


@pytest.mark.parametrize("url", ["http://", "http:///x.png", "http://[::1/x", "http://a:99999/", "HTTP://\x01/"])
def test_broken_addresses(url):
    (picture,) = pictures(url)
    assert picture.error


def test_tls_is_verified_by_name(get, server):
    url = f"https://127.0.0.1:{server.server_port}/picture"
    (picture,) = pictures(url, limits=Limits(allow_private_urls=True, timeout=3))
    assert "cannot be read" in picture.error


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "2001:0:1::1",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_addresses_that_are_public(address):
    assert is_public(ipaddress.ip_address(address))
