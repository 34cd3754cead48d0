/* The JPEG libraries of GDCM for 8, 12 and 16 bits: JPEG lossless, and extended sequential of 12 bits. */
#ifndef DICOMNODE_CJPEGLOSSLESS_H
#define DICOMNODE_CJPEGLOSSLESS_H

#include <jpeg_result.h>

/* Each decodes one frame; returns 0, or 1 with a message. See jpeg_decoding.h. */
int dicomnode_jpeg_decode_8(const uint8_t *data, size_t length, const struct dicomnode_jpeg_frame *frame,
                            uint8_t *output, struct dicomnode_jpeg_result *result);
int dicomnode_jpeg_decode_12(const uint8_t *data, size_t length, const struct dicomnode_jpeg_frame *frame,
                             uint8_t *output, struct dicomnode_jpeg_result *result);
int dicomnode_jpeg_decode_16(const uint8_t *data, size_t length, const struct dicomnode_jpeg_frame *frame,
                             uint8_t *output, struct dicomnode_jpeg_result *result);

#endif
