public import DICOMCore
import DICOMDictionary
import DICOMImaging

extension PhantomSeries {
    /// The data sets of all slices, in the order of the slices.
    public var dataSets: [DataSet] {
        (0..<space.slices).map(dataSet(slice:))
    }

    /// The data set of one slice: a CT Image (PS3.3 A.3) or an MR Image (PS3.3 A.4).
    public func dataSet(slice: Int) -> DataSet {
        var dataSet = DataSet()
        setPatientAndStudy(&dataSet)
        setSeries(&dataSet)
        setImage(&dataSet, slice: slice)
        setModality(&dataSet)
        setPixels(&dataSet, slice: slice)
        return dataSet
    }

    private func setPatientAndStudy(_ dataSet: inout DataSet) {
        if !(patientName + patientID).utf8.allSatisfy({ $0 < 0x80 }) {
            dataSet[.specificCharacterSet] = ["ISO_IR 192"]
        }
        dataSet[.patientName] = patientName
        dataSet[.patientID] = patientID
        dataSet[.patientBirthDate] = "19700101"
        dataSet[.patientSex] = "O"
        dataSet[.studyInstanceUID] = studyInstanceUID
        dataSet[.studyDate] = "20260102"
        dataSet[.studyTime] = "101500"
        dataSet.setEmpty(.referringPhysicianName)
        dataSet[.studyID] = "1"
        dataSet.setEmpty(.accessionNumber)
        dataSet[.studyDescription] = "Phantom"
    }

    private func setSeries(_ dataSet: inout DataSet) {
        dataSet[.modality] = modality.rawValue
        dataSet[.seriesInstanceUID] = seriesInstanceUID
        dataSet[.seriesNumber] = 2
        dataSet[.seriesDate] = "20260102"
        dataSet[.seriesTime] = "102000"
        dataSet[.seriesDescription] = "Phantom \(orientation.rawValue)"
        dataSet[.patientPosition] = "HFS"
        dataSet[.bodyPartExamined] = "HEAD"
        dataSet[.frameOfReferenceUID] = space.frameOfReferenceUID
        dataSet.setEmpty(.positionReferenceIndicator)
        dataSet[.manufacturer] = "DICOMNode"
        dataSet[.manufacturerModelName] = "Phantom"
        dataSet[.softwareVersions] = ["1"]
    }

    private func setImage(_ dataSet: inout DataSet, slice: Int) {
        dataSet[.sopClassUID] = sopClassUID
        dataSet[.sopInstanceUID] = sopInstanceUID(slice: slice)
        dataSet[.instanceNumber] = instanceNumbers[slice]
        dataSet[.acquisitionNumber] = 1
        dataSet[.acquisitionDate] = "20260102"
        dataSet[.acquisitionTime] = "102010"
        dataSet[.contentDate] = "20260102"
        dataSet[.contentTime] = "102010"
        let position = space.imagePosition(slice: slice)
        dataSet[.imagePositionPatient] = [position.x, position.y, position.z]
        dataSet[.imageOrientationPatient] = space.imageOrientation
        dataSet[.pixelSpacing] = space.pixelSpacing
        dataSet[.sliceThickness] = space.sliceSpacing * 0.8
    }

    private func setModality(_ dataSet: inout DataSet) {
        switch modality {
        case .ct:
            dataSet[.imageType] = ["ORIGINAL", "PRIMARY", "AXIAL"]
            dataSet[.kvp] = 120
            dataSet[.rescaleIntercept] = -1024
            dataSet[.rescaleSlope] = 1
        case .mr:
            dataSet[.imageType] = ["ORIGINAL", "PRIMARY", "OTHER"]
            dataSet[.scanningSequence] = ["GR"]
            dataSet[.sequenceVariant] = ["NONE"]
            dataSet.setEmpty(.scanOptions)
            dataSet[.mrAcquisitionType] = "2D"
            dataSet[.repetitionTime] = 500
            dataSet[.echoTime] = 8
            dataSet[.echoTrainLength] = 1
        }
    }

    private func setPixels(_ dataSet: inout DataSet, slice: Int) {
        dataSet[.samplesPerPixel] = 1
        dataSet[.photometricInterpretation] = "MONOCHROME2"
        dataSet[.rows] = space.rows
        dataSet[.columns] = space.columns
        dataSet[.bitsAllocated] = 16
        dataSet[.bitsStored] = 12
        dataSet[.highBit] = 11
        dataSet[.pixelRepresentation] = 0
        let size = space.rows * space.columns * 2
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var position = 0
            for row in 0..<space.rows {
                for column in 0..<space.columns {
                    let value = storedValue(slice: slice, row: row, column: column)
                    buffer[position] = UInt8(truncatingIfNeeded: value)
                    buffer[position + 1] = UInt8(truncatingIfNeeded: value >> 8)
                    position += 2
                }
            }
            count = size
        }
        dataSet[element: Attribute.pixelData.tag] = DataElement(Attribute.pixelData.tag, .ow, .bytes(bytes[...]))
    }
}
