"""The other side of the sandbox: typesets one layout, then ends. Run as a script, never imported.

What it is given comes by its standard input; from then on it can open nothing: no file, no socket, no device
(no new file descriptor at all), start nothing, and has so much time and memory and no more.
"""

import contextlib
import json
import resource
import sys
from base64 import b64decode


def main() -> None:
    """Read a job from standard input, write a PDF to standard output, or the reason to standard error."""
    import typst  # noqa: PLC0415 - a script: its imports come before its limits

    job = json.load(sys.stdin.buffer)
    fonts = typst.Fonts(include_system_fonts=False)
    typst.compile({"main": b"x"}, format="pdf", root=job["root"], font_paths=fonts)
    sources = {"main": job["template"].encode()}
    sources |= {name: b64decode(data) for name, data in job["assets"].items()}
    _shut(job["seconds"], job["bytes"])
    try:
        made = typst.compile(
            sources,
            root=job["root"],
            package_path=job["root"],
            package_cache_path=job["root"],
            format="pdf",
            sys_inputs={"data": job["data"]},
            pdf_standards=["ua-1"],
            font_paths=fonts,
            timestamp=job["at"],
        )
    except typst.TypstError as error:
        sys.stderr.write(str(error)[:2000])
        sys.exit(3)
    sys.stdout.buffer.write(made)


def _shut(seconds: int, most: int) -> None:
    for name, limit in (("FSIZE", 0), ("CORE", 0), ("CPU", seconds), ("NOFILE", 0)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
    for name, limit in (("NPROC", 0), ("AS", most)):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # not every system has these
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))


if __name__ == "__main__":
    main()
