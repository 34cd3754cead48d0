extension DataSet {
    /// The elements at all depths with their paths, in order: a sequence, then what is in its items.
    ///
    /// ```swift
    /// for (path, element) in dataSet.allElements where element.vr == .ui { print(path, element.strings) }
    /// ```
    public var allElements: AllElements { AllElements(self) }

    /// A walk over the elements at all depths. It takes no stack, however deep the data set is nested.
    public struct AllElements: Sequence, IteratorProtocol {
        private struct Level {
            /// The items that are still to come after the one that is walked.
            var items: ArraySlice<DataSet>
            var elements: DataSet.Iterator
        }

        private var levels: [Level]
        /// The item that each level but the first is in.
        private var path: [ElementPath.Item] = []

        fileprivate init(_ dataSet: DataSet) {
            levels = [Level(items: [], elements: dataSet.makeIterator())]
        }

        public mutating func next() -> (path: ElementPath, element: DataElement)? {
            while let top = levels.indices.last {
                if let element = levels[top].elements.next() {
                    let found = ElementPath(element.tag, in: path)
                    if let first = element.items.first {
                        levels.append(Level(items: element.items.dropFirst(), elements: first.makeIterator()))
                        path.append(ElementPath.Item(element.tag, 0))
                    }
                    return (found, element)
                }
                if let item = levels[top].items.popFirst() {
                    levels[top].elements = item.makeIterator()
                    path[top - 1].index += 1
                } else {
                    levels.removeLast()
                    _ = path.popLast()
                }
            }
            return nil
        }
    }
}

// MARK: - Filtering

extension DataSet {
    /// The data set with those elements, at all depths, that `isIncluded` accepts; they are what they were, byte for byte.
    ///
    /// A sequence that is accepted keeps its items, with what is accepted in them; one that is not goes with all of them.
    /// Specific Character Set (0008,0005) is kept beside any other element: without it the text could not be read.
    public func filtered(where isIncluded: (DataElement) throws -> Bool) rethrows -> DataSet {
        var result = self
        try result.removeAllRecursively(keepingCharacterSets: true) { try !isIncluded($0) }
        return result
    }

    /// Removes the elements that `shouldRemove` picks, at all depths; items stay, even when they are empty then.
    public mutating func removeAllRecursively(where shouldRemove: (DataElement) throws -> Bool) rethrows {
        try removeAllRecursively(keepingCharacterSets: false, where: shouldRemove)
    }

    /// - Returns: Whether anything was removed. Sequences in which nothing was are left alone, and so are written as they
    ///   were read.
    @discardableResult private mutating func removeAllRecursively(
        keepingCharacterSets: Bool, where shouldRemove: (DataElement) throws -> Bool
    ) rethrows -> Bool {
        var isChanged = false
        var keepsCharacterSet = false
        var isEmpty = true
        for element in self {
            if try shouldRemove(element) {
                if keepingCharacterSets, element.tag == .specificCharacterSet {
                    keepsCharacterSet = true
                } else {
                    remove(element.tag)
                    isChanged = true
                }
                continue
            }
            isEmpty = false
            guard case .sequence(var items) = element.value else { continue }
            var isItemChanged = false
            for index in items.indices {
                let changed = try items[index].removeAllRecursively(
                    keepingCharacterSets: keepingCharacterSets, where: shouldRemove)
                isItemChanged = isItemChanged || changed
            }
            guard isItemChanged else { continue }
            self[element: element.tag] = DataElement(element.tag, element.vr, .sequence(items))
            isChanged = true
        }
        if keepsCharacterSet, isEmpty {
            remove(.specificCharacterSet)
            isChanged = true
        }
        return isChanged
    }
}
