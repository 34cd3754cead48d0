#include <openjpeg.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

/* Distributions build OpenJPEG with its assertions, and damaged HTJ2K code-blocks meet some: abort() would end the program.
   ISO C lets a handler of SIGABRT leave by a long jump, so that it does not. The handler is there while frames are decoded;
   an abort of another thread is none of its business. */

/// Where this thread goes when it aborts while it decodes.
static inline sigjmp_buf **dicomnode_opj_place(void) {
    static __thread sigjmp_buf *place;
    return &place;
}

/// What SIGABRT did before.
static inline struct sigaction *dicomnode_opj_previous(void) {
    static struct sigaction previous;
    return &previous;
}

static inline void dicomnode_opj_aborted(int signal) {
    if (*dicomnode_opj_place() != NULL) siglongjmp(**dicomnode_opj_place(), 1);
    sigaction(signal, dicomnode_opj_previous(), NULL);
    raise(signal);
}

/// Has the handler in place while at least one thread decodes.
static inline void dicomnode_opj_watch(int change) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int threads;
    pthread_mutex_lock(&lock);
    if (threads == 0) {
        struct sigaction action = {0};
        action.sa_handler = dicomnode_opj_aborted;
        sigaction(SIGABRT, &action, dicomnode_opj_previous());
    }
    threads += change;
    if (threads == 0) sigaction(SIGABRT, dicomnode_opj_previous(), NULL);
    pthread_mutex_unlock(&lock);
}

/// opj_read_header and opj_decode: 1 when the image is there, 0 when OpenJPEG says no, -1 when one of its assertions failed.
static inline int dicomnode_opj_decode(opj_codec_t *codec, opj_stream_t *stream, opj_image_t **image) {
    sigjmp_buf place;
    volatile int result = -1;
    dicomnode_opj_watch(1);
    if (sigsetjmp(place, 1) == 0) {
        *dicomnode_opj_place() = &place;
        result = opj_read_header(stream, codec, image) == OPJ_TRUE && opj_decode(codec, stream, *image) == OPJ_TRUE;
    }
    *dicomnode_opj_place() = NULL;
    dicomnode_opj_watch(-1);
    return result;
}
