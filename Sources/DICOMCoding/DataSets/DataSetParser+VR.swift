import DICOMCore
import DICOMDictionary

/// Which VR an element has where it does not say so, or says something else.
extension DataSetParser {
    /// The VR of an element in implicit VR encoding (PS3.5 A.1).
    func implicitVR(_ tag: DICOMTag) -> VR {
        guard let vr = DICOMDictionary.vr(of: tag) else { return privateVR(tag) ?? .un }
        // PS3.6 leaves a choice for these, which other elements decide.
        if vr == .us, context.samplesAreSigned, tag.isUSOrSS { return .ss }
        if vr == .ow, context.lutHasOneEntry, tag == .lutData { return .us }
        return vr
    }

    private func privateVR(_ tag: DICOMTag) -> VR? {
        guard tag.isPrivate, tag.element >= 0x1000,
            let creator = context.creators[UInt32(tag.group) << 16 | UInt32(tag.element >> 8)]
        else { return nil }
        return DICOMDictionary.vr(ofPrivate: tag, creator: creator)
    }

    /// UN, or what a dictionary knows where that was asked for.
    func resolved(_ vr: VR, _ tag: DICOMTag) -> VR {
        guard vr == .un, options.resolvesUnknownVRs else { return vr }
        return implicitVR(tag)
    }

    /// Takes note of what decides about later elements.
    mutating func note(_ tag: DICOMTag, length: Int) {
        guard tag.isPrivate else {
            guard tag.group == 0x0028 || !isExplicit else { return }
            return noteStandard(tag, length: length)
        }
        if tag.isPrivateCreator, (1...64).contains(length), !isExplicit || options.resolvesUnknownVRs {
            context.creators[tag.rawValue] = DICOMDictionary.privateCreator(bytes[position..<position + length])
        }
    }

    private mutating func noteStandard(_ tag: DICOMTag, length: Int) {
        switch tag {
        case .pixelRepresentation where length == 2:
            guard loadUInt16(position) == 1 else { return }
            context.samplesAreSigned = true
            for index in context.unsettled where index < entries.count && entries[index].tag.isUSOrSS {
                entries[index].vr = .ss
            }
        case .lutDescriptor where length >= 2: context.lutHasOneEntry = loadUInt16(position) == 1
        default:
            // Few elements before Pixel Representation depend on it.
            guard !isExplicit, !context.samplesAreSigned, tag.isUSOrSS, context.unsettled.count < 16 else { return }
            context.unsettled.append(entries.count - 1)
        }
    }

    /// Some writers use the other encoding than they say, for a data set or for single items (not for single elements).
    mutating func detectVREncoding(until limit: Int) throws(DICOMError) {
        guard limit - position >= 8 else {
            if isPartial, limit == end { try reportTruncation("the header of an element is cut off") }
            return
        }
        guard loadTag(position).group != 0xFFFE else { return }
        let letters = (bytes[position + 4], bytes[position + 5])
        let areLetters = (0x41...0x5A).contains(letters.0) && (0x41...0x5A).contains(letters.1)
        guard areLetters != isExplicit else { return }
        if isExplicit {
            // A damaged VR, unless the length of implicit VR makes sense.
            let length = loadUInt32(position + 4)
            if length != Self.undefinedLength, try isBeyond(Int(length), limit - position - 8, limit) { return }
        } else {
            guard path.isEmpty, let vr = VR(letters.0, letters.1), DICOMDictionary.vr(of: loadTag(position)) == vr
            else { return }
        }
        let found = isExplicit ? "implicit" : "explicit"
        try tolerate("VRs are \(found) where the transfer syntax or the data set around has it otherwise", at: position)
        isExplicit.toggle()
    }

    /// An element whose VR is none that the standard knows.
    mutating func parseHeaderOfUnknownVR(_ tag: DICOMTag, until limit: Int) throws(DICOMError) -> Header {
        let start = position
        let left = limit - start
        let letters = [bytes[start + 4], bytes[start + 5]]
        try tolerate("\(tag) has no known value representation", at: start + 4)
        let areLetters = letters.allSatisfy { (0x41...0x5A).contains($0) }
        let short = loadUInt16(start + 6)
        let vr = DICOMDictionary.vr(of: tag) ?? .un
        // New VRs have a 32-bit length (PS3.5 6.2), …
        if areLetters, short == 0, try !isBeyond(12, left, limit),
            try !isBeyond(Int(loadUInt32(start + 8)), left - 12, limit)
        {
            position += 12
            return Header(tag: tag, vr: .un, length: loadUInt32(start + 8))
        }
        // … a single element may be in implicit VR, …
        let long = loadUInt32(start + 4)
        if !areLetters, try !isBeyond(Int(long), left - 8, limit) {
            position += 8
            return Header(tag: tag, vr: vr, length: long)
        }
        // … and everything else is taken for a VR with a short length.
        position += 8
        return Header(tag: tag, vr: areLetters ? .un : vr, length: UInt32(short))
    }
}

extension DICOMTag {
    static let pixelRepresentation = DICOMTag(0x0028, 0x0103)
    static let lutDescriptor = DICOMTag(0x0028, 0x3002)
    static let lutData = DICOMTag(0x0028, 0x3006)

    /// Float, double float or integer pixel data (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25).
    var isPixelData: Bool { group == 0x7FE0 && (element == 0x0010 || element == 0x0008 || element == 0x0009) }
}
