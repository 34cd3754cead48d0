import DICOMCoding
import DICOMCore
import DICOMImaging
import DICOMNetwork
import Glibc

/// An instance that is safe on the disk, with what is needed to decide about its inputs.
struct StoredInstance: Sendable {
    var path: String
    let sopInstanceUID: UID
    let studyInstanceUID: UID
    let seriesInstanceUID: UID
    /// Where its slices are: one, or those of a multi-frame image.
    let slices: [InstanceGeometry]
    /// The positions of the inputs that accepted it.
    let inputs: [Int]
    /// The job that has the same content among its inputs.
    var job: Int64?
    let birthDate: String?
    let sex: String?

    init(header: DataSet, path: String, inputs: [Int]) {
        self.path = path
        sopInstanceUID = header[.sopInstanceUID] ?? UID("")
        studyInstanceUID = header[.studyInstanceUID] ?? UID("")
        seriesInstanceUID = header[.seriesInstanceUID] ?? UID("")
        slices = InstanceGeometry.slices(of: header)
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
        guard var value = header[attribute], !value.isEmpty else { return nil }
        if value.unicodeScalars.contains("\u{FFFD}"), let bytes = header[element: attribute.tag]?.bytes {
            // Text in a character set that is not decoded: its bytes tell two patients apart, the replacement does not.
            value =
                header.characterSet.terms.joined(separator: "\\")
                + bytes.map { String($0, radix: 16) }.joined(separator: " ")
        }
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

    /// Objects larger than this are compared by their bytes alone.
    private static let largestParsed = 1 << 30

    /// Compares a new Part 10 file with one that is stored: the encoded bytes first, which settles the usual case in
    /// little memory, then what they mean. A stored file that cannot be read agrees with nothing.
    init(_ new: String, _ stored: String) throws(DICOMError) {
        let instance = try OutgoingInstance(path: new)
        let other: OutgoingInstance
        do throws(DICOMError) { other = try OutgoingInstance(path: stored) } catch {
            guard error.isOfTheData else { throw error }
            self = .pixelData
            return
        }
        if instance.transferSyntax == other.transferSyntax, try Self.bytesAgree(instance, other) {
            self = .same
        } else if max(instance.dataSetLength, other.dataSetLength) > Self.largestParsed {
            self = .pixelData
        } else {
            self = try Self.parsed(new, stored)
        }
    }

    private static func bytesAgree(_ left: OutgoingInstance, _ right: OutgoingInstance) throws(DICOMError) -> Bool {
        guard left.dataSetLength == right.dataSetLength else { return false }
        let leftFile = try PosixFile(left.path, O_RDONLY)
        let rightFile = try PosixFile(right.path, O_RDONLY)
        let step = 1 << 20
        for offset in stride(from: 0, to: left.dataSetLength, by: step) {
            let count = min(step, left.dataSetLength - offset)
            let leftBytes = try leftFile.read(at: left.dataSetOffset + offset, count: count)
            let rightBytes = try rightFile.read(at: right.dataSetOffset + offset, count: count)
            guard leftBytes == rightBytes else { return false }
        }
        return true
    }

    private static func parsed(_ new: String, _ stored: String) throws(DICOMError) -> InstanceComparison {
        let left = try DICOMFile.read(new)
        let right: DICOMFile
        do throws(DICOMError) { right = try DICOMFile.read(stored) } catch {
            guard error.isOfTheData else { throw error }
            return .pixelData
        }
        guard pixelsAgree(left.dataSet[element: .pixelData], right.dataSet[element: .pixelData]) else {
            return .pixelData
        }
        return left.dataSet == right.dataSet ? .same : .header
    }

    /// The VR does not count: implicit VR knows OW only, where explicit VR may say OB.
    private static func pixelsAgree(_ left: DataElement?, _ right: DataElement?) -> Bool {
        if let left = left?.bytes, let right = right?.bytes { return left == right }
        return left == right
    }
}
