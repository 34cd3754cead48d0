import DICOMCoding
public import DICOMCore
import DICOMDictionary

extension Series {
    /// The image series in files and folders, each sorted, in the order of their first files; headers only are read.
    ///
    /// - Parameter paths: Files and folders.
    /// - Returns: The series, and each file that is part of none with the reason.
    /// - Throws: ``DICOMError`` when a folder cannot be listed.
    public static func found(
        in paths: [String]
    ) throws(DICOMError) -> (series: [Series], skipped: [(path: String, reason: DICOMError)]) {
        var groups: [[Instance]] = []
        var positions: [String: Int] = [:]
        var skipped: [(String, DICOMError)] = []
        for (path, result) in try DICOMFolder.read(paths, { try Instance(path: $0) }) {
            switch result {
            case .failure(let error): skipped.append((path, error))
            case .success(let instance):
                guard instance.pixelVR != nil else {
                    skipped.append((path, DICOMError(.missingPixelData, "it is no image: there are no pixel data")))
                    continue
                }
                let key = instance.header[.seriesInstanceUID]?.string ?? path
                if let position = positions[key] {
                    groups[position].append(instance)
                } else {
                    positions[key] = groups.count
                    groups.append([instance])
                }
            }
        }
        var series: [Series] = []
        for group in groups { series.append(try Series(group)) }
        return (series, skipped)
    }
}
