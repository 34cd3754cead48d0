import DataSetExerciser
import Fuzzing

@main enum FuzzPart10 {
    static func main() { fuzz { use($0, $1, as: .part10) } }
}
