/* SlideMesh's plain C interface to libtorch. Every function is safe to call from several threads, except that a builder belongs to
   one thread at a time. Functions return SMT_OK or a code and then fill *error; no exception leaves the library. The library keeps
   no state of its own outside of the handles it gives out. */
#ifndef SLIDEMESH_TORCH_H
#define SLIDEMESH_TORCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SMT_API __attribute__((visibility("default")))

/* Changes with every change of a signature or a struct below; the caller refuses a library of another number. */
#define SMT_INTERFACE 1

enum { SMT_OK = 0, SMT_FAILED = 1, SMT_OUT_OF_MEMORY = 2, SMT_BAD_ARGUMENT = 3 };
enum { SMT_CPU = 0, SMT_CUDA = 1 };
enum { SMT_FLOAT32 = 0, SMT_FLOAT16 = 1, SMT_BFLOAT16 = 2, SMT_INT64 = 3, SMT_INT32 = 4, SMT_BOOL = 5, SMT_FLOAT64 = 6, SMT_UINT8 = 7 };

/* UTF-8, zero-ended, cut where it is longer. */
typedef struct smt_error { int32_t code; char text[4092]; } smt_error;

typedef struct smt_context smt_context;
typedef struct smt_builder smt_builder;
typedef struct smt_session smt_session;
typedef struct smt_result smt_result;

SMT_API int32_t smt_interface(void);

/* Versions of PyTorch that this library was compiled for and that it runs on; what of CUDA was compiled in. */
typedef struct smt_versions { char compiled[64]; char running[64]; int32_t has_cuda; int32_t has_graphs; } smt_versions;
SMT_API int32_t smt_get_versions(smt_versions* versions, smt_error* error);

SMT_API int32_t smt_device_count(int32_t kind, int32_t* count, smt_error* error);

typedef struct smt_device { char name[256]; int64_t total_bytes; int64_t free_bytes; } smt_device;
SMT_API int32_t smt_get_device(int32_t kind, int32_t index, smt_device* device, smt_error* error);

/* A device with a precision: what sessions are made on. Handles made from it keep it alive. */
SMT_API int32_t smt_context_open(int32_t kind, int32_t index, int32_t precision, smt_context** context, smt_error* error);
SMT_API void smt_context_release(smt_context* context);

/* Handles of this context that were not released: builders, sessions, results and host buffers together. */
SMT_API int64_t smt_context_handles(const smt_context* context);

/* Whether the device computes convolutions, matrix products, normalisation and softmax in the context's precision. */
SMT_API int32_t smt_context_try_precision(smt_context* context, smt_error* error);

/* Gives unused memory back to the device, where the library was built with that. */
SMT_API int32_t smt_context_trim(smt_context* context, smt_error* error);

/* A module from TorchScript source ("def forward(self, …)") and weights that it reads as self.NAME. Weights are copied; floating
   ones are converted to the context's precision. */
SMT_API int32_t smt_builder_open(smt_context* context, smt_builder** builder, smt_error* error);
SMT_API int32_t smt_builder_weight(
    smt_builder* builder, const char* name, int32_t type, const int64_t* shape, int32_t rank, const void* data, int64_t bytes,
    int32_t on_host, smt_error* error);
SMT_API int32_t smt_builder_finish(smt_builder* builder, const char* source, int32_t channels_last, smt_session** session, smt_error* error);
SMT_API void smt_builder_release(smt_builder* builder);

/* A TorchScript file. Refused when its program calls operators that reach beyond the tensors it is given. */
SMT_API int32_t smt_session_load(smt_context* context, const char* path, int32_t channels_last, smt_session** session, smt_error* error);
SMT_API void smt_session_release(smt_session* session);
SMT_API int32_t smt_session_input_count(const smt_session* session);

typedef struct smt_tensor { const float* data; const int64_t* shape; int64_t rank; } smt_tensor;

/* Runs on float32 tensors in host memory, in the order of forward's arguments; with threads threads on the CPU. */
SMT_API int32_t smt_run(
    smt_session* session, const smt_tensor* inputs, int32_t count, int32_t threads, smt_result** result, smt_error* error);
SMT_API int32_t smt_result_count(const smt_result* result);
SMT_API int32_t smt_result_rank(const smt_result* result, int32_t index);
/* shape: rank numbers. */
SMT_API int32_t smt_result_shape(const smt_result* result, int32_t index, int64_t* shape, smt_error* error);
/* Copies float32, row-major; length is the number of values there. */
SMT_API int32_t smt_result_copy(const smt_result* result, int32_t index, float* data, int64_t length, smt_error* error);
SMT_API void smt_result_release(smt_result* result);

/* Tiles as RGB bytes [rows, edge, edge, 3], normalised on the device as byte * scale + bias per channel, resized to model_edge when
   that differs (bilinear, antialiased), through forward, and its output number output [rows, width] to float32 host memory.
   With memory of smt_host_allocate, copies run beside other calls' computation. */
typedef struct smt_tiles {
    const uint8_t* rgb;
    float* output;
    int64_t rows;
    int64_t width;
    int32_t edge;
    int32_t model_edge;
    int32_t output_index;
    int32_t threads;
    int32_t channels_last;
    int32_t use_graph;
    float scale[3];
    float bias[3];
} smt_tiles;

/* Seconds. On a device each is measured there, so that they overlap with those of other calls. */
typedef struct smt_timings { double copy_in; double compute; double copy_out; } smt_timings;

SMT_API int32_t smt_run_tiles(smt_session* session, const smt_tiles* tiles, smt_timings* timings, smt_error* error);

/* Page-locked where the context has a CUDA device. */
SMT_API int32_t smt_host_allocate(smt_context* context, int64_t bytes, void** handle, void** data, smt_error* error);
SMT_API void smt_host_release(void* handle);

#ifdef __cplusplus
}
#endif
#endif
