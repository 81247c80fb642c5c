"""The store of web servers: against nginx, and against a server that misbehaves."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty_server import FaultyServer, Request, cut_after, drip, reset, stall, status

import zarrloom
from zarrloom import _core

pytestmark = [
    pytest.mark.skipif(not _core.HAS_HTTP, reason="built with -DZARRLOOM_S3=OFF"),
    pytest.mark.timeout(60),
]
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


# ---- nginx ----

CONFIG = """
daemon off; master_process off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  server {{
    listen 127.0.0.1:{port};
    root {root}/www;
    location /whole/ {{ alias {root}/www/; max_ranges 0; }}
    location /old/ {{ if ($request_uri ~ "^/old(/.*)$") {{ return 302 $1; }} }}
    location /secret/ {{
      alias {root}/www/;
      if ($http_authorization != "Basic dTpw") {{ return 401; }}
    }}
    location /forbidden/ {{ return 403; }}
    location /gone/ {{ return 410; }}
  }}
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as s:
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """nginx: the folder that it serves, and its URL."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    root = tmp_path_factory.mktemp("nginx")
    (root / "www").mkdir()
    root.chmod(0o755)
    port = free_port()
    (root / "conf").write_text(CONFIG.format(root=root, port=port))
    command = [NGINX, "-c", str(root / "conf"), "-e", str(root / "error.log"), "-g", "user root;"]
    server = subprocess.Popen(command)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    else:
        raise RuntimeError((root / "error.log").read_text())
    yield root / "www", f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait()


def ranges_of(store: zarrloom.Store, key: str, *ranges: tuple[int, int]) -> list[bytes | None]:
    """Read byte ranges, by references to them."""
    references = zarrloom.ReferenceStore(
        {str(i): [key, *each] for i, each in enumerate(ranges)}, remote=store
    )
    return [references.read(str(i)) for i in range(len(ranges))]


def test_objects_and_ranges_of_nginx(web: tuple[Path, str]) -> None:
    folder, url = web
    (folder / "a").mkdir(exist_ok=True)
    (folder / "a" / "ten").write_bytes(b"0123456789")
    (folder / "a" / "empty").write_bytes(b"")
    (folder / "a" / "odd %+ ü&#?.txt").write_bytes(b"odd")
    large = np.random.default_rng(0).bytes(5_000_000)
    (folder / "a" / "large").write_bytes(large)
    for base in ("/a", "/a/", "/whole/a", "/old/a"):
        store = zarrloom.HttpStore(url + base)
        assert store.read("ten") == b"0123456789"
        assert store.read("empty") == b""
        assert store.read("large") == large
        assert store.read("odd %+ ü&#?.txt") == b"odd"
        assert store.read("nothing") is None
        assert store.read("no/such/folder") is None
        assert store.exists("ten")
        assert store.exists("empty")
        assert not store.exists("nothing")
        assert ranges_of(store, "ten", (0, 10), (3, 4), (9, 1)) == [b"0123456789", b"3456", b"9"]
        assert ranges_of(store, "large", (4_000_000, 1_000_000)) == [large[4_000_000:]]
        for outside in ((8, 3), (11, 1), ((1 << 63) - 1, 1), (0, 11)):
            with pytest.raises(zarrloom.CorruptDataError, match="not inside the object"):
                ranges_of(store, "ten", outside)


@pytest.mark.parametrize("shards", [None, (64, 64)], ids=["chunks", "shards"])
def test_an_array_of_nginx_reads_as_the_file_does(
    web: tuple[Path, str], shards: tuple[int, int] | None
) -> None:
    folder, url = web
    name = f"array-{shards is not None}"
    made = zarrloom.create_group(folder / name).create_array(
        "x", shape=(200, 130), chunks=(16, 16), shards=shards, dtype="int32", fill_value=-1
    )
    values = np.arange(200 * 130, dtype="int32").reshape(200, 130)
    made[:150] = values[:150]
    for base in ("", "/whole", "/old"):
        array = zarrloom.open(f"{url}{base}/{name}", mode="r")["x"]
        np.testing.assert_array_equal(array[...], made[...])
        np.testing.assert_array_equal(array[33:77:3, 5:99], made[33:77:3, 5:99])
        total = sum(int(d.sum(dtype="int64")) for _, d in array.chunk_stream(parallel=8))
        assert total == int(made[...].sum(dtype="int64"))


def test_consolidated_metadata_lists_what_a_web_server_cannot(web: tuple[Path, str]) -> None:
    folder, url = web
    group = zarrloom.create_group(folder / "tree")
    for name in ("a", "b/c"):
        group.create_array(name, shape=(4,), chunks=(2,), dtype="int8")[...] = 7
    zarrloom.consolidate_metadata(folder / "tree")
    found = zarrloom.open_group(f"{url}/tree", mode="r")
    assert sorted(found) == ["a", "b"]
    assert (found["b/c"][...] == 7).all()


def test_it_is_for_reading(web: tuple[Path, str]) -> None:
    store = zarrloom.HttpStore(web[1])
    with pytest.raises(zarrloom.ReadOnlyError):
        store.write("a", b"")
    with pytest.raises(zarrloom.ReadOnlyError):
        store.erase("a")
    with pytest.raises(zarrloom.UnsupportedError, match="list"):
        store.list()


def test_absence_and_refusal(web: tuple[Path, str]) -> None:
    url = web[1]
    assert zarrloom.HttpStore(f"{url}/gone").read("a") is None
    with pytest.raises(zarrloom.PermissionDeniedError, match=r"forbidden/a: .*403"):
        zarrloom.HttpStore(f"{url}/forbidden").read("a")
    store = zarrloom.HttpStore(f"{url}/forbidden", forbidden_is_missing=True)
    assert store.read("a") is None
    assert not store.exists("a")


def test_basic_authentication(web: tuple[Path, str]) -> None:
    folder, url = web
    (folder / "kept").write_bytes(b"secret")
    with pytest.raises(zarrloom.PermissionDeniedError, match="401"):
        zarrloom.HttpStore(f"{url}/secret").read("kept")
    by_options = zarrloom.HttpStore(f"{url}/secret", user="u", password="p")
    by_url = zarrloom.HttpStore(url.replace("//", "//u:p@") + "/secret")
    for store in (by_options, by_url):
        assert store.read("kept") == b"secret"
        assert "u:p" not in repr(store)
        with pytest.raises(TypeError, match="pickle_credentials"):
            pickle.dumps(store)
    kept = zarrloom.HttpStore(f"{url}/secret", user="u", password="p", pickle_credentials=True)
    assert pickle.loads(pickle.dumps(kept)).read("kept") == b"secret"


def test_many_reads_at_once_need_few_threads(web: tuple[Path, str]) -> None:
    folder, url = web
    made = zarrloom.create_array(folder / "many", shape=(512,), chunks=(1,), dtype="int64")
    made[...] = np.arange(512)
    with zarrloom.config(io_concurrency=512):
        array = zarrloom.open(f"{url}/many", mode="r")
        np.testing.assert_array_equal(array[...], np.arange(512))


def test_after_a_fork_the_child_reads(web: tuple[Path, str]) -> None:
    folder, url = web
    (folder / "forked").write_bytes(b"bytes")
    store = zarrloom.HttpStore(url)
    assert store.read("forked") == b"bytes"
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if store.read("forked") == b"bytes" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert store.read("forked") == b"bytes"


# ---- Faults ----


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer({"/ten": b"0123456789", "/long": bytes(range(256)) * 4096})
    yield made
    made.close()


def http(server: FaultyServer, **options: Any) -> zarrloom.HttpStore:
    return zarrloom.HttpStore(server.url, **{"timeout": 20, **options})


@pytest.mark.parametrize(
    "line",
    ["500 Internal", "502 Bad", "503 Slow Down", "504 Late", "429 Many", "408 Late", "499 Gone"],
)
def test_d1_what_passes_is_tried_again(server: FaultyServer, line: str) -> None:
    server.faults = [status(line)] * 3
    assert http(server).read("ten") == b"0123456789"
    assert len(server.requests) == 4


def test_d1_what_does_not_pass_is_an_error_with_its_tries(server: FaultyServer) -> None:
    server.faults = [status("503 Slow Down")] * 100
    with pytest.raises(zarrloom.StorageError, match=r"ten: .*503.* 3 tries"):
        http(server, tries=3).read("ten")
    assert len(server.requests) == 3


def test_d1_retry_after_is_heeded(server: FaultyServer) -> None:
    server.faults = [status("503 Slow Down", Retry_After="1")]
    begun = time.monotonic()
    assert http(server).read("ten") == b"0123456789"
    assert time.monotonic() - begun >= 0.9


def test_d1_a_server_that_is_down_is_not_stormed(server: FaultyServer) -> None:
    server.faults = [status("503 Slow Down")] * 10_000
    store = http(server, timeout=50)

    def fails(_: int) -> bool:
        with pytest.raises(zarrloom.StorageError, match="503"):
            store.read("ten")
        return True

    with ThreadPoolExecutor(100) as threads:
        assert all(threads.map(fails, range(100)))
    # Not 8 times 100: the budget of 200 retries is shared, and spent.
    assert len(server.requests) == 300
    assert fails(0)
    assert len(server.requests) == 301


@pytest.mark.parametrize("line", ["403 Forbidden", "401 Who", "400 Bad", "405 No"])
def test_d1_refusals_are_not_tried_again(server: FaultyServer, line: str) -> None:
    server.faults = [status(line)]
    with pytest.raises(zarrloom.ZarrloomError, match=line[:3]):
        http(server).read("ten")
    assert len(server.requests) == 1


def test_d3_a_body_that_is_cut_is_resumed(server: FaultyServer) -> None:
    server.faults = [cut_after(300_000), cut_after(200_000), reset]
    assert http(server).read("long") == server.objects["/long"]
    ranges = [request.headers.get("range") for request in server.requests]
    assert ranges[0] is None
    assert ranges[1] is not None
    assert all("if-match" in request.headers for request in server.requests[1:])


def test_d3_a_cut_body_of_a_changed_object_is_read_anew(server: FaultyServer) -> None:
    def cut_and_change(request: Request) -> bool:
        request.serve(cut=300_000)
        server.objects["/long"] = b"n" * 1_000_000
        return False

    server.faults = [cut_and_change]
    assert http(server).read("long") == b"n" * 1_000_000


def test_d11_the_rest_of_another_object_is_never_taken(server: FaultyServer) -> None:
    def cut_and_change(request: Request) -> bool:
        request.serve(cut=300_000)
        server.objects["/long"] = b"n" * 1_000_000
        return False

    def heedless(request: Request) -> bool:
        request.headers.pop("if-match")
        return request.serve()

    server.faults = [cut_and_change, heedless]
    with pytest.raises(zarrloom.StorageError, match="replaced while it was read"):
        http(server).read("long")


def test_d3_a_body_that_only_the_connection_ends_is_refused(server: FaultyServer) -> None:
    def endless(request: Request) -> bool:
        request.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nsome bytes")
        return False

    server.faults = [endless] * 20
    with pytest.raises(zarrloom.StorageError, match="does not say how long it is"):
        http(server).read("long")


@pytest.mark.parametrize("fault", [reset, cut_after(0), cut_after(5)])
def test_d3_connections_that_break(server: FaultyServer, fault: Callable[[Request], bool]) -> None:
    server.faults = [fault] * 3
    assert http(server).read("ten") == b"0123456789"


def test_d3_a_stall_ends_with_the_idle_time(server: FaultyServer) -> None:
    server.faults = [stall]
    assert http(server, idle_timeout=1).read("ten") == b"0123456789"


@pytest.mark.parametrize("fault", [stall, drip])
def test_d3_nothing_outlives_its_deadline(
    server: FaultyServer, fault: Callable[[Request], bool]
) -> None:
    server.faults = [fault] * 20
    with pytest.raises(zarrloom.DeadlineError, match="ten"):
        http(server, timeout=1).read("ten")


def wrong(first: int, last: int, body: bytes = b"xx") -> Callable[[Request], bool]:
    place = f"bytes {first}-{last}/10"
    return lambda request: request.reply("206 Partial Content", body, Content_Range=place)


@pytest.mark.parametrize(
    "fault",
    [
        wrong(2, 3),
        wrong(3, 3, b"x"),
        wrong(4, 3),
        lambda r: r.reply("206 Partial Content", b"xx"),
        lambda r: r.reply("206 Partial Content", b"xx", Content_Range="bytes 3-4/*"),
        wrong(3, 4, b"x"),
        wrong(3, 4, b"xxx"),
    ],
)
def test_d4_a_wrong_range_is_an_error(
    server: FaultyServer, fault: Callable[[Request], bool]
) -> None:
    server.faults = [fault] * 10
    with pytest.raises(zarrloom.StorageError, match=r"range|other bytes"):
        ranges_of(http(server), "ten", (3, 2))


def whole(request: Request) -> bool:
    assert request.value is not None
    return request.reply("200 OK", request.value)


def test_d4_a_whole_object_in_place_of_a_range(server: FaultyServer) -> None:
    server.faults = [whole]
    assert ranges_of(http(server), "long", (5, 3)) == [b"\x05\x06\x07"]
    server.faults = [whole]
    with pytest.raises(zarrloom.StorageError, match="ignores ranges"):
        ranges_of(http(server, whole_object_limit=1000), "long", (5, 3))


def test_d7_redirects(server: FaultyServer) -> None:
    server.objects["/away/ten"] = b"there"
    server.faults = [status("302 Found", Location="/away/ten")]
    assert http(server).read("ten") == b"there"
    server.faults = [status("301 Moved", Location="/ten")] * 50
    with pytest.raises(zarrloom.StorageError, match="redirects"):
        http(server).read("ten")
    server.faults = [status("302 Found", Location="ftp://127.0.0.1/ten")]
    with pytest.raises(zarrloom.StorageError, match="redirects to"):
        http(server).read("ten")


def test_d7_credentials_stay_with_their_host(server: FaultyServer) -> None:
    other = FaultyServer({"/ten": b"elsewhere"})
    server.faults = [status("307 Away", Location=f"{other.url}/ten")]
    store = http(server, token="very-secret", headers={"X-Key": "secret"})
    assert store.read("ten") == b"elsewhere"
    assert server.requests[0].headers["authorization"] == "Bearer very-secret"
    assert server.requests[0].headers["x-key"] == "secret"
    assert not {"authorization", "x-key"} & other.requests[0].headers.keys()
    other.close()


def test_d15_encoded_bodies_are_refused(server: FaultyServer) -> None:
    server.faults = [status("200 OK", Content_Encoding="gzip")]
    with pytest.raises(zarrloom.StorageError, match="gzip"):
        http(server).read("ten")
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_d15_nobody_listens() -> None:
    store = zarrloom.HttpStore(f"http://127.0.0.1:{free_port()}", tries=2)
    with pytest.raises(zarrloom.StorageError, match="CONNECTION_REFUSED"):
        store.read("a")


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a self-signed certificate of a host; gives its key's file, too."""
    cert, key = folder / f"{name}.cert", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.timeout(150)  # a peer that is not trusted is kept waiting by s2n, up to 30 seconds
def test_d15_tls_with_the_given_authority_only(tmp_path: Path) -> None:
    servers, authorities = {}, {}
    for name in ("localhost", "other.example"):
        authorities[name], key = certificate(tmp_path, name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authorities[name], key)
        servers[name] = FaultyServer({"/ten": b"0123456789"}, tls=context)
    trusted = http(servers["localhost"], ca_file=str(authorities["localhost"]))
    assert trusted.read("ten") == b"0123456789"

    def is_refused(store: zarrloom.HttpStore) -> bool:
        with pytest.raises(zarrloom.StorageError, match="TLS"):
            store.read("ten")
        return True

    refused = [
        http(servers["localhost"], timeout=120),  # no authority that the system knows
        http(servers["other.example"], timeout=120, ca_file=str(authorities["other.example"])),
    ]
    with ThreadPoolExecutor(2) as threads:
        assert all(threads.map(is_refused, refused))
    assert not servers["other.example"].requests
    with pytest.raises(zarrloom.InvalidArgumentError, match="no-such-file"):
        zarrloom.HttpStore("https://localhost", ca_file="/no-such-file").read("ten")
    for server in servers.values():
        server.close()


def test_connections_are_used_again(server: FaultyServer) -> None:
    store = http(server)
    for _ in range(20):
        assert store.read("ten") == b"0123456789"
    assert server.connections == 1


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("http://", {}, "URL"),
        ("http://host:0/a", {}, "URL"),
        ("https://host:99999", {}, "URL"),
        ("http://host", {"retries": 3}, '"retries" is not known'),
        ("http://host", {"tries": 0}, "tries"),
        ("http://host", {"tries": "many"}, "tries"),
        ("http://host", {"timeout": -1}, "timeout"),
        ("http://host", {"headers": {"a": "b\r\nc: d"}}, "header"),
        ("http://user:secret@", {}, "URL"),
    ],
)
def test_bad_options_are_told_at_once(url: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(zarrloom.InvalidArgumentError, match=message) as caught:
        zarrloom.HttpStore(url, **options)
    assert "secret" not in str(caught.value)
