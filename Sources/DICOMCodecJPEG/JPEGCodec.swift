import CJPEG
import DICOMImaging
