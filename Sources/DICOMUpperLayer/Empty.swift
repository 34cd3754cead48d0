// DICOMUpperLayer
