import DICOMUpperLayer

/// Table 9-10 of PS3.8, written out from the standard: a row for each event, a column for each state. A cell is the
/// action and the next state; `.` is an empty cell. AE-6 and AR-8 choose between two next states.
let stateTable = """
    Evt    Sta1   Sta2    Sta3    Sta4   Sta5    Sta6    Sta7    Sta8    Sta9    Sta10   Sta11   Sta12   Sta13
    Evt1   AE-1>4 .       .       .      .       .       .       .       .       .       .       .       .
    Evt2   .      .       .       AE-2>5 .       .       .       .       .       .       .       .       .
    Evt3   .      AA-1>13 AA-8>13 .      AE-3>6  AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-6>13
    Evt4   .      AA-1>13 AA-8>13 .      AE-4>1  AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-6>13
    Evt5   AE-5>2 .       .       .      .       .       .       .       .       .       .       .       .
    Evt6   .      AE-6>3/13 AA-8>13 .    AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-7>13
    Evt7   .      .       AE-7>6  .      .       .       .       .       .       .       .       .       .
    Evt8   .      .       AE-8>13 .      .       .       .       .       .       .       .       .       .
    Evt9   .      .       .       .      .       DT-1>6  .       AR-7>8  .       .       .       .       .
    Evt10  .      AA-1>13 AA-8>13 .      AA-8>13 DT-2>6  AR-6>7  AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-6>13
    Evt11  .      .       .       .      .       AR-1>7  .       .       .       .       .       .       .
    Evt12  .      AA-1>13 AA-8>13 .      AA-8>13 AR-2>8  AR-8>9/10 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-6>13
    Evt13  .      AA-1>13 AA-8>13 .      AA-8>13 AA-8>13 AR-3>1  AA-8>13 AA-8>13 AR-10>12 AR-3>1 AA-8>13 AA-6>13
    Evt14  .      .       .       .      .       .       .       AR-4>13 AR-9>11 .       .       AR-4>13 .
    Evt15  .      .       AA-1>13 AA-2>1 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 AA-1>13 .
    Evt16  .      AA-2>1  AA-3>1  .      AA-3>1  AA-3>1  AA-3>1  AA-3>1  AA-3>1  AA-3>1  AA-3>1  AA-3>1  AA-2>1
    Evt17  .      AA-5>1  AA-4>1  AA-4>1 AA-4>1  AA-4>1  AA-4>1  AA-4>1  AA-4>1  AA-4>1  AA-4>1  AA-4>1  AR-5>1
    Evt18  .      AA-2>1  .       .      .       .       .       .       .       .       .       .       AA-2>1
    Evt19  .      AA-1>13 AA-8>13 .      AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-8>13 AA-7>13
    """

/// What tables 9-6 to 9-9 of PS3.8 ask for in each action, in the order in which they say it.
let stateActions: [String: [String]] = [
    "AE-1": ["connect"],
    "AE-2": ["send A-ASSOCIATE-RQ"],
    "AE-3": ["confirm association"],
    "AE-4": ["confirm rejection", "close"],
    "AE-5": ["take connection", "start ARTIM"],
    "AE-6 acceptable": ["stop ARTIM", "indicate association"],
    "AE-6 otherwise": ["send A-ASSOCIATE-RJ", "start ARTIM"],
    "AE-7": ["send A-ASSOCIATE-AC"],
    "AE-8": ["send A-ASSOCIATE-RJ", "start ARTIM"],
    "DT-1": ["send P-DATA-TF"],
    "DT-2": ["indicate data"],
    "AR-1": ["send A-RELEASE-RQ"],
    "AR-2": ["indicate release"],
    "AR-3": ["confirm release", "close"],
    "AR-4": ["send A-RELEASE-RP", "start ARTIM"],
    "AR-5": ["stop ARTIM"],
    "AR-6": ["indicate data"],
    "AR-7": ["send P-DATA-TF"],
    "AR-8": ["indicate release collision"],
    "AR-9": ["send A-RELEASE-RP"],
    "AR-10": ["confirm release"],
    "AA-1": ["send A-ABORT (user)", "start ARTIM"],
    "AA-2": ["stop ARTIM", "close"],
    "AA-3": ["indicate abort", "close"],
    "AA-4": ["indicate provider abort"],
    "AA-5": ["stop ARTIM"],
    "AA-6": [],
    "AA-7": ["send A-ABORT"],
    "AA-8": ["send A-ABORT (provider)", "indicate provider abort", "start ARTIM"],
]

/// One cell of Table 9-10 for one role.
struct StateTableCell: Sendable, CustomStringConvertible {
    let event: Int
    let state: UpperLayerStateMachine.State
    let role: UpperLayerStateMachine.Role
    /// Only Evt6 looks at it.
    let isAcceptable: Bool
    /// `nil`: an empty cell.
    let action: String?
    let next: UpperLayerStateMachine.State

    var description: String { "Evt\(event) \(state) \(role) \(action ?? "empty") → \(next)" }

    /// Every cell, twice: for a requestor and for an acceptor; AE-6 also for a request that is not acceptable.
    static let all: [StateTableCell] = {
        var cells: [StateTableCell] = []
        for (event, line) in stateTable.split(separator: "\n").enumerated().dropFirst() {
            for (state, text) in zip(UpperLayerStateMachine.State.allCases, line.split(separator: " ").dropFirst()) {
                for role in [UpperLayerStateMachine.Role.requestor, .acceptor] {
                    cells += Self.cells(event, state, role, String(text))
                }
            }
        }
        return cells
    }()

    private static func cells(
        _ event: Int, _ state: UpperLayerStateMachine.State, _ role: UpperLayerStateMachine.Role, _ text: String
    ) -> [StateTableCell] {
        let parts = text.split(separator: ">").map(String.init)
        guard parts.count == 2 else {
            return [.init(event: event, state: state, role: role, isAcceptable: true, action: nil, next: state)]
        }
        let next = parts[1].split(separator: "/").compactMap { Int($0) }.compactMap(
            UpperLayerStateMachine.State.init(rawValue:))
        if parts[0] == "AE-6" {
            return [
                .init(
                    event: event, state: state, role: role, isAcceptable: true, action: "AE-6 acceptable", next: next[0]
                ),
                .init(
                    event: event, state: state, role: role, isAcceptable: false, action: "AE-6 otherwise", next: next[1]
                ),
            ]
        }
        let index = next.count == 2 && role == .acceptor ? 1 : 0
        return [.init(event: event, state: state, role: role, isAcceptable: true, action: parts[0], next: next[index])]
    }
}
