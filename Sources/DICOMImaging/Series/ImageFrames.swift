public import DICOMCore
import DICOMDictionary

/// What one image says about each of its frames: one frame, several, or the tiles of a Siemens mosaic.
struct ImageFrames: Sendable {
    let header: DataSet
    /// How the frames have their places.
    private let layout: Layout

    private enum Layout: Sendable {
        case single
        /// Shared and Per-frame Functional Groups (PS3.3 C.7.6.16).
        case functionalGroups(shared: DataSet?, perFrame: [DataSet])
        /// Frames along the normal of the first, at these offsets in mm: RT Dose (PS3.3 C.8.8.3.2), and slices of NM.
        case stack(offsets: [Double])
        case mosaic(Mosaic)
        /// A cine or another image that does not say where its frames are: what it lacks.
        case unplaced(String)
    }

    init(header: DataSet) {
        self.header = header
        let count = header[.numberOfFrames] ?? 1
        if let groups = header[.perFrameFunctionalGroupsSequence], !groups.isEmpty {
            // Groups and frames belong together by their number: with one left out, no frame is known to be where its
            // neighbour's group says.
            layout =
                groups.count == count
                ? .functionalGroups(shared: header[.sharedFunctionalGroupsSequence]?.first, perFrame: groups)
                : .unplaced("functional groups for each frame: it has \(groups.count) for \(count) frames")
        } else if Mosaic.isMosaic(header) {
            layout =
                Mosaic(header: header).map { .mosaic($0) }
                ?? .unplaced("the number of slices in its mosaic (Siemens CSA header)")
        } else if count <= 1 {
            layout = .single
        } else if let offsets = header[.gridFrameOffsetVector], offsets.count >= count {
            layout = .stack(offsets: Self.alongNormal(Array(offsets.prefix(count)), header))
        } else if header[.frameIncrementPointer]?.contains(Attribute.sliceVector.tag) == true,
            let order = header[.sliceVector], order.count == count, let step = header[.spacingBetweenSlices]
        {
            layout = .stack(offsets: order.map { (Double($0) - 1) * step })
        } else {
            layout = .unplaced("the places of its \(count) frames")
        }
    }

    /// Grid Frame Offset Vector as distances from the first plane along the normal (PS3.3 C.8.8.3.2): it has these, from 0 on,
    /// or the z coordinates of transverse planes, which may grow against the normal.
    private static func alongNormal(_ offsets: [Double], _ header: DataSet) -> [Double] {
        let distances = offsets.map { $0 - offsets[0] }
        let geometry = InstanceGeometry(dataSet: header)
        guard offsets[0] != 0, let columns = geometry.columnDirection, let rows = geometry.rowDirection,
            cross(columns, rows).z < 0
        else { return distances }
        return distances.map { -$0 }
    }

    /// How many places there are for slices; an image that says nothing about places counts as one.
    var count: Int {
        switch layout {
        case .single, .unplaced: 1
        case .functionalGroups(_, let perFrame): perFrame.count
        case .stack(let offsets): offsets.count
        case .mosaic(let mosaic): mosaic.count
        }
    }

    /// The frame of the pixel data that a slice is in, and the part of it.
    func source(of index: Int) -> (frame: Int, tile: Mosaic.Tile?) {
        if case .mosaic(let mosaic) = layout { (0, mosaic.tile(index)) } else { (index, nil) }
    }

    /// The attributes that hold for a frame: those of the image, overlaid by those of its functional groups.
    func attributes(of index: Int) -> DataSet {
        guard case .functionalGroups(let shared, let perFrame) = layout else { return header }
        var attributes = header
        if let shared { Self.overlay(&attributes, with: shared) }
        if perFrame.indices.contains(index) { Self.overlay(&attributes, with: perFrame[index]) }
        // What the numbers of a parametric map are, only its real-world value map says: its rescale is the identity (PS3.3
        // A.75.4, C.7.6.16.2.11).
        let isMap = header[.sopClassUID] == .parametricMapStorage
        if isMap || attributes[.rescaleSlope] == nil, let slope = attributes[.realWorldValueSlope] {
            attributes[.rescaleSlope] = slope
            attributes[.rescaleIntercept] = attributes[.realWorldValueIntercept] ?? 0
            attributes[.rescaleType] = nil
        }
        return attributes
    }

    /// Every macro of a functional group is a sequence of one item. Private ones are left out: Philips has copies of positions
    /// there that count from the pixel's corner.
    private static func overlay(_ attributes: inout DataSet, with group: DataSet) {
        for macro in group where !macro.tag.isPrivate {
            guard let item = macro.items.first else { continue }
            for element in item { attributes[element: element.tag] = element }
        }
    }

    /// Where a frame is.
    func geometry(of index: Int) -> InstanceGeometry {
        switch layout {
        case .single: return InstanceGeometry(dataSet: header)
        case .functionalGroups:
            var geometry = InstanceGeometry(dataSet: attributes(of: index))
            geometry.frame = index
            return geometry
        case .mosaic(let mosaic):
            var geometry = mosaic.geometry(of: index, in: InstanceGeometry(dataSet: header))
            geometry.frame = index
            return geometry
        case .unplaced(let lack):
            var geometry = InstanceGeometry(dataSet: header)
            geometry.missingPlaces = lack
            geometry.position = nil
            return geometry
        case .stack(let offsets):
            var geometry = InstanceGeometry(dataSet: header)
            if let detector = header[.detectorInformationSequence]?.first, geometry.position == nil {
                let place = InstanceGeometry(dataSet: detector)
                geometry.position = place.position
                geometry.columnDirection = geometry.columnDirection ?? place.columnDirection
                geometry.rowDirection = geometry.rowDirection ?? place.rowDirection
            }
            if let position = geometry.position, let columns = geometry.columnDirection,
                let rows = geometry.rowDirection
            {
                geometry.position = position + cross(columns, rows) * offsets[index]
            }
            geometry.frame = index
            return geometry
        }
    }
}

extension InstanceGeometry {
    /// The places of all slices of one image: of a single frame, or of each frame of a multi-frame image.
    public static func slices(of header: DataSet) -> [InstanceGeometry] {
        let frames = ImageFrames(header: header)
        return (0..<frames.count).map(frames.geometry(of:))
    }
}
