#!/usr/bin/env python3
"""Runs dciodvfy on DICOM files: nothing that it prints may start with `Error`.

    validate.py PATH…        files, or folders with all their files

Exit status: 0 no Error line, 1 Error lines (they are printed, once for all files that have them), 2 the checker crashed.
"""

import collections
import os
import subprocess
import sys


def files_below(paths):
    for path in paths:
        if os.path.isdir(path):
            for parent, _, names in sorted(os.walk(path)):
                yield from (os.path.join(parent, name) for name in sorted(names))
        else:
            yield path


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    checked, crashed, errors = 0, [], collections.defaultdict(list)
    for path in files_below(sys.argv[1:]):
        run = subprocess.run(["/usr/bin/dciodvfy", path], capture_output=True, text=True, errors="replace")
        checked += 1
        if run.returncode < 0:
            crashed.append(path)
        for line in (run.stdout + run.stderr).splitlines():
            if line.startswith("Error"):
                errors[line].append(path)
    for line, paths in errors.items():
        print(f"{line}   [{len(paths)} of {checked} files, the first: {paths[0]}]")
    for path in crashed:
        print(f"dciodvfy crashed on {path}")
    if not checked:
        sys.exit("validate: no files")
    if not errors and not crashed:
        print(f"OK: {checked} files, no Error line")
    return 2 if crashed else 1 if errors else 0


sys.exit(main())
