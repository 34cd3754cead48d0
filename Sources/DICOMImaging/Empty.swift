// DICOMImaging
