/* One decoder for all the libraries with the interface of libjpeg 6b. Before it is included, the library's jpeglib.h and
 * jerror.h are, and DICOMNODE_DECODE is defined as the name of the function to be made:
 *
 *   int DICOMNODE_DECODE(const uint8_t *data, size_t length, const struct dicomnode_jpeg_frame *frame,
 *                        uint8_t *output, struct dicomnode_jpeg_result *result)
 *
 * It writes width x height x components samples as they are coded, without a colour transform, and returns 0. All errors,
 * and the warnings that mean lost samples, end in a longjmp within this function: none crosses Swift, nothing is printed,
 * nothing ends the process.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg_result.h"

#define DICOMNODE_MOST_SCANS 64

struct decoding_error {
    struct jpeg_error_mgr manager;
    jmp_buf start;
    char *message;
};

static void fail(j_common_ptr info) {
    struct decoding_error *error = (struct decoding_error *)info->err;
    char text[JMSG_LENGTH_MAX];
    (*info->err->format_message)(info, text);
    strncpy(error->message, text, 255);
    error->message[255] = 0;
    longjmp(error->start, 1);
}

static void fail_with(j_common_ptr info, const char *text) {
    struct decoding_error *error = (struct decoding_error *)info->err;
    strncpy(error->message, text, 255);
    error->message[255] = 0;
    longjmp(error->start, 1);
}

/* Level -1 is a warning. Most of them mean that samples were made up. */
static void note(j_common_ptr info, int level) {
    if (level >= 0) return;
    switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL: /* spectral selection is written wrong and has no use here */
    case JWRN_TOO_MUCH_DATA:
        return;
    default:
        fail(info);
    }
}

static void keep_quiet(j_common_ptr info) { (void)info; }

static void begin_source(j_decompress_ptr info) { (void)info; }

/* Only the marker of the end may be missing: whoever wants more samples then meets it, and warns. */
static boolean end_source(j_decompress_ptr info) {
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    info->src->next_input_byte = end;
    info->src->bytes_in_buffer = 2;
    return TRUE;
}

static void skip_source(j_decompress_ptr info, long count) {
    if (count <= 0) return;
    if ((size_t)count > info->src->bytes_in_buffer) fail_with((j_common_ptr)info, "a marker goes on beyond the end");
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= (size_t)count;
}

static void watch_scans(j_common_ptr info) {
    if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > DICOMNODE_MOST_SCANS) {
        fail_with(info, "there are more than 64 scans");
    }
}

static void check_frame(j_decompress_ptr info, const struct dicomnode_jpeg_frame *frame) {
    if (info->image_width != frame->width || info->image_height != frame->height ||
        (uint32_t)info->num_components != frame->components) {
        fail_with((j_common_ptr)info, "its size is not that of the image");
    }
    if (info->data_precision > (int)frame->cell * 8) {
        fail_with((j_common_ptr)info, "its samples have more bits than Bits Allocated");
    }
#ifdef DICOMNODE_LOSSLESS
    if (info->process == JPROC_LOSSLESS) {
        for (int index = 0; index < info->num_components; index++) {
            if (info->comp_info[index].h_samp_factor != 1 || info->comp_info[index].v_samp_factor != 1) {
                fail_with((j_common_ptr)info, "it is lossless and subsampled");
            }
        }
    }
#endif
}

static int colour_of(j_decompress_ptr info) {
    if (info->num_components != 3) return DICOMNODE_JPEG_OTHER;
    if (info->saw_JFIF_marker) return DICOMNODE_JPEG_YCC;
    if (info->saw_Adobe_marker) return info->Adobe_transform == 0 ? DICOMNODE_JPEG_RGB : DICOMNODE_JPEG_YCC;
    if (info->comp_info[0].component_id == 'R' && info->comp_info[1].component_id == 'G') return DICOMNODE_JPEG_RGB;
    return DICOMNODE_JPEG_OTHER;
}

static void write_row(const JSAMPLE *row, size_t count, uint32_t cell, uint8_t *output) {
    if (cell == 1) {
        for (size_t index = 0; index < count; index++) output[index] = (uint8_t)row[index];
    } else {
        for (size_t index = 0; index < count; index++) {
            uint16_t sample = (uint16_t)row[index];
            output[2 * index] = (uint8_t)sample;
            output[2 * index + 1] = (uint8_t)(sample >> 8);
        }
    }
}

int DICOMNODE_DECODE(const uint8_t *data, size_t length, const struct dicomnode_jpeg_frame *frame, uint8_t *output,
                     struct dicomnode_jpeg_result *result) {
    struct jpeg_decompress_struct info;
    struct decoding_error error;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;

    memset(&info, 0, sizeof info);
    memset(&source, 0, sizeof source);
    memset(&progress, 0, sizeof progress);
    result->message[0] = 0;
    result->colour = DICOMNODE_JPEG_OTHER;
    error.message = result->message;
    info.err = jpeg_std_error(&error.manager);
    error.manager.error_exit = fail;
    error.manager.emit_message = note;
    error.manager.output_message = keep_quiet;
    if (setjmp(error.start) != 0) {
        jpeg_destroy_decompress(&info);
        if (result->message[0] == 0) strcpy(result->message, "it is damaged");
        return 1;
    }
    jpeg_create_decompress(&info);
    source.next_input_byte = data;
    source.bytes_in_buffer = length;
    source.init_source = begin_source;
    source.fill_input_buffer = end_source;
    source.skip_input_data = skip_source;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = begin_source;
    info.src = &source;
    progress.progress_monitor = watch_scans;
    info.progress = &progress;

    jpeg_read_header(&info, TRUE);
    check_frame(&info, frame);
    result->colour = colour_of(&info);
    info.jpeg_color_space = JCS_UNKNOWN;
    info.out_color_space = JCS_UNKNOWN;
    jpeg_start_decompress(&info);
    if (info.output_width != frame->width || info.output_height != frame->height ||
        (uint32_t)info.output_components != frame->components) {
        fail_with((j_common_ptr)&info, "its size is not that of the image");
    }
    size_t samples = (size_t)frame->width * frame->components;
    JSAMPARRAY row = (*info.mem->alloc_sarray)((j_common_ptr)&info, JPOOL_IMAGE, (JDIMENSION)samples, 1);
    while (info.output_scanline < info.output_height) {
        size_t line = info.output_scanline;
        if (jpeg_read_scanlines(&info, row, 1) != 1) fail_with((j_common_ptr)&info, "it ends too early");
        write_row(row[0], samples, frame->cell, output + line * samples * frame->cell);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return 0;
}
