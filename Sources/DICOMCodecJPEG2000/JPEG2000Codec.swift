import COpenJPEG
import DICOMImaging
