import ArgumentParser
import DICOMImaging

/// How a volume is looked at.
enum Plane: String, CaseIterable, ExpressibleByArgument {
    case axial, coronal, sagittal
    /// The three of them beside each other.
    case three
    /// Row and column as stored, for images that have no place in a patient.
    case stored
}

/// Which axes of a volume run across, down and into a picture.
///
/// Pictures are as radiologists hang them: the patient's right is on the left of axial and coronal ones, the front on the
/// left of sagittal ones, the head on top. An oblique volume is shown along its own axes, the closest to these.
struct PlaneView {
    struct Axis {
        /// 0: column index, 1: row index, 2: slice index.
        let index: Int
        let isReversed: Bool
        let count: Int
        /// The distance of two voxels, mm.
        let spacing: Double
    }

    let across: Axis
    let down: Axis
    let deep: Axis

    init(_ plane: Plane, of space: Space) {
        let steps = [space.columnStep, space.rowStep, space.sliceStep]
        let counts = [space.columns, space.rows, space.slices]
        let closest = space.closestAxes
        /// The volume's axis along a direction of the patient (0: left, 1: back, 2: head), or against it.
        func axis(_ direction: Int, reversed: Bool = false) -> Axis {
            let index = closest[direction]
            let runsAgainst = steps[index][direction] < 0
            return Axis(
                index: index, isReversed: runsAgainst != reversed, count: counts[index],
                spacing: (steps[index] * steps[index]).sum().squareRoot())
        }
        func stored(_ index: Int) -> Axis {
            Axis(
                index: index, isReversed: false, count: counts[index],
                spacing: (steps[index] * steps[index]).sum().squareRoot())
        }
        (across, down, deep) =
            switch plane {
            case .axial, .three: (axis(0), axis(1), axis(2))
            case .coronal: (axis(0), axis(2, reversed: true), axis(1))
            case .sagittal: (axis(1), axis(2, reversed: true), axis(0))
            case .stored: (stored(0), stored(1), stored(2))
            }
    }

    /// Where in the buffer a step along an axis leads.
    private func stride(_ axis: Axis, _ space: Space) -> Int {
        axis.index == 0 ? 1 : axis.index == 1 ? space.columns : space.columns * space.rows
    }

    /// The pixels of one slice, row by row.
    func slice<Element: Voxel>(_ number: Int, of volume: Volume<Element>) -> Raster<Element> {
        let depth = deep.isReversed ? deep.count - 1 - number : number
        let (x, y) = (stride(across, volume.space), stride(down, volume.space))
        return volume.withUnsafeBuffer { voxels in
            var pixels: [Element] = []
            pixels.reserveCapacity(across.count * down.count)
            for row in 0..<down.count {
                let start = depth * stride(deep, volume.space) + (down.isReversed ? down.count - 1 - row : row) * y
                for column in 0..<across.count {
                    pixels.append(voxels[start + (across.isReversed ? across.count - 1 - column : column) * x])
                }
            }
            return raster(pixels)
        }
    }

    /// The largest voxel along each line into the picture; what is not a number is left out.
    func maximumIntensityProjection(of volume: Volume<Float>) -> Raster<Float> {
        var result = slice(0, of: volume)
        for number in 1..<max(1, deep.count) {
            let next = slice(number, of: volume)
            for index in result.pixels.indices where !(next.pixels[index] <= result.pixels[index]) {
                if !next.pixels[index].isNaN { result.pixels[index] = next.pixels[index] }
            }
        }
        return result
    }

    private func raster<Element>(_ pixels: [Element]) -> Raster<Element> {
        Raster(
            width: across.count, height: down.count, pixels: pixels, pixelWidth: across.spacing,
            pixelHeight: down.spacing)
    }
}

/// Pixels with their extent.
struct Raster<Element> {
    let width: Int
    let height: Int
    var pixels: [Element]
    /// mm
    let pixelWidth: Double
    /// mm
    let pixelHeight: Double
}
