"""Stores that are reached by the network."""

from __future__ import annotations

from typing import Any

from zarrloom import _core
from zarrloom.stores import Store

_SECRETS = {"headers", "user", "password", "token"}
_S3_SECRETS = {"secret_access_key", "session_token"}


class HttpStore(Store):
    """What a web server serves below a URL, for reading.

    Many reads are in flight at once without a thread for each. What fails on the way (status 408,
    429, 500, 502, 503, 504, a connection that breaks, a body that is too short) is tried again
    until the time is over; 404 and 410 mean that there is no such object.

    Parameters
    ----------
    url : str
        ``http://host[:port]/path`` or ``https://...``, percent-encoded. A query goes with every
        request, ``user:password@`` before the host is basic authentication.
    pickle_credentials : bool, default False
        Whether pickles of the store hold what was given as `headers`, `user`, `password` and
        `token`, or in the URL. Without it a store that has any cannot be pickled.
    **options
        ``headers`` (dict), ``user`` and ``password`` (basic authentication), ``token`` (bearer):
        sent to the host of the URL only, not to where it redirects.
        ``forbidden_is_missing`` (default False): 403 means that there is no such object.
        ``ca_file``: a PEM file of authorities, trusted instead of the system's.
        ``connect_timeout`` (10), ``idle_timeout`` (30: without a byte from the server), ``timeout``
        (120: of a read with all its tries): in seconds.
        ``tries`` (8), ``concurrency`` (512): requests in flight, at most; fewer while the server
        answers 429 or 503.
        ``whole_object_limit`` (256 MiB): of an object of a server that knows no ranges, in bytes.
        ``proxy_from_environment`` (default True): heed HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

    Raises
    ------
    InvalidArgumentError
        The URL is none, or an option is not known.
    UnsupportedError
        This build has no network (``-DZARRLOOM_S3=OFF``).
    """

    def __init__(self, url: str, *, pickle_credentials: bool = False, **options: Any) -> None:
        self._arguments = (url, pickle_credentials, options)
        super().__init__(_core.make_http_store(url, options))

    def __reduce__(self) -> Any:
        url, pickle_credentials, options = self._arguments
        authority = url.partition("://")[2].partition("/")[0]
        secret = "@" in authority or "?" in url or _SECRETS & options.keys()
        _check_pickle(secret, pickle_credentials)
        return _http_store, self._arguments


def _http_store(url: str, pickle_credentials: bool, options: dict[str, Any]) -> HttpStore:
    return HttpStore(url, pickle_credentials=pickle_credentials, **options)


class S3Store(Store):
    """A prefix of a bucket of Amazon S3, or of a server that speaks its protocol.

    Many requests are in flight at once without a thread for each. What fails on the way (status
    408, 429, 500, 502, 503, 504, a connection that breaks, a body that is too short) is tried again
    until the time is over. Credentials are found as all programs of AWS do, unless they are given.

    Parameters
    ----------
    url : str
        ``s3://bucket`` or ``s3://bucket/prefix``.
    pickle_credentials : bool, default False
        Whether pickles of the store hold `secret_access_key` and `session_token`. Without it a
        store that was given any cannot be pickled.
    **options
        ``endpoint_url``: of another server, also by AWS_ENDPOINT_URL_S3. ``region``: also by
        AWS_REGION; default: the bucket's, as the server tells it.
        ``access_key_id``, ``secret_access_key``, ``session_token``; or ``profile``; or
        ``anonymous`` (default False).
        ``path_style``: ``host/bucket/key`` instead of ``bucket.host/key``. Default: where there is
        an `endpoint_url`.
        ``requester_pays`` (default False); ``server_side_encryption`` ("AES256" or "aws:kms") and
        ``kms_key_id``, of what is written.
        ``forbidden_is_missing`` (default False): 403 means that there is no such object.
        ``ca_file``, ``connect_timeout``, ``idle_timeout``, ``timeout``, ``tries``,
        ``concurrency``, ``proxy_from_environment``: as for `HttpStore`.

    Raises
    ------
    InvalidArgumentError
        The URL is none, or an option is not known.
    UnsupportedError
        This build has no network (``-DZARRLOOM_S3=OFF``).
    """

    def __init__(self, url: str, *, pickle_credentials: bool = False, **options: Any) -> None:
        self._arguments = (url, pickle_credentials, options)
        super().__init__(_core.make_s3_store(url, options))

    def __reduce__(self) -> Any:
        _, pickle_credentials, options = self._arguments
        _check_pickle(_S3_SECRETS & options.keys(), pickle_credentials)
        return _s3_store, self._arguments


def _s3_store(url: str, pickle_credentials: bool, options: dict[str, Any]) -> S3Store:
    return S3Store(url, pickle_credentials=pickle_credentials, **options)


def _check_pickle(has_secrets: Any, pickle_credentials: bool) -> None:
    if has_secrets and not pickle_credentials:
        raise TypeError(
            "the store may hold credentials: they are pickled only if it is made with "
            "pickle_credentials=True"
        )
