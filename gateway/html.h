// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// HTML pages from the templates in webui/ (embedded at build time). What is put in is escaped
// unless the template itself asks otherwise.
// The language: {{name}} escaped value; {{{name}}} raw value, for HTML made by this module only;
// {{#name}}...{{/name}} repeated for a list or shown for a true flag; {{^name}}...{{/name}} shown
// when empty or false; {{>file}} another template. A section's tag or {{>file}} alone on a line
// takes the line's white space and its end with it.
#ifndef ROOMWIRE_GATEWAY_HTML_H
#define ROOMWIRE_GATEWAY_HTML_H

#include "core/buf.h"

// Appends `text` with & < > " ' escaped, fit for text and for quoted attribute values. Control
// characters other than tab, line feed and carriage return become U+FFFD.
void html_escape(struct span text, struct buf *out);

// The values of a page come from callbacks, so nothing is copied. `name` is one of the template's
// names; `level` says in which repetition of which section it stands (NULL at the top).
struct html_level {
    const struct html_level *outer;
    struct span section;
    size_t index;
};
struct html_source {
    void *context;
    // The value of {{name}}; an empty span if there is none.
    struct span (*value)(void *context, struct span name, const struct html_level *level);
    // How often a section is repeated; a flag is 0 or 1.
    size_t (*count)(void *context, struct span name, const struct html_level *level);
};

// Renders the embedded template `file`. Errors: ERR_NOT_FOUND (no such template), ERR_INVALID
// (unclosed tag or section, templates nested too deeply), or the buffer's status.
MUST_USE enum err html_render(const char *file, const struct html_source *source, struct buf *out);
// The same for a template's text.
MUST_USE enum err html_render_text(struct span text, const struct html_source *source,
                                   struct buf *out);

#endif
