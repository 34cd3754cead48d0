"""Compresses the files of a folder in place with pydicom.

    compress.py FOLDER TRANSFER_SYNTAX_UID
"""
import pathlib
import sys

import pydicom

for path in pathlib.Path(sys.argv[1]).rglob("*.dcm"):
    dataset = pydicom.dcmread(path)
    dataset.compress(sys.argv[2], generate_instance_uid=False)
    dataset.save_as(path)
