import Synchronization

/// The places that a server has for associations.
final class AssociationPlaces: Sendable {
    private let free: Mutex<Int>

    init(_ count: Int) { free = Mutex(count) }

    /// Takes a place; it is free again when the returned object is gone. `nil` when all are taken.
    func take() -> AssociationPlace? {
        let isTaken = free.withLock { free in
            if free <= 0 { return false }
            free -= 1
            return true
        }
        return isTaken ? AssociationPlace(of: self) : nil
    }

    fileprivate func giveBack() { free.withLock { $0 += 1 } }
}

/// One of the places for associations, as long as this object lives.
final class AssociationPlace: Sendable {
    private let places: AssociationPlaces

    fileprivate init(of places: AssociationPlaces) { self.places = places }

    deinit { places.giveBack() }
}
