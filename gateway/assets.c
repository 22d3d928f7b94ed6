// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "assets.h"

#include <stdlib.h>

#include "accept.h"
#include "core/embed.h"
#include "exchange.h"

extern const struct embedded_file asset_files[];

enum { NAME_MAX_LEN = 128, ETAG_TEXT = 24 };

// ---- finding ----

static int compare_name(const void *wanted, const void *file)
{
    return strcmp(wanted, ((const struct embedded_file *)file)->name);
}

static const struct embedded_file *find(struct span name, const char *suffix)
{
    char text[NAME_MAX_LEN];
    size_t count = 0, suffix_len = strlen(suffix);
    if (name.len + suffix_len >= sizeof text || memchr(name.ptr, '\0', name.len) != NULL)
        return NULL;
    memcpy(text, name.ptr, name.len);
    memcpy(text + name.len, suffix, suffix_len + 1);
    while (asset_files[count].name != NULL)
        count++;
    return bsearch(text, asset_files, count, sizeof asset_files[0], compare_name);
}

static bool ends_with(struct span name, const char *suffix)
{
    size_t len = strlen(suffix);
    return name.len > len && span_is(span_skip(name, name.len - len), suffix);
}

// NULL for what nobody may fetch under its own name: the compressed twins.
static const char *type_of(struct span name)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".webmanifest", "application/manifest+json"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".woff2", "font/woff2"},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (ends_with(name, types[i].suffix))
            return types[i].type;
    return NULL;
}

// ---- choosing ----

static const struct {
    const char *coding, *suffix;
} codings[] = {{"br", ".br"}, {"gzip", ".gz"}};

// The best twin that the client takes, brotli before gzip where it likes both the same. Without
// one that is smaller it is the file as it is.
static const struct embedded_file *choose(struct exchange *x, struct span name,
                                          const struct embedded_file *plain,
                                          const char **out_coding)
{
    const struct embedded_file *best = plain;
    int best_quality = 0;
    *out_coding = NULL;
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        int quality = accept_quality(exchange_head(x), "Accept-Encoding", codings[i].coding);
        const struct embedded_file *twin =
            quality > best_quality ? find(name, codings[i].suffix) : NULL;
        if (twin == NULL || twin->len >= plain->len)
            continue;
        best = twin;
        best_quality = quality;
        *out_coding = codings[i].coding;
    }
    return best;
}

void asset_get(struct exchange *x)
{
    struct span name = exchange_part(x), version;
    const char *type = type_of(name), *coding;
    const struct embedded_file *plain = type != NULL ? find(name, "") : NULL;
    if (plain == NULL) {
        exchange_refuse(x, 404, ERR_NOT_FOUND, "There is no such file.");
        return;
    }
    const struct embedded_file *file = choose(x, name, plain, &coding);
    char etag[ETAG_TEXT];
    // Of the bytes that are sent, so that each coding has its own (RFC 9110 §8.8.3.3).
    (void)snprintf(etag, sizeof etag, "\"%s\"", file->hash); // always fits
    bool is_versioned = exchange_query(x, "v", &version) == ERR_OK;
    exchange_add_field(x, "Cache-Control",
                       span_of(is_versioned ? "public, max-age=31536000, immutable" : "no-cache"));
    exchange_add_field(x, "Vary", span_of("Accept-Encoding"));
    exchange_add_field(x, "ETag", span_of(etag));
    if (accept_knows(exchange_head(x), span_of(etag))) {
        exchange_answer(x, 304, NULL, span_of(""));
        return;
    }
    if (coding != NULL)
        exchange_add_field(x, "Content-Encoding", span_of(coding));
    exchange_answer_static(x, 200, type, span_make(file->bytes, file->len));
}
