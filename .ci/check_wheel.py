"""Fails if a wheel holds more than the package, or its module exports more than its init."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def main(wheel: str) -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        strangers = [n for n in names if not n.startswith(("zarrloom/", "zarrloom-"))]
        assert not strangers, f"not of the package: {strangers}"
        assert not [n for n in names if n.endswith((".h", ".a", ".cmake"))], names
        (module,) = [n for n in names if n.startswith("zarrloom/_core") and n.endswith(".so")]
        path = Path(archive.extract(module, folder))
        out = subprocess.run(
            ["nm", "-D", "--defined-only", str(path)], capture_output=True, text=True
        )
    exported = sorted(line.split()[-1] for line in out.stdout.splitlines())
    assert exported == ["PyInit__core"], f"exported names: {exported[:20]}"
    print(f"{module}: exports PyInit__core alone; {len(names)} files in the wheel")


if __name__ == "__main__":
    main(sys.argv[1])
