#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "CPNG.h"

struct output {
    uint8_t *bytes;
    size_t length, capacity;
};

static void append(png_structp png, png_bytep data, png_size_t count) {
    struct output *output = png_get_io_ptr(png);
    if (output->capacity - output->length < count) {
        size_t capacity = (output->capacity + count) * 2;
        uint8_t *bytes = realloc(output->bytes, capacity);
        if (bytes == NULL) png_error(png, "no memory");
        output->bytes = bytes;
        output->capacity = capacity;
    }
    memcpy(output->bytes + output->length, data, count);
    output->length += count;
}

static void flush(png_structp png) { (void)png; }

static void leave(png_structp png, png_const_charp message) {
    (void)message;
    png_longjmp(png, 1);
}

static void keep_quiet(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

/* libpng reports errors by longjmp, which ends here and never crosses Swift. */
uint8_t *dicomnode_png_write(uint32_t width, uint32_t height, int channels, int bits, const uint8_t *samples,
                             size_t *length) {
    struct output output = {NULL, 0, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, leave, keep_quiet);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    if (info == NULL) {
        png_destroy_write_struct(&png, NULL);
        return NULL;
    }
    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, &info);
        free(output.bytes);
        return NULL;
    }
    png_set_write_fn(png, &output, append, flush);
    png_set_IHDR(png, info, width, height, bits, channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    size_t stride = (size_t)width * (size_t)channels * (size_t)(bits / 8);
    for (uint32_t row = 0; row < height; row++) png_write_row(png, samples + row * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    *length = output.length;
    return output.bytes;
}
