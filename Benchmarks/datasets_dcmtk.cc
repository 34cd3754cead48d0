// DCMTK's side of datasets.sh: the ten values of each file, all files in one process and thread.
//
//     datasets_dcmtk FOLDER_LIST ROUNDS        (a file with one path a line)
#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    std::vector<std::string> paths;
    std::ifstream list(argv[1]);
    for (std::string line; std::getline(list, line);) paths.push_back(line);
    const int rounds = std::atoi(argv[2]);
    if (!dcmDataDict.isDictionaryLoaded()) return 1;
    unsigned long check = 0;
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds; ++round) {
        check = 0;
        for (const auto &path : paths) {
            DcmFileFormat file;
            if (file.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect,
                                      DCM_PixelData).bad())
                return 1;
            DcmDataset *data = file.getDataset();
            OFString text;
            for (const DcmTagKey &tag : {DCM_SOPClassUID, DCM_SOPInstanceUID, DCM_Modality, DCM_PatientName,
                                         DCM_PatientID, DCM_StudyInstanceUID, DCM_SeriesInstanceUID})
                if (data->findAndGetOFString(tag, text).good()) check += text.length();
            Sint32 number = 0;
            if (data->findAndGetSint32(DCM_InstanceNumber, number).good()) check += number;
            Uint16 rows = 0;
            if (data->findAndGetUint16(DCM_Rows, rows).good()) check += rows;
            Float64 spacing = 0;
            if (data->findAndGetFloat64(DCM_PixelSpacing, spacing).good()) check += std::lround(spacing * 1000);
        }
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("{\"files\": %zu, \"bytes\": 0, \"seconds\": %f, \"check\": %lu}\n", paths.size() * rounds,
                seconds.count(), check);
    return 0;
}
