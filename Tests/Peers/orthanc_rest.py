#!/usr/bin/env python3
"""Makes an Orthanc on 127.0.0.1 act as a service class user towards a modality that it knows.

    orthanc_rest.py HTTP_PORT echo MODALITY
    orthanc_rest.py HTTP_PORT store MODALITY                 sends all its instances (C-STORE)
    orthanc_rest.py HTTP_PORT find MODALITY LEVEL KEYWORD=VALUE…   prints the answers
    orthanc_rest.py HTTP_PORT retrieve MODALITY LEVEL KEYWORD=VALUE…   finds, and has the answers sent to itself (C-MOVE)
    orthanc_rest.py HTTP_PORT get MODALITY LEVEL KEYWORD=VALUE…   the same by C-GET, where Orthanc can (1.12.6 and later)

Prints JSON; exit status 0 when Orthanc says that it went well.
"""

import http.client
import json
import sys


def call(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    connection.request(method, path, None if body is None else json.dumps(body))
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        raise SystemExit(f"{method} {path}: HTTP status {response.status}: {text.decode(errors='replace')[:500]}")
    return json.loads(text or b"{}")


def main():
    action, modality, *rest = sys.argv[2:]
    if action == "echo":
        result = call("POST", f"/modalities/{modality}/echo", {})
    elif action == "store":
        result = call("POST", f"/modalities/{modality}/store", {"Resources": call("GET", "/instances"), "Synchronous": True})
    else:
        level, keys = rest[0], dict(text.split("=", 1) for text in rest[1:])
        query = call("POST", f"/modalities/{modality}/query", {"Level": level, "Query": keys})["ID"]
        if action == "find":
            result = call("GET", f"/queries/{query}/answers?expand&simplify")
        else:
            body = {"Synchronous": True}
            if action == "get":
                body["RetrieveMethod"] = "C-GET"
            result = call("POST", f"/queries/{query}/retrieve", body)
    print(json.dumps(result))


main()
