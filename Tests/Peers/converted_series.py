"""Judges what omnitool has converted a phantom series to.

    converted_series.py SERIES FOLDER               a.npy (stored), b.npy, a.nii.gz and a.nii (stored) in FOLDER
    converted_series.py SERIES FOLDER --encoded E   the DICOM files below E, by every decoder of pydicom's
"""
import pathlib
import sys

import numpy as np
import pydicom
from pydicom.pixels import get_decoder

series = [pydicom.dcmread(p) for p in pathlib.Path(sys.argv[1]).rglob("*.dcm")]
if "--encoded" in sys.argv:
    originals = {d.SOPInstanceUID: d for d in series}
    compared = 0
    for path in pathlib.Path(sys.argv[4]).rglob("*.dcm"):
        encoded = pydicom.dcmread(path)
        original = originals[encoded.SOPInstanceUID]
        decoder = get_decoder(encoded.file_meta.TransferSyntaxUID)
        assert encoded.file_meta.TransferSyntaxUID.is_encapsulated
        assert len(encoded.PixelData) < len(original.PixelData)
        for plugin in decoder.available_plugins:
            array = decoder.as_array(encoded, raw=True, decoding_plugin=plugin)[0]
            assert np.array_equal(array, original.pixel_array), (path, plugin)
            compared += 1
    assert compared >= len(series), compared
    sys.exit()

import nibabel

iop = np.array(series[0].ImageOrientationPatient, float)
normal = np.cross(iop[:3], iop[3:])
series.sort(key=lambda d: np.dot(normal, np.array(d.ImagePositionPatient, float)))
stored = np.stack([d.pixel_array for d in series])
values = np.stack([d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept) for d in series])
folder = sys.argv[2]
a, b = np.load(folder + "/a.npy"), np.load(folder + "/b.npy")
assert a.dtype == stored.dtype and np.array_equal(a, stored), (a.dtype, stored.dtype)
assert b.dtype == np.float32 and np.array_equal(b, values)
first, last = np.array(series[0].ImagePositionPatient, float), np.array(series[-1].ImagePositionPatient, float)
row, column = (float(x) for x in series[0].PixelSpacing)
affine = np.eye(4)
affine[:3, 0], affine[:3, 1] = iop[:3] * column, iop[3:] * row
affine[:3, 2], affine[:3, 3] = (last - first) / (len(series) - 1), first
affine[:2] *= -1
for name, expected in (("a.nii.gz", values), ("a.nii", stored)):
    image = nibabel.load(folder + "/" + name)
    assert np.array_equal(np.asanyarray(image.dataobj), expected.T), name
    assert np.abs(image.affine - affine).max() < 1e-3, (image.affine, affine)
