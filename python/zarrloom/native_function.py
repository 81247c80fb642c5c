"""Functions in machine code: recognised here, called by the pool without the GIL."""

from __future__ import annotations

import ctypes
from typing import Any

from zarrloom.errors import InvalidArgumentError

Native = tuple[int, bool, int]  # address, whether it returns a double, pointer that it is handed

_FunctionPointer: Any = ctypes.CFUNCTYPE(None).__mro__[1]  # the base of all of them

_RESULTS = {
    ctypes.c_int: False,
    ctypes.c_int32: False,
    ctypes.c_double: True,
    "int": False,
    "int32_t": False,
    "double": True,
}


def native_function(fn: Any) -> Native | None:
    """Give what the core needs to call `fn`; None if it is an ordinary Python callable.

    Known are a numba ``@cfunc``, a ctypes function (or ``CFUNCTYPE`` pointer) and a SciPy
    ``LowLevelCallable`` of either or of a capsule whose name is its signature.

    Raises
    ------
    InvalidArgumentError
        It is such a function, but does not return ``int`` or ``double``.
    """
    user = 0
    if _is_low_level_callable(fn):
        user = _user_pointer(fn.user_data)
        fn = fn.function
    if type(fn).__name__ == "PyCapsule":
        name = _capsule_name(fn)
        return _capsule_pointer(fn, name), _returns_double((name or "").split("(")[0].strip()), user
    fn = getattr(fn, "ctypes", fn) if hasattr(fn, "address") else fn
    if not isinstance(fn, _FunctionPointer):
        return None
    address = ctypes.cast(fn, ctypes.c_void_p).value
    if not address:
        raise InvalidArgumentError("a null pointer is no function")
    return address, _returns_double(fn.restype), user


def _is_low_level_callable(fn: Any) -> bool:
    kinds = {(kind.__module__.split(".")[0], kind.__name__) for kind in type(fn).__mro__}
    return ("scipy", "LowLevelCallable") in kinds


def _returns_double(result: Any) -> bool:
    try:
        return _RESULTS[result]
    except (KeyError, TypeError):
        raise InvalidArgumentError(
            "a native function must return int (0 for success) or double, not "
            f"{getattr(result, '__name__', result)!r}; its signature is int|double fn(void* data, "
            "const int64_t* shape, const int64_t* chunk_index, int64_t ndim, void* user)"
        ) from None


def _user_pointer(user: Any) -> int:
    if user is None:
        return 0
    if type(user).__name__ == "PyCapsule":
        return _capsule_pointer(user, _capsule_name(user))
    return ctypes.cast(user, ctypes.c_void_p).value or 0


def _capsule_name(capsule: Any) -> str | None:
    get = ctypes.pythonapi.PyCapsule_GetName
    get.restype, get.argtypes = ctypes.c_char_p, [ctypes.py_object]
    name = get(capsule)
    return None if name is None else name.decode()


def _capsule_pointer(capsule: Any, name: str | None) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    pointer: int = get(capsule, None if name is None else name.encode())
    return pointer
