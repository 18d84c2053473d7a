#pragma once
// The boundary that no exception crosses.

#include "slidemesh_torch.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

namespace smt {

// A wrong argument of the caller's.
struct BadArgument : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void require(bool holds, const std::string& otherwise)
{
    if (!holds) {
        throw BadArgument(otherwise);
    }
}

// PyTorch has error types for this only since 1.13, and not on every path.
inline bool says_out_of_memory(const std::string& text)
{
    return text.find("out of memory") != std::string::npos || text.find("can't allocate memory") != std::string::npos
        || text.find("CUBLAS_STATUS_ALLOC_FAILED") != std::string::npos || text.find("CUDNN_STATUS_ALLOC_FAILED") != std::string::npos
        // What a device without memory for the libraries' own workspaces says.
        || (text.find("CUBLAS_STATUS_NOT_INITIALIZED") != std::string::npos && text.find("cublasCreate") != std::string::npos);
}

inline int32_t fail(smt_error* error, int32_t code, const char* text)
{
    if (error != nullptr) {
        error->code = code;
        size_t length = std::min(std::strlen(text), sizeof(error->text) - 1);
        // Not in the middle of a UTF-8 character.
        while (length > 0 && length == sizeof(error->text) - 1 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) {
            length--;
        }
        std::memcpy(error->text, text, length);
        error->text[length] = '\0';
    }
    return code;
}

template <typename Body>
int32_t guarded(smt_error* error, Body&& body) noexcept
{
    try {
        body();
        return SMT_OK;
    } catch (const BadArgument& e) {
        return fail(error, SMT_BAD_ARGUMENT, e.what());
    } catch (const std::bad_alloc&) {
        return fail(error, SMT_OUT_OF_MEMORY, "out of memory");
    } catch (const c10::Error& e) {
        // Without the native stack, which follows in what().
        const char* text = e.what_without_backtrace();
        return fail(error, says_out_of_memory(text) ? SMT_OUT_OF_MEMORY : SMT_FAILED, text);
    } catch (const std::exception& e) {
        return fail(error, says_out_of_memory(e.what()) ? SMT_OUT_OF_MEMORY : SMT_FAILED, e.what());
    } catch (...) {
        return fail(error, SMT_FAILED, "an exception without a text");
    }
}

} // namespace smt
