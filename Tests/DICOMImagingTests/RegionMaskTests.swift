import DICOMCore
import DICOMImaging
import DICOMTesting
import Foundation
import Testing

/// Masks of contours, against point tests of their own at the centres of the voxels.
struct RegionMaskTests {
    static let frame: UID = "1.2.3.4"

    /// Slices in no special direction, with voxels that are no cubes.
    static func oblique(columns: Int = 40, rows: Int = 32, slices: Int = 3) throws -> Space {
        try Space(
            origin: SIMD3(-71.3, 12.7, 230.9), columnDirection: SIMD3(0.9541666, -0.2080757, 0.2151061),
            rowDirection: SIMD3(0.2785886, 0.880128, -0.3843997), rowSpacing: 1.7, columnSpacing: 0.9,
            sliceStep: SIMD3(-0.27, 0.97, 1.98), columns: columns, rows: rows, slices: slices,
            frameOfReferenceUID: frame)
    }

    static func contour(
        _ corners: [SIMD2<Double>], slice: Double = 1, on space: Space, number: Int = 1,
        _ geometry: Contour.Geometry = .closedPlanar
    ) -> Contour {
        Contour(
            number: number, geometry: geometry,
            points: corners.map { space.point(at: SIMD3($0.x, $0.y, slice)) })
    }

    static func region(_ contours: [Contour]) -> RegionOfInterest {
        RegionOfInterest(number: 7, name: "test", frameOfReferenceUID: frame, contours: contours)
    }

    /// Even-odd by counting the sides to the left, in doubles or, where the corners are whole numbers, exactly.
    static func isInside(_ column: Int, _ row: Int, _ corners: [SIMD2<Double>]) -> Bool {
        let (x, y) = (Double(column), Double(row))
        var inside = false
        for (a, b) in zip(corners, corners.dropFirst() + corners.prefix(1)) where (a.y <= y) != (b.y <= y) {
            let (low, high) = a.y < b.y ? (a, b) : (b, a)
            // The crossing is at or left of x.
            if (x - low.x) * (high.y - low.y) >= (high.x - low.x) * (y - low.y) { inside.toggle() }
        }
        return inside
    }

    static func expectMask(
        _ mask: Volume<UInt8>, slice: Int = 1, _ comment: Comment? = nil, isInside: (Int, Int) -> Bool
    ) {
        var differences = 0
        for row in 0..<mask.rows {
            for column in 0..<mask.columns where (mask[slice, row, column] == 1) != isInside(column, row) {
                differences += 1
            }
        }
        #expect(differences == 0, comment)
    }

    static func dice(_ mask: Volume<UInt8>, slice: Int = 1, isInside: (Double, Double) -> Bool) -> Double {
        var (ours, theirs, both) = (0, 0, 0)
        for row in 0..<mask.rows {
            for column in 0..<mask.columns {
                let (a, b) = (mask[slice, row, column] == 1, isInside(Double(column), Double(row)))
                ours += a ? 1 : 0
                theirs += b ? 1 : 0
                both += a && b ? 1 : 0
            }
        }
        return 2 * Double(both) / Double(ours + theirs)
    }

    static func circle(_ x: Double, _ y: Double, radius: Double, corners: Int = 2000) -> [SIMD2<Double>] {
        (0..<corners).map { index in
            let angle = Double(index) / Double(corners) * 2 * .pi
            return SIMD2(x + radius * cos(angle), y + radius * sin(angle))
        }
    }

    // MARK: - Even-odd

    @Test(arguments: [true, false]) func randomPolygonsEqualAPointTest(whole: Bool) throws {
        let space = try Self.oblique()
        var generator = SeededGenerator(seed: whole ? 11 : 12)
        for round in 0..<120 {
            let corners = (0..<Int.random(in: 3...12, using: &generator)).map { _ in
                let corner = SIMD2(
                    Double.random(in: -10...50, using: &generator), Double.random(in: -10...42, using: &generator))
                return whole ? corner.rounded(.toNearestOrEven) : corner
            }
            let mask = try Self.region([Self.contour(corners, on: space)]).mask(on: space)
            #expect(mask.findings.isEmpty)
            Self.expectMask(mask.volume, "polygon \(round)") { Self.isInside($0, $1, corners) }
            Self.expectMask(mask.volume, slice: 0) { _, _ in false }
        }
    }

    /// A mesh over the whole slice, its corners partly on centres of voxels: every voxel is in exactly one of its quads.
    @Test(arguments: [true, false]) func neighboursShareNoVoxelAndLoseNone(whole: Bool) throws {
        let space = try Self.oblique()
        var generator = SeededGenerator(seed: 21)
        let (across, down) = (8, 7)
        let corners = (0...down).map { j in
            (0...across).map { i in
                let jitter = SIMD2(
                    Double.random(in: -2...2, using: &generator), Double.random(in: -2...2, using: &generator))
                let corner = SIMD2(Double(i) * 6 - 4, Double(j) * 6 - 4) + jitter
                return whole ? corner.rounded(.toNearestOrEven) : corner
            }
        }
        var count = [Int](repeating: 0, count: space.columns * space.rows)
        for j in 0..<down {
            for i in 0..<across {
                // Each in a sense of its own.
                var quad = [corners[j][i], corners[j][i + 1], corners[j + 1][i + 1], corners[j + 1][i]]
                if (i + j) % 2 == 0 { quad.reverse() }
                let mask = try Self.region([Self.contour(quad, on: space)]).mask(on: space).volume
                for index in count.indices {
                    count[index] += Int(mask[1, index / space.columns, index % space.columns])
                }
            }
        }
        #expect(count.allSatisfy { $0 == 1 })
    }

    @Test func aSideOnCentresIsInsideTowardsHigherIndices() throws {
        let space = try Self.oblique()
        let square = [SIMD2(3.0, 2), SIMD2(8, 2), SIMD2(8, 6), SIMD2(3, 6)]
        let mask = try Self.region([Self.contour(square, on: space)]).mask(on: space)
        Self.expectMask(mask.volume) { (3..<8).contains($0) && (2..<6).contains($1) }
        #expect(mask.voxelCount == 20)
        let exact = 20 * 1.7 * 0.9
        #expect(abs(mask.areas[1] - exact) < 1e-4 * exact && mask.areas[0] == 0)
        let centroid = try #require(mask.centroid)
        #expect(isClose(centroid, space.point(at: SIMD3(5, 3.5, 1))))
        let volume = exact * abs(dotProduct(space.sliceStep, space.normal)) / 1000
        #expect(abs(mask.millilitres - volume) < 1e-4 * volume)
    }

    private func dotProduct(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double { (a * b).sum() }

    // MARK: - Shapes

    @Test func circleStarAnnulusAndKeyhole() throws {
        let space = try Self.oblique(columns: 150, rows: 141)
        let (x, y) = (70.3, 68.8)
        let outer = Self.circle(x, y, radius: 61.7)
        let inner = Self.circle(x, y, radius: 30.2)
        func distance(_ a: Double, _ b: Double) -> Double { ((a - x) * (a - x) + (b - y) * (b - y)).squareRoot() }

        let circle = try Self.region([Self.contour(outer, on: space)]).mask(on: space)
        #expect(Self.dice(circle.volume) { distance($0, $1) < 61.7 } >= 0.9995)
        let area = Double.pi * 61.7 * 61.7 * 1.7 * 0.9
        #expect(abs(Self.contour(outer, on: space).area - area) < 1e-3 * area)

        let rings: [(ContourPolicy, Contour.Geometry, Bool)] = [
            (.strict, .closedPlanar, true), (ContourPolicy(overlap: .union), .closedPlanar, false),
            (.strict, .closedPlanarXOR, true), (ContourPolicy(overlap: .union), .closedPlanarXOR, true),
        ]
        for (policy, geometry, hasHole) in rings {
            for contours in [[outer, inner], [inner, outer]] {
                let region = Self.region(
                    contours.enumerated().map { Self.contour($1, on: space, number: $0 + 1, geometry) })
                let mask = try region.mask(on: space, policy: policy)
                #expect(
                    Self.dice(mask.volume) { distance($0, $1) < 61.7 && !(hasHole && distance($0, $1) < 30.2) }
                        >= 0.9995)
                #expect(mask.findings.map(\.kind) == (geometry == .closedPlanar ? [.overlappingContours] : []))
            }
        }
        let keyhole = outer + outer.prefix(1) + inner.prefix(1) + inner.dropFirst().reversed() + inner.prefix(1)
        let mask = try Self.region([Self.contour(keyhole, on: space)]).mask(on: space)
        #expect(Self.dice(mask.volume) { (30.2..<61.7).contains(distance($0, $1)) } >= 0.9995)
        #expect(mask.findings.isEmpty)
        let ring = Double.pi * (61.7 * 61.7 - 30.2 * 30.2) * 1.7 * 0.9
        #expect(abs(Self.contour(keyhole, on: space).area - ring) < 1e-3 * ring)

        // A star of five points drawn with one stroke: its middle is outside by even-odd.
        let star = (0..<5).map { index in
            let angle = Double(index * 2 % 5) / 5 * 2 * .pi
            return SIMD2(x + 60 * cos(angle), y + 60 * sin(angle))
        }
        let starred = try Self.region([Self.contour(star, on: space)]).mask(on: space)
        #expect(starred.volume[1, 69, 70] == 0)
        Self.expectMask(starred.volume) { Self.isInside($0, $1, star) }
    }

    @Test func unionIsWhatAnyContourEncloses() throws {
        let space = try Self.oblique()
        let a = [SIMD2(2.0, 2), SIMD2(20, 2), SIMD2(20, 20), SIMD2(2, 20)]
        let b = a.map { $0 + 9 }
        let region = Self.region([Self.contour(a, on: space), Self.contour(b, on: space, number: 2)])
        let union = try region.mask(on: space, policy: ContourPolicy(overlap: .union))
        Self.expectMask(union.volume) { Self.isInside($0, $1, a) || Self.isInside($0, $1, b) }
        let evenOdd = try region.mask(on: space)
        Self.expectMask(evenOdd.volume) { Self.isInside($0, $1, a) != Self.isInside($0, $1, b) }
        #expect(evenOdd.findings.first?.contours == [2])
    }

    // MARK: - Planes

    static let square = [SIMD2(3.0, 2), SIMD2(8, 2), SIMD2(8, 6), SIMD2(3, 6)]

    @Test func contoursGoToTheNearestSlice() throws {
        let space = try Self.oblique(slices: 4)
        let cases: [(Double, Int?, StructureFinding.Kind?)] = [
            (1, 1, nil), (1.05, 1, nil), (0.95, 1, nil), (1.3, 1, .betweenSlices), (0.7, 1, .betweenSlices),
            (1.5, 2, .betweenSlices), (-0.5, 0, .betweenSlices), (-0.51, nil, .outsideSpace), (3.49, 3, .betweenSlices),
            (3.5, nil, .outsideSpace), (900, nil, .outsideSpace),
        ]
        for (place, slice, kind) in cases {
            let mask = try Self.region([Self.contour(Self.square, slice: place, on: space)]).mask(on: space)
            #expect(mask.findings.map(\.kind) == (kind.map { [$0] } ?? []), "\(place)")
            #expect(mask.areas.firstIndex { $0 > 0 } == slice, "\(place)")
        }
    }

    /// Contours twice as dense as the slices: those between are not taken for holes of the others.
    @Test func ofSeveralPlanesTheNearestIsTaken() throws {
        let space = try Self.oblique(slices: 4)
        let contours = (0..<7).map { Self.contour(Self.square, slice: Double($0) / 2, on: space, number: $0 + 1) }
        let mask = try Self.region(contours).mask(on: space)
        #expect(mask.areas.allSatisfy { $0 > 0 })
        #expect(mask.findings.map(\.kind) == [.otherPlane])
        #expect(mask.findings.first?.contours == [2, 4, 6])
    }

    @Test func slicesWithoutContourAreTold() throws {
        let space = try Self.oblique(slices: 6)
        let contours = [0, 3, 5].enumerated().map {
            Self.contour(Self.square, slice: Double($1), on: space, number: $0 + 1)
        }
        let mask = try Self.region(contours).mask(on: space)
        #expect(mask.findings.map(\.kind) == [.missingSlices])
        #expect(mask.findings.first?.description.contains("3 slices") == true)
    }

    @Test func whatEnclosesNothingIsIgnoredWithAFinding() throws {
        let space = try Self.oblique()
        let contours = [
            Self.contour(Self.square, on: space, number: 1),
            Self.contour([Self.square[0]], on: space, number: 2, .point),
            Self.contour([Self.square[0]], on: space, number: 3),
            Self.contour(Self.square, on: space, number: 4, .openPlanar),
            Self.contour(Self.square, on: space, number: 5, .openNonplanar),
            Self.contour(Array(Self.square.prefix(2)), on: space, number: 6),
        ]
        let mask = try Self.region(contours).mask(on: space)
        #expect(mask.voxelCount == 20)
        #expect(mask.findings.map(\.kind) == [.withoutArea])
        #expect(mask.findings.first?.contours == [2, 3, 4, 5, 6])
        #expect(contours[3].area == 0)
        #expect(try Self.region([]).mask(on: space).voxelCount == 0)
    }

    @Test func contoursAcrossTheSlicesAreRefused() throws {
        let space = try Self.oblique(slices: 9)
        let coronal = Contour(
            number: 2,
            points: [SIMD3(3, 5, 1), SIMD3(9, 5, 1), SIMD3(9, 5, 7), SIMD3(3, 5, 7)].map { space.point(at: $0) })
        let far = Contour(
            number: 3, points: [SIMD3(3, 5, 1), SIMD3(2e6, 5, 1), SIMD3(9, 50, 1)].map { space.point(at: $0) })
        for (contour, kind) in [(coronal, StructureFinding.Kind.notParallel), (far, .farAway)] {
            let region = Self.region([Self.contour(Self.square, on: space), contour])
            #expect(code { _ = try region.mask(on: space) } == .invalidStructureSet)
            let mask = try region.mask(on: space, policy: ContourPolicy(leavesOutUnusable: true))
            #expect(mask.findings.map(\.kind) == [kind])
            #expect(mask.voxelCount == 20)
        }
    }

    @Test func theFrameOfReferenceMustBeTheSame() throws {
        let space = try Self.oblique()
        var region = Self.region([Self.contour(Self.square, on: space)])
        for other: UID? in ["1.2.3.5", nil] {
            region.frameOfReferenceUID = other
            #expect(code { _ = try region.mask(on: space) } == .mismatchedVolumes)
            #expect(try region.mask(on: space, policy: ContourPolicy(requiresFrameOfReference: false)).voxelCount == 20)
        }
    }

    /// The grid may be finer than the one drawn on, and may hold a part of the region only.
    @Test func aRegionIsCutAtTheGrid() throws {
        let space = try Self.oblique()
        let corners = [SIMD2(-1e5, -3e4), SIMD2(2e5, 7), SIMD2(22, 9e5)]
        let mask = try Self.region([Self.contour(corners, on: space)]).mask(on: space)
        Self.expectMask(mask.volume) { Self.isInside($0, $1, corners) }
        #expect(mask.voxelCount > 0)
    }
}
