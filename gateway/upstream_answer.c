// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "upstream_answer.h"

#include <stdio.h>

#include "traffic.h"

static enum err err_from_word(const char *word)
{
    static const struct {
        const char *word;
        enum err err;
    } words[] = {
        {"invalid", ERR_INVALID},   {"too_large", ERR_TOO_LARGE}, {"full", ERR_FULL},
        {"denied", ERR_DENIED},     {"unavailable", ERR_AGAIN},   {"not_found", ERR_NOT_FOUND},
        {"too_many", ERR_TOO_MANY},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].err;
    return ERR_AGAIN; // a newer plugin's word: the post was refused all the same
}

static enum err read_refusal(const struct json *root, struct upstream_answer *answer)
{
    const char *word = json_text(json_member(root, "error"));
    const char *detail = json_text(json_member(root, "detail"));
    if (word == NULL)
        return ERR_INVALID;
    answer->err = err_from_word(word);
    if (detail != NULL)
        (void)snprintf(answer->detail, sizeof answer->detail, "%s", detail);
    return ERR_OK;
}

static enum err read_stamp(const struct json *root, struct upstream_answer *answer)
{
    if (!json_get_int(json_member(root, "id"), &answer->id) || answer->id < 0 ||
        !json_get_int(json_member(root, "prev"), &answer->prev) || answer->prev < 0 ||
        !json_get_int(json_member(root, "date_ms"), &answer->date_ms) ||
        !json_get_bool(json_member(root, "duplicate"), &answer->is_duplicate))
        return ERR_INVALID;
    const char *epoch = json_text(json_member(root, "epoch"));
    if (epoch != NULL && strlen(epoch) > MESSAGE_EPOCH_MAX)
        return ERR_INVALID;
    if (epoch != NULL)
        memcpy(answer->epoch, epoch, strlen(epoch) + 1);
    return ERR_OK;
}

enum err upstream_answer_read(struct span json, uint64_t *out_ref,
                              struct upstream_answer *out_answer)
{
    struct json *root = NULL;
    enum err err = json_parse(json, &root);
    if (err != ERR_OK)
        return err;
    struct upstream_answer answer = {.err = ERR_OK};
    int64_t ref;
    if (!json_get_int(json_member(root, "ref"), &ref) || ref <= 0)
        err = ERR_INVALID;
    else if (json_member(root, "error") != NULL)
        err = read_refusal(root, &answer);
    else
        err = read_stamp(root, &answer);
    json_destroy(root);
    if (err == ERR_OK) {
        *out_ref = (uint64_t)ref;
        *out_answer = answer;
    }
    return err;
}

static enum err read_response(struct json *root, uint64_t *out_ref,
                              struct upstream_answer *out_answer)
{
    const struct json *response = json_first(json_member(root, "responses"));
    const char *command = json_text(json_member(response, "command"));
    const char *correlation = json_text(json_member(response, "correlationData"));
    const char *word = json_text(json_member(response, "error"));
    unsigned long long ref;
    if (command == NULL || correlation == NULL)
        return ERR_INVALID;
    if (strcmp(command, TRAFFIC_COMMAND) == 0)
        return ERR_NOT_FOUND;
    if (!span_to_uint(span_of(correlation), UINT64_MAX, &ref) || ref == 0)
        return ERR_INVALID;
    *out_ref = ref;
    *out_answer = (struct upstream_answer){.err = word != NULL ? err_from_word(word) : ERR_OK,
                                           .data = json_member(response, "data"),
                                           .response = root};
    return ERR_OK;
}

enum err upstream_response_read(struct span json, uint64_t *out_ref,
                                struct upstream_answer *out_answer)
{
    struct json *root = NULL;
    enum err err = json_parse(json, &root);
    if (err != ERR_OK)
        return err;
    err = read_response(root, out_ref, out_answer);
    if (err != ERR_OK)
        json_destroy(root);
    return err;
}
