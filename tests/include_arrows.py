#!/usr/bin/env python3
"""Holds the rooms apart: who may include whom, and who may see which library.

    include_arrows.py [ROOT]     check the tree (default: the one this file is in)
    include_arrows.py --self-test

The rules are read from docs/ARCHITECTURE.md, so that the map and the code cannot part:

    <!-- arrows:begin -->        <!-- libraries:begin -->
    windows -> core              librdkafka: sources daemon
    <!-- arrows:end -->          <!-- libraries:end -->

An arrow's target is a room, or another folder of the tree that rooms include from. Two rules need
no line there and admit none: `core` includes nothing of ours, and nobody includes `daemon`.
Every violation is printed as file:line; the exit status is 1 if there is one.
"""

import contextlib
import io
import pathlib
import re
import sys
import tempfile

ROOMS = ["core", "config", "sources", "windows", "detectors", "health", "sinks", "state", "daemon"]

# A library's name in the docs, and how its headers begin.
LIBRARIES = {
    "librdkafka": ("librdkafka/",),
    "boost": ("boost/",),
    "simdjson": ("simdjson.h",),
    "tomlplusplus": ("toml++/",),
    "libpqxx": ("pqxx/",),
    "sqlite3": ("sqlite3.h",),
    "prometheus-cpp": ("prometheus/",),
    "cli11": ("CLI/",),
    "openssl": ("openssl/",),
    "zlib": ("zlib.h",),
    "spdlog": ("spdlog/",),
    "fmt": ("fmt/",),
    "xxhash": ("xxhash.h",),
}
ALIASES = {"toml++": "tomlplusplus", "pqxx": "libpqxx", "sqlite": "sqlite3",
           "prometheus": "prometheus-cpp"}
# Folders of the C library and of the compiler: no library of a room's own.
SYSTEM_FOLDERS = {"sys", "netinet", "arpa", "net", "linux", "asm", "bits", "ext", "experimental"}

DOCS = "docs/ARCHITECTURE.md"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class BadRules(Exception):
    """docs/ARCHITECTURE.md does not say what it must."""


def section(text, name):
    """The lines between <!-- name:begin --> and <!-- name:end -->, as (number, line)."""
    lines = text.splitlines()
    marks = [f"<!-- {name}:begin -->", f"<!-- {name}:end -->"]
    places = [[i for i, line in enumerate(lines) if line.strip() == mark] for mark in marks]
    for mark, found in zip(marks, places):
        if len(found) != 1:
            raise BadRules(f"{DOCS}: the line '{mark}' must stand there once,"
                           f" not {len(found)} times")
    (begin,), (end,) = places
    if end < begin:
        raise BadRules(f"{DOCS}:{end + 1}: '{marks[1]}' stands before its beginning")
    body = [(i + 1, lines[i].strip().removeprefix("- ").strip("`").strip())
            for i in range(begin + 1, end)]
    return [(number, line) for number, line in body if line]


def read_arrows(root, text):
    """Who may include whom: room -> set of rooms or folders."""
    arrows = {room: set() for room in ROOMS}
    for number, line in section(text, "arrows"):
        where = f"{DOCS}:{number}"
        match = re.fullmatch(r"(\S+) -> (\S+)", line)
        if not match:
            raise BadRules(f"{where}: '{line}' is not of the form 'windows -> core'")
        source, target = match.groups()
        if source not in ROOMS:
            raise BadRules(f"{where}: '{source}' is no room; rooms are {' '.join(ROOMS)}")
        if target not in ROOMS and not (root / target).is_dir():
            raise BadRules(f"{where}: '{target}' is neither a room nor a folder of the tree")
        if source == "core":
            raise BadRules(f"{where}: core includes nothing of ours")
        if target == "daemon":
            raise BadRules(f"{where}: nobody includes daemon")
        arrows[source].add(target)
    return arrows


def read_libraries(text):
    """Who may see which library: library -> set of rooms."""
    allowed = {library: set() for library in LIBRARIES}
    for number, line in section(text, "libraries"):
        where = f"{DOCS}:{number}"
        match = re.fullmatch(r"(\S+):((?: +\S+)+)", line)
        if not match:
            raise BadRules(f"{where}: '{line}' is not of the form 'librdkafka: sources daemon'")
        library = match[1].lower()
        library = ALIASES.get(library, library)
        if library not in LIBRARIES:
            raise BadRules(f"{where}: '{match[1]}' is not known; known are {' '.join(LIBRARIES)}"
                           " (a new one gets a row in tests/include_arrows.py)")
        rooms = match[2].replace(",", " ").split()
        for room in rooms:
            if room not in ROOMS:
                raise BadRules(f"{where}: '{room}' is no room; rooms are {' '.join(ROOMS)}")
        allowed[library].update(rooms)
    return allowed


def library_of(header):
    for library, prefixes in LIBRARIES.items():
        for prefix in prefixes:
            if header.startswith(prefix) if prefix.endswith("/") else header == prefix:
                return library
    return None


def judge(room, is_header, quote, header, arrows, libraries):
    """What is wrong with one include, or None."""
    library = library_of(header)
    if library:
        if is_header:
            return f"<{header}> in a header: {library} is seen only in .cc files"
        if room not in libraries[library]:
            rooms = " ".join(sorted(libraries[library])) or "no room"
            return f"<{header}> in {room}: {library} belongs to {rooms}"
        return None
    folder = header.split("/")[0] if "/" in header else None
    if folder in ROOMS or any(folder in targets for targets in arrows.values()):
        if folder == room or folder in arrows[room]:
            return None
        if room == "core":
            return f'"{header}": core includes nothing of ours'
        if folder == "daemon":
            return f'"{header}": nobody includes daemon'
        return f'"{header}": there is no arrow {room} -> {folder}'
    if quote == '"':
        return f'"{header}" is in no room: write the path from the root, as in "core/result.h"'
    if folder and folder not in SYSTEM_FOLDERS:
        return f"<{header}> is of no known library (a new one gets a row in include_arrows.py)"
    return None


def check(root):
    """Every violation in the tree, as 'file:line: what'."""
    docs = root / DOCS
    if not docs.is_file():
        raise BadRules(f"{docs} is missing")
    text = docs.read_text(encoding="utf-8")
    arrows, libraries = read_arrows(root, text), read_libraries(text)
    found = []
    for room in ROOMS:
        files = sorted(path for path in (root / room).rglob("*") if path.suffix in (".h", ".cc"))
        for path in files:
            lines = path.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines, 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                wrong = judge(room, path.suffix == ".h", *match.groups(), arrows, libraries)
                if wrong:
                    found.append(f"{path.relative_to(root)}:{number}: {wrong}")
    return found


def run(root):
    try:
        found = check(root)
    except BadRules as error:
        print(error)
        return 1
    for violation in found:
        print(violation)
    if found:
        print(f"{len(found)} includes against {DOCS}")
    return 1 if found else 0


# --- Self-test: every kind of violation is found, and nothing else -------------------------------

GOOD_DOCS = """# Map
<!-- arrows:begin -->
```
config -> core
windows -> core
sources -> core
daemon -> core
daemon -> sources
daemon -> web
```
<!-- arrows:end -->
<!-- libraries:begin -->
- `librdkafka: sources daemon`
- `sqlite: state`
<!-- libraries:end -->
"""

# (what it shows, files beside the docs, docs, what must be printed; "" means: clean)
CASES = [
    ("allowed arrows, own room, system headers", {
        "core/a.h": '#include <vector>\n#include "core/b.h"\n#include <sys/socket.h>\n',
        "windows/a.cc": '#include "core/a.h"\n#include "windows/a.h"\n#include <unistd.h>\n',
        "sources/formats/a.cc": '#include "sources/a.h"\n',
        "sources/kafka.cc": "#include <librdkafka/rdkafka.h>\n",
        "daemon/a.cc": '# include "web/page.h"\n#include "sources/a.h"\n',
        "state/a.cc": '#include <sqlite3.h>\n// #include "daemon/a.h"\n',
    }, GOOD_DOCS, ""),
    ("an arrow that is not drawn", {"windows/a.cc": '\n#include "sources/a.h"\n'}, GOOD_DOCS,
     'windows/a.cc:2: "sources/a.h": there is no arrow windows -> sources'),
    ("an arrow against its direction", {"sources/a.h": '#include "daemon/a.h"\n'}, GOOD_DOCS,
     "nobody includes daemon"),
    ("core includes a room", {"core/a.h": '#include "config/a.h"\n'}, GOOD_DOCS,
     "core/a.h:1: \"config/a.h\": core includes nothing of ours"),
    ("a room in angle brackets", {"windows/a.cc": "#include <state/a.h>\n"}, GOOD_DOCS,
     "there is no arrow windows -> state"),
    ("a folder that another room may include from", {"core/a.cc": '#include "web/page.h"\n'},
     GOOD_DOCS, "core includes nothing of ours"),
    ("a relative path", {"windows/a.cc": '#include "a.h"\n'}, GOOD_DOCS,
     'windows/a.cc:1: "a.h" is in no room'),
    ("a library in a header", {"sources/a.h": "#include <librdkafka/rdkafka.h>\n"}, GOOD_DOCS,
     "sources/a.h:1: <librdkafka/rdkafka.h> in a header"),
    ("a library in a foreign room", {"windows/a.cc": "#include <librdkafka/rdkafka.h>\n"},
     GOOD_DOCS, "librdkafka belongs to daemon sources"),
    ("a library in quotes", {"windows/a.cc": '#include "sqlite3.h"\n'}, GOOD_DOCS,
     "sqlite3 belongs to state"),
    ("a library that no room has", {"core/a.cc": "#include <boost/asio.hpp>\n"}, GOOD_DOCS,
     "boost belongs to no room"),
    ("an unknown library", {"state/a.cc": "#include <rocksdb/db.h>\n"}, GOOD_DOCS,
     "<rocksdb/db.h> is of no known library"),
    ("no docs", {}, None, "ARCHITECTURE.md is missing"),
    ("no marker for the arrows", {}, GOOD_DOCS.replace("<!-- arrows:end -->", ""),
     "'<!-- arrows:end -->' must stand there once"),
    ("no marker for the libraries", {}, GOOD_DOCS.replace("<!-- libraries:begin -->", ""),
     "'<!-- libraries:begin -->' must stand there once"),
    ("an unreadable arrow", {}, GOOD_DOCS.replace("windows -> core", "windows => core"),
     "docs/ARCHITECTURE.md:5: 'windows => core' is not of the form"),
    ("an arrow from nowhere", {}, GOOD_DOCS.replace("windows -> core", "widows -> core"),
     "'widows' is no room"),
    ("an arrow to nowhere", {}, GOOD_DOCS.replace("windows -> core", "windows -> cor"),
     "'cor' is neither a room nor a folder"),
    ("an arrow out of core", {}, GOOD_DOCS.replace("windows -> core", "core -> config"),
     "core includes nothing of ours"),
    ("an arrow to daemon", {}, GOOD_DOCS.replace("windows -> core", "windows -> daemon"),
     "nobody includes daemon"),
    ("a library that is not known", {}, GOOD_DOCS.replace("sqlite:", "rocksdb:"),
     "'rocksdb' is not known"),
    ("a library in no room", {}, GOOD_DOCS.replace("sources daemon`", "kafka`"),
     "'kafka' is no room"),
]


def self_test():
    failures = 0
    for shows, files, docs, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "web").mkdir()
            for name, content in (files | ({DOCS: docs} if docs else {})).items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                status = run(root)
        good = (status, printed.getvalue()) == (0, "") if not expected else (
            status == 1 and expected in printed.getvalue())
        if not good:
            failures += 1
            print(f"self-test: {shows}: expected '{expected or 'nothing'}',"
                  f" status {status}, printed:\n{printed.getvalue()}")
    print(f"self-test: {len(CASES) - failures} of {len(CASES)} cases passed")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) > 1 or (arguments and arguments[0].startswith("-")):
        print(__doc__)
        return 0 if arguments[0] in ("-h", "--help") else 2
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parent.parent
    return run(root.resolve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
