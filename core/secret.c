// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <unistd.h>

// Fills `bytes` to the end of the file or to `size`; read(2) alone, because stdio would leave a
// copy in its own buffer.
static enum err read_all(int fd, unsigned char *bytes, size_t size, size_t *out_len)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, bytes + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *out_len = len;
    return ERR_OK;
}

static size_t without_line_end(const unsigned char *bytes, size_t len)
{
    if (len > 0 && bytes[len - 1] == '\n')
        len -= len > 1 && bytes[len - 2] == '\r' ? 2 : 1;
    return len;
}

static enum err check(const char *path, size_t read_len, size_t len, size_t min_len,
                      struct buf *why)
{
    if (read_len > SECRET_FILE_MAX) {
        buf_printf(why, "%s: longer than %d bytes", path, SECRET_FILE_MAX);
        return ERR_TOO_LARGE;
    }
    if (len == 0) {
        buf_printf(why, "%s: empty", path);
        return ERR_INVALID;
    }
    if (len < min_len) {
        buf_printf(why, "%s: shorter than %zu bytes", path, min_len);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err load(int fd, const char *path, unsigned char *bytes, size_t min_len,
                     struct secret *out_secret, struct buf *why)
{
    size_t read_len = 0;
    enum err err = read_all(fd, bytes, SECRET_FILE_MAX + 1, &read_len);
    if (err != ERR_OK) {
        buf_printf(why, "%s: cannot be read (%s)", path, strerror(errno));
        return err;
    }
    size_t len = without_line_end(bytes, read_len);
    err = check(path, read_len, len, min_len, why);
    return err == ERR_OK ? secret_copy(span_make(bytes, len), out_secret) : err;
}

enum err secret_load(const char *path, size_t min_len, struct secret *out_secret, struct buf *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        buf_printf(why, "%s: cannot be opened (%s)", path, strerror(errno));
        return ERR_IO;
    }
    enum err err = ERR_MEMORY;
    unsigned char *bytes = malloc(SECRET_FILE_MAX + 1);
    if (bytes != NULL) {
        err = load(fd, path, bytes, min_len, out_secret, why);
        OPENSSL_cleanse(bytes, SECRET_FILE_MAX + 1);
        free(bytes);
    }
    (void)close(fd); // only read from
    return err;
}

enum err secret_copy(struct span bytes, struct secret *out_secret)
{
    if (bytes.len == 0)
        return ERR_INVALID;
    struct secret copy = {.ptr = (unsigned char *)span_dup(bytes), .len = bytes.len};
    if (copy.ptr == NULL)
        return ERR_MEMORY;
    *out_secret = copy;
    return ERR_OK;
}

void secret_finish(struct secret *secret)
{
    if (secret->ptr != NULL)
        OPENSSL_cleanse(secret->ptr, secret->len);
    free(secret->ptr);
    *secret = (struct secret){NULL, 0};
}

bool secret_equal(struct span secret, struct span other)
{
    return secret.len == other.len && CRYPTO_memcmp(secret.ptr, other.ptr, secret.len) == 0;
}

enum err secret_hmac(struct span secret, struct span text, unsigned char out_mac[SECRET_HMAC_SIZE])
{
    unsigned len = 0;
    if (secret.len > INT_MAX ||
        HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const unsigned char *)text.ptr, text.len,
             out_mac, &len) == NULL ||
        len != SECRET_HMAC_SIZE)
        return ERR_MEMORY;
    return ERR_OK;
}
