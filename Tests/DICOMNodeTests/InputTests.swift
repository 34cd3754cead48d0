import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Testing

@testable import DICOMNode

struct AcceptanceTests {
    private let image: DataSet = {
        var image = DataSet()
        image[.modality] = "CT"
        image[.sopClassUID] = .ctImageStorage
        image[.imageType] = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image[.seriesDescription] = "Thorax 1.0 B30f"
        image.setEmpty(.patientName)
        return image
    }()

    @Test func conditionsAndTheirCombinations() throws {
        let cases: [(Acceptance, Bool)] = [
            (.any, true), (.modality("CT"), true), (.modality("MR", "PT"), false),
            (.modality("CT") && .not(.localizer), true),
            (!.modality("CT"), false), (.modality("MR") || .sopClass(.ctImageStorage), true),
            (.required(.patientName), true), (.required(.patientID), false),
            (.value(.seriesDescription, equals: "Thorax 1.0 B30f"), true),
            (.value(.seriesDescription, equals: "thorax"), false),
            (.value(.seriesDescription, caseless: "THORAX 1.0 b30F"), true),
            (.value(.seriesDescription, in: ["a", "Thorax 1.0 B30f"]), true),
            (.value(.seriesDescription, like: "Thorax*B??f"), true),
            (.value(.seriesDescription, like: "thorax*"), false),
            (.value(.seriesDescription) { /^Thorax [0-9.]+/ }, true), (.value(.seriesDescription) { /head/ }, false),
            (.value(.patientID, equals: "1"), false), (Acceptance("own") { $0.contains(.modality) }, true),
        ]
        for (acceptance, expected) in cases {
            #expect(try acceptance.accepts(image) == expected, "\(acceptance)")
        }
    }

    @Test func localizersAreRecognised() throws {
        var localizer = image
        localizer[.imageType] = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        #expect(try Acceptance.localizer.accepts(localizer))
        #expect(try !(Acceptance.modality("CT") && .not(.localizer)).accepts(localizer))
    }

    @Test(arguments: [
        ("*", "", true), ("?", "", false), ("a*b*c", "axxbyyc", true), ("a*b*c", "axxbyy", false), ("**", "x", true),
        ("*aaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false), ("ä?", "äö", true),
    ])
    func wildcards(pattern: String, text: String, expected: Bool) {
        #expect(Wildcard(pattern).matches(text) == expected)
    }
}

struct ReadinessTests {
    private func state(_ slices: [Int], lastArrival: ContinuousClock.Instant = .now) throws -> InputState {
        let phantom = try PhantomSeries(slices: 20)
        let instances = slices.map {
            StoredInstance(header: phantom.dataSet(slice: $0), path: "", inputs: [0])
        }
        return InputState(instances: instances, lastArrival: lastArrival)
    }

    @Test func countsInstances() throws {
        #expect(try Readiness.minimumInstances(3).verdict(state([0, 1, 2])) == .ready)
        guard case .waiting(let reason) = try Readiness.minimumInstances(3).verdict(state([0])) else {
            Issue.record("one of three is ready")
            return
        }
        #expect(reason.contains("1 of at least 3"))
    }

    @Test func seesGapsAndDuplicates() throws {
        #expect(try Readiness.uniformSlices.verdict(state(Array(0..<20))) == .ready)
        #expect(try Readiness.uniformSlices.verdict(state([4, 2, 3, 5])) == .ready)
        for slices in [[0, 1, 3, 4], [0, 1, 1, 2], []] {
            #expect(try Readiness.uniformSlices.verdict(state(slices)) != .ready)
        }
    }

    @Test func wantsAllInstanceNumbers() throws {
        #expect(try Readiness.instanceNumbers(1...4).verdict(state([3, 2, 1, 0])) == .ready)
        #expect(
            try Readiness.instanceNumbers(1...5).verdict(state([3, 2, 1, 0]))
                == .waiting("Instance number 5 is missing."))
    }

    @Test func settles() throws {
        let now = ContinuousClock.now
        #expect(try Readiness.settled(.seconds(1)).verdict(state([0], lastArrival: now - .seconds(2))) == .ready)
        #expect(
            try Readiness.settled(.seconds(60)).verdict(state([0], lastArrival: now)) == .settling(now + .seconds(60)))
        let both = Readiness.minimumInstances(2) && .settled(.seconds(60))
        #expect(try both.verdict(state([0, 1], lastArrival: now)) == .settling(now + .seconds(60)))
        let either = Readiness.minimumInstances(2) || .settled(.seconds(60))
        #expect(try either.verdict(state([0, 1], lastArrival: now)) == .ready)
    }

    @Test func otherSeriesAndStudiesAreConflicts() throws {
        let one = try PhantomSeries(slices: 2, seed: 1)
        let other = try PhantomSeries(slices: 2, seed: 2)
        let mixed = [one, other].map { StoredInstance(header: $0.dataSet(slice: 0), path: "", inputs: [0]) }
        #expect(InputGrouping.series.conflict(in: mixed) != nil)
        #expect(InputGrouping.study.conflict(in: mixed) != nil)
        #expect(InputGrouping.patient.conflict(in: mixed) == nil)
        #expect(InputGrouping.series.conflict(in: [mixed[0]]) == nil)
    }
}
