import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Testing

/// C-ECHO and C-STORE of our client with our server, over sockets.
@Suite(.serialized, .timeLimit(.minutes(2))) struct StorageTests {
    @Test func echoIsAnswered() async throws {
        try await withServer { _, endpoint in
            let status = try await withAssociation(
                to: endpoint, proposing: [verification], options: client, logger: logger
            ) { try await $0.echo() }
            #expect(status == .success)
        }
    }

    @Test func filesArriveByteForByte() async throws {
        let storage = MemoryStorage()
        try await withFolder { folder in
            // Small ones, one PDV to the byte, and one of many writes.
            let sizes = [2, 512, 100_000, 131_060, 262_144, 5_000_002]
            var paths: [String] = []
            for (number, size) in sizes.enumerated() {
                let path = "\(folder)/\(number).dcm"
                try DICOMFile(dataSet: image(number, pixelBytes: size)).write(to: path)
                paths.append(path)
            }
            try await withServer(storage) { _, endpoint in
                let instances = try paths.map { try OutgoingInstance(path: $0) }
                let plans = StorePlan.plans(for: instances)
                // In the files' transfer syntax, and in what they can be brought into.
                #expect(plans.map(\.proposals.count) == [2])
                let plan = try #require(plans.first)
                try await withAssociation(to: endpoint, proposing: plan.proposals, options: client, logger: logger) {
                    association in
                    for instance in plan.instances {
                        let result = try await association.store(instance)
                        #expect(result.status == .success)
                        #expect(result.byteCount == instance.dataSetLength)
                    }
                }
                try await eventually("the end is told") { storage.state.ends.values.contains(.released) }
            }
        }
        for (number, size) in [2, 512, 100_000, 131_060, 262_144, 5_000_002].enumerated() {
            let sent = image(number, pixelBytes: size)
            let stored = try #require(storage.state.instances[UID("1.2.3.4.\(number)")])
            #expect(stored.bytes == (try encoded(sent)))
            #expect(stored.request.sopClassUID == .ctImageStorage)
            #expect(stored.request.transferSyntax == .explicitVRLittleEndian)
            #expect(stored.request.association.callingAETitle == "CLIENT")
            #expect(stored.request.association.peerHost == "127.0.0.1")
        }
    }

    @Test func severalAssociationsAtOnce() async throws {
        let storage = MemoryStorage()
        try await withServer(storage) { _, endpoint in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        try await withAssociation(
                            to: endpoint, proposing: [ctStorage], options: client, logger: logger
                        ) { association in
                            for number in 0..<10 {
                                let dataSet = image(task * 100 + number, pixelBytes: 300_000)
                                let result = try await association.store(dataSet)
                                #expect(result.status == .success)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(storage.state.instances.count == 40)
        for (uid, stored) in storage.state.instances {
            let number = try #require(Int(uid.string.dropFirst(8)))
            #expect(stored.bytes == (try encoded(image(number, pixelBytes: 300_000))))
        }
    }

    @Test func privateSOPClassesAndOtherTransferSyntaxes() async throws {
        let storage = MemoryStorage()
        let privateClass = UID("1.3.6.1.4.1.9590.100.1")
        let big = PresentationContextProposal(
            abstractSyntax: .mrImageStorage, transferSyntaxes: [.explicitVRBigEndian])
        let proposals = [
            PresentationContextProposal(abstractSyntax: privateClass, transferSyntaxes: [.implicitVRLittleEndian]), big,
        ]
        try await withServer(storage) { _, endpoint in
            try await withAssociation(to: endpoint, proposing: proposals, options: client, logger: logger) {
                association in
                #expect(association.acceptedContexts.map(\.abstractSyntax) == [privateClass])
                let dataSet = image(1, sopClass: privateClass)
                let result = try await association.store(dataSet, transferSyntax: .implicitVRLittleEndian)
                #expect(result.status == .success)
            }
        }
        #expect(storage.state.instances.count == 1)
        try await withServer(configuration: configured { $0.acceptsAllTransferSyntaxesForStorage = true }) {
            _, endpoint in
            let accepted = try await withAssociation(
                to: endpoint, proposing: proposals, options: client, logger: logger
            ) {
                $0.acceptedContexts.map(\.transferSyntax)
            }
            #expect(accepted == [.implicitVRLittleEndian, .explicitVRBigEndian])
        }
    }

    @Test func refusedContextsAreNamed() async throws {
        try await withServer { _, endpoint in
            try await withAssociation(to: endpoint, proposing: [verification], options: client, logger: logger) {
                association in
                let error = await #expect(throws: DICOMError.self) { try await association.store(image(1)) }
                #expect(error?.code == .noAcceptedContext)
                #expect(error?.message.contains("CT Image Storage in Explicit VR Little Endian") == true)
                // The association goes on.
                let status = try await association.echo()
                #expect(status == .success)
            }
        }
    }

    @Test func unknownAbstractSyntaxesAreRefusedOneByOne() async throws {
        let proposals = [
            PresentationContextProposal(
                abstractSyntax: "1.2.840.10008.5.1.4.1.2.1.1", transferSyntaxes: [.implicitVRLittleEndian]),
            verification,
        ]
        try await withServer { _, endpoint in
            let accepted = try await withAssociation(
                to: endpoint, proposing: proposals, options: client, logger: logger
            ) {
                let status = try await $0.echo()
                #expect(status == .success)
                return $0.acceptedContexts.map(\.abstractSyntax)
            }
            #expect(accepted == [.verification])
        }
    }

    @Test func manyContextsAreSpreadOverAssociations() async throws {
        try await withFolder { folder in
            var instances: [OutgoingInstance] = []
            for number in 0..<130 {
                let path = "\(folder)/\(number).dcm"
                try DICOMFile(dataSet: image(number, sopClass: UID("1.3.6.1.4.1.9590.1.\(number)"))).write(to: path)
                instances += [try OutgoingInstance(path: path), try OutgoingInstance(path: path)]
            }
            let plans = StorePlan.plans(for: instances)
            #expect(plans.map(\.proposals.count) == [128, 128, 4])
            #expect(plans.map(\.instances.count) == [128, 128, 4])
            let plain = StorePlan.plans(for: instances, in: .implicitVRLittleEndian)
            #expect(plain.map(\.proposals.count) == [128, 2])
            #expect(plain.map(\.instances.count) == [256, 4])
        }
    }

    @Test func filesThatCannotBeSent() throws {
        #expect(throws: DICOMError.self) { try OutgoingInstance(path: "/nonexistent.dcm") }
        #expect(throws: DICOMError.self) { try OutgoingInstance(path: "/proc/self/exe") }
    }
}
