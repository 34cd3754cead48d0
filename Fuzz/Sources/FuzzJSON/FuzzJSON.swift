import DataSetExerciser
import Fuzzing

@main enum FuzzJSON {
    static func main() { fuzz { use($0, $1, as: .json) } }
}
