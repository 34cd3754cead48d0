import DICOMCore
import DICOMUpperLayer
import NIOCore

/// What the event loop tells the task that serves or uses an association.
enum AssociationEvent: Sendable {
    /// The peer asks for an association and awaits ``AssociationCommand/accept(_:_:)`` or
    /// ``AssociationCommand/reject(_:)``.
    case requested(AssociateRequest)
    /// The peer has accepted the association that was asked for.
    case opened(OpenAssociation)
    /// A message's command set is whole; fragments follow when it announces a data set.
    case command(DIMSECommand, contextID: UInt8)
    /// A part of the data set of the command before: the slices of it that one read of the socket delivered.
    case fragments([ByteBuffer], isLast: Bool)
    /// The peer asks for release and awaits ``AssociationCommand/acceptRelease``.
    case releaseRequested
    /// Nothing comes after this.
    case ended(AssociationEnd, DICOMError?)
}

/// What the task asks of the event loop.
enum AssociationCommand: Sendable {
    /// Establishes the association that the peer asked for.
    case accept(AssociateAccept, NegotiatedAssociation)
    case reject(AssociateReject)
    /// Sends encoded P-DATA-TF PDUs.
    case send(ByteBuffer)
    case requestRelease
    case acceptRelease
    /// Sends an A-ABORT, unless the association is over, and ends the connection.
    case abort(DICOMError?)
}

/// An association as it was established.
struct OpenAssociation: Sendable {
    let negotiated: NegotiatedAssociation
    /// Writes messages as the peer can take them.
    let fragmenter: DIMSEFragmenter

    /// - Throws: ``DICOMError`` when the peer takes no PDUs in which something could be sent.
    init(_ negotiated: NegotiatedAssociation) throws(DICOMError) {
        self.negotiated = negotiated
        fragmenter = try DIMSEFragmenter(peerMaximumPDULength: negotiated.peerMaximumPDULength)
    }
}
