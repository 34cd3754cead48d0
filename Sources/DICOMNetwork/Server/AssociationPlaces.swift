import Synchronization

/// The places that a server has for associations or connections, in all and for each peer's address.
final class AssociationPlaces: Sendable {
    private let limit: Int
    private let limitPerPeer: Int
    private let taken = Mutex<(all: Int, byPeer: [String: Int])>((0, [:]))

    init(_ limit: Int, perPeer: Int?) {
        self.limit = limit
        limitPerPeer = perPeer ?? .max
    }

    /// How many are taken.
    var count: Int { taken.withLock(\.all) }

    /// Takes a place; it is free again when the returned object is gone. `nil` when all are taken, or all of this peer.
    func take(for peer: String) -> AssociationPlace? {
        let isTaken = taken.withLock { taken in
            let ofPeer = taken.byPeer[peer] ?? 0
            guard taken.all < limit, ofPeer < limitPerPeer else { return false }
            taken.all += 1
            taken.byPeer[peer] = ofPeer + 1
            return true
        }
        return isTaken ? AssociationPlace(of: self, peer) : nil
    }

    fileprivate func giveBack(_ peer: String) {
        taken.withLock { taken in
            taken.all -= 1
            let ofPeer = (taken.byPeer[peer] ?? 1) - 1
            taken.byPeer[peer] = ofPeer > 0 ? ofPeer : nil
        }
    }
}

/// One of the places for associations, as long as this object lives.
final class AssociationPlace: Sendable {
    private let places: AssociationPlaces
    private let peer: String

    fileprivate init(of places: AssociationPlaces, _ peer: String) {
        self.places = places
        self.peer = peer
    }

    deinit { places.giveBack(peer) }
}
