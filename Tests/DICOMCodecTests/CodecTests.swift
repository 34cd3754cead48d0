import DICOMImaging
import Testing
