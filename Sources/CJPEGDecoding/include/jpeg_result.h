/* What decoding a JPEG codestream gives, whichever library does it. */
#ifndef DICOMNODE_JPEG_RESULT_H
#define DICOMNODE_JPEG_RESULT_H

#include <stddef.h>
#include <stdint.h>

enum { DICOMNODE_JPEG_OTHER = 0, DICOMNODE_JPEG_RGB = 1, DICOMNODE_JPEG_YCC = 2 };

struct dicomnode_jpeg_frame {
    /* What the codestream has to be. */
    uint32_t width, height, components;
    /* Bytes of a sample's cell in the output: 1 or 2, little endian. */
    uint32_t cell;
};

struct dicomnode_jpeg_result {
    /* What the samples are, where markers say so. */
    int colour;
    /* Not empty when decoding failed. */
    char message[256];
};

#endif
