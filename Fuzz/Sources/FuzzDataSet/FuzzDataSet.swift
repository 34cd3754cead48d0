import DataSetExerciser
import Fuzzing

@main enum FuzzDataSet {
    static func main() { fuzz { use($0, $1, as: .dataSet) } }
}
