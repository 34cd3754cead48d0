"""File sets by pydicom.

tree DICOMDIR    prints the directory records by their offsets, one a line: depth, type, file.
check FOLDER     loads the file set in the folder, prints it, and fails unless its directory is right: the offsets lead to
                 every record, pydicom's FileSet finds every instance, and the records agree with the files.
"""

import sys
import warnings
from pathlib import Path

from pydicom import dcmread
from pydicom.dataelem import empty_value_for_VR
from pydicom.fileset import FileSet


def records(directory, offset, depth=0):
    """The records from `offset` on, and below them, with their depths."""
    by_offset = {item.seq_item_tell: item for item in directory.DirectoryRecordSequence}
    seen = set()

    def entity(offset, depth):
        while offset:
            if offset in seen or offset not in by_offset:
                return
            seen.add(offset)
            item = by_offset[offset]
            yield depth, item
            yield from entity(item.get("OffsetOfReferencedLowerLevelDirectoryEntity", 0), depth + 1)
            offset = item.get("OffsetOfTheNextDirectoryRecord", 0)

    return entity(offset, depth)


def file_of(item):
    components = item.get("ReferencedFileID") or []
    return "/".join([components] if isinstance(components, str) else components)


def tree(path):
    directory = dcmread(path)
    first = directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity
    for depth, item in records(directory, first):
        print(f"{depth} {item.DirectoryRecordType} {file_of(item)}".rstrip())


def value(dataset, element):
    """A key's value in the file; numbers that the writer counted on may be missing there."""
    found = dataset.get(element.keyword)
    return empty_value_for_VR(element.VR) if found is None else found


def disagreements(folder):
    directory = dcmread(folder / "DICOMDIR")
    if directory.file_meta.MediaStorageSOPClassUID != "1.2.840.10008.1.3.10":
        yield "the SOP class is not Media Storage Directory Storage"
    found = list(records(directory, directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity))
    if len(found) != len(directory.DirectoryRecordSequence):
        yield f"offsets lead to {len(found)} of {len(directory.DirectoryRecordSequence)} records"
    roots = [item for depth, item in found if depth == 0]
    last = directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity
    if last != (roots[-1].seq_item_tell if roots else 0):
        yield "the offset of the last record of the root is wrong"

    try:
        file_set = FileSet(directory)
    except (KeyError, ValueError) as error:
        yield f"FileSet: {error!r}"
        return
    print(file_set)
    leaves = [item for _, item in found if "ReferencedFileID" in item]
    if len(file_set) != len(leaves):
        yield f"FileSet has {len(file_set)} instances, the directory {len(leaves)}"
    if any(not Path(instance.path).is_file() for instance in file_set):
        yield "an instance has no file"

    above = {}
    for depth, item in found:
        above[depth] = item
        if "ReferencedFileID" not in item:
            continue
        name = file_of(item)
        file = dcmread(folder / name, stop_before_pixels=True)
        meta = file.file_meta
        if item.ReferencedSOPInstanceUIDInFile != meta.MediaStorageSOPInstanceUID:
            yield f"{name}: SOP instance"
        if item.ReferencedSOPClassUIDInFile != meta.MediaStorageSOPClassUID:
            yield f"{name}: SOP class"
        if item.ReferencedTransferSyntaxUIDInFile != meta.TransferSyntaxUID:
            yield f"{name}: transfer syntax"
        for record in [above[level] for level in range(depth)] + [item]:
            yield from key_disagreements(record, file, name, record is item or "UID")


def key_disagreements(record, file, name, keys):
    """Keys of the leaf are those of the file; of the records above, the UIDs and Patient ID."""
    for element in record:
        if element.tag.group == 4 or element.keyword in ("SpecificCharacterSet", "ContentSequence"):
            continue
        if keys == "UID" and element.VR != "UI" and element.keyword != "PatientID":
            continue
        there = value(file, element)
        counted = element.keyword in ("InstanceNumber", "SeriesNumber", "StudyID") and not there
        if element.keyword == "VerificationDateTime" or counted:
            continue
        if element.VR == "SQ":
            there = there or []
        if element.value != there and (element.value or there):
            yield f"{name}: {record.DirectoryRecordType} {element.keyword}"


def main():
    warnings.simplefilter("ignore")
    command, path = sys.argv[1], Path(sys.argv[2])
    if command == "tree":
        return tree(path)
    wrong = list(disagreements(path))
    for line in wrong:
        print("wrong:", line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
