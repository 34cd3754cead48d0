import DICOMCoding
public import DICOMCore
import DICOMDictionary
public import DICOMImaging

extension Grinder where Value == Volume<RGBVoxel> {
    /// The colours of the images: slices × rows × columns.
    public static func colorVolume(policy: GeometryPolicy = .reject) -> Self {
        Grinder { try $0.series().colorVolume(policy: policy) }
    }
}

extension Grinder where Value == Volume<Float> {
    /// A PET series as standardized uptake values: slices × rows × columns.
    public static func suv(_ type: SUVType = .bodyWeight, policy: GeometryPolicy = .reject) -> Self {
        Grinder { try $0.series().suvVolume(type, policy: policy) }
    }
}

extension Grinder {
    /// The volumes of a dynamic series: time points, gates, b-values or echoes.
    ///
    /// - Parameters:
    ///   - keys: What to tell them apart by; nil: what is found.
    ///   - policy: What to do with volumes that are not uniform.
    ///   - unit: What the numbers have to be; nil: whatever the series says.
    public static func volumes<Scalar: VoxelScalar>(
        of scalar: Scalar.Type = Scalar.self, by keys: [SequenceKey]? = nil, policy: GeometryPolicy = .reject,
        unit: VoxelUnit? = nil
    ) -> Grinder<VolumeSequence<Scalar>> where Value == VolumeSequence<Scalar> {
        Grinder { instances in
            let sequence = try instances.series().volumeSequence(of: scalar, by: keys, policy: policy)
            for volume in sequence.volumes { _ = try volume.required(in: unit) }
            return sequence
        }
    }
}

extension Volume {
    func required(in unit: VoxelUnit?) throws(DICOMError) -> Self {
        guard let unit, unit != self.unit else { return self }
        throw DICOMError(
            .mismatchedVolumes,
            "the volume is in \(self.unit?.description ?? "no unit") and should be in \(unit); accept other series, or convert it"
        )
    }
}

extension Grinder where Value == [SeriesPart] {
    /// The parts of a dynamic series, each a series whose volume is lazy.
    ///
    /// - Parameter keys: What to tell them apart by; nil: what is found.
    public static func parts(by keys: [SequenceKey]? = nil) -> Self {
        Grinder { try $0.series().parts(by: keys).parts }
    }
}

/// A NIfTI file that was made of an input, for an algorithm that reads files.
public struct NIfTIFile: Sendable {
    /// In the job's working directory, which is removed with the job.
    public let path: String
    /// Where its voxels are, for what comes back.
    public let space: Space
}

extension Grinder where Value == NIfTIFile {
    /// The images as a NIfTI file in the job's working directory, 32-bit floats in the unit of the modality; several volumes
    /// become the fourth dimension.
    ///
    /// - Parameters:
    ///   - name: The file's name; nil: that of the input, with `.nii.gz`.
    ///   - policy: What to do with a series that is not uniform.
    public static func nifti(named name: String? = nil, policy: GeometryPolicy = .reject) -> Self {
        Grinder { instances in
            let sequence = try instances.series().volumeSequence(of: Float.self, policy: policy)
            let image = sequence.count == 1 ? NIfTIImage(sequence[0]) : NIfTIImage(sequence)
            let file = name ?? instances.name + ".nii.gz"
            guard !file.contains("/"), file != "..", !file.isEmpty else {
                throw DICOMError(.invalidValue, "'\(file)' is no name of a file in the working directory")
            }
            let path = instances.workingDirectory + "/" + file
            try image.write(to: path)
            return NIfTIFile(path: path, space: sequence.space)
        }
    }
}

extension Grinder where Value == RTStructureSet {
    /// The RT Structure Set among the instances; its regions become masks by ``RegionOfInterest/mask(on:policy:)``.
    ///
    /// It throws when there is none, or more than one.
    public static var structures: Self {
        Grinder { instances in
            let sets = try instances.paths.filter {
                try DICOMFile.readHeader($0).dataSet[.sopClassUID] == .rtStructureSetStorage
            }
            guard sets.count == 1 else {
                throw DICOMError(.invalidValue, "the input has \(sets.count) RT Structure Sets, but one is expected")
            }
            return try RTStructureSet(path: sets[0])
        }
    }
}

/// The instances of an input as patient, study, series and instance.
public struct InstanceTree: Sendable {
    public struct Patient: Sendable {
        /// Patient ID.
        public let patientID: String?
        public let studies: [Study]
    }

    public struct Study: Sendable {
        public let studyInstanceUID: UID?
        public let series: [Series]
    }

    public struct Series: Sendable {
        public let seriesInstanceUID: UID?
        public let modality: String?
        /// In the order of their instance numbers; images or not.
        public let instances: [DICOMImaging.Series.Instance]

        /// The instances as an image series, sorted along its normal.
        ///
        /// - Throws: `DICOMError` when there is none.
        public func images() throws(DICOMError) -> DICOMImaging.Series { try DICOMImaging.Series(instances) }
    }

    public let patients: [Patient]

    /// In the order in which patients, studies and series are first met.
    init(_ instances: [DICOMImaging.Series.Instance]) {
        patients = Self.groups(instances) { $0.header[.patientID] }.map { patientID, instances in
            let studies = Self.groups(instances) { $0.header[.studyInstanceUID] }.map { study, instances in
                let series = Self.groups(instances) { $0.header[.seriesInstanceUID] }.map { uid, instances in
                    Series(
                        seriesInstanceUID: uid, modality: instances[0].header[.modality],
                        instances: Self.byNumber(instances))
                }
                return Study(studyInstanceUID: study, series: series)
            }
            return Patient(patientID: patientID, studies: studies)
        }
    }

    private static func groups<Key: Hashable>(
        _ instances: [DICOMImaging.Series.Instance], by key: (DICOMImaging.Series.Instance) -> Key?
    ) -> [(key: Key?, instances: [DICOMImaging.Series.Instance])] {
        var groups: [(key: Key?, instances: [DICOMImaging.Series.Instance])] = []
        var positions: [Key?: Int] = [:]
        for instance in instances {
            let key = key(instance)
            if let position = positions[key] {
                groups[position].instances.append(instance)
            } else {
                positions[key] = groups.count
                groups.append((key, [instance]))
            }
        }
        return groups
    }

    private static func byNumber(_ instances: [DICOMImaging.Series.Instance]) -> [DICOMImaging.Series.Instance] {
        let numbers = instances.map { $0.header[.instanceNumber] ?? .max }
        let order = instances.indices.sorted { numbers[$0] == numbers[$1] ? $0 < $1 : numbers[$0] < numbers[$1] }
        return order.map { instances[$0] }
    }
}

extension Grinder where Value == InstanceTree {
    /// All instances by patient, study and series; headers only.
    public static var tree: Self {
        Grinder { instances in
            InstanceTree(try instances.paths.map { try Series.Instance(path: $0) })
        }
    }
}
