import DICOMCoding
import DICOMCore
import DICOMImaging

/// An instance that is safe on the disk, with what is needed to decide about its inputs.
struct StoredInstance: Sendable {
    var path: String
    let sopInstanceUID: UID
    let studyInstanceUID: UID
    let seriesInstanceUID: UID
    let geometry: InstanceGeometry
    /// The positions of the inputs that accepted it.
    let inputs: [Int]
    let birthDate: String?
    let sex: String?

    init(header: DataSet, path: String, inputs: [Int]) {
        self.path = path
        sopInstanceUID = header[.sopInstanceUID] ?? UID("")
        studyInstanceUID = header[.studyInstanceUID] ?? UID("")
        seriesInstanceUID = header[.seriesInstanceUID] ?? UID("")
        geometry = InstanceGeometry(dataSet: header)
        self.inputs = inputs
        birthDate = header[.patientBirthDate]
        sex = header[.patientSex]
    }

    /// The file name of an instance: its UID, or where that is not one, something that is safe as a name.
    static func fileName(of uid: UID, _ directory: StateDirectory) -> String {
        (uid.isValid ? uid.string : "x" + directory.pseudonym(of: uid.string)) + ".dcm"
    }
}

/// Who an instance belongs to.
struct PatientKey: Hashable, Sendable {
    /// The identifier, trimmed, and its issuer where the data set states one.
    let identifier: String

    /// `nil` when the data set lacks the identifier, or it is empty.
    init?(_ header: DataSet, identifiedBy attribute: Attribute<String>) {
        guard let value = header[attribute], !value.isEmpty else { return nil }
        if attribute == .patientID, let issuer = header[.issuerOfPatientID], !issuer.isEmpty {
            identifier = value + "\\" + issuer
        } else {
            identifier = value
        }
    }
}

/// How two files of one SOP Instance UID differ.
enum InstanceComparison: Sendable {
    case same
    /// The pixel data agree, something else does not.
    case header
    case pixelData

    /// Compares two Part 10 files: the encoded bytes first, which settles the usual case, then what they mean.
    init(_ first: String, _ second: String) throws(DICOMError) {
        let left = try DICOMFile.read(first)
        let right = try DICOMFile.read(second)
        if Self.pixelsAgree(left.dataSet[element: .pixelData], right.dataSet[element: .pixelData]) {
            self = left.dataSet == right.dataSet ? .same : .header
        } else {
            self = .pixelData
        }
    }

    /// The VR does not count: implicit VR knows OW only, where explicit VR may say OB.
    private static func pixelsAgree(_ left: DataElement?, _ right: DataElement?) -> Bool {
        if let left = left?.bytes, let right = right?.bytes { return left == right }
        return left == right
    }
}
