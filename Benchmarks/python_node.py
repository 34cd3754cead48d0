"""The PlusOne cycle as one writes it with pynetdicom and pydicom by hand: what the node is measured against.

    python_node.py ARCHIVE_PORT --output FOLDER

Receives, keeps each image as a file, and when the association is released reads them, adds one to every voxel, makes a new
series of them and sends it to ARCHIVE. No ledger, no retries, no geometry. Prints `READY port=N`; ends when standard
input closes or on SIGTERM.
"""

import argparse
import os
import socket
import sys

import pydicom
from pydicom.uid import AllTransferSyntaxes, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, MRImageStorage, Verification

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "Peers"))
import peer  # noqa: E402


def plus_one(paths):
    series = generate_uid()
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.BitsStored, dataset.HighBit = 16, 15  # 4095 + 1 does not fit into 12 bits
        dataset.PixelData = (dataset.pixel_array + 1).astype(dataset.pixel_array.dtype).tobytes()
        dataset.SeriesInstanceUID = series
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.ImageType = ["DERIVED", "SECONDARY"]
        yield dataset


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=int)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    ended = peer.until_told_to_end()
    received = []

    def store(event):
        path = os.path.join(options.output, event.request.AffectedSOPInstanceUID + ".dcm")
        with open(path, "wb") as file:
            file.write(event.encoded_dataset())
        received.append(path)
        return 0x0000

    def released(_):
        paths, received[:] = list(received), []
        if not paths:
            return
        sender = AE(ae_title="PYTHON")
        for storage in (CTImageStorage, MRImageStorage):
            sender.add_requested_context(storage)
        association = sender.associate("127.0.0.1", options.archive, ae_title="ARCHIVE", max_pdu=131072)
        # pynetdicom leaves Nagle's algorithm on, which costs 44 ms an image with a delayed acknowledgement.
        association.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for dataset in plus_one(paths):
            association.send_c_store(dataset)
        association.release()

    entity = AE(ae_title="NODE")
    entity.maximum_pdu_size = 131072
    for storage in (CTImageStorage, MRImageStorage):
        entity.add_supported_context(storage, AllTransferSyntaxes)
    entity.add_supported_context(Verification)
    server = entity.start_server(("127.0.0.1", 0), block=False,
                                 evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_RELEASED, released)])
    peer.ready(port=server.socket.getsockname()[1])
    ended.wait()
    server.shutdown()


main()
