import Fuzzing
import PDUExerciser

@main enum FuzzPDU {
    static func main() {
        fuzz { start, count in
            use(start, count) { bytes in try PDUExerciser.use(bytes, seed: UInt64(bytes.count)) }
        }
    }
}
