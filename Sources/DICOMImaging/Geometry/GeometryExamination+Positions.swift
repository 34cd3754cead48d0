extension GeometryExamination {
    /// Examines the sorted positions: duplicates, gaps, unequal distances, a step that is not along the normal.
    ///
    /// - Returns: The step from slice to slice, mm; nil when no step describes the positions.
    mutating func findPositions(normal: SIMD3<Double>) -> (vector: SIMD3<Double>, isAssumed: Bool)? {
        guard placed.count > 1 else { return assumedStep(normal: normal) }
        let distinct = findDuplicates()
        guard distinct.count > 1 else { return nil }
        let step = (distinct[distinct.count - 1].position - distinct[0].position) / Double(distinct.count - 1)
        let tolerance = GeometryTolerance.position(step: length(step)) + 1e-9
        let deviations = distinct.enumerated().map { index, place in
            length(place.position - (distinct[0].position + step * Double(index)))
        }
        if deviations.contains(where: { $0 > tolerance }) {
            findGaps(in: distinct, normal: normal, deviation: deviations.max() ?? 0)
            return nil
        }
        findShear(of: step, times: distinct.count - 1, normal: normal)
        if distinct.count == 2 {
            notes.append(
                GeometryFinding(
                    .fewSlices, instances: placed.map(\.index),
                    "There are two slices only, \(millimetres(length(step))) apart: no third confirms that none is missing."
                ))
        }
        return (step, false)
    }

    /// A place in the stack and the first of the instances that are there.
    struct Place {
        let position: SIMD3<Double>
        var indices: [Int]
    }

    /// One slice: its normal × |Spacing Between Slices|, else × Slice Thickness; marked as assumed.
    private mutating func assumedStep(normal: SIMD3<Double>) -> (vector: SIMD3<Double>, isAssumed: Bool)? {
        guard let only = placed.first else { return nil }
        let instance = instances[only.index]
        let candidates = [
            ("Spacing Between Slices", instance.spacingBetweenSlices.map { abs($0) }),
            ("Slice Thickness", instance.sliceThickness),
        ]
        for case (let name, let value?) in candidates where value > 0 && value <= GeometryTolerance.farthest {
            notes.append(
                GeometryFinding(
                    .assumedSliceStep, instances: [only.index],
                    "There is one slice only; its extent of \(millimetres(value)) is assumed from \(name)."))
            return (normal * value, true)
        }
        findings.append(
            GeometryFinding(
                .missingAttribute, instances: [only.index],
                "There is one slice only, and neither Spacing Between Slices nor Slice Thickness says how thick it is.")
        )
        return nil
    }

    /// Gathers the instances of each place and reports the places that have several.
    private mutating func findDuplicates() -> [Place] {
        var places: [Place] = []
        for (index, plane) in placed {
            if let last = places.last, length(plane.position - last.position) <= 0.01 {
                places[places.count - 1].indices.append(index)
            } else {
                places.append(Place(position: plane.position, indices: [index]))
            }
        }
        let crowded = places.filter { $0.indices.count > 1 }
        guard let first = crowded.first else { return places }
        let text: String
        if places.count > 1, crowded.count == places.count,
            crowded.allSatisfy({ $0.indices.count == first.indices.count })
        {
            text =
                "Each of the \(places.count) slice positions occurs \(first.indices.count) times; several time points, "
                + "echoes or reconstructions in one series have to be taken apart first."
        } else {
            text =
                "Several instances have the same position: "
                + enumerated(crowded.map { names($0.indices) }, atMost: 3) + "."
        }
        findings.append(GeometryFinding(.duplicatePosition, instances: crowded.flatMap(\.indices), text))
        return places
    }

    /// Says why positions are not on one line at equal distances: slices missing in between, or something else.
    private mutating func findGaps(in places: [Place], normal: SIMD3<Double>, deviation: Double) {
        let gaps = zip(places, places.dropFirst()).map { dot($1.position - $0.position, normal) }
        let sorted = gaps.sorted()
        let candidates = [sorted[(sorted.count - 1) / 2], sorted[0]]
        for base in candidates where base > 0.01 {
            let multiples = gaps.map { wholeMultiple(of: base, in: $0) }
            guard multiples.allSatisfy({ $0 != nil }), multiples.contains(where: { ($0 ?? 1) > 1 }) else { continue }
            for (index, multiple) in multiples.enumerated() {
                guard let multiple, multiple > 1 else { continue }
                report(
                    missing: multiple - 1, between: places[index], and: places[index + 1], base: base, gap: gaps[index])
            }
            return
        }
        let (least, most) = (sorted[0], sorted[sorted.count - 1])
        findings.append(
            GeometryFinding(
                .nonUniformSpacing, instances: places.flatMap(\.indices),
                "The slices are not at equal distances: neighbours are \(millimetres(least)) to \(millimetres(most)) apart"
                    + widest(gaps, places: places, most: most)
                    + ", and positions deviate from equal steps by up to \(millimetres(deviation))."))
    }

    private func widest(_ gaps: [Double], places: [Place], most: Double) -> String {
        guard let index = gaps.firstIndex(of: most) else { return "" }
        return " (the widest between \(names([places[index].indices[0]])) and \(names([places[index + 1].indices[0]])))"
    }

    /// How many times `base` a gap is, if it is a whole number of times.
    private func wholeMultiple(of base: Double, in gap: Double) -> Int? {
        let ratio = gap / base
        guard ratio > 0.5, ratio < 1e6 else { return nil }
        let multiple = Int(ratio + 0.5)
        let tolerance = GeometryTolerance.position(step: base) * Double(multiple)
        return abs(gap - Double(multiple) * base) <= tolerance ? multiple : nil
    }

    private mutating func report(missing count: Int, between first: Place, and second: Place, base: Double, gap: Double)
    {
        let slices = count == 1 ? "One slice is" : "\(count) slices are"
        findings.append(
            GeometryFinding(
                .missingSlice, instances: [first.indices[0], second.indices[0]],
                "\(slices) missing between \(names([first.indices[0]])) and \(names([second.indices[0]])): they are "
                    + "\(millimetres(gap)) apart where the other slices are \(millimetres(base)) apart."))
    }

    /// Reports a step that leaves the normal by more than the directions' tolerance and by more than can be rounding.
    private mutating func findShear(of step: SIMD3<Double>, times count: Int, normal: SIMD3<Double>) {
        let along = dot(step, normal)
        let across = length(step - normal * along)
        guard across > GeometryTolerance.direction * length(step),
            across * Double(count) > GeometryTolerance.position(step: length(step))
        else { return }
        findings.append(
            GeometryFinding(
                .sheared, instances: placed.map(\.index),
                "The slices are not stacked along their normal (gantry tilt): from slice to slice they move by "
                    + "\(millimetres(across)) sideways and \(millimetres(along)) along the normal."))
    }
}
