#!/usr/bin/env python3
"""Downloads every instance that an Orthanc on 127.0.0.1 holds as FOLDER/<Orthanc's id>.dcm.

    orthanc_export.py HTTP_PORT FOLDER [--count]

Prints how many there are; with --count it downloads nothing (FOLDER may be left out).
"""

import argparse
import http.client
import json
import os


def get(connection, path):
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"orthanc_export: {path}: HTTP status {response.status}")
    return body


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    if not options.count and options.folder is None:
        parser.error("FOLDER is missing")
    connection = http.client.HTTPConnection("127.0.0.1", options.port, timeout=30)
    instances = json.loads(get(connection, "/instances"))
    if not options.count:
        os.makedirs(options.folder, exist_ok=True)
        for identifier in instances:
            with open(os.path.join(options.folder, identifier + ".dcm"), "wb") as file:
                file.write(get(connection, f"/instances/{identifier}/file"))
    print(len(instances))


main()
