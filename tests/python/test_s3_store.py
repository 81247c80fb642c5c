"""The store of S3: against moto, and against a server that misbehaves."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faulty_server import FaultyServer, Request, cut_after, reset, status
from s3_servers import ENVIRONMENT, KEYS, make_bucket, moto

import zarrloom
from zarrloom import _core

pytestmark = [
    pytest.mark.skipif(not _core.HAS_S3, reason="built with -DZARRLOOM_S3=OFF"),
    pytest.mark.timeout(120),
]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("moto")
    with moto(tmp_path_factory.mktemp("moto")) as url:
        make_bucket(url, "bucket")
        make_bucket(url, "conformance")
        yield url


@pytest.fixture
def options(endpoint: str) -> dict[str, Any]:
    return {"endpoint_url": endpoint, "region": "us-east-1", **KEYS}


def test_objects(options: dict[str, Any]) -> None:
    store = zarrloom.S3Store("s3://bucket/objects/", **options)
    assert store.read("a") is None
    assert not store.exists("a")
    store.write("a", b"first")
    store.write("a", b"second")
    assert store.read("a") == b"second"
    assert store.exists("a")
    store.write("empty", b"")
    assert store.read("empty") == b""
    assert store.exists("empty")
    store.erase("a")
    store.erase("a")
    assert store.read("a") is None
    assert store.list() == ["empty"]


KEYS_OF_ALL_KINDS = [
    "a b", "a+b", "a%2Fb", "ü/ö", "日本", "a&b<c>'\"", "x=y?z#", "~tilde", "c/0/1", "..a/...", "*",
]  # fmt: skip


def test_keys_of_all_kinds(options: dict[str, Any]) -> None:
    store = zarrloom.S3Store("s3://bucket/odd keys+", **options)
    for key in KEYS_OF_ALL_KINDS:
        store.write(key, key.encode())
    for key in KEYS_OF_ALL_KINDS:
        assert store.read(key) == key.encode()
    assert store.list() == sorted(KEYS_OF_ALL_KINDS, key=str.encode)
    store._native.erase_prefix("")
    assert store.list() == []


def test_lists_of_many_pages(options: dict[str, Any]) -> None:
    store = zarrloom.S3Store("s3://bucket/pages", **options)
    array = zarrloom.create_array(store, shape=(1100,), chunks=(1,), dtype="int16")
    array[...] = np.arange(1, 1101)
    assert len(store.list()) == 1101
    store._native.erase_prefix("c")
    assert store.list() == ["zarr.json"]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_arrays_and_groups(options: dict[str, Any], zarr_format: Any) -> None:
    url = f"s3://bucket/tree-{zarr_format}"
    group = zarrloom.create_group(url, zarr_format=zarr_format, storage_options=options)
    values = np.arange(40 * 30, dtype="float32").reshape(40, 30)
    shards = {"shards": (16, 20)} if zarr_format == 3 else {}
    made = group.create_array("deep/x", shape=(40, 30), chunks=(8, 10), dtype="float32", **shards)
    made[...] = values
    made[3:9, 4:17] = -1
    values[3:9, 4:17] = -1
    opened = zarrloom.open(url, mode="r", storage_options=options)
    assert sorted(opened) == ["deep"]
    np.testing.assert_array_equal(opened["deep/x"][...], values)
    np.testing.assert_array_equal(opened["deep/x"][5:33:3, ::7], values[5:33:3, ::7])


def test_zarr_python_reads_what_was_written_and_the_reverse(options: dict[str, Any]) -> None:
    zarr = pytest.importorskip("zarr")
    obstore = pytest.importorskip("obstore.store")

    def remote(prefix: str) -> Any:
        return zarr.storage.ObjectStore(
            obstore.S3Store(
                "bucket",
                prefix=prefix,
                endpoint=options["endpoint_url"],
                client_options={"allow_http": True},
                region="us-east-1",
                **KEYS,
            )
        )

    values = np.arange(100, dtype="int32").reshape(10, 10)
    spec: dict[str, Any] = {"shape": (10, 10), "chunks": (3, 4), "dtype": "int32"}
    ours = zarrloom.create_array("s3://bucket/ours", storage_options=options, **spec)
    ours[...] = values
    np.testing.assert_array_equal(zarr.open_array(remote("ours"), mode="r")[...], values)
    zarr.create_array(remote("theirs"), **spec)[...] = values
    theirs = zarrloom.open("s3://bucket/theirs", mode="r", storage_options=options)
    np.testing.assert_array_equal(theirs[...], values)


def test_conformance(endpoint: str) -> None:
    """The suite of all stores, where the C++ tests are built beside this source."""
    binary = Path(__file__).parents[2] / "build/check/tests/cpp/zarrloom_tests"
    if not binary.exists():
        pytest.skip("the C++ tests are not built")
    environment = {**os.environ, **ENVIRONMENT, "ZARRLOOM_TEST_S3": endpoint}
    subprocess.run(
        [binary, "--gtest_filter=S3Store.*"], env=environment, check=True, capture_output=True
    )


def test_d6_a_missing_bucket_is_no_missing_chunk(options: dict[str, Any]) -> None:
    store = zarrloom.S3Store("s3://no-such-bucket", **options)
    with pytest.raises(zarrloom.StorageError, match=r"s3://no-such-bucket.*404 NoSuchBucket"):
        store.read("c/0")
    with pytest.raises(zarrloom.StorageError, match="NoSuchBucket"):
        store.exists("c/0")
    with pytest.raises(zarrloom.StorageError, match="NoSuchBucket"):
        store.list()


def test_secrets_are_kept(options: dict[str, Any]) -> None:
    store = zarrloom.S3Store("s3://bucket/x", **options)
    assert "test-secret" not in repr(store)
    with pytest.raises(TypeError, match="pickle_credentials"):
        pickle.dumps(store)
    kept = zarrloom.S3Store("s3://bucket/x", pickle_credentials=True, **options)
    kept.write("a", b"a")
    assert pickle.loads(pickle.dumps(kept)).read("a") == b"a"


def test_credentials_and_endpoint_of_the_environment(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL_S3": endpoint}.items():
        monkeypatch.setenv(name, value)
    store = zarrloom.S3Store("s3://bucket/environment")
    store.write("a", b"a")
    assert store.read("a") == b"a"


def test_after_a_fork_the_child_reads_and_writes(options: dict[str, Any]) -> None:
    store = zarrloom.S3Store("s3://bucket/fork", **options)
    store.write("a", b"parent")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert store.read("a") == b"parent"
            store.write("a", b"child")
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert store.read("a") == b"child"


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("s3://", {}, "s3://bucket"),
        ("s3://bu cket/a", {}, "s3://bucket"),
        ("s3://bucket/a/../b", {}, r"\.\."),
        ("s3://bucket", {"key": "x"}, '"key" is not known'),
        ("s3://bucket", {"access_key_id": "x"}, "belong together"),
        ("s3://bucket", {"endpoint_url": "host"}, "URL"),
        ("s3://bucket", {"anonymous": "yes"}, "anonymous"),
    ],
)
def test_bad_options_are_told_at_once(url: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(zarrloom.InvalidArgumentError, match=message):
        zarrloom.S3Store(url, **options)


# ---- Faults ----


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer({"/bucket/ten": b"0123456789"})
    yield made
    made.close()


def s3(server: FaultyServer, **options: Any) -> zarrloom.S3Store:
    return zarrloom.S3Store(
        "s3://bucket", endpoint_url=server.url, **{"timeout": 20, **KEYS, **options}
    )


def test_signed_and_not(server: FaultyServer) -> None:
    assert s3(server, region="eu-west-9").read("ten") == b"0123456789"
    signature = server.requests[0].headers["authorization"]
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=test-key/")
    assert "/eu-west-9/s3/aws4_request" in signature
    anonymous = zarrloom.S3Store("s3://bucket", endpoint_url=server.url, anonymous=True)
    assert anonymous.read("ten") == b"0123456789"
    assert "authorization" not in server.requests[1].headers


def xml(line: str, code: str, **headers: str) -> Any:
    body = f"<Error><Code>{code}</Code><Message>said so</Message></Error>".encode()
    return lambda request: request.reply(line, body, **headers)


def test_d1_errors_carry_what_the_server_said(server: FaultyServer) -> None:
    server.faults = [xml("503 Slow Down", "SlowDown", x_amz_request_id="ID7")] * 3
    expected = r"s3://bucket@127.*/ten: .*503 SlowDown \(said so\), request ID7, after 3 tries"
    with pytest.raises(zarrloom.StorageError, match=expected):
        s3(server, tries=3).read("ten")
    server.faults = [xml("403 Forbidden", "AccessDenied")]
    with pytest.raises(zarrloom.PermissionDeniedError, match="403 AccessDenied"):
        s3(server).read("ten")


@pytest.mark.parametrize("fault", [xml("500 Oh", "InternalError"), reset, cut_after(4)])
def test_d1_d3_reads_are_tried_again(server: FaultyServer, fault: Any) -> None:
    server.faults = [fault] * 3
    assert s3(server).read("ten") == b"0123456789"


def test_d6_forbidden_may_mean_missing(server: FaultyServer) -> None:
    server.faults = [xml("403 Forbidden", "AccessDenied")] * 2
    store = s3(server, forbidden_is_missing=True)
    assert store.read("ten") is None
    assert not store.exists("ten")


def test_d7_another_region_is_signed_for(server: FaultyServer) -> None:
    wrong = xml("301 Moved", "PermanentRedirect", x_amz_bucket_region="ap-south-7")
    server.faults = [wrong]
    store = s3(server)
    assert store.read("ten") == b"0123456789"
    assert store.read("ten") == b"0123456789"
    regions = [r.headers["authorization"].split("/")[2] for r in server.requests]
    assert regions == ["us-east-1", "ap-south-7", "ap-south-7"]


def test_d6_a_404_of_somebody_else_is_no_missing_key(server: FaultyServer) -> None:
    server.faults = [status("404 Not Found")]
    with pytest.raises(zarrloom.StorageError, match="404"):
        s3(server).read("ten")
    server.faults = [xml("404 Not Found", "NoSuchKey")]
    assert s3(server).read("ten") is None


def test_an_erasure_that_is_not_confirmed_is_an_error(server: FaultyServer) -> None:
    listing = b"<ListBucketResult><Contents><Key>a/b</Key></Contents></ListBucketResult>"
    server.faults = [lambda request: request.reply("200 OK", listing)] * 2
    server.faults[1] = lambda request: request.reply("200 OK", b"<html>welcome</html>")
    with pytest.raises(zarrloom.StorageError, match="what it erased"):
        s3(server)._native.erase_prefix("a")


def test_d8_a_wrong_clock_is_corrected_once(server: FaultyServer) -> None:
    skewed = xml("403 Forbidden", "RequestTimeTooSkewed", Date="Fri, 04 Jul 2031 10:00:00 GMT")
    server.faults = [skewed]
    assert s3(server).read("ten") == b"0123456789"
    assert server.requests[1].headers["x-amz-date"].startswith("20310704T")
    server.faults = [skewed] * 5
    with pytest.raises(zarrloom.PermissionDeniedError, match="RequestTimeTooSkewed"):
        s3(server).read("ten")
        # Each try may have been signed before another one learnt the time: three more at the most.
        assert len(server.requests) == 2 + 4


def test_d10_a_lost_reply_to_a_conditional_write_is_recognised(server: FaultyServer) -> None:
    metadata: dict[str, str] = {}

    def take_and_hang_up(request: Request) -> bool:
        metadata["id"] = request.headers["x-amz-meta-zarrloom-write"]
        return reset(request)

    def tell_id(request: Request) -> bool:
        assert request.method == "HEAD"
        return request.reply("200 OK", x_amz_meta_zarrloom_write=metadata["id"])

    there = xml("412 Precondition Failed", "PreconditionFailed")
    server.faults = [take_and_hang_up, there, tell_id]
    native = s3(server)._native
    native.write("new", b"", only_if_absent=True)
    assert len(server.requests) == 3
    server.faults = [there]
    with pytest.raises(zarrloom.ConflictError):
        native.write("new", b"", only_if_absent=True)
    metadata["id"] = "somebody else's"
    server.faults = [reset, there, tell_id]
    with pytest.raises(zarrloom.ConflictError):
        native.write("new", b"", only_if_absent=True)


def test_d14_a_list_that_goes_round_ends(server: FaultyServer) -> None:
    page = (
        b"<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents>"
        b"<NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
    )
    server.faults = [lambda request: request.reply("200 OK", page)] * 5
    with pytest.raises(zarrloom.StorageError, match="circles"):
        s3(server).list()


def test_d2_an_answer_that_is_no_list_is_an_error(server: FaultyServer) -> None:
    server.faults = [lambda request: request.reply("200 OK", b"<html>please log in</html>")]
    with pytest.raises(zarrloom.StorageError, match="no list"):
        s3(server).list()
