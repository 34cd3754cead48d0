import CCharLS
import DICOMImaging
