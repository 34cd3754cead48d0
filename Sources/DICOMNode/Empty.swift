// DICOMNode
