// DICOMTesting
