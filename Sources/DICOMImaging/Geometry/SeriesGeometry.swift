public import DICOMCore

/// The geometry of a series: the order of its slices, the space they fill, and every irregularity found.
///
/// It needs headers only. Slices are ordered by the projection of Image Position (Patient) on the normal; their step is
/// (last − first) / (n − 1), never Slice Thickness. The series is uniform when every position is within 0.01 mm or 1 % of
/// the step (whichever is more) of the line from the first to the last, and the direction cosines agree within 1e-4.
///
/// It cannot see slices that are missing at an end: the first 300 of 500 slices look complete.
public struct SeriesGeometry: Sendable {
    /// Indices into the given instances, along the normal; those without a place come last, by instance number.
    public let order: [Int]
    /// The space of the sorted slices; nil where no affine map describes them.
    public let space: Space?
    /// Every irregularity.
    public let findings: [GeometryFinding]
    /// What is worth knowing and not irregular.
    public let notes: [GeometryFinding]

    /// Whether the slices are regular and without gaps.
    public var isUniform: Bool { findings.isEmpty && space != nil }

    /// All findings as one text; empty for a regular series.
    public var explanation: String {
        findings.map(\.description).joined(separator: " ")
    }

    /// Examines the instances of one series, in any order.
    public init(_ instances: [InstanceGeometry]) {
        var examination = GeometryExamination(instances)
        examination.examine()
        order = examination.order
        findings = examination.findings
        notes = examination.notes
        space = examination.space
    }

    /// The space of the series, where the policy accepts its irregularities.
    ///
    /// - Throws: ``DICOMError`` with the code `unacceptableGeometry` and the sentences of what is not accepted.
    public func space(acceptedBy policy: GeometryPolicy) throws(DICOMError) -> Space {
        let refused = findings.filter { !policy.accepted.contains($0.kind) }
        guard refused.isEmpty, let space else {
            let reasons = refused.isEmpty ? findings : refused
            throw DICOMError(
                .unacceptableGeometry,
                "the series is not a regular stack of slices. " + reasons.map(\.description).joined(separator: " "))
        }
        return space
    }
}

/// The steps by which a ``SeriesGeometry`` is found.
struct GeometryExamination {
    let instances: [InstanceGeometry]
    /// The instances that have a possible place, along the normal once they are sorted.
    var placed: [(index: Int, plane: ImagePlane)] = []
    var order: [Int] = []
    var findings: [GeometryFinding] = []
    var notes: [GeometryFinding] = []
    var space: Space?

    init(_ instances: [InstanceGeometry]) {
        self.instances = instances
    }

    mutating func examine() {
        findPlaces()
        guard !placed.isEmpty else {
            order = instances.indices.sorted(by: precedes)
            if instances.isEmpty {
                findings.append(GeometryFinding(.missingAttribute, "There is no instance."))
            }
            return
        }
        let reference = placed[majority { $0.hasOrientation(of: $1) }].plane
        sort(along: reference.normal)
        comparePlanes(with: reference)
        compareFrames()
        guard !findings.contains(where: { $0.kind == .mixedOrientation }) else { return }
        let step = findPositions(normal: reference.normal)
        let only: Set<GeometryFinding.Kind> = [.sheared]
        guard let step, findings.allSatisfy({ only.contains($0.kind) }) else { return }
        makeSpace(reference: reference, step: step)
    }

    /// Keeps the instances with a place and names the others.
    private mutating func findPlaces() {
        var missing: [String: [Int]] = [:]
        var impossible: [String: [Int]] = [:]
        for (index, instance) in instances.enumerated() {
            guard let plane = instance.plane else {
                missing[enumerated(instance.missingAttributes), default: []].append(index)
                continue
            }
            if let defect = plane.defect {
                impossible[defect, default: []].append(index)
            } else {
                placed.append((index, plane))
            }
        }
        for (attributes, indices) in missing.sorted(by: { $0.key < $1.key }) {
            let verb = indices.count == 1 ? "lacks" : "lack"
            findings.append(
                GeometryFinding(
                    .missingAttribute, instances: indices,
                    "\(capitalised(names(indices))) \(verb) \(attributes), so the place of its voxels is not known."))
        }
        for (defect, indices) in impossible.sorted(by: { $0.key < $1.key }) {
            findings.append(
                GeometryFinding(.invalidGeometry, instances: indices, "In \(names(indices)) \(defect)."))
        }
    }

    /// By instance number, then by index, for what has no better order.
    private func precedes(_ first: Int, _ second: Int) -> Bool {
        let numbers = (instances[first].instanceNumber ?? .max, instances[second].instanceNumber ?? .max)
        return numbers.0 == numbers.1 ? first < second : numbers.0 < numbers.1
    }

    private mutating func sort(along normal: SIMD3<Double>) {
        placed = placed.sorted { first, second in
            let (a, b) = (dot(first.plane.position, normal), dot(second.plane.position, normal))
            return a == b ? precedes(first.index, second.index) : a < b
        }
        let sorted = placed.map(\.index)
        let known = Set(sorted)
        order = sorted + instances.indices.filter { !known.contains($0) }.sorted(by: precedes)
    }

    /// The position in `placed` of an instance that agrees with most of the others.
    private func majority(_ agree: (ImagePlane, ImagePlane) -> Bool) -> Int {
        var groups: [(first: Int, count: Int)] = []
        for (index, item) in placed.enumerated() {
            if let group = groups.firstIndex(where: { agree(placed[$0.first].plane, item.plane) }) {
                groups[group].count += 1
            } else if groups.count < GeometryTolerance.mostStacks {
                groups.append((index, 1))
            }
        }
        return groups.max { $0.count < $1.count }?.first ?? 0
    }

    private mutating func comparePlanes(with reference: ImagePlane) {
        compare(
            .mixedOrientation, { $0.hasOrientation(of: $1) },
            "a different Image Orientation (Patient) than the other slices; several stacks are no volume")
        compare(.mixedMatrix, { $0.hasMatrix(of: $1) }, "a different number of Rows or Columns than the other slices")
        compare(.mixedPixelSpacing, { $0.hasPixelSpacing(of: $1) }, "a different Pixel Spacing than the other slices")
    }

    private mutating func compare(
        _ kind: GeometryFinding.Kind, _ agree: (ImagePlane, ImagePlane) -> Bool, _ what: String
    ) {
        let reference = placed[majority(agree)].plane
        let odd = placed.filter { !agree($0.plane, reference) }.map(\.index)
        guard !odd.isEmpty else { return }
        let verb = odd.count == 1 ? "has" : "have"
        findings.append(GeometryFinding(kind, instances: odd, "\(capitalised(names(odd))) \(verb) \(what)."))
    }

    private mutating func compareFrames() {
        let frames = Set(placed.map { instances[$0.index].frameOfReferenceUID })
        guard frames.count > 1 else { return }
        let stated = frames.compactMap { $0 }.count
        let text =
            stated == frames.count
            ? "The instances have \(stated) different Frame of Reference UIDs, so their positions cannot be compared."
            : "Some instances have a Frame of Reference UID and others have none, so their positions cannot be compared."
        findings.append(GeometryFinding(.mixedFrameOfReference, instances: placed.map(\.index), text))
    }

    private mutating func makeSpace(reference: ImagePlane, step: (vector: SIMD3<Double>, isAssumed: Bool)) {
        guard let first = placed.first else { return }
        do throws(DICOMError) {
            space = try Space(
                origin: first.plane.position, columnDirection: first.plane.columnDirection,
                rowDirection: first.plane.rowDirection, rowSpacing: first.plane.rowSpacing,
                columnSpacing: first.plane.columnSpacing, sliceStep: step.vector, columns: first.plane.columns,
                rows: first.plane.rows, slices: placed.count,
                frameOfReferenceUID: instances[first.index].frameOfReferenceUID, isSliceStepAssumed: step.isAssumed)
        } catch {
            findings.append(
                GeometryFinding(.invalidGeometry, instances: placed.map(\.index), capitalised(error.message) + "."))
        }
    }

    func names(_ indices: [Int]) -> String {
        enumerated(indices.map { instances[$0].name })
    }
}

/// The text with a capital at its start.
func capitalised(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
}
