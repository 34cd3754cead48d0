// DICOMDictionary
