#!/usr/bin/env python3
"""Orthanc as a peer: an archive on 127.0.0.1 that keeps everything in a temporary folder.

    orthanc.py [--ae-title AE] [--modality AE@PORT]… [--discard]

Prints `READY port=N http=N` (DICOM and REST) when a C-ECHO succeeds; ends when standard input closes or on SIGTERM, and
removes its folder. --modality makes a peer known (by its AE title) to which Orthanc can store and move. With
--discard it answers Success and keeps nothing.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time

import peer


DISCARDING = """
function ReceivedInstanceFilter(dicom, origin)
    return false
end
"""


def configuration(folder, options, dicom_port, http_port):
    """What differs from Orthanc's defaults: one folder, loopback, everyone may store and query."""
    storage, scripts = os.path.join(folder, "storage"), []
    if options.discard:
        scripts.append(os.path.join(folder, "discard.lua"))
        with open(scripts[0], "w") as file:
            file.write(DISCARDING)
    known = {}
    for text in options.modality:
        title, _, port = text.rpartition("@")
        known[title] = {"AET": title, "Host": "127.0.0.1", "Port": int(port), "Manufacturer": "Generic"}
    return {
        "Name": "DICOMNode tests", "StorageDirectory": storage, "IndexDirectory": storage, "Plugins": [], "LuaScripts": scripts,
        "HttpPort": http_port, "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
        "DicomAet": options.ae_title, "DicomPort": dicom_port, "DicomCheckCalledAet": True,
        "DicomAlwaysAllowEcho": True, "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True, "DicomCheckModalityHost": False,
        "UnknownSopClassAccepted": True, "DicomModalities": known, "OverwriteInstances": False,
        "SynchronousCMove": True, "StableAge": 1, "DicomScuTimeout": 10, "DicomScpTimeout": 30,
        "SaveJobs": False, "MetricsEnabled": False,
    }


def serve(folder, options, ended):
    """Starts Orthanc with two free ports; returns whether it answered."""
    dicom_port, http_port = peer.free_port(), peer.free_port()
    settings, log = os.path.join(folder, "orthanc.json"), os.path.join(folder, "log.txt")
    with open(settings, "w") as file:
        json.dump(configuration(folder, options, dicom_port, http_port), file)
    with open(log, "ab") as output:
        child = peer.start(["/usr/sbin/Orthanc", settings], env=peer.loopback_environment(), stdout=output,
                           stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 30
        while child.poll() is None and time.monotonic() < deadline and not ended.is_set():
            if peer.answers_echo(dicom_port, options.ae_title):
                peer.ready(port=dicom_port, http=http_port)
                while child.poll() is None and not ended.wait(0.2):
                    pass
                return True
            time.sleep(0.1)
        return ended.is_set()
    finally:
        peer.stop(child)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ae-title", default="ARCHIVE")
    parser.add_argument("--modality", action="append", default=[], metavar="AE@PORT")
    parser.add_argument("--discard", action="store_true")
    options = parser.parse_args()
    ended = peer.until_told_to_end()
    folder = tempfile.mkdtemp(prefix="orthanc-")
    try:
        for _ in range(3):
            if serve(folder, options, ended):
                return
        with open(os.path.join(folder, "log.txt"), errors="replace") as log:
            peer.fail("Orthanc did not start:\n" + "".join(log.readlines()[-20:]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
