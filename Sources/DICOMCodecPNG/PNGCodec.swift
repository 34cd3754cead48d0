import CPNG
import DICOMImaging
