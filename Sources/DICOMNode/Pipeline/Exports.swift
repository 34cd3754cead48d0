// `import DICOMNode` is all that a pipeline's source needs.
@_exported public import DICOMCoding
@_exported public import DICOMCore
@_exported public import DICOMDictionary
@_exported public import DICOMImaging
@_exported public import DICOMNetwork
