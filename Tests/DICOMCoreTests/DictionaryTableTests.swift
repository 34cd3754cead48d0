import DICOMCore
import Testing

@testable import DICOMDictionary

struct DictionaryTableTests {
    /// 50 entries as pydicom 3.0.2 has them: get_private_entry(tag, creator).
    static let privateEntries: [(creator: String, tag: UInt32, vr: String, vm: String, name: String)] = [
        ("HOLOGIC, Inc.", 0x0019_FF70, "DS", "1", "Unknown"),
        ("TOSHIBA_MEC_CT3", 0x7005_3249, "SH", "1", "Respiration Phase"),
        ("SPI-P Release 1;1", 0x0029_F000, "LT", "1", "Zoom ID"),
        ("GEMS_DLX_DOSE_01", 0x0027_6D04, "IS", "1", "Number of Frames"),
        ("Philips PET Private Group", 0x7053_2861, "UN", "1", "Unknown"),
        ("TOSHIBA_MEC_MR3^10", 0x0019_008E, "SL", "1", "Unknown"),
        ("SIEMENS MED NM", 0x5001_1903, "FL", "1", "Minimal Value on X-Axis"),
        ("TOSHIBA_MEC_MR3^12", 0x0019_00D5, "FL", "1", "Unknown"),
        ("Silhouette ROI V1.0", 0x0029_3221, "UL", "1", "ROI Line Dash Length"),
        ("CANON_MEC_MR3^13", 0x0019_0002, "US", "1", "Unknown"),
        ("TOSHIBA_MEC_MR3^10", 0x0019_00BC, "FL", "2", "Unknown"),
        ("AGFA_ADC_Compact", 0x0019_8E70, "US", "1", "Number of images in series"),
        ("SIEMENS MED NM", 0x0055_4768, "SS", "1", "Y2"),
        ("MMCPrivate", 0x0029_5200, "LO", "1", "Private Creator"),
        ("SPI-P-PCR Release 2", 0x0019_BCA3, "DS", "1", "Unknown"),
        ("GEMS_XR3DCAL_01", 0x0021_7F0E, "FL", "1", "3Dcal 3D frame unit size"),
        ("GEMS_PETD_01", 0x0009_D737, "LO", "1", "PET batch_description"),
        ("SIEMENS MED NM", 0x0055_B080, "SS", "1", "File Altered Flag 1 Altered"),
        ("SPI-P Release 1", 0x0029_EAA0, "DS", "1-n", "Unknown"),
        ("SPI-P-GV-CT Release 1", 0x0021_5DA4, "LT", "1", "Unknown"),
        ("SIEMENS MED OCS CBT PATIENT_ORIENTATION", 0x0039_7B93, "CS", "1", "Patient Orientation"),
        ("QVA", 0x0009_9150, "IS", "1", "Number of Diseased Vessels"),
        ("WG12 Supplement 43", 0x0009_E501, "SQ", "1", "Event Timer Sequence"),
        ("GEMS_GDXE_FALCON_04", 0x0011_7241, "IS", "24", "Sub-image Collimator Vertices"),
        ("GEMS_XELPRV_01", 0x0057_A242, "LO", "1", "Name"),
        ("TOSHIBA_MEC_XA3", 0x7079_6978, "US", "1", ""),
        ("GEMS_GENIE_1", 0x0009_9826, "SL", "1", "Number Energy Sets"),
        ("SIEMENS SMS-AX  ACQ 1.0", 0x0021_A515, "US", "1", "Harmonization"),
        ("Philips X-ray Imaging DD 001", 0x2003_7832, "UI", "1", "Unknown"),
        ("AMI ImageContextExt_01", 0x3107_A5B0, "DS", "1", "AMI Window Slope (RET)"),
        ("CANON_MEC_MR3^12", 0x0019_00D1, "FL", "3", "Unknown"),
        ("GEMS_GENIE_1", 0x0011_4B8D, "SL", "1", "Three-D Zero In"),
        ("TOSHIBA_MEC_CT3", 0x7005_F71F, "LO", "1", "Volume Number"),
        ("CANON_MEC_MR3^10", 0x0019_009B, "FL", "3", "Unknown"),
        ("PMTF INFORMATION DATA", 0x0029_6631, "LO", "1", "PMTF Information 1"),
        ("BRIT Systems, Inc.", 0x0021_BE13, "UI", "1", "Original Series Instance UID"),
        ("MMCPrivate", 0x0029_FAA9, "CS", "1", "FrameType"),
        ("SIEMENS MED NM", 0x0055_FDB1, "SS", "1", "Oblique Region Last Slice"),
        ("TOSHIBA_MEC_MR3", 0x700D_1704, "OB", "1", "Rotate Information"),
        ("Philips US Private 3D", 0x200D_EB37, "IS", "1", "Threedpr Arbitrary Crop Dist From Center"),
        ("SIEMENS ISI", 0x0011_57A2, "TM", "1", "Patient Registration Time"),
        ("QUASAR_INTERNAL_USE", 0x0009_AB13, "ST", "1", "Sequence Type"),
        ("Silhouette Annot V1.0", 0x0029_BB12, "LT", "1", "Annotation Font"),
        ("SIEMENS MED", 0x0055_C276, "SL", "1", ""),
        ("FDMS 1.0", 0x0027_39A3, "US or SS", "1-n", "Raw Data"),
        ("TOSHIBA_MEC_OT3", 0x7019_C280, "OB_OW", "1", "Original image data on area of original LR mark"),
        ("DLX_ANNOT_01", 0x7013_9A05, "IS", "2", "Box"),
        ("CANON_MEC_MR3^10", 0x0009_0002, "SH", "1", "Unknown"),
        ("ELSCINT1", 0x00E1_1021, "DS", "1", "DLP"),
        ("PAPYRUS 3.0", 0x6021_A110, "US", "1", "Overlay Rows"),
    ]

    @Test func privateEntriesArePydicoms() {
        for expected in Self.privateEntries {
            let entry = DICOMDictionary.privateEntry(for: DICOMTag(rawValue: expected.tag), creator: expected.creator)
            #expect(entry?.vr == expected.vr, "\(expected)")
            #expect(entry?.vm == expected.vm, "\(expected)")
            #expect(entry?.name == expected.name, "\(expected)")
            let vr = DICOMDictionary.vr(ofPrivate: DICOMTag(rawValue: expected.tag), creator: expected.creator)
            switch expected.vr {
            case "US or SS": #expect(vr == .us)
            case "OB_OW": #expect(vr == .ow)
            default: #expect(vr?.code == expected.vr)
            }
        }
    }

    /// pydicom strips the padding of LO at its end only, and looks the rest up as it is.
    @Test func creatorsAreComparedWithoutPaddingAtTheEnd() {
        let tag = DICOMTag(0x0029, 0x1010)
        #expect(DICOMDictionary.vr(ofPrivate: tag, creator: "SIEMENS CSA HEADER") == .ob)
        #expect(DICOMDictionary.vr(ofPrivate: tag, creator: "SIEMENS CSA HEADER  ") == .ob)
        #expect(DICOMDictionary.vr(ofPrivate: tag, creator: "SIEMENS CSA HEADER\0") == .ob)
        #expect(DICOMDictionary.vr(ofPrivate: tag, creator: " SIEMENS CSA HEADER") == nil)
        #expect(DICOMDictionary.vr(ofPrivate: tag, creator: "Siemens CSA Header") == nil)
        #expect(DICOMDictionary.vr(ofPrivate: tag, creator: "") == nil)
        #expect(DICOMDictionary.vr(ofPrivate: DICOMTag(0x0028, 0x1010), creator: "SIEMENS CSA HEADER") == nil)
        // An entry whose whole element is given (000910xx) is no element of that creator, for pydicom either.
        #expect(DICOMDictionary.vr(ofPrivate: DICOMTag(0x0009, 0x10A0), creator: "GEMS_IDEN_01") == nil)
    }

    /// Every row of PS3.6 is found by its tag, through collisions in the hash table too.
    @Test func everyElementIsFoundByTagAndKeyword() {
        var count = 0
        for line in "\(DictionaryText.elements)".split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            guard let number = UInt32(cells[0].replacing("x", with: "0"), radix: 16) else { continue }
            let tag = DICOMTag(rawValue: number)
            if !cells[3].isEmpty { #expect(DICOMDictionary.tag(forKeyword: cells[3]) == tag) }
            guard !cells[0].contains("x") else { continue }
            count += 1
            #expect(DICOMDictionary.entry(for: tag)?.keyword == cells[3])
            if let vr = VR(code: cells[1]), !tag.isGroupLength { #expect(DICOMDictionary.vr(of: tag) == vr) }
        }
        #expect(count > 5000)
        #expect(DICOMDictionary.vr(of: DICOMTag(0x0010, 0x0011)) == nil)
        #expect(DICOMDictionary.vr(of: DICOMTag(0x6002, 0x3000)) == .ow)
        #expect(DICOMDictionary.entry(for: DICOMTag(0x6002, 0x0010))?.keyword == "OverlayRows")
        #expect(DICOMDictionary.vr(of: DICOMTag(0x6003, 0x1010)) == nil)
        #expect(DICOMDictionary.vr(of: DICOMTag(0x0009, 0x0010)) == .lo)
        #expect(DICOMDictionary.vr(of: DICOMTag(0x0009, 0x0000)) == .ul)
    }

    @Test func uidsAreFoundByKeywordAndName() {
        #expect(DICOMDictionary.uid(forKeyword: "ExplicitVRBigEndian") == "1.2.840.10008.1.2.2")
        #expect(DICOMDictionary.uid(forName: "Explicit VR Big Endian") == "1.2.840.10008.1.2.2")
        #expect(DICOMDictionary.uid(forKeyword: "JPEGXLLossless") == "1.2.840.10008.1.2.4.110")
        #expect(DICOMDictionary.uid(forKeyword: "DeflatedImageFrameCompression") == "1.2.840.10008.1.2.8.1")
        #expect(DICOMDictionary.uid(forKeyword: "LabelMapSegmentationStorage")?.isStorageSOPClass == true)
        #expect(DICOMDictionary.uid(forKeyword: "NoSuchThing") == nil)
        #expect(DICOMDictionary.uid(forKeyword: "") == nil)
    }
}
