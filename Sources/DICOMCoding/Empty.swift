// DICOMCoding
