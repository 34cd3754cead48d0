import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer

struct FindCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Ask a peer what it has (C-FIND).",
        discussion:
            "The unique key of the level is always asked for; those of the levels above need a value. Prints the matches on "
            + "standard output and their number on standard error.")

    @OptionGroup var peer: PeerArguments
    @OptionGroup var query: QueryOptions
    @Flag(help: "Print the DICOM JSON model, an array.") var json = false

    func validate() throws {
        do { _ = try query.query().findIdentifier() } catch let error as DICOMError {
            throw ValidationError("\(error)")
        }
    }

    @concurrent func run() async throws {
        let query = try query.query()
        try await print(.finding(query.root), peer, json: json) { try await $0.find(query) }
    }
}

struct WorklistCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worklist", abstract: "Ask a peer for scheduled procedure steps (Modality Worklist C-FIND).",
        discussion: "What a modality needs is asked for; -k adds keys, such as "
            + "-k 'ScheduledProcedureStepSequence[0].Modality=CT'.")

    @OptionGroup var peer: PeerArguments
    @OptionGroup var keys: KeyOptions
    @Flag(help: "Print the DICOM JSON model, an array.") var json = false

    @concurrent func run() async throws {
        let wanted = try Self.returnKeys.merging(keys.dataSet()) { current, new in
            guard let own = current.items.first, let given = new.items.first else { return new }
            return DataElement(new.tag, .sq, .sequence([own.merging(given)]))
        }
        try await print(.worklist, peer, json: json) { try await $0.findWorklist(wanted) }
    }

    /// What is asked for beside the keys that are given (PS3.4 Table K.6-1, types 1 and 2).
    private static let returnKeys: DataSet = {
        var step = DataSet()
        step.setEmpty(.scheduledStationAETitle)
        step.setEmpty(.scheduledProcedureStepStartDate)
        step.setEmpty(.scheduledProcedureStepStartTime)
        step.setEmpty(.modality)
        step.setEmpty(.scheduledPerformingPhysicianName)
        step.setEmpty(.scheduledProcedureStepDescription)
        step.setEmpty(.scheduledProcedureStepID)
        var keys = DataSet()
        keys.setEmpty(.accessionNumber)
        keys.setEmpty(.patientName)
        keys.setEmpty(.patientID)
        keys.setEmpty(.patientBirthDate)
        keys.setEmpty(.patientSex)
        keys.setEmpty(.studyInstanceUID)
        keys.setEmpty(.requestedProcedureDescription)
        keys.setEmpty(.requestedProcedureID)
        keys[.scheduledProcedureStepSequence] = [step]
        return keys
    }()
}

private func print(
    _ proposal: PresentationContextProposal, _ peer: PeerArguments, json: Bool,
    _ find: (Association) async throws -> Responses<DataSet>
) async throws {
    var printer = MatchPrinter(json: json)
    do {
        try await withAssociation(
            to: peer.endpoint, proposing: [proposal], options: peer.options, logger: peer.logger
        ) { association in
            for try await match in try await find(association) { printer.add(match) }
        }
    } catch {
        // What was found is shown all the same.
        printer.end()
        throw error
    }
    printer.end()
    report("\(printer.count) \(printer.count == 1 ? "match" : "matches")")
}
